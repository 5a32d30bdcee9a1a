/**
 * Reads the callers of a configuration, those of its own list and those of its callers file: a few at a time, and of an
 * earlier reading all that stayed as it was.
 */
import { isDeepStrictEqual } from "node:util"
import { blocksOf, type Block } from "./read/blocks.ts"
import { CallerLines } from "./check/caller-line.ts"
import { CallerTable } from "./compile/caller-table.ts"
import type { CallerConfig, Config } from "./config.ts"
import { callerCompiler, type CompiledCaller } from "./compile/credentials.ts"
import { formatPath, type Report } from "./findings.ts"
import { whyUnreadable } from "./read/sources.ts"

export interface CallersRead {
  readonly table: CallerTable
  /** By their digests. */
  readonly blocks: ReadonlyMap<string, CallerBlock>
  /** What the meaning of a line depends on beside the line. */
  readonly context: string
  readonly count: number
  /** Some caller may have other tags than before. */
  readonly hasNewTags: boolean
  /** Callers that the callers file held before and that are nowhere now. */
  readonly lost: { readonly count: number; readonly example: string }
}

interface CallerBlock {
  readonly callers: readonly CompiledCaller[]
  /** How many lines of the block stand before each caller's. */
  readonly offsets: readonly number[]
  readonly isInline: boolean
}

export interface CallerSources {
  /** A configuration without faults; its own list of callers is not looked at. */
  readonly config: Config
  readonly context: string
  /** JSON lines of checked callers: the configuration's own. */
  readonly inline: Uint8Array
  /** The callers file in chunks; null: there is none. */
  readonly file: AsyncIterable<Uint8Array> | null
  readonly before: CallersRead | null
  /** At `callers_file`. */
  readonly report: Report
  /** Lets calls have their turn. */
  readonly pause: () => Promise<unknown>
}

/** Between two pauses, some milliseconds of work: so many callers that are known, or a share of that that are new. */
const WORK_AT_A_TIME = 2048
const WORK_OF_A_NEW_CALLER = 16
/** So many callers are changed in what is there; more take less memory in a table of their own. */
const MOST_CHANGES = 4096

export async function readCallers(sources: CallerSources): Promise<CallersRead> {
  const { config, context, before, report, pause } = sources
  const faults = new LineFaults(config.callers_file ?? "", report)
  const resting = restOf(pause)
  const placed = await placedBlocks(sources, faults, resting)
  const blocks = new Map(placed.map(({ digest, block }) => [digest, block]))
  const gone = [...(before?.blocks ?? [])].flatMap(([digest, block]) => (blocks.has(digest) ? [] : [block]))
  const table = await tableFrom(before?.context === context ? before : null, placed, gone, faults, resting)
  faults.close()
  const compared = before === null ? FIRST : await comparison(before, placed, gone, table, resting)
  return { table, blocks, context, count: table.callerLimits.size, ...compared }
}

interface PlacedBlock {
  readonly digest: string
  readonly block: CallerBlock
  readonly firstLine: number
}

type Rest = (work: number) => Promise<void> | void

function restOf(pause: () => Promise<unknown>): Rest {
  let done = 0
  return async (work) => {
    done += work
    if (done < WORK_AT_A_TIME) return
    done = 0
    await pause()
  }
}

async function placedBlocks(sources: CallerSources, faults: LineFaults, rest: Rest): Promise<readonly PlacedBlock[]> {
  const { config, context, inline, file, before } = sources
  const known = before?.context === context ? before.blocks : new Map<string, CallerBlock>()
  const compile = callerCompiler(config)
  const reader = new CallerLines(config, config)
  const placed: PlacedBlock[] = []
  for (const [chunks, isInline] of [
    [[inline], true],
    [file ?? [], false],
  ] as const) {
    const read: ReadLine = isInline ? parsedCaller : (text, report) => readLine(text, report, reader, rest)
    for await (const { firstLine, bytes } of readableBlocks(chunks, sources.report)) {
      const digest = `${isInline ? "inline" : "file"} ${Bun.SHA256.hash(bytes, "base64")}`
      const earlier = known.get(digest)
      const block = earlier ?? { ...(await blockFrom(bytes, firstLine, read, compile, faults)), isInline }
      placed.push({ digest, block, firstLine })
      await rest(earlier === undefined ? block.callers.length * WORK_OF_A_NEW_CALLER : 1)
    }
  }
  return placed
}

