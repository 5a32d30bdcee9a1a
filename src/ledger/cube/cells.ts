/** Cells of batches and segments in memory, to become segments: column by column, in the order in which they came. */
import { hexIdAt, hexIdInto, type HexIds, ID_BYTES } from "./bytes.ts"
import { type HistogramColumn, type NumberColumn, spreadOut, type TextColumn } from "./columns.ts"
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
  /** Null: the cells have none. */
  readonly ids: HexIds | readonly string[] | null
  readonly ts: NumberColumn
  readonly dimensions: readonly TextColumn[]
  readonly measures: readonly NumberColumn[]
  readonly histograms: readonly HistogramColumn[]
}

class Texts {
  readonly all: string[] = []
  readonly #codes = new Map<string, number>()
  /** By a hash of the bytes: the first text that has it. */
  readonly #seen = new Map<number, { readonly bytes: Uint8Array; readonly code: number }>()

  codeOf(text: string): number {
    let code = this.#codes.get(text)
    if (code === undefined) {
      code = this.all.length
      this.#codes.set(text, code)
      this.all.push(text)
    }
    return code
  }

  /** Of UTF-8 bytes. Most texts were seen before: finding their bytes again is quicker than making a text of them. */
  codeOfBytes(bytes: Uint8Array, from: number, to: number): number {
    let hash = 0
    for (let at = from; at < to; at += 1) hash = (Math.imul(hash, 31) + (bytes[at] ?? 0)) | 0
    const seen = this.#seen.get(hash)
    if (seen !== undefined && isEqual(seen.bytes, bytes, from, to)) return seen.code
    const own = bytes.slice(from, to)
    const code = this.codeOf(UTF8.decode(own))
    if (seen === undefined) this.#seen.set(hash, { bytes: own, code })
    return code
  }
}

const UTF8 = new TextDecoder("utf-8", { ignoreBOM: true })

function isEqual(some: Uint8Array, bytes: Uint8Array, from: number, to: number): boolean {
  if (some.length !== to - from) return false
  for (let index = 0; index < some.length; index += 1) if (some[index] !== bytes[from + index]) return false
  return true
}

/** The values of one histogram. Nearly all cells have one value, which counts once. */
export class Buckets {
  /** By cell: the bucket of its first value, if that counts once. */
  single: Uint8Array
  /** All further values. */
  readonly more: BucketCounts = { cells: [], buckets: [], counts: [] }

  constructor(capacity: number) {
    this.single = new Uint8Array(capacity)
  }

  add(cell: number, bucket: number, count: number): void {
    if (bucket === NO_VALUE || count === 0) return
    if (count === 1 && this.single[cell] === NO_VALUE) {
      this.single[cell] = bucket
      return
    }
    this.more.cells.push(cell)
    this.more.buckets.push(bucket)
    this.more.counts.push(count)
  }

  /** The values of the first `count` cells. */
  pairs(count: number): BucketCounts {
    const [cells, buckets, counts] = [[...this.more.cells], [...this.more.buckets], [...this.more.counts]]
    for (let cell = 0; cell < count; cell += 1) {
      const bucket = this.single[cell] ?? NO_VALUE
      if (bucket === NO_VALUE) continue
      cells.push(cell)
      buckets.push(bucket)
      counts.push(1)
    }
    return { cells, buckets, counts }
  }
}

export class CellBuffer {
  count = 0
  readonly texts: readonly Texts[] = DIMENSIONS.map(() => new Texts())
  ts: Float64Array
  /** By dimension and cell: places in `texts`. Floats, as all numbers here: code that sees one kind of array runs faster. */
  codes: Float64Array[]
  /** Null: 0 in all cells. */
  measures: (Float64Array | null)[]
  readonly histograms: readonly Buckets[]
  /** 16 bytes for each cell; zeros: the cell has no id, or one of `otherIds`. */
  hexIds: HexIds
  /** By cell: ids that are not `req_` and 32 hex digits. */
  readonly otherIds: Map<number, string> = new Map()

  /** `capacity`: how many cells to expect. */
  constructor(capacity: number) {
    this.ts = new Float64Array(capacity)
    this.hexIds = new Uint8Array(ID_BYTES * capacity)
    this.codes = DIMENSIONS.map(() => new Float64Array(capacity))
    this.measures = MEASURES.map(() => null)
    this.histograms = HISTOGRAMS.map(() => new Buckets(capacity))
  }

  /** The id of a cell; `""`: it has none. */
  idOf(cell: number): string {
    return this.otherIds.get(cell) ?? hexIdAt(this.hexIds, cell)
  }

  codeOf(dimension: number, text: string): number {
    return this.texts[dimension]?.codeOf(text) ?? 0
  }

  codeOfBytes(dimension: number, bytes: Uint8Array, from: number, to: number): number {
    return this.texts[dimension]?.codeOfBytes(bytes, from, to) ?? 0
  }

  /** A cell without an id, of which nothing is known yet. `codes`: of all dimensions, from `offset` on. */
  open(ts: number, codes: Float64Array, offset: number): number {
    const cell = this.count
    if (cell === this.ts.length) this.#reserve(cell + 1)
    this.count += 1
    this.ts[cell] = ts
    for (let index = 0; index < this.codes.length; index += 1) set(this.codes[index], cell, codes[offset + index] ?? 0)
    return cell
  }

  setId(cell: number, id: string): void {
    if (id !== "" && !hexIdInto(this.hexIds, cell, id)) this.otherIds.set(cell, id)
  }

  addSegment(segment: SegmentCells): void {
    const first = this.count
    const { count, ids } = segment
    this.#reserve(first + count)
    this.count += count
    if (ids instanceof Uint8Array) this.hexIds.set(ids, ID_BYTES * first)
    else ids?.forEach((id, cell) => this.setId(first + cell, id))
    this.ts.set(spreadOut(segment.ts, count), first)
    segment.dimensions.forEach(({ texts, codes }, index) => {
      const known = Float64Array.from(texts, (text) => this.codeOf(index, text))
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
      this.histograms[index]?.single.set(single, first)
      return
    }
    const spread = spreadOut(counts, cells.length)
    for (let pair = 0; pair < cells.length; pair += 1)
      this.addBucket(index, first + (cells[pair] ?? 0), buckets[pair] ?? NO_VALUE, spread[pair] ?? 0)
  }

  /** Adds values in a bucket to a histogram of a cell. */
  addBucket(histogram: number, cell: number, bucket: number, count: number): void {
    this.histograms[histogram]?.add(cell, bucket, count)
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

  #reserve(count: number): void {
    if (count <= this.ts.length) return
    const capacity = Math.max(count, 2 * this.ts.length)
    this.ts = grown(this.ts, new Float64Array(capacity))
    this.hexIds = grown(this.hexIds, new Uint8Array(ID_BYTES * capacity))
    this.codes = this.codes.map((codes) => grown(codes, new Float64Array(capacity)))
    this.measures = this.measures.map((values) => (values === null ? null : grown(values, new Float64Array(capacity))))
    for (const buckets of this.histograms) buckets.single = grown(buckets.single, new Uint8Array(capacity))
  }
}

function grown<Values extends Float64Array | Uint8Array>(old: Values, larger: Values): Values {
  larger.set(old)
  return larger
}

function set(values: Float64Array | undefined, index: number, value: number): void {
  if (values !== undefined) values[index] = value
}
