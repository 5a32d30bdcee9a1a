/** Recounts detail rows and says where the cube has something else: by quarter of an hour and all dimensions. */
import { CellBuffer } from "../ledger/cube/cells.ts"
import { DIMENSIONS } from "../ledger/cube/dimensions.ts"
import { foldCells, SLOT_MS, slotOf } from "../ledger/cube/fold.ts"
import { HISTOGRAMS, MEASURES, type StoredHistogram, type StoredMeasure } from "../ledger/cube/measures.ts"
import { addRows, idAt, rowsBetween } from "../ledger/cube/rows.ts"
import { readBatches, readSegment, segmentsIn, type StoredSegment } from "../ledger/cube/store.ts"
import { SLACK_MS, slotBehind } from "../ledger/retention/marks.ts"
import { marksIn } from "./gone.ts"
import type { Difference, Verified } from "./query.ts"
import { checkRange } from "./plan.ts"
import type { Reading } from "./reading.ts"
import type { VerifyRange } from "./thread-protocol.ts"

const ROWS_AT_ONCE = 8192
const MOST_DIFFERENCES = 1000
const BLAME = DIMENSIONS.indexOf("blame")
/** What rows of calls tell only together with those of their errors. */
const BLAMED: readonly StoredMeasure[] = ["caller_errors", "operator_errors", "router_errors", "upstream_errors"]
/** About so many cells are compared at once. */
const CELLS_AT_ONCE = 65_536

/**
 * Whole quarters of an hour: `from` is rounded down, `to` up. Where rows were deleted, it begins behind them; whose fault a
 * call's end was is not compared where the rows that tell it were deleted.
 */
export async function verifyRange(
  reading: Reading,
  range: VerifyRange,
  onProgress: (rows: number, untilMs: number) => void,
): Promise<Verified> {
  checkRange({ ...range, where: [] }, "")
  const end = slotOf(range.to + SLOT_MS - 1)
  const gone = await rowsFrom(reading)
  const from = Math.min(end, Math.max(slotOf(range.from), gone.callsMs))
  const differences: Difference[] = []
  let [rows, slots] = [0, 0]
  for (let at = from; at < end;) {
    await reading.pause()
    const hasBlame = at >= gone.blameMs
    const until = hasBlame ? end : Math.min(end, gone.blameMs)
    const compared = await reading.connection.reading(() => compareNext(reading, at, until, hasBlame))
    differences.push(...compared.differences.slice(0, MOST_DIFFERENCES - differences.length))
    rows += compared.rows
    slots += (compared.until - at) / SLOT_MS
    at = compared.until
    onProgress(rows, at)
  }
  return { rows, slots, differences, ...(gone.callsMs > slotOf(range.from) ? { goneBefore: from } : {}) }
}

/** From when on all rows of calls are there, and those that tell whose fault an error was. */
async function rowsFrom(reading: Reading): Promise<{ readonly callsMs: number; readonly blameMs: number }> {
  const marks = await marksIn(reading)
  const [calls, details] = [marks.get("usage_detail"), marks.get("usage_diagnostics")].map(
    (mark) => mark?.gone_before_at ?? 0,
  )
  return { callsMs: beginOf(calls), blameMs: beginOf(details) }
}

/** 0: nothing is gone. */
function beginOf(goneMs = 0): number {
  return goneMs === 0 ? 0 : slotBehind(goneMs)
}

interface Compared {
  readonly differences: readonly Difference[]
  readonly rows: number
  readonly until: number
}

/** From a slot on, as much as fits into memory. Rows and cube are of one moment. */
async function compareNext(reading: Reading, from: number, end: number, hasBlame: boolean): Promise<Compared> {
  const { connection } = reading
  const segments = await segmentsIn(connection, from, end)
  const [firstRow] = await rowsBetween(connection, idAt(from - SLACK_MS), idAt(end + SLACK_MS), 1)
  const batches = new CellBuffer(4096)
  await readBatches(connection, batches, Infinity, false)
  const firstCell = Math.min(
    ...segments.map(({ firstMs }) => firstMs),
    ...batches.ts.subarray(0, batches.count),
    Infinity,
  )
  const begin = Math.max(from, slotOf(Math.min(firstCell, firstRow === undefined ? Infinity : firstRow.ts - SLACK_MS)))
  if (begin >= end) return { differences: [], rows: 0, until: end }
  const until = untilOf(segments, begin, end)
  const comparison = new Comparison(begin, until, hasBlame)
  comparison.take(batches, -1)
  for (const segment of segments) {
    if (segment.firstMs >= until || segment.lastMs < begin) continue
    const cells = new CellBuffer(segment.cells)
    await readSegment(connection, segment, cells)
    comparison.take(cells, -1)
    await reading.pause()
  }
  const rows = await takeRows(reading, comparison, begin, until)
  return { differences: comparison.differences(), rows, until }
}

