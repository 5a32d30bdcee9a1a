/** Recounts detail rows and says where the cube has something else: by quarter of an hour and all dimensions. */
import { CellBuffer } from "../ledger/cube/cells.ts"
import { DIMENSIONS } from "../ledger/cube/dimensions.ts"
import { folded, SLOT_MS, slotOf } from "../ledger/cube/fold.ts"
import { HISTOGRAMS, MEASURES, type StoredHistogram, type StoredMeasure } from "../ledger/cube/measures.ts"
import { addRows, idAt, rowsBetween } from "../ledger/cube/rows.ts"
import { readBatches, readSegment, segmentsIn, type StoredSegment } from "../ledger/cube/store.ts"
import type { Difference, Verified } from "./query.ts"
import { checkRange } from "./plan.ts"
import type { Reading } from "./reading.ts"

const ROWS_AT_ONCE = 8192
const MOST_DIFFERENCES = 1000
/** About so many cells are compared at once. */
const CELLS_AT_ONCE = 65_536
/** Ids begin with the time of their call; a row may have another one that is a little earlier or later. */
const SLACK_MS = 60_000

export interface VerifyRange {
  readonly from: number
  readonly to: number
}

/** Whole quarters of an hour: `from` is rounded down, `to` up. */
export async function verifyRange(
  reading: Reading,
  range: VerifyRange,
  onProgress: (rows: number, untilMs: number) => void,
): Promise<Verified> {
  checkRange({ ...range, where: [] }, "")
  const [from, end] = [slotOf(range.from), slotOf(range.to + SLOT_MS - 1)]
  const differences: Difference[] = []
  let [rows, slots] = [0, 0]
  for (let at = from; at < end;) {
    await reading.pause()
    const compared = await reading.connection.reading(() => compareNext(reading, at, end))
    differences.push(...compared.differences.slice(0, MOST_DIFFERENCES - differences.length))
    rows += compared.rows
    slots += (compared.until - at) / SLOT_MS
    at = compared.until
    onProgress(rows, at)
  }
  return { rows, slots, differences }
}

interface Compared {
  readonly differences: readonly Difference[]
  readonly rows: number
  readonly until: number
}

/** From a slot on, as much as fits into memory. Rows and cube are of one moment. */
async function compareNext(reading: Reading, from: number, end: number): Promise<Compared> {
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
  const comparison = new Comparison(begin, until)
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
  readonly #sums = new Map<string, { rows: Map<string, bigint>; cube: Map<string, bigint> }>()

  constructor(begin: number, until: number) {
    this.#begin = begin
    this.#until = until
  }

  /** `sign` 1: of rows, -1: of the cube. */
  take(all: CellBuffer, sign: 1 | -1): void {
    const cells = folded(all)
    const kept = new Set<number>()
    const sumsOf: (Map<string, bigint> | undefined)[] = []
    for (let cell = 0; cell < cells.count; cell += 1) {
      const slot = cells.ts[cell] ?? 0
      if (slot < this.#begin || slot >= this.#until) continue
      kept.add(cell)
      const sums = this.#sumsOf(cells, cell, slot)
      const own = sign === 1 ? sums.rows : sums.cube
      sumsOf[cell] = own
      MEASURES.forEach((name, index) => add(own, `m:${name}`, cells.measures[index]?.[cell] ?? 0))
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
    const values = DIMENSIONS.map((_, index) => cells.texts[index]?.all[cells.codes[index]?.[cell] ?? 0] ?? "")
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
