/**
 * The cells of the calls that one transaction wrote, one after the other, as the writer of calls makes them: cheap to
 * write. Dimensions that equal those of an earlier call of the batch are written once; a text that equals that of the call
 * before is not repeated; measures of 0 take a bit.
 *
 *   batch  version, number of cells, Unix ms of the first; then the cells
 *   cell   flags, number of its dimensions [, the dimensions where they are new], id, ms since the first, one bit for
 *          each measure, those that are not 0, buckets of the histograms
 */
import { DIMENSIONS, dimensionsOf, type DimensionRow } from "./dimensions.ts"
import { blameOf, bucketsOf, HISTOGRAMS, MEASURES, measuresOf, type MeasureRow } from "./measures.ts"
import { ByteReader, ByteWriter } from "./bytes.ts"

export const BATCH_VERSION = 1

/** What the cube takes of a row of `request_usage`. */
export type CubeRow = DimensionRow & MeasureRow & { readonly request_id: string; readonly ts: number }

/** `negated`: the cell takes back what an earlier one added. */
const NEGATED = 1
/** The id is not `req_` and 32 hex digits. */
const OTHER_ID = 2
/** `unknown_cost_calls` is -1 before the negation. */
const BOOKED = 4
/** Before the first cell. */
const EARLIER = 8

const UNKNOWN_COST = MEASURES.indexOf("unknown_cost_calls")
const BITS_BYTES = Math.ceil(MEASURES.length / 8)

/** Gathers the cells of a transaction. */
export class CellBatch {
  readonly #head = new ByteWriter()
  readonly #bytes = new ByteWriter()
  readonly #known: string[][] = []
  #count = 0
  #firstMs = 0

  get count(): number {
    return this.#count
  }

  clear(): void {
    this.#bytes.clear()
    this.#known.length = 0
    this.#count = 0
  }

  /** Adds a call, or with `sign` -1 takes back what was added of it. `told`: the blame of its row in `request_errors`. */
  add(row: CubeRow, told: string | null, sign: 1 | -1 = 1): void {
    const bytes = this.#bytes
    const blame = blameOf(row, told)
    if (this.#count === 0) this.#firstMs = row.ts
    this.#count += 1
    const measures = measuresOf(row, blame)
    const isOtherId = !bytes.isHexId(row.request_id)
    const booked = measures[UNKNOWN_COST] === -1
    const isEarlier = row.ts < this.#firstMs
    bytes.byte(
      (sign === -1 ? NEGATED : 0) | (isOtherId ? OTHER_ID : 0) | (booked ? BOOKED : 0) | (isEarlier ? EARLIER : 0),
    )
    this.#addDimensions(dimensionsOf(row, blame))
    if (isOtherId) bytes.text(row.request_id)
    else bytes.hexId(row.request_id)
    bytes.number(Math.abs(row.ts - this.#firstMs))
    bytes.bits(measures, BITS_BYTES)
    for (const value of measures) if (value !== 0) bytes.number(value < 0 ? 0 : value)
    for (const bucket of bucketsOf(row)) bytes.byte(bucket)
  }

  encoded(): Uint8Array {
    const head = this.#head
    head.clear()
    head.byte(BATCH_VERSION)
    head.number(this.#count)
    head.number(this.#firstMs)
    return Buffer.concat([head.written(), this.#bytes.written()])
  }

  /** A search from the end: a transaction has few different ones, and comparing beats building a key. */
  #addDimensions(values: string[]): void {
    const known = this.#known
    for (let index = known.length - 1; index >= 0; index -= 1) {
      if (!areEqual(known[index] ?? values, values)) continue
      this.#bytes.number(index)
      return
    }
    this.#bytes.number(known.length)
    const before = known.at(-1)
    for (let index = 0; index < values.length; index += 1) {
      const value = values[index] ?? ""
      if (before !== undefined && before[index] === value) this.#bytes.byte(0)
      else this.#bytes.markedText(value)
    }
    known.push(values)
  }
}

function areEqual(some: readonly string[], others: readonly string[]): boolean {
  for (let index = 0; index < others.length; index += 1) if (some[index] !== others[index]) return false
  return true
}

/** Takes the cells of batches. */
export interface CellSink {
  /** The values of all dimensions, as a number that `add` takes. */
  dimensions(values: readonly string[]): number
  /** The arrays are used again for the next cell. */
  add(id: string, ts: number, dimensions: number, measures: Float64Array, buckets: Uint8Array, sign: 1 | -1): void
}

/**
 * Reads a batch. `kept`: the ids of the calls that the transaction really wrote, each counts once; null: all of them.
 * @throws Error where the bytes are none of a batch
 */
export function readBatch(data: Uint8Array, kept: string | null, sink: CellSink): void {
  const bytes = new ByteReader(data)
  const version = bytes.byte()
  if (version !== BATCH_VERSION) throw new Error(`a batch of the cube has version ${version}, which is not known here`)
  const count = bytes.number()
  const firstMs = bytes.number()
  const left = kept === null ? null : new Set(kept.split(" "))
  const known: { readonly values: string[]; readonly number: number }[] = []
  const measures = new Float64Array(MEASURES.length)
  const buckets = new Uint8Array(HISTOGRAMS.length)
  for (let cell = 0; cell < count; cell += 1) {
    const flags = bytes.byte()
    const index = bytes.number()
    if (index === known.length) {
      const values = readDimensions(bytes, known.at(-1)?.values)
      known.push({ values, number: sink.dimensions(values) })
    }
    const id = (flags & OTHER_ID) === 0 ? bytes.hexId() : bytes.text()
    const sinceMs = bytes.number()
    const sign = (flags & NEGATED) === 0 ? 1 : -1
    readMeasures(bytes, measures, sign)
    if ((flags & BOOKED) !== 0) measures[UNKNOWN_COST] = -sign
    for (let at = 0; at < buckets.length; at += 1) buckets[at] = bytes.byte()
    if (left !== null && !left.delete(id)) continue
    const ts = (flags & EARLIER) === 0 ? firstMs + sinceMs : firstMs - sinceMs
    sink.add(id, ts, known[index]?.number ?? 0, measures, buckets, sign)
  }
}

function readDimensions(bytes: ByteReader, before: readonly string[] | undefined): string[] {
  return DIMENSIONS.map((_, index) => bytes.markedText() ?? before?.[index] ?? "")
}

function readMeasures(bytes: ByteReader, measures: Float64Array, sign: 1 | -1): void {
  const bits = bytes.bits(BITS_BYTES)
  for (let index = 0; index < measures.length; index += 1) {
    const isThere = ((bits[index >> 3] ?? 0) & (1 << (index & 7))) !== 0
    measures[index] = isThere ? sign * bytes.number() : 0
  }
}
