/** Segments: many cells in the order of their time, each column by itself, so that a query reads only what it needs. */
import { BATCH_ID } from "./bytes.ts"
import type { CellBuffer, SegmentCells } from "./cells.ts"
import {
  decodeBytes,
  decodeHistogram,
  decodeNumbers,
  decodeTexts,
  encodeBytes,
  encodeHistogram,
  encodeNumbers,
  encodeTexts,
  type Numbers,
} from "./columns.ts"
import { DIMENSIONS, type StoredDimension } from "./dimensions.ts"
import { HISTOGRAMS, MEASURES, type StoredHistogram, type StoredMeasure } from "./measures.ts"

export const SEGMENT_VERSION = 1
/** So many cells a segment has at most. */
export const SEGMENT_CELLS = 65_536

export type ColumnName = "ids" | "ts" | `d:${StoredDimension}` | `m:${StoredMeasure}` | `h:${StoredHistogram}`

export interface SegmentHead {
  readonly firstMs: number
  readonly lastMs: number
  readonly cells: number
  readonly folded: 0 | 1
  readonly mostNanoUsd: number
  readonly mostLatencyMs: number
}

export interface EncodedSegment {
  readonly head: SegmentHead
  readonly columns: readonly (readonly [name: ColumnName, data: Uint8Array])[]
}

/** The cells in the order of their time, in segments of at most `SEGMENT_CELLS`; a piece for each, so that others get their turn. */
export function* encodeSegments(cells: CellBuffer, folded: 0 | 1): Generator<EncodedSegment, void> {
  const order = Uint32Array.from({ length: cells.count }, (_, cell) => cell)
  order.sort((one, other) => (cells.ts[one] ?? 0) - (cells.ts[other] ?? 0) || one - other)
  for (let from = 0; from < order.length; from += SEGMENT_CELLS)
    yield encodeSegment(cells, order.subarray(from, from + SEGMENT_CELLS), folded)
}

function encodeSegment(cells: CellBuffer, order: Uint32Array, folded: 0 | 1): EncodedSegment {
  const picked = (values: Numbers): Float64Array => Float64Array.from(order, (cell) => values[cell] ?? 0)
  const ts = picked(cells.ts)
  const columns: [ColumnName, Uint8Array][] = [["ts", encodeNumbers(ts)]]
  if (folded === 0) columns.push(["ids", encodeIds(Array.from(order, (cell) => cells.ids[cell] ?? ""))])
  DIMENSIONS.forEach((name, index) => {
    const [texts, codes] = compacted(cells.texts[index]?.all ?? [], picked(cells.codes[index] ?? new Uint32Array()))
    columns.push([`d:${name}`, encodeTexts(texts, codes)])
  })
  let [mostNanoUsd, mostLatencyMs] = [0, 0]
  MEASURES.forEach((name, index) => {
    const own = cells.measures[index]
    if (own === null || own === undefined) {
      columns.push([`m:${name}`, encodeNumbers(new Uint8Array(1))])
      return
    }
    const values = picked(own)
    if (name === "total_cost_nano_usd") mostNanoUsd = mostOf(values)
    if (name === "latency_ms") mostLatencyMs = mostOf(values)
    columns.push([`m:${name}`, encodeNumbers(values)])
  })
  const places = new Int32Array(cells.count).fill(-1)
  order.forEach((cell, place) => (places[cell] = place))
  HISTOGRAMS.forEach((name, index) => {
    columns.push([`h:${name}`, encodeBuckets(cells, index, places, order.length)])
  })
  const [firstMs, lastMs] = [ts[0] ?? 0, ts.at(-1) ?? 0]
  return { head: { firstMs, lastMs, cells: order.length, folded, mostNanoUsd, mostLatencyMs }, columns }
}

function mostOf(values: Float64Array): number {
  let most = 0
  for (const value of values) most = Math.max(most, Math.abs(value))
  return most
}

