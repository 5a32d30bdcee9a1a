/** Checks questions before anything is read, and says what they need. */
import { DIMENSIONS, type StoredDimension } from "../ledger/cube/dimensions.ts"
import { HISTOGRAMS, MEASURES } from "../ledger/cube/measures.ts"
import type { ColumnName } from "../ledger/cube/segment.ts"
import {
  type Dimension,
  type Filter,
  isTag,
  MOST_FOUND,
  MOST_GROUPS,
  MOST_QUERIES,
  type Query,
  ReportRefused,
  type Search,
} from "./query.ts"
import { zoneClock } from "./zones.ts"

export interface Plan {
  readonly query: Query
  readonly top: number
  /** Where slots begin; one beginning at `from` where no series was asked for. */
  readonly slots: readonly number[]
}

const MOST_SLOTS = 10_000
/** Groups times slots, for sums; and that times histograms. Bounds the memory of an answer. */
export const MOST_SUMS = 1_000_000
export const MOST_SPREADS = 12_000
const MOST_FILTERS = 32
const MOST_VALUES = 10_000
const LATEST_MS = 8.64e15

export const ALL_DIMENSIONS: readonly Dimension[] = [...DIMENSIONS, "status_class"]

/** @throws ReportRefused */
export function planAll(queries: readonly Query[]): Plan[] {
  if (queries.length === 0 || queries.length > MOST_QUERIES)
    throw new ReportRefused("queries", `There must be 1 to ${MOST_QUERIES} queries.`)
  return queries.map((query, index) => planOf(query, queries.length === 1 ? "" : `queries[${index}].`))
}

function planOf(query: Query, at: string): Plan {
  checkRange(query, at)
  const { by, measures, histograms, slot, zone, from, to, top = MOST_GROUPS } = query
  if (by.length > 3 || new Set(by).size < by.length)
    throw new ReportRefused(`${at}by`, "At most three different dimensions can be told apart at once.")
  by.forEach((dimension, index) => checkDimension(dimension, `${at}by[${index}]`))
  if (measures.length === 0) throw new ReportRefused(`${at}measures`, "At least one measure must be asked for.")
  checkWords(measures, MEASURES, `${at}measures`, "measure")
  checkWords(histograms, HISTOGRAMS, `${at}histograms`, "histogram")
  checkWhole(top, 1, MOST_GROUPS, `${at}top`)
  const clock = zoneClock(zone)
  if (clock === null)
    throw new ReportRefused(
      `${at}zone`,
      `There is no time zone ${quoted(zone)}; an IANA name is needed, as Europe/Berlin.`,
    )
  const slots = slot === undefined ? [from] : clock.slots(slot, from, to, MOST_SLOTS)
  if (slots === null)
    throw new ReportRefused(
      `${at}slot`,
      `The range has more than ${MOST_SLOTS} slots: larger slots or a shorter range are needed.`,
    )
  const cells = (by.length === 0 ? 1 : top + 1) * slots.length
  if (cells * measures.length > MOST_SUMS || cells * histograms.length > MOST_SPREADS)
    throw new ReportRefused(
      `${at}top`,
      "The answer would be too large: fewer groups, larger slots or fewer measures are needed.",
    )
  return { query, top, slots }
}

/** @throws ReportRefused */
export function checkSearch(search: Search): void {
  checkRange(search, "")
  checkWords([search.sort], ["newest", "oldest", "cost", "latency"], "sort", "order")
  checkWhole(search.limit, 1, MOST_FOUND, "limit")
  if (search.after !== undefined) checkWhole(search.after.value, 0, Number.MAX_SAFE_INTEGER, "after.value")
}

/** @throws ReportRefused */
export function checkRange({ from, to, where }: Pick<Query, "from" | "to" | "where">, at: string): void {
  checkWhole(from, 0, LATEST_MS, `${at}from`)
  checkWhole(to, 0, LATEST_MS, `${at}to`)
  if (from >= to) throw new ReportRefused(`${at}to`, "The range must end behind its beginning.")
  if (where.length > MOST_FILTERS)
    throw new ReportRefused(`${at}where`, `There may be at most ${MOST_FILTERS} filters.`)
  where.forEach((filter, index) => checkFilter(filter, `${at}where[${index}]`))
}

function checkFilter(filter: Filter, at: string): void {
  if ("measure" in filter) {
    checkWords(
      [filter.measure],
      ["latency_ms", "total_cost_nano_usd", "attempts", "total_tokens"],
      `${at}.measure`,
      "measure",
    )
    if (filter.min !== undefined) checkWhole(filter.min, 0, Number.MAX_SAFE_INTEGER, `${at}.min`)
    if (filter.max !== undefined) checkWhole(filter.max, 0, Number.MAX_SAFE_INTEGER, `${at}.max`)
    return
  }
  checkDimension(filter.dimension, `${at}.dimension`)
  const [name, values] =
    "is" in filter ? ["is", filter.is] : "not" in filter ? ["not", filter.not] : ["prefix", [filter.prefix]]
  if (values.length > MOST_VALUES)
    throw new ReportRefused(`${at}.${name}`, `There may be at most ${MOST_VALUES} values.`)
  for (const value of values as readonly unknown[])
    if (typeof value !== "string") throw new ReportRefused(`${at}.${name}`, "A value must be a text.")
}

export function checkDimension(dimension: string, at: string): void {
  if (!isTag(dimension)) checkWords([dimension], ALL_DIMENSIONS, at, "dimension")
}

function checkWords(words: readonly string[], known: readonly string[], at: string, kind: string): void {
  for (const word of words)
    if (!known.includes(word))
      throw new ReportRefused(at, `There is no ${kind} ${quoted(word)}; there are ${known.join(", ")}.`)
}

function checkWhole(value: number, least: number, most: number, at: string): void {
  if (!Number.isSafeInteger(value) || value < least || value > most)
    throw new ReportRefused(at, `A whole number from ${least} to ${most} is needed.`)
}

function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 100))
}

/** Where a dimension is kept. */
export function storedDimension(dimension: Dimension): StoredDimension {
  if (isTag(dimension)) return "caller"
  return dimension === "status_class" ? "status" : dimension
}

/** What a dimension is read from: tags hold for a time. */
export function dimensionColumns(dimension: Dimension): ColumnName[] {
  const column = `d:${storedDimension(dimension)}` as const
  return isTag(dimension) ? [column, "ts"] : [column]
}

/** The columns that filters read. */
export function filterColumns(filters: readonly Filter[]): ColumnName[] {
  return filters.flatMap((filter): ColumnName[] =>
    "measure" in filter ? [`m:${filter.measure}`] : dimensionColumns(filter.dimension),
  )
}
