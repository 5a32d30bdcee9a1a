/** A segment of which a part was read, or the batches that no segment holds yet: what queries run over. */
import { Buckets, type CellBuffer } from "../ledger/cube/cells.ts"
import {
  decodeHistogram,
  decodeNumbers,
  decodeTexts,
  type HistogramColumn,
  type NumberColumn,
  numberAt,
  spreadOut,
  type TextColumn,
} from "../ledger/cube/columns.ts"
import { DIMENSIONS, keptText } from "../ledger/cube/dimensions.ts"
import { HISTOGRAMS, MEASURES, type StoredHistogram, type StoredMeasure } from "../ledger/cube/measures.ts"
import { columnIn, type ColumnName, decodeIds } from "../ledger/cube/segment.ts"
import type { CubeConnection } from "../ledger/cube/connection.ts"
import { readColumns } from "../ledger/cube/store.ts"
import { type Dimension, type Filter, isTag } from "./query.ts"
import { TagBook } from "./tag-book.ts"
import { storedDimension } from "./plan.ts"

export interface View {
  /** Of the segment; null: these are batches. */
  readonly id: number | null
  readonly count: number
  readonly firstMs: number
  readonly lastMs: number
  readonly folded: boolean
  /** Cells follow one another in time. */
  readonly isSorted: boolean
  ts(): NumberColumn
  dimension(name: Dimension): TextColumn
  measure(name: StoredMeasure): NumberColumn
  histogram(name: StoredHistogram): HistogramColumn
  /** Null: the cells have none. */
  ids(): ((cell: number) => string) | null
  /** Reads further columns, so that they can be asked for. */
  more(connection: CubeConnection, names: readonly ColumnName[]): Promise<void>
}

interface Head {
  readonly id: number
  readonly cells: number
  readonly firstMs: number
  readonly lastMs: number
  readonly folded: 0 | 1
}

/** Columns are decoded when they are asked for, once. `columns` may get more of them meanwhile. */
export function segmentView(head: Head, columns: Map<string, Uint8Array>, tags: TagBook | null = null): View {
  const decoded = new Map<string, unknown>()
  const column = <Column>(name: ColumnName, decode: (data: Uint8Array) => Column): Column => {
    let found = decoded.get(name) as Column | undefined
    if (found === undefined) {
      found = decode(columnIn(columns, name))
      decoded.set(name, found)
    }
    return found
  }
  const view: View = {
    id: head.id,
    count: head.cells,
    firstMs: head.firstMs,
    lastMs: head.lastMs,
    folded: head.folded === 1,
    isSorted: true,
    ts: () => column("ts", decodeNumbers),
    dimension: (name) => derived(name, column(`d:${storedDimension(name)}`, decodeTexts), view, tags),
    measure: (name) => column(`m:${name}`, decodeNumbers),
    histogram: (name) => column(`h:${name}`, (data) => decodeHistogram(data, head.cells)),
    ids: () => (columns.has("ids") ? column("ids", decodeIds) : null),
    more: async (connection, names) => {
      const missing = names.filter((name) => !columns.has(name))
      for (const [name, data] of (await readColumns(connection, [head.id], missing)).get(head.id) ?? [])
        columns.set(name, data)
    },
  }
  return view
}

/** Null: there are no cells. */
export function bufferView(cells: CellBuffer, tags: TagBook | null = null): View | null {
  const { count } = cells
  if (count === 0) return null
  const ts = cells.ts.subarray(0, count)
  let [firstMs, lastMs] = [Infinity, -Infinity]
  for (const at of ts) {
    firstMs = Math.min(firstMs, at)
    lastMs = Math.max(lastMs, at)
  }
  const view: View = {
    id: null,
    count,
    firstMs,
    lastMs,
    folded: false,
    isSorted: false,
    ts: () => ({ base: 0, values: ts, most: lastMs }),
    dimension: (name) => {
      const index = DIMENSIONS.indexOf(storedDimension(name))
      const codes = new Int32Array((cells.codes[index] ?? new Uint32Array()).subarray(0, count))
      return derived(name, { texts: cells.texts[index]?.all ?? [], codes }, view, tags)
    },
    measure: (name) => bufferMeasure(cells.measures[MEASURES.indexOf(name)] ?? null, count),
    histogram: (name) => {
      const own = cells.histograms[HISTOGRAMS.indexOf(name)] ?? new Buckets(0)
      const none = { base: 0, values: null, most: 0 }
      const single = own.single.subarray(0, count)
      if (own.more.cells.length === 0) return { single, cells: single, buckets: single, counts: none }
      const pairs = own.pairs(count)
      const counts = { base: 0, values: Float64Array.from(pairs.counts), most: 1 }
      return { single: null, cells: Uint32Array.from(pairs.cells), buckets: Uint8Array.from(pairs.buckets), counts }
    },
    ids: () => (cell) => cells.idOf(cell),
    more: async () => await Promise.resolve(),
  }
  return view
}

