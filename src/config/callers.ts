/**
 * Reads the callers of a configuration, those of its own list and those of its callers file: a few at a time, and of an
 * earlier reading all that stayed as it was.
 */
import { CallerLines, LONGEST_LINE } from "./caller-line.ts"
import { TableBuilder, type CallerTable } from "./caller-table.ts"
import type { CallerConfig, Config } from "./config.ts"
import { callerCompiler, type CompiledCaller } from "./credentials.ts"
import { formatPath, type Report } from "./findings.ts"

export interface CallersRead {
  readonly table: CallerTable
  /** By the digest of the line. */
  readonly lines: ReadonlyMap<string, CompiledCaller>
  /** What the meaning of a line depends on beside the line. */
  readonly context: string
  readonly count: number
  /** Of the callers file. */
  readonly fileIds: ReadonlySet<string>
}

export interface CallerSources {
  /** A configuration without faults; its own list of callers is not looked at. */
  readonly config: Config
  readonly context: string
  /** JSON lines of checked callers: the configuration's own. */
  readonly inline: Uint8Array
  /** The text of the callers file; null: there is none. */
  readonly file: Uint8Array | null
  readonly before: CallersRead | null
  /** At `callers_file`. */
  readonly report: Report
  /** Lets calls have their turn. */
  readonly pause: () => Promise<unknown>
}

/** Between two pauses, some milliseconds of work: so many lines that are known, or a share of that that are new. */
const WORK_AT_A_TIME = 2048
const WORK_OF_A_NEW_LINE = 16

export async function readCallers(sources: CallerSources): Promise<CallersRead> {
  const { config, context, inline, file, before, pause } = sources
  const known = before?.context === context ? before.lines : new Map<string, CompiledCaller>()
  const compile = callerCompiler(config)
  const reader = new CallerLines(config)
  const faults = new LineFaults(config.callers_file ?? "", sources.report)
  const table = new TableBuilder()
  const lines = new Map<string, CompiledCaller>()
  const fileIds = new Set<string>()
  let work = 0
  const take = async (bytes: Uint8Array, read: (text: string, report: Report) => CallerConfig | null): Promise<void> => {
    for (const { number, line } of linesOf(bytes)) {
      const report = faults.reportOf(number)
      const digest = Bun.SHA256.hash(line, "base64")
      let compiled = known.get(digest)
      work += compiled === undefined ? WORK_OF_A_NEW_LINE : 1
      if (compiled === undefined) {
        const entry = textOf(line, report, read)
        if (entry === null) continue
        compiled = compile(entry)
      }
      table.add(compiled, report)
      lines.set(digest, compiled)
      if (bytes === file) fileIds.add(compiled.caller.id)
      if (work < WORK_AT_A_TIME) continue
      work = 0
      await pause()
    }
  }
  await take(inline, (text) => JSON.parse(text) as CallerConfig)
  if (file !== null) await take(file, (text, report) => reader.read(text, report))
  faults.close()
  return { table, lines, context, count: table.callerLimits.size, fileIds }
}

const DECODER = new TextDecoder("utf-8", { fatal: true })
const NEW_LINE = 10

function* linesOf(bytes: Uint8Array): Generator<{ readonly number: number; readonly line: Uint8Array }> {
  let number = 0
  for (let start = 0; start < bytes.length;) {
    const found = bytes.indexOf(NEW_LINE, start)
    const end = found < 0 ? bytes.length : found
    number += 1
    if (!isBlank(bytes, start, end)) yield { number, line: bytes.subarray(start, end) }
    start = end + 1
  }
}

function isBlank(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at += 1) {
    const byte = bytes[at]
    if (byte !== 32 && byte !== 9 && byte !== 13) return false
  }
  return true
}

function textOf(
  line: Uint8Array,
  report: Report,
  read: (text: string, report: Report) => CallerConfig | null,
): CallerConfig | null {
  if (line.length > LONGEST_LINE) {
    report({ code: "too-large", path: [], message: `The line is longer than ${LONGEST_LINE >> 10} KiB.` })
    return null
  }
  let text: string
  try {
    text = DECODER.decode(line)
  } catch {
    report({ code: "invalid-value", path: [], message: "The line is not UTF-8." })
    return null
  }
  return read(text, report)
}

/** After so many different faults the others are counted only. */
const MOST_FAULTS = 100

interface Fault {
  readonly finding: Parameters<Report>[0]
  readonly line: number
  count: number
}

/** Names each fault once, with the line where it stands first. */
class LineFaults {
  readonly #file: string
  readonly #report: Report
  readonly #faults = new Map<string, Fault>()
  #others = 0

  constructor(file: string, report: Report) {
    this.#file = file.split("/").at(-1) ?? ""
    this.#report = report
  }

  reportOf(line: number): Report {
    return (finding) => {
      const { code, message, path } = finding
      const name = `${code} ${formatPath(path)} ${message}`
      const known = this.#faults.get(name)
      if (known !== undefined) known.count += 1
      else if (this.#faults.size < MOST_FAULTS) this.#faults.set(name, { finding, line, count: 1 })
      // an error is never lost among warnings
      else if ((finding.severity ?? "error") === "error") this.#others += 1
    }
  }

  close(): void {
    for (const { finding, line, count } of this.#faults.values()) {
      const { severity, code, path, expected, nearest } = finding
      const more = count === 1 ? "" : ` (and ${count - 1} more)`
      const where = path.length === 0 ? "" : `, ${formatPath(path)}`
      const message = `Line ${line} of ${this.#file}${where}: ${finding.message}${more}`
      this.#report({ severity: severity ?? "error", code, path: HERE, message, expected, nearest })
    }
    if (this.#others === 0) return
    const message = `${this.#others} more faults of other lines of ${this.#file} are not listed.`
    this.#report({ code: "invalid-value", path: HERE, message })
  }
}

const HERE = ["callers_file"]
