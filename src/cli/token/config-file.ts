/** Changes a configuration file whole or not at all, and has the running router take it. */
import { closeSync, openSync, readFileSync, realpathSync, rmSync, writeSync } from "node:fs"
import { dirname, resolve } from "node:path"
import { parseDocument } from "yaml"
import { applyEdits, type Edit } from "../../config/edit.ts"
import type { Finding } from "../../config/findings.ts"
import { digestOf, loadConfig, type LoadResult } from "../../config/load.ts"
import { mapping } from "../../config/outline.ts"
import { readTextFile, whyUnreadable } from "../../config/sources.ts"
import { isCode } from "../../system/owner-only.ts"
import { EXIT } from "../command.ts"
import { replaceFile } from "../files.ts"
import { reloadRunningRouter, type RouterAnswer } from "../running-router.ts"
import { givenEnvironment } from "../environment.ts"

/** Nothing was written. The message says why, in sentences for the person at the command line. */
export class ChangeRefused extends Error {}

const LOCK_TRIES = 100
const LOCK_WAIT_MS = 50
const DEFAULT_USAGE_DB = "state/usage.sqlite"

/** @throws ChangeRefused */
export function readConfigText(file: string): string {
  try {
    return readTextFile(file)
  } catch (error) {
    throw new ChangeRefused(`${file} cannot be read: ${whyUnreadable(error)}.`, { cause: error })
  }
}

/** What the loader says of `text` in place of the file, secrets taken from where the file stands. */
export function loadText(file: string, text: string): LoadResult {
  const path = resolve(file)
  return loadConfig({
    path,
    env: givenEnvironment(),
    readFile: (asked) => (asked === path ? text : readTextFile(asked)),
  })
}

/**
 * Writes the edits that `decide` wants, unless they bring an error into the configuration. One command at a time.
 * @throws ChangeRefused
 */
export async function changeConfig(file: string, decide: (text: string) => readonly Edit[]): Promise<RouterAnswer> {
  const { after, usageDbPath } = await locked(file, () => {
    const before = readConfigText(file)
    const edited = applyEdits(before, decide(before))
    if (edited === null) {
      throw new ChangeRefused(
        `${file} is written in a form that cannot be edited safely. Change it by hand; token create without --write prints an entry to paste.`,
      )
    }
    const result = loadText(file, edited)
    const refused = newErrors(loadText(file, before), result)
    if (refused.length > 0) {
      throw new ChangeRefused(
        `${file} is unchanged, because it would not be valid:\n${refused.map(reasonOf).join("\n")}`,
      )
    }
    if (edited !== before) replaceFile(file, edited)
    return { after: edited, usageDbPath: usageDbPathOf(file, edited, result) }
  })
  return reloadRunningRouter(usageDbPath, digestOf(after))
}

/** `taken`, or `none` is there to take it: then the change is in force. */
export function exitCodeOf({ is }: RouterAnswer): number {
  return is === "taken" || is === "none" ? EXIT.ok : EXIT.notTaken
}

/** Two commands that read, change and write the same file at once would lose one of the changes. */
async function locked<Result>(file: string, action: () => Result): Promise<Result> {
  const lock = `${realFile(file)}.lock`
  for (let tries = 0; ; tries += 1) {
    try {
      const descriptor = openSync(lock, "wx", 0o600)
      try {
        writeSync(descriptor, String(process.pid))
        return action()
      } finally {
        closeSync(descriptor)
        rmSync(lock, { force: true })
      }
    } catch (error) {
      if (!isCode(error, "EEXIST")) throw asRefused(error, file)
      if (dropLeftover(lock)) continue
      if (tries === LOCK_TRIES)
        throw new ChangeRefused(`Another command is changing ${file}; if none is, delete ${lock}.`)
    }
    await Bun.sleep(LOCK_WAIT_MS)
  }
}

function realFile(file: string): string {
  try {
    return realpathSync(file)
  } catch (error) {
    throw new ChangeRefused(`${file} cannot be read: ${whyUnreadable(error)}.`, { cause: error })
  }
}

function asRefused(error: unknown, file: string): unknown {
  const code = (error as Partial<NodeJS.ErrnoException> | null)?.code
  if (error instanceof ChangeRefused || code === undefined) return error
  return new ChangeRefused(`${file} cannot be written: ${whyUnreadable(error)}.`, { cause: error })
}

/** The lock of a process that is gone. */
function dropLeftover(lock: string): boolean {
  try {
    const pid = Number(readFileSync(lock, "utf8"))
    if (pid > 0 && !isAlive(pid)) {
      rmSync(lock, { force: true })
      return true
    }
  } catch (error) {
    return isCode(error, "ENOENT")
  }
  return false
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return !isCode(error, "ESRCH")
  }
}

/** Also where the configuration has no meaning as a whole here, because secrets are only in the router's environment. */
export function usageDbPathOf(file: string, text: string, { config }: LoadResult): string {
  if (config !== null) return config.server.usage_db.path
  const path = mapping(serverOf(text)["usage_db"])["path"]
  return resolve(dirname(resolve(file)), typeof path === "string" ? path : DEFAULT_USAGE_DB)
}

/** As far as the text can be read. */
function serverOf(text: string): Readonly<Record<string, unknown>> {
  try {
    return mapping(mapping(parseDocument(text, { merge: true, uniqueKeys: false }).toJS())["server"])
  } catch {
    return {}
  }
}

/** Errors that were not there before. */
function newErrors(before: LoadResult, after: LoadResult): readonly Finding[] {
  const known = new Set(errors(before).map(identity))
  return errors(after).filter((finding) => !known.has(identity(finding)))
}

function errors({ findings }: LoadResult): readonly Finding[] {
  return findings.filter((finding) => finding.severity === "error")
}

function identity({ code, message, path }: Finding): string {
  return JSON.stringify([code, message, path])
}

function reasonOf({ code, message, nearest }: Finding): string {
  const hint =
    code === "unknown-user" || code === "unknown-project" || code === "unknown-reference"
      ? " --add-missing adds it."
      : ""
  return `  ${message}${nearest === undefined ? "" : ` Did you mean ${JSON.stringify(nearest)}?`}${hint}`
}