function bufferMeasure(values: Float64Array | null, count: number): NumberColumn {
  if (values === null) return { base: 0, values: null, most: 0 }
  let most = 0
  for (let cell = 0; cell < count; cell += 1) most = Math.max(most, Math.abs(values[cell] ?? 0))
  return { base: 0, values: values.subarray(0, count), most }
}

function derived(name: Dimension, column: TextColumn, view: View, tags: TagBook | null): TextColumn {
  if (isTag(name)) return (tags ?? new TagBook()).column(name, column, view)
  if (name !== "status_class") return column
  return { texts: column.texts.map((status) => `${status.slice(0, 1)}xx`), codes: column.codes }
}

/**
 * Sets `target` to 0 for cells that the range or a filter leaves out, and to `inside` for the others. False: no cell is
 * left.
 */
export function select(
  view: View,
  { from, to, where }: { readonly from: number; readonly to: number; readonly where: readonly Filter[] },
  target: Int32Array,
): boolean {
  target.fill(1, 0, view.count)
  if (view.firstMs < from || view.lastMs >= to) excludeOutside(view, from, to, target)
  for (const filter of where) {
    if ("measure" in filter) excludeByMeasure(view, filter, target)
    else if (!excludeByText(view.dimension(filter.dimension), filter, view.count, target)) return false
  }
  return true
}

function excludeOutside(view: View, from: number, to: number, target: Int32Array): void {
  const { count } = view
  const ts = view.ts()
  if (view.isSorted) {
    target.fill(0, 0, firstFrom(ts, count, from))
    target.fill(0, firstFrom(ts, count, to), count)
    return
  }
  for (let cell = 0; cell < count; cell += 1) {
    const at = numberAt(ts, cell)
    if (at < from || at >= to) target[cell] = 0
  }
}

/** The first cell of a sorted column whose number is not below `least`; `count` where there is none. */
export function firstFrom(column: NumberColumn, count: number, least: number): number {
  let low = 0
  let high = count
  while (low < high) {
    const middle = (low + high) >> 1
    if (numberAt(column, middle) < least) low = middle + 1
    else high = middle
  }
  return low
}

type TextFilter = Extract<Filter, { readonly dimension: Dimension }>

/** False: no text of the column passes. */
function excludeByText({ texts, codes }: TextColumn, filter: TextFilter, count: number, target: Int32Array): boolean {
  const passes = testOf(filter)
  const allowed = Uint8Array.from(texts, (text) => (passes(text) ? 1 : 0))
  if (!allowed.includes(1)) return false
  if (!allowed.includes(0)) return true
  if (codes === null) return allowed[0] === 1
  for (let cell = 0; cell < count; cell += 1) if (allowed[codes[cell] ?? 0] === 0) target[cell] = 0
  return true
}

function testOf(filter: TextFilter): (text: string) => boolean {
  if ("prefix" in filter) return (text) => text.startsWith(filter.prefix)
  const values = new Set(("is" in filter ? filter.is : filter.not).map(keptText))
  return "is" in filter ? (text) => values.has(text) : (text) => !values.has(text)
}

/** A folded cell is several calls: nobody knows the measures of one. */
function excludeByMeasure(view: View, filter: Extract<Filter, { readonly measure: string }>, target: Int32Array): void {
  if (view.folded) {
    target.fill(0, 0, view.count)
    return
  }
  const { min = 0, max = Infinity } = filter
  const values = spreadOut(view.measure(filter.measure), view.count)
  for (let cell = 0; cell < view.count; cell += 1) {
    const value = Math.abs(values[cell] ?? 0)
    if (value < min || value > max) target[cell] = 0
  }
}
