/** Changes a configuration file whole or not at all, and has the running router take it. */
import { closeSync, openSync, readFileSync, realpathSync, rmSync, writeSync } from "node:fs"
import { dirname, resolve } from "node:path"
import { parseDocument } from "yaml"
import { CallerLines } from "../../config/check/caller-line.ts"
import { applyEdits, applyLineEdits, type Edit } from "../../config/edit/edit.ts"
import { collector, type Finding } from "../../config/findings.ts"
import { digestOf, loadConfig, type LoadResult } from "../../config/load.ts"
import { comparableId, listOf, mapping, textOf } from "../../config/read/outline.ts"
import { readTextFile, whyUnreadable } from "../../config/read/sources.ts"
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

/** What the configuration says, and its callers file. */
export interface CallerTexts {
  readonly text: string
  /** Null: there is no such file. */
  readonly callers: { readonly file: string; readonly text: string } | null
}

/** @throws ChangeRefused */
export function readCallerTexts(file: string): CallerTexts {
  const text = readConfigText(file)
  const named = rootOf(text)["callers_file"]
  if (typeof named !== "string") return { text, callers: null }
  if (named.includes("${"))
    throw new ChangeRefused(`${file} names its callers_file with a reference: this command works on a plain path.`)
  const callersFile = resolve(dirname(resolve(file)), named)
  return { text, callers: { file: callersFile, text: readConfigText(callersFile) } }
}

/**
 * Writes the edits that `decide` wants, unless they bring an error into the configuration or its callers file. One command
 * at a time.
 * @throws ChangeRefused
 */
export async function changeConfig(
  file: string,
  decide: (texts: CallerTexts) => readonly Edit[],
): Promise<RouterAnswer> {
  const { digest, usageDbPath } = await locked(file, () => {
    const before = readCallerTexts(file)
    const edits = decide(before)
    const ofLines = edits.filter(({ path }) => path[0] === "callers_file")
    const edited = applyEdits(
      before.text,
      edits.filter((edit) => !ofLines.includes(edit)),
    )
    if (edited === null) {
      throw new ChangeRefused(
        `${file} is written in a form that cannot be edited safely. Change it by hand; the command without --write prints what to change.`,
      )
    }
    const result = loadText(file, edited)
    refuse(file, newErrors(loadText(file, before.text).findings, result.findings))
    const { callers } = before
    const editedLines = callers === null ? null : applyLineEdits(callers.text, ofLines)
    if (callers !== null && editedLines !== null) refuse(callers.file, lineErrors(before, editedLines, result))
    // callers refer to what stands in the configuration
    if (edited !== before.text) replaceFile(file, edited)
    if (callers !== null && editedLines !== null && editedLines !== callers.text) replaceFile(callers.file, editedLines)
    const digests = [edited, ...(editedLines === null ? [] : [editedLines])].map(digestOf)
    return { digest: digests.join(" "), usageDbPath: usageDbPathOf(file, edited, result) }
  })
  return reloadRunningRouter(usageDbPath, digest)
}

function refuse(file: string, faults: readonly Finding[]): void {
  if (faults.length === 0) return
  throw new ChangeRefused(`${file} is unchanged, because it would not be valid:\n${faults.map(reasonOf).join("\n")}`)
}

/** What is wrong with lines that were not there before. */
function lineErrors(before: CallerTexts, after: string, { tree }: LoadResult): readonly Finding[] {
  const known = new Set(before.callers?.text.split("\n"))
  const { report, all } = collector({ get: () => undefined })
  const reader = new CallerLines(tree, null)
  const ids = new Set(idsIn(tree))
  for (const line of after.split("\n")) {
    if (line.trim() === "") continue
    const caller = known.has(line) ? null : reader.read(line, report)
    const id = caller === null ? idOf(line) : comparableId(caller.id)
    if (id !== null && ids.has(id) && caller !== null)
      report({ code: "duplicate-id", path: [], message: `There is already a caller ${JSON.stringify(caller.id)}.` })
    if (id !== null) ids.add(id)
  }
  return all().filter(({ severity }) => severity === "error")
}

function idsIn(tree: unknown): readonly string[] {
  return listOf(mapping(tree)["callers"], []).flatMap((caller) => {
    const id = textOf(caller, "id")
    return id === undefined ? [] : [comparableId(id)]
  })
}

function idOf(line: string): string | null {
  try {
    const { id } = mapping(JSON.parse(line))
    return typeof id === "string" ? comparableId(id) : null
  } catch {
    return null
  }
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
  const path = mapping(mapping(rootOf(text)["server"])["usage_db"])["path"]
  return resolve(dirname(resolve(file)), typeof path === "string" ? path : DEFAULT_USAGE_DB)
}

/** What stands at the top of a configuration, without values in place of references; as far as the text can be read. */
export function rootOf(text: string): Readonly<Record<string, unknown>> {
  try {
    return mapping(parseDocument(text, { merge: true, uniqueKeys: false }).toJS())
  } catch {
    return {}
  }
}

/** Errors that were not there before. */
function newErrors(before: readonly Finding[], after: readonly Finding[]): readonly Finding[] {
  const known = new Set(errors(before).map(identity))
  return errors(after).filter((finding) => !known.has(identity(finding)))
}

function errors(findings: readonly Finding[]): readonly Finding[] {
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
