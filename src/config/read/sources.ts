/**
 * Where `${NAME}` and `${file:…}` get their values: the environment, an `env.json` among the credentials that systemd hands over
 * (`LoadCredential=`, https://systemd.io/CREDENTIALS/), the `env.json` beside the configuration, files.
 */
import { dirname, join, resolve } from "node:path"
import type { Sources } from "./expand.ts"
import { quote, type Report } from "../findings.ts"
import { readRegularFile } from "./regular-file.ts"

export const MAX_FILE_BYTES: number = 64 * 1024 * 1024

/** The text of a regular file. Throws what Node throws, or an Error with a sentence when it is too large, not UTF-8 or no regular file. */
export type ReadFile = (path: string) => string

export function readTextFile(path: string): string {
  const bytes = readRegularFile(path, MAX_FILE_BYTES)
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes)
  } catch (cause) {
    throw new Error("it is not UTF-8", { cause })
  }
}

/** Why a file could not be read, without quoting it. */
export function whyUnreadable(error: unknown): string {
  const code = (error as Partial<NodeJS.ErrnoException> | null)?.code
  if (code === "ENOENT") return "it does not exist"
  if (code === "EACCES" || code === "EPERM") return "the permission is missing"
  if (code === "EISDIR") return "it is a directory"
  return code ?? (error instanceof Error ? error.message : "it cannot be read")
}

export interface OpenedSources extends Sources {
  /** Every file that was asked for, present or not. */
  readonly files: ReadonlySet<string>
  /** Why a file that was asked for by this path has no value. */
  whyNot(path: string): string
}

export function openSources(
  configPath: string,
  environment: Readonly<Record<string, string | undefined>>,
  readFile: ReadFile,
  report: Report,
): OpenedSources {
  const directory = dirname(resolve(configPath))
  const credentials = environment["CREDENTIALS_DIRECTORY"]
  const local = join(directory, "env.json")
  const envFiles = [
    ...(credentials === undefined
      ? []
      : [{ path: join(credentials, "env.json"), name: "env.json of the credentials" }]),
    { path: local, name: "env.json beside the configuration" },
  ]
  const files = new Set(envFiles.map(({ path }) => path))
  const reasons = new Map<string, string>()
  const tables = envFiles.map(({ path, name }) => readEnvFile(path, name, readFile, report))
  const fromTables = (name: string): string | undefined => tables.map((table) => table.get(name)).find(Boolean)
  return {
    files,
    variable: (name) => (Object.hasOwn(environment, name) && environment[name]) || fromTables(name),
    file(path) {
      const absolute = resolve(directory, path)
      files.add(absolute)
      try {
        return readFile(absolute).replace(/\r?\n$/, "")
      } catch (error) {
        reasons.set(path, whyUnreadable(error))
        return undefined
      }
    },
    whyNot: (path) => reasons.get(path) ?? "it is empty",
  }
}

/** A flat JSON object of texts. Its absence is no fault. */
function readEnvFile(path: string, name: string, readFile: ReadFile, report: Report): ReadonlyMap<string, string> {
  let parsed: unknown
  try {
    parsed = JSON.parse(readFile(path))
  } catch (error) {
    if ((error as Partial<NodeJS.ErrnoException> | null)?.code !== "ENOENT") {
      const why = error instanceof SyntaxError ? "it is not valid JSON" : whyUnreadable(error)
      report({ code: "unreadable-file", path: [], message: `${name} cannot be used: ${why}.` })
    }
    return new Map()
  }
  const entries =
    typeof parsed === "object" && parsed !== null && !Array.isArray(parsed) ? Object.entries(parsed) : null
  const wrong = entries?.find(([, value]) => typeof value !== "string")?.[0]
  if (entries === null || wrong !== undefined) {
    const where = wrong === undefined ? "" : ` (${quote(wrong)} is something else)`
    const message = `${name} must be one flat object of texts${where}.`
    report({ code: "unreadable-file", path: [], message, expected: '{ "NAME": "value" }' })
  }
  return new Map((entries ?? []).filter((entry): entry is [string, string] => typeof entry[1] === "string"))
}
