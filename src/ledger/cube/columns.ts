/**
 * Columns of a segment as bytes: an encoding, a flag for zstd, and what the encoding says. Numbers take as few bytes each
 * as the largest of the column needs.
 *
 *   column  encoding, 1 where the rest is zstd, rest
 *   numbers 0 constant: float64 | 1, 2, 3: base and the largest distance from 0 as float64, then 8, 16 or 32 bits each |
 *           4: the same, then float64 each
 *   texts   number of bytes as uint32, the different texts as a JSON array, then numbers that count into it
 *   pairs   the number of pairs as uint32, then three numbers columns: cell, bucket, count
 *
 * All of it little-endian.
 */

/** Whole numbers up to 2^53 on either side of 0. */
export type Numbers = Uint8Array | Uint16Array | Uint32Array | Float64Array

/** The number of a cell is `base`, plus that of `values`. */
export interface NumberColumn {
  readonly base: number
  /** As narrow as they are stored; null: 0 in all cells. */
  readonly values: Numbers | null
  /** No number is further from 0. */
  readonly most: number
}

export interface TextColumn {
  readonly texts: readonly string[]
  /** Of each cell: its place in `texts`; null: the first. */
  readonly codes: Int32Array | null
}

/** Counts of buckets: of cell `cells[i]`, `counts[i]` values in bucket `buckets[i]`. */
export interface HistogramColumn {
  /** By cell: the bucket of its one value; null where cells have several, or take some back. */
  readonly single: Uint8Array | null
  readonly cells: Numbers
  readonly buckets: Numbers
  readonly counts: NumberColumn
}

const CONSTANT = 0
const EIGHT = 1
const SIXTEEN = 2
const THIRTY_TWO = 3
const FLOATS = 4
const HEAD_BYTES = 2
/** Base and largest distance. */
const BASE_BYTES = 16
/** zstd below this is not worth the time to read it. */
const WORTH = 0.85
const SMALLEST = 512

export function encodeNumbers(values: Float64Array): Uint8Array {
  const [low, high] = rangeOf(values)
  if (low === high) return framed(CONSTANT, floatBytes(low))
  // from 0 on where that takes no more bytes
  const base = low >= 0 && widthOf(high) === widthOf(high - low) ? 0 : low
  const span = high - base
  const encoding = widthOf(span)
  const head = Buffer.concat([
    floatBytes(encoding === FLOATS ? 0 : base),
    floatBytes(Math.max(Math.abs(low), Math.abs(high))),
  ])
  if (encoding === FLOATS) return framed(FLOATS, Buffer.concat([head, bytesOf(values)]))
  const distances = base === 0 ? values : distancesFrom(base, values)
  const Narrow = encoding === EIGHT ? Uint8Array : encoding === SIXTEEN ? Uint16Array : Uint32Array
  return framed(encoding, Buffer.concat([head, bytesOf(new Narrow(distances))]))
}

function distancesFrom(base: number, values: Float64Array): Float64Array {
  const distances = new Float64Array(values.length)
  for (let index = 0; index < values.length; index += 1) distances[index] = (values[index] ?? 0) - base
  return distances
}

function widthOf(span: number): number {
  return span < 256 ? EIGHT : span < 65_536 ? SIXTEEN : span < 4_294_967_296 ? THIRTY_TWO : FLOATS
}

/** @throws Error where the bytes are none */
export function decodeNumbers(data: Uint8Array): NumberColumn {
  const [encoding, rest] = unframed(data)
  const view = new DataView(rest.buffer, rest.byteOffset, rest.byteLength)
  const base = view.getFloat64(0, true)
  if (encoding === CONSTANT) return { base, most: Math.abs(base), values: null }
  const most = view.getFloat64(8, true)
  const values = rest.subarray(BASE_BYTES)
  if (encoding === EIGHT) return { base, most, values: new Uint8Array(...aligned(values, 1)) }
  if (encoding === SIXTEEN) return { base, most, values: new Uint16Array(...aligned(values, 2)) }
  if (encoding === THIRTY_TWO) return { base, most, values: new Uint32Array(...aligned(values, 4)) }
  if (encoding === FLOATS) return { base, most, values: new Float64Array(...aligned(values, 8)) }
  throw new Error(`a column of the cube has encoding ${encoding}, which is not known here`)
}

export function numberAt({ base, values }: NumberColumn, cell: number): number {
  return values === null ? base : base + (values[cell] ?? 0)
}