/** Without the texts that no cell has. */
function compacted(texts: readonly string[], codes: Float64Array): readonly [texts: readonly string[], codes: Numbers] {
  const own = new Map<number, number>()
  const kept: string[] = []
  const renamed = codes.map((code) => {
    let name = own.get(code)
    if (name === undefined) {
      name = kept.length
      own.set(code, name)
      kept.push(texts[code] ?? "")
    }
    return name
  })
  return [kept, renamed]
}

function encodeBuckets(cells: CellBuffer, index: number, places: Int32Array, count: number): Uint8Array {
  const all = cells.histograms[index] ?? { cells: [], buckets: [], counts: [] }
  const single = new Uint8Array(count)
  const picked: number[] = []
  let isSingle = true
  for (let pair = 0; pair < all.cells.length; pair += 1) {
    const place = places[all.cells[pair] ?? -1] ?? -1
    if (place === -1) continue
    picked.push(pair)
    if (single[place] !== 0 || all.counts[pair] !== 1) isSingle = false
    single[place] = all.buckets[pair] ?? 0
  }
  if (isSingle) return encodeHistogram(single, [single, single, single])
  return encodeHistogram(null, [
    Uint32Array.from(picked, (pair) => places[all.cells[pair] ?? -1] ?? 0),
    Uint32Array.from(picked, (pair) => all.buckets[pair] ?? 0),
    Float64Array.from(picked, (pair) => all.counts[pair] ?? 0),
  ])
}

const ID_BYTES = 16
const HEX = 0
const TEXTS = 1

function encodeIds(ids: readonly string[]): Uint8Array {
  if (!ids.every((id) => BATCH_ID.test(id)))
    return Buffer.concat([Uint8Array.of(TEXTS), encodeBytes(Buffer.from(JSON.stringify(ids)))])
  const bytes = Buffer.allocUnsafe(1 + ids.length * ID_BYTES)
  bytes[0] = HEX
  ids.forEach((id, index) => bytes.write(id.slice(4), 1 + index * ID_BYTES, "hex"))
  return bytes
}

/** The id of a cell, by its place. */
export function decodeIds(data: Uint8Array): (cell: number) => string {
  if (data[0] === TEXTS) {
    const ids = JSON.parse(decodeBytes(data.subarray(1)).toString("utf8")) as string[]
    return (cell) => ids[cell] ?? ""
  }
  const bytes = Buffer.from(data.buffer, data.byteOffset + 1, data.byteLength - 1)
  return (cell) => `req_${bytes.toString("hex", cell * ID_BYTES, (cell + 1) * ID_BYTES)}`
}

/** Segments that were made before these came have nothing of them. */
const LATER: ReadonlySet<string> = new Set<ColumnName>([
  "m:cache_hits",
  "m:cache_misses",
  "m:cache_saved_tokens",
  "m:cache_saved_nano_usd",
])
const NOTHING = encodeNumbers(new Uint8Array(1))

/** @throws Error where there is none */
export function columnIn(columns: ReadonlyMap<string, Uint8Array>, name: ColumnName): Uint8Array {
  const data = columns.get(name) ?? (LATER.has(name) ? NOTHING : undefined)
  if (data === undefined) throw new Error(`a segment of the cube has no column ${name}`)
  return data
}

/** A segment of which all columns were read. @throws Error where one is missing */
export function decodeSegment(cells: number, columns: ReadonlyMap<string, Uint8Array>): SegmentCells {
  const column = (name: ColumnName): Uint8Array => columnIn(columns, name)
  const ids = columns.get("ids")
  const idOf = ids === undefined ? null : decodeIds(ids)
  return {
    count: cells,
    ids: idOf === null ? null : Array.from({ length: cells }, (_, cell) => idOf(cell)),
    ts: decodeNumbers(column("ts")),
    dimensions: DIMENSIONS.map((name) => decodeTexts(column(`d:${name}`))),
    measures: MEASURES.map((name) => decodeNumbers(column(`m:${name}`))),
    histograms: HISTOGRAMS.map((name) => decodeHistogram(column(`h:${name}`), cells)),
  }
}
