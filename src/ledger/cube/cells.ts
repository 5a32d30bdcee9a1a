/** Cells of batches and segments in memory, to become segments: column by column, in the order in which they came. */
import type { CellSink } from "./batch.ts"
import { spreadOut, type HistogramColumn, type NumberColumn, type TextColumn } from "./columns.ts"
import { DIMENSIONS } from "./dimensions.ts"
import { NO_VALUE } from "./histogram.ts"
import { HISTOGRAMS, MEASURES } from "./measures.ts"

/** Values in which each bucket of a cell stands once; the three lists run together. */
export interface BucketCounts {
  readonly cells: number[]
  readonly buckets: number[]
  readonly counts: number[]
}

/** The columns of a segment that was read whole. */
export interface SegmentCells {
  readonly count: number
  readonly ids: readonly string[] | null
  readonly ts: NumberColumn
  readonly dimensions: readonly TextColumn[]
  readonly measures: readonly NumberColumn[]
  readonly histograms: readonly HistogramColumn[]
}

class Texts {
  readonly all: string[] = []
  readonly #codes = new Map<string, number>()

  codeOf(text: string): number {
    let code = this.#codes.get(text)
    if (code === undefined) {
      code = this.all.length
      this.#codes.set(text, code)
      this.all.push(text)
    }
    return code
  }
}

export class CellBuffer implements CellSink {
  count = 0
  readonly ids: string[] = []
  readonly texts: readonly Texts[] = DIMENSIONS.map(() => new Texts())
  ts: Float64Array
  codes: Uint32Array[]
  /** Null: 0 in all cells. */
  measures: (Float64Array | null)[]
  readonly histograms: readonly BucketCounts[] = HISTOGRAMS.map(() => ({ cells: [], buckets: [], counts: [] }))
  /** Codes of the values that a batch named, by the number that it got for them. */
  readonly #named: Uint32Array[] = []

  /** `capacity`: how many cells to expect. */
  constructor(capacity: number) {
    this.ts = new Float64Array(capacity)
    this.codes = DIMENSIONS.map(() => new Uint32Array(capacity))
    this.measures = MEASURES.map(() => null)
  }

  dimensions(values: readonly string[]): number {
    this.#named.push(Uint32Array.from(values, (value, index) => this.texts[index]?.codeOf(value) ?? 0))
    return this.#named.length - 1
  }

  add(id: string, ts: number, dimensions: number, measures: Float64Array, buckets: Uint8Array, sign: 1 | -1): void {
    const cell = this.#next()
    this.ids[cell] = id
    this.ts[cell] = ts
    const codes = this.#named[dimensions]
    for (let index = 0; index < this.codes.length; index += 1) set(this.codes[index], cell, codes?.[index] ?? 0)
    for (let index = 0; index < measures.length; index += 1) this.addTo(index, cell, measures[index] ?? 0)
    for (let index = 0; index < buckets.length; index += 1)
      this.addBucket(index, cell, buckets[index] ?? NO_VALUE, sign)
  }

  /** A cell without an id, of which nothing is known yet. */
  open(ts: number, values: readonly string[]): number {
    const cell = this.#next()
    this.ids[cell] = ""
    this.ts[cell] = ts
    values.forEach((value, index) => set(this.codes[index], cell, this.texts[index]?.codeOf(value) ?? 0))
    return cell
  }

  /** Cells without ids get an empty one. */
  addSegment(segment: SegmentCells): void {
    const first = this.count
    const { count } = segment
    this.#reserve(first + count)
    this.count += count
    for (let cell = 0; cell < count; cell += 1) this.ids[first + cell] = segment.ids?.[cell] ?? ""
    this.ts.set(spreadOut(segment.ts, count), first)
    segment.dimensions.forEach(({ texts, codes }, index) => {
      const known = Uint32Array.from(texts, (text) => this.texts[index]?.codeOf(text) ?? 0)
      const own = this.codes[index]
      for (let cell = 0; cell < count; cell += 1) set(own, first + cell, known[codes?.[cell] ?? 0] ?? 0)
    })
    segment.measures.forEach((column, index) => {
      if (column.most > 0) this.#measure(index).set(spreadOut(column, count), first)
    })
    segment.histograms.forEach((column, index) => this.#addHistogram(column, index, first))
  }

  #addHistogram({ single, cells, buckets, counts }: HistogramColumn, index: number, first: number): void {
    if (single !== null) {
      for (let cell = 0; cell < single.length; cell += 1)
        this.addBucket(index, first + cell, single[cell] ?? NO_VALUE, 1)
      return
    }
    const spread = spreadOut(counts, cells.length)
    for (let pair = 0; pair < cells.length; pair += 1)
      this.addBucket(index, first + (cells[pair] ?? 0), buckets[pair] ?? NO_VALUE, spread[pair] ?? 0)
  }

  /** Adds values in a bucket to a histogram of a cell. */
  addBucket(histogram: number, cell: number, bucket: number, count: number): void {
    if (bucket === NO_VALUE || count === 0) return
    const pairs = this.histograms[histogram]
    pairs?.cells.push(cell)
    pairs?.buckets.push(bucket)
    pairs?.counts.push(count)
  }

  /** Adds to a measure of a cell. */
  addTo(index: number, cell: number, value: number): void {
    if (value === 0) return
    const values = this.#measure(index)
    values[cell] = (values[cell] ?? 0) + value
  }

  /** Do the measures of a cell stay exact when those of another one are added? */
  takes(cell: number, others: CellBuffer, other: number): boolean {
    return this.measures.every((values, index) =>
      Number.isSafeInteger((values?.[cell] ?? 0) + (others.measures[index]?.[other] ?? 0)),
    )
  }

  #measure(index: number): Float64Array {
    return (this.measures[index] ??= new Float64Array(this.ts.length))
  }

  #next(): number {
    const cell = this.count
    this.#reserve(cell + 1)
    this.count += 1
    return cell
  }

  #reserve(count: number): void {
    if (count <= this.ts.length) return
    const capacity = Math.max(count, 2 * this.ts.length)
    this.ts = grown(this.ts, new Float64Array(capacity))
    this.codes = this.codes.map((codes) => grown(codes, new Uint32Array(capacity)))
    this.measures = this.measures.map((values) => (values === null ? null : grown(values, new Float64Array(capacity))))
  }
}

function grown<Values extends Float64Array | Uint32Array>(old: Values, larger: Values): Values {
  larger.set(old)
  return larger
}

function set(values: Float64Array | Uint32Array | undefined, index: number, value: number): void {
  if (values !== undefined) values[index] = value
}