async function takeRows(reading: Reading, comparison: Comparison, begin: number, until: number): Promise<number> {
  let rows = 0
  const before = idAt(until + SLACK_MS)
  for (let after = idAt(begin - SLACK_MS); ;) {
    const some = await rowsBetween(reading.connection, after, before, ROWS_AT_ONCE)
    const inside = some.filter(({ ts }) => ts >= begin && ts < until)
    const cells = new CellBuffer(Math.max(1, inside.length))
    addRows(inside, cells)
    comparison.take(cells, 1)
    rows += inside.length
    const last = some.at(-1)
    if (last === undefined || some.length < ROWS_AT_ONCE) return rows
    after = last.request_id
    await reading.pause()
  }
}

/** The end of the slots that hold about `CELLS_AT_ONCE`, if cells are spread evenly over their segments. */
function untilOf(segments: readonly StoredSegment[], begin: number, end: number): number {
  let until = begin + SLOT_MS
  let cells = 0
  for (; until < end; until += SLOT_MS) {
    const [from, to] = [until - SLOT_MS, until]
    let isSeen = false
    for (const { firstMs, lastMs, cells: all } of segments) {
      if (lastMs < from) continue
      isSeen = true
      if (firstMs < to) cells += all * Math.min(1, SLOT_MS / Math.max(1, lastMs - firstMs))
    }
    if (cells > CELLS_AT_ONCE) return until
    if (!isSeen) return Math.min(end, until + 96 * SLOT_MS)
  }
  return end
}

/** What rows have more than the cube, by slot and dimensions. */
class Comparison {
  readonly #begin: number
  readonly #until: number
  readonly #hasBlame: boolean
  readonly #sums = new Map<string, { rows: Map<string, bigint>; cube: Map<string, bigint> }>()

  constructor(begin: number, until: number, hasBlame: boolean) {
    this.#begin = begin
    this.#until = until
    this.#hasBlame = hasBlame
  }

  /** `sign` 1: of rows, -1: of the cube. */
  take(all: CellBuffer, sign: 1 | -1): void {
    const cells = foldCells(all)
    const kept = new Set<number>()
    const sumsOf: (Map<string, bigint> | undefined)[] = []
    for (let cell = 0; cell < cells.count; cell += 1) {
      const slot = cells.ts[cell] ?? 0
      if (slot < this.#begin || slot >= this.#until) continue
      kept.add(cell)
      const sums = this.#sumsOf(cells, cell, slot)
      const own = sign === 1 ? sums.rows : sums.cube
      sumsOf[cell] = own
      MEASURES.forEach((name, index) => {
        if (this.#hasBlame || !BLAMED.includes(name)) add(own, `m:${name}`, cells.measures[index]?.[cell] ?? 0)
      })
    }
    cells.histograms.forEach((values, index) => {
      const { cells: of, buckets, counts } = values.pairs(cells.count)
      for (let pair = 0; pair < of.length; pair += 1) {
        const own = sumsOf[of[pair] ?? 0]
        if (own !== undefined && kept.has(of[pair] ?? 0))
          add(own, `h:${HISTOGRAMS[index]}:${buckets[pair]}`, counts[pair] ?? 0)
      }
    })
  }

  differences(): Difference[] {
    const found: Difference[] = []
    for (const [key, { rows, cube }] of this.#sums) {
      for (const name of new Set([...rows.keys(), ...cube.keys()])) {
        const [ofRows, ofCube] = [rows.get(name) ?? 0n, cube.get(name) ?? 0n]
        if (ofRows === ofCube) continue
        const [slot, ...values] = JSON.parse(key) as [number, ...string[]]
        const measure = (name.split(":")[1] ?? "") as StoredMeasure | StoredHistogram
        found.push({ slot, measure, key: values, cube: ofCube, rows: ofRows })
        if (found.length === MOST_DIFFERENCES) return found
      }
    }
    return found
  }

  #sumsOf(cells: CellBuffer, cell: number, slot: number): { rows: Map<string, bigint>; cube: Map<string, bigint> } {
    const values = DIMENSIONS.map((_, index) =>
      index === BLAME && !this.#hasBlame ? "" : (cells.texts[index]?.all[cells.codes[index]?.[cell] ?? 0] ?? ""),
    )
    const key = JSON.stringify([slot, ...values])
    let sums = this.#sums.get(key)
    if (sums === undefined) {
      sums = { rows: new Map(), cube: new Map() }
      this.#sums.set(key, sums)
    }
    return sums
  }
}

function add(sums: Map<string, bigint>, name: string, value: number): void {
  if (value !== 0) sums.set(name, (sums.get(name) ?? 0n) + BigInt(value))
}
