/** Segments: many cells in the order of their time, each column by itself, so that a query reads only what it needs. */
import { hexIdAt, type HexIds, ID_BYTES } from "./bytes.ts"
import { Buckets, type CellBuffer, type SegmentCells } from "./cells.ts"
import {
  decodeBytes,
  decodeHistogram,
  decodeNumbers,
  decodeTexts,
  encodeBytes,
  encodeHistogram,
  encodeNumbers,
  encodeTexts,
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
  const order = orderOf(cells.ts, cells.count)
  for (let from = 0; from < order.length; from += SEGMENT_CELLS)
    yield encodeSegment(cells, order.subarray(from, from + SEGMENT_CELLS), folded)
}

/** The places of the cells in the order of their time; of the same time, in the order in which they came. */
function orderOf(ts: Float64Array, count: number): Uint32Array {
  let [first, last] = [Infinity, -Infinity]
  for (let cell = 0; cell < count; cell += 1) {
    const at = ts[cell] ?? 0
    if (at < first) first = at
    if (at > last) last = at
  }
  // time and place in one number each: sorting without a comparison of our own is twenty times as fast
  if ((last - first + 1) * count <= Number.MAX_SAFE_INTEGER) {
    const keys = new Float64Array(count)
    for (let cell = 0; cell < count; cell += 1) keys[cell] = ((ts[cell] ?? 0) - first) * count + cell
    const order = new Uint32Array(count)
    keys.toSorted().forEach((key, place) => (order[place] = key % count))
    return order
  }
  const order = Uint32Array.from({ length: count }, (_, cell) => cell)
  return order.toSorted((one, other) => (ts[one] ?? 0) - (ts[other] ?? 0) || one - other)
}

function encodeSegment(cells: CellBuffer, order: Uint32Array, folded: 0 | 1): EncodedSegment {
  const ts = picked(cells.ts, order, new Float64Array(order.length))
  const columns: [ColumnName, Uint8Array][] = [["ts", encodeNumbers(ts)]]
  const [firstMs, lastMs] = [ts[0] ?? 0, ts.at(-1) ?? 0]
  if (folded === 0) columns.push(["ids", encodeIds(cells, order)])
  const values = new Float64Array(order.length)
  DIMENSIONS.forEach((name, index) => {
    const codes = picked(cells.codes[index] ?? values, order, values)
    columns.push([`d:${name}`, encodeTexts(compacted(cells.texts[index]?.all ?? [], codes), codes)])
  })
  let [mostNanoUsd, mostLatencyMs] = [0, 0]
  MEASURES.forEach((name, index) => {
    const own = cells.measures[index]
    if (own === null || own === undefined) {
      columns.push([`m:${name}`, encodeNumbers(new Float64Array(1))])
      return
    }
    picked(own, order, values)
    if (name === "total_cost_nano_usd") mostNanoUsd = mostOf(values)
    if (name === "latency_ms") mostLatencyMs = mostOf(values)
    columns.push([`m:${name}`, encodeNumbers(values)])
  })
  HISTOGRAMS.forEach((name, index) => columns.push([`h:${name}`, encodeBuckets(cells, index, order)]))
  return { head: { firstMs, lastMs, cells: order.length, folded, mostNanoUsd, mostLatencyMs }, columns }
}

/** The values of cells, in their order, into `target`. */
function picked(values: Float64Array, order: Uint32Array, target: Float64Array): Float64Array {
  for (let place = 0; place < order.length; place += 1) target[place] = values[order[place] ?? 0] ?? 0
  return target
}

function mostOf(values: Float64Array): number {
  let most = 0
  for (let place = 0; place < values.length; place += 1) most = Math.max(most, Math.abs(values[place] ?? 0))
  return most
}

/** The texts that cells have. Numbers `codes` anew, so that they count into what is returned. */
function compacted(texts: readonly string[], codes: Float64Array): readonly string[] {
  const renamed = new Int32Array(texts.length).fill(-1)
  const kept: string[] = []
  for (let place = 0; place < codes.length; place += 1) {
    const code = codes[place] ?? 0
    let name = renamed[code] ?? 0
    if (name === -1) {
      name = kept.length
      renamed[code] = name
      kept.push(texts[code] ?? "")
    }
    codes[place] = name
  }
  return kept
}

function encodeBuckets(cells: CellBuffer, index: number, order: Uint32Array): Uint8Array {
  const own = cells.histograms[index] ?? new Buckets(0)
  if (own.more.cells.length === 0)
    return encodeHistogram(picked(new Float64Array(own.single), order, new Float64Array(order.length)), null)
  const places = new Int32Array(cells.count).fill(-1)
  for (let place = 0; place < order.length; place += 1) places[order[place] ?? 0] = place
  const all = own.pairs(cells.count)
  const inside = Array.from(all.cells.keys()).filter((pair) => places[all.cells[pair] ?? 0] !== -1)
  return encodeHistogram(null, [
    Float64Array.from(inside, (pair) => places[all.cells[pair] ?? 0] ?? 0),
    Float64Array.from(inside, (pair) => all.buckets[pair] ?? 0),
    Float64Array.from(inside, (pair) => all.counts[pair] ?? 0),
  ])
}

const HEX = 0
const TEXTS = 1

function encodeIds(cells: CellBuffer, order: Uint32Array): Uint8Array {
  if (cells.otherIds.size > 0 && order.some((cell) => cells.otherIds.has(cell))) {
    const ids = JSON.stringify(Array.from(order, (cell) => cells.idOf(cell)))
    return Buffer.concat([Uint8Array.of(TEXTS), encodeBytes(Buffer.from(ids))])
  }
  const bytes = new Uint8Array(1 + ID_BYTES * order.length)
  bytes[0] = HEX
  for (let place = 0; place < order.length; place += 1) {
    const from = ID_BYTES * (order[place] ?? 0)
    bytes.set(cells.hexIds.subarray(from, from + ID_BYTES), 1 + ID_BYTES * place)
  }
  return bytes
}

/** @throws Error where the bytes are none */
function readIds(data: Uint8Array): HexIds | readonly string[] {
  return data[0] === TEXTS
    ? (JSON.parse(decodeBytes(data.subarray(1)).toString("utf8")) as string[])
    : new Uint8Array(data.buffer, data.byteOffset + 1, data.byteLength - 1)
}

/** The id of a cell, by its place. */
export function decodeIds(data: Uint8Array): (cell: number) => string {
  const ids = readIds(data)
  return ids instanceof Uint8Array ? (cell) => hexIdAt(ids, cell) : (cell) => ids[cell] ?? ""
}

/** Segments that were made before these came have nothing of them. */
const LATER: ReadonlySet<string> = new Set<ColumnName>([
  "m:cache_hits",
  "m:cache_misses",
  "m:cache_saved_tokens",
  "m:cache_saved_nano_usd",
])
const NOTHING = encodeNumbers(new Float64Array(1))

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
  return {
    count: cells,
    ids: ids === undefined ? null : readIds(ids),
    ts: decodeNumbers(column("ts")),
    dimensions: DIMENSIONS.map((name) => decodeTexts(column(`d:${name}`))),
    measures: MEASURES.map((name) => decodeNumbers(column(`m:${name}`))),
    histograms: HISTOGRAMS.map((name) => decodeHistogram(column(`h:${name}`), cells)),
  }
}
