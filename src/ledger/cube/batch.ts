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
import { ByteReader, ByteWriter, type HexIds, ID_BYTES } from "./bytes.ts"
import type { CellBuffer } from "./cells.ts"

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

/**
 * Adds the cells of a batch. `kept`: the ids of the calls that the transaction really wrote, each counts once; null: all
 * of them.
 * @throws Error where the bytes are none of a batch
 */
export function readBatch(data: Uint8Array, kept: string | null, cells: CellBuffer): void {
  const bytes = new ByteReader(data)
  const version = bytes.byte()
  if (version !== BATCH_VERSION) throw new Error(`a batch of the cube has version ${version}, which is not known here`)
  const count = bytes.number()
  const firstMs = bytes.number()
  const left = kept === null ? null : new Set(kept.split(" "))
  const known = new Codes(bytes, cells)
  for (let read = 0; read < count; read += 1) {
    const flags = bytes.byte()
    const codes = known.read()
    const otherId = (flags & OTHER_ID) === 0 ? null : bytes.text()
    const hexId = otherId === null ? bytes.skip(ID_BYTES) : 0
    const sinceMs = bytes.number()
    const isLeftOut = left !== null && !left.delete(otherId ?? bytes.hexIdAt(hexId))
    const cell = isLeftOut
      ? NO_CELL
      : cells.open((flags & EARLIER) === 0 ? firstMs + sinceMs : firstMs - sinceMs, known.all, codes)
    if (cell !== NO_CELL) {
      if (otherId === null) copyId(bytes.bytes, hexId, cells.hexIds, cell)
      else cells.setId(cell, otherId)
    }
    readMeasures(bytes, cells, cell, flags)
    const sign = (flags & NEGATED) === 0 ? 1 : -1
    for (let at = 0; at < HISTOGRAMS.length; at += 1) {
      const bucket = bytes.byte()
      if (cell !== NO_CELL) cells.addBucket(at, cell, bucket, sign)
    }
  }
}

function copyId(bytes: Uint8Array, from: number, ids: HexIds, cell: number): void {
  for (let index = 0; index < ID_BYTES; index += 1) ids[ID_BYTES * cell + index] = bytes[from + index] ?? 0
}

/** Of a call that the transaction did not write. */
const NO_CELL = -1

/** The dimensions that a batch named, as the codes of their texts in `cells`. */
class Codes {
  all = new Float64Array(64 * DIMENSIONS.length)
  #count = 0
  readonly #bytes: ByteReader
  readonly #cells: CellBuffer

  constructor(bytes: ByteReader, cells: CellBuffer) {
    this.#bytes = bytes
    this.#cells = cells
  }

  /** The dimensions of the next cell: where their codes begin in `all`. */
  read(): number {
    const from = this.#bytes.number() * DIMENSIONS.length
    if (from < this.#count) return from
    if (from > this.#count) throw new Error("a batch of the cube names dimensions that it does not have")
    if (from === this.all.length) {
      const larger = new Float64Array(2 * from)
      larger.set(this.all)
      this.all = larger
    }
    for (let index = 0; index < DIMENSIONS.length; index += 1) {
      this.all[from + index] = this.#codeOf(index, from - DIMENSIONS.length + index)
    }
    this.#count += DIMENSIONS.length
    return from
  }

  /** A byte 0 stands in place of the text of the dimensions before. */
  #codeOf(index: number, before: number): number {
    const marked = this.#bytes.number()
    if (marked === 0 && before >= 0) return this.all[before] ?? 0
    const from = this.#bytes.skip(Math.max(0, marked - 1))
    return this.#cells.codeOfBytes(index, this.#bytes.bytes, from, from + Math.max(0, marked - 1))
  }
}

function readMeasures(bytes: ByteReader, cells: CellBuffer, cell: number, flags: number): void {
  const sign = (flags & NEGATED) === 0 ? 1 : -1
  const bits = bytes.skip(BITS_BYTES)
  for (let byte = 0; byte < BITS_BYTES; byte += 1) {
    for (let rest = bytes.bytes[bits + byte] ?? 0; rest !== 0; rest &= rest - 1) {
      const index = 8 * byte + 31 - Math.clz32(rest & -rest)
      const value = bytes.number()
      if (cell !== NO_CELL && index !== UNKNOWN_COST) cells.addTo(index, cell, sign * value)
      else if (cell !== NO_CELL) cells.addTo(index, cell, (flags & BOOKED) === 0 ? sign * value : -sign)
    }
  }
}
