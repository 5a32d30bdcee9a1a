/** The whole of a configuration: what stands in its file, and all of its callers. */
import { setImmediate as nextTurn } from "node:timers/promises"
import type { LoadedAdminRules } from "./compile/admin-rules.ts"
import { readCallers, reportUnreadable, type CallersRead } from "./callers.ts"
import { openCallersFile, type CallersFile } from "./read/callers-file.ts"
import type { Config } from "./config.ts"
import { collector, type Finding, type Position, type Report } from "./findings.ts"
import { loadConfig, type LoadOptions, type LoadResult } from "./load.ts"
import { marksOf, type Marks } from "./reload/marks.ts"
import type { Path } from "./schema/inspect.ts"

/** What is kept of a loaded configuration, and what a reload has to know of the next one. */
export interface Reading {
  /** Null when a finding is an error. Its list of callers is empty. */
  readonly config: Config | null
  /** All of them; null where there is no `config`. */
  readonly callers: CallersRead | null
  readonly findings: readonly Finding[]
  readonly files: readonly string[]
  readonly prints: ReadonlyMap<string, string>
  /** Which texts were read: of the file, and of the callers file. */
  readonly digest: string
  readonly admin: LoadedAdminRules
  /** Of the parts of the configuration; empty where there is none. */
  readonly marks: Marks
  readonly lineOf: (path: Path) => number | null
}

/** What the configuration's own file says. */
export type FileRead = Omit<Reading, "callers"> & {
  /** JSON lines of the callers that stand in the file itself. */
  readonly inline: Uint8Array
  /** Of the key `callers_file`. */
  readonly position: Position
}

export interface ReadingOptions extends LoadOptions {
  /** An earlier reading: what stayed as it was is taken over. */
  readonly before?: CallersRead | null
}

export async function readConfiguration(options: ReadingOptions): Promise<Reading> {
  return withCallers(fileRead(loadConfig(options)), options)
}

export function fileRead(result: LoadResult): FileRead {
  const { config, findings, files, prints, digest, admin, lineOf } = result
  return {
    config: config === null ? null : { ...config, callers: [] },
    inline: jsonLines(config?.callers ?? []),
    findings,
    files,
    prints,
    digest,
    admin,
    lineOf,
    marks: config === null ? new Map() : marksOf(config),
    position: result.positionOf(["callers_file"]),
  }
}

export function jsonLines(values: readonly unknown[]): Uint8Array {
  return new TextEncoder().encode(values.map((value) => JSON.stringify(value)).join("\n"))
}

export async function withCallers(read: FileRead, options: ReadingOptions): Promise<Reading> {
  const { inline, position, ...rest } = read
  const { config } = read
  if (config === null) return { ...rest, callers: null }
  const { report, all } = collector({ get: () => ({ key: position, value: position }) })
  const path = config.callers_file
  const file = path === undefined ? null : await openedFile(path, report)
  const callers = await readCallers({
    config,
    context: contextOf(config, read.marks),
    inline,
    file: file?.chunks ?? null,
    before: options.before ?? null,
    report,
    pause: nextTurn,
  })
  if (path !== undefined && file !== null && callers.count === 0)
    report({ severity: "warning", code: "no-callers", path: ["callers_file"], message: "There are no callers." })
  const findings = [...read.findings, ...all()].toSorted((a, b) => a.line - b.line || a.column - b.column)
  const isRight = findings.every(({ severity }) => severity !== "error")
  const complete = { ...rest, findings, config: isRight ? config : null, callers: isRight ? callers : null }
  if (path === undefined) return complete
  const files = [...read.files, path]
  if (file === null) return { ...complete, files }
  const digest = file.digest()
  return {
    ...complete,
    files,
    prints: new Map([...read.prints, [path, file.print]]),
    digest: `${read.digest} ${digest}`,
    marks: new Map([...read.marks, ["callers_file", digest]]),
  }
}

async function openedFile(path: string, report: Report): Promise<CallersFile | null> {
  try {
    return await openCallersFile(path)
  } catch (error) {
    reportUnreadable(error, report)
    return null
  }
}

const CALLERS_DEPEND_ON = [
  "users",
  "projects",
  "project_memberships",
  "server.default_caller",
  "server.traffic_shape",
  "server.content_capture",
] as const

function contextOf({ models }: Config, marks: Marks): string {
  const groups = Object.entries(models).map(([name, { aliases }]) => [name, aliases])
  return JSON.stringify([CALLERS_DEPEND_ON.map((name) => marks.get(name)), groups])
}