/** All numbers of a column, one by one; of a constant `count` times the same. */
export function spreadOut({ base, values }: NumberColumn, count: number): Float64Array {
  const all = new Float64Array(count)
  if (values === null) return all.fill(base)
  all.set(values)
  if (base !== 0) for (let index = 0; index < count; index += 1) all[index] = (all[index] ?? 0) + base
  return all
}

export function encodeTexts(texts: readonly string[], codes: Float64Array): Uint8Array {
  const json = Buffer.from(JSON.stringify(texts))
  return Buffer.concat([uint32(json.length), json, encodeNumbers(codes)])
}

export function decodeTexts(data: Uint8Array): TextColumn {
  const length = readUint32(data)
  const json = Buffer.from(data.buffer, data.byteOffset + 4, length)
  const { base, values } = decodeNumbers(data.subarray(4 + length))
  const codes = values === null ? null : new Int32Array(values)
  if (codes !== null && base !== 0)
    for (let cell = 0; cell < codes.length; cell += 1) codes[cell] = (codes[cell] ?? 0) + base
  return { texts: JSON.parse(json.toString("utf8")) as string[], codes }
}

/** `single`: by cell, where each has at most one value, which counts once; else `pairs`: cells, buckets and counts. */
export function encodeHistogram(
  single: Float64Array | null,
  pairs: readonly [Float64Array, Float64Array, Float64Array] | null,
): Uint8Array {
  const parts = (pairs ?? [single ?? new Float64Array()]).map((column) => encodeNumbers(column))
  return Buffer.concat([uint32(pairs?.[0].length ?? 0), ...parts.flatMap((part) => [uint32(part.length), part])])
}

export function decodeHistogram(data: Uint8Array, cells: number): HistogramColumn {
  const count = readUint32(data)
  const parts: NumberColumn[] = []
  for (let at = 4; at < data.length;) {
    const length = readUint32(data.subarray(at))
    parts.push(decodeNumbers(data.subarray(at + 4, at + 4 + length)))
    at += 4 + length
  }
  const [first, buckets, counts] = parts
  const none = { base: 0, values: null, most: 0 }
  if (first !== undefined && buckets === undefined) {
    const isNarrow = first.base === 0 && first.values instanceof Uint8Array
    const single = isNarrow ? first.values : new Uint8Array(spreadOut(first, cells))
    return { single, cells: single, buckets: single, counts: none }
  }
  return {
    single: null,
    cells: spreadOut(first ?? none, count),
    buckets: spreadOut(buckets ?? none, count),
    counts: counts ?? none,
  }
}

/** Bytes as they are. */
export function encodeBytes(bytes: Uint8Array): Uint8Array {
  return framed(CONSTANT, bytes)
}

export function decodeBytes(data: Uint8Array): Buffer {
  const [, rest] = unframed(data)
  return Buffer.from(rest.buffer, rest.byteOffset, rest.byteLength)
}

function framed(encoding: number, rest: Uint8Array): Uint8Array {
  const packed = rest.length < SMALLEST ? null : Bun.zstdCompressSync(rest, { level: 1 })
  const isPacked = packed !== null && packed.length < rest.length * WORTH
  return Buffer.concat([Uint8Array.of(encoding, isPacked ? 1 : 0), isPacked ? packed : rest])
}

function unframed(data: Uint8Array): readonly [encoding: number, rest: Uint8Array] {
  const rest = data.subarray(HEAD_BYTES)
  return [data[0] ?? 255, data[1] === 1 ? Bun.zstdDecompressSync(rest) : rest]
}

/** Where typed arrays of this width can stand: in the same memory where it begins at a multiple of the width, else in a copy. */
function aligned(bytes: Uint8Array, width: number): readonly [ArrayBufferLike, number, number] {
  const { buffer, byteOffset, byteLength } = byteAligned(bytes, width)
  return [buffer, byteOffset, byteLength / width]
}

function byteAligned(bytes: Uint8Array, width: number): Uint8Array {
  return bytes.byteOffset % width === 0 ? bytes : new Uint8Array(bytes)
}

function rangeOf(values: Float64Array): readonly [low: number, high: number] {
  let low = values[0] ?? 0
  let high = low
  for (let index = 1; index < values.length; index += 1) {
    const value = values[index] ?? 0
    if (value < low) low = value
    else if (value > high) high = value
  }
  return [low, high]
}

function bytesOf(values: Numbers): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
}

function floatBytes(value: number): Uint8Array {
  return bytesOf(Float64Array.of(value))
}

function uint32(value: number): Uint8Array {
  return bytesOf(Uint32Array.of(value))
}

function readUint32(data: Uint8Array): number {
  return new DataView(data.buffer, data.byteOffset, 4).getUint32(0, true)
}