async function* readableBlocks(chunks: Parameters<typeof blocksOf>[0], report: Report): AsyncGenerator<Block> {
  try {
    yield* blocksOf(chunks)
  } catch (error) {
    reportUnreadable(error, report)
  }
}

export function reportUnreadable(error: unknown, report: Report): void {
  const message = `The callers file cannot be read: ${whyUnreadable(error)}.`
  report({ code: "unreadable-file", path: HERE, message })
}

type ReadLine = (text: string, report: Report) => CallerConfig | null | Promise<CallerConfig | null>

function readLine(text: string, report: Report, reader: CallerLines, rest: Rest): ReturnType<ReadLine> {
  const { careful } = reader
  const entry = reader.read(text, report)
  return reader.careful === careful ? entry : Promise.resolve(rest(WORK_AT_A_TIME)).then(() => entry)
}

function parsedCaller(text: string): CallerConfig {
  return JSON.parse(text) as CallerConfig
}

const DECODER = new TextDecoder("utf-8", { fatal: true })

async function blockFrom(
  bytes: Uint8Array,
  firstLine: number,
  read: ReadLine,
  compile: ReturnType<typeof callerCompiler>,
  faults: LineFaults,
): Promise<Omit<CallerBlock, "isInline">> {
  let text: string
  try {
    text = DECODER.decode(bytes)
  } catch {
    faults.reportOf(firstLine)({
      code: "invalid-value",
      path: [],
      message: "This line, or one soon after it, is not UTF-8.",
    })
    return { callers: [], offsets: [] }
  }
  const callers: CompiledCaller[] = []
  const offsets: number[] = []
  for (const [offset, line] of text.split("\n").entries()) {
    if (line.trim() === "") continue
    const reading = read(line, faults.reportOf(firstLine + offset))
    const entry = reading instanceof Promise ? await reading : reading
    if (entry === null) continue
    callers.push(compile(entry))
    offsets.push(offset)
  }
  return { callers, offsets }
}

async function tableFrom(
  before: CallersRead | null,
  placed: readonly PlacedBlock[],
  gone: readonly CallerBlock[],
  faults: LineFaults,
  rest: Rest,
): Promise<CallerTable> {
  const kept = new Set<string>()
  const fresh = placed.filter(({ digest }) => {
    if (before === null || !before.blocks.has(digest) || kept.has(digest)) return true
    kept.add(digest)
    return false
  })
  const changes = [...gone, ...fresh.map(({ block }) => block)].reduce((sum, { callers }) => sum + callers.length, 0)
  const isChanged = before !== null && before.table.callerLimits.changes + changes <= MOST_CHANGES
  const table = new CallerTable(isChanged ? before.table : null)
  if (isChanged) for (const { callers } of gone) for (const caller of callers) table.remove(caller)
  for (const { block, firstLine } of isChanged ? fresh : placed) {
    for (const [index, caller] of block.callers.entries())
      table.add(caller, faults.reportOf(firstLine + (block.offsets[index] ?? 0)))
    await rest(block.callers.length)
  }
  return table
}

/** Only callers of blocks that are new or gone can be lost, or have other tags. */
async function comparison(
  before: CallersRead,
  placed: readonly PlacedBlock[],
  gone: readonly CallerBlock[],
  table: CallerTable,
  rest: Rest,
): Promise<Pick<CallersRead, "hasNewTags" | "lost">> {
  let [hasNewTags, count, example] = [false, 0, ""]
  for (const { callers, isInline } of gone) {
    for (const { caller, tags } of callers) {
      hasNewTags ||= !isDeepStrictEqual(tags, table.tags.get(caller.id) ?? {})
      if (isInline || table.callerLimits.has(caller.id)) continue
      count += 1
      example = caller.id
    }
    await rest(callers.length)
  }
  for (const { digest, block } of placed) {
    if (before.blocks.has(digest)) continue
    for (const { caller, tags } of block.callers)
      hasNewTags ||= !isDeepStrictEqual(tags, before.table.tags.get(caller.id) ?? {})
    await rest(block.callers.length)
  }
  return { hasNewTags, lost: { count, example } }
}

const FIRST = { hasNewTags: true, lost: { count: 0, example: "" } }

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
