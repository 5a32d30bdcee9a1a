/** Tables of figures by dimensions and time: what they ask of the cube, and the table that they make of the answer. */
import { MOST_SPREADS, MOST_SUMS } from "./plan.ts"
import { dimensionOf, type CallDimension, type DimensionName } from "./dimensions.ts"
import { FIGURES, type FigureName, needsOf } from "./figure-columns.ts"
import {
  type Figures,
  type Filter,
  type Group,
  MOST_GROUPS,
  type Query,
  ReportRefused,
  type Rows,
  type Slot,
} from "./query.ts"
import type { Asked, Cell, Column, Row, Table } from "./section.ts"

export interface Breakdown {
  readonly id: string
  readonly title: string
  /** At most three, at most one of them a time; none: one row of everything. */
  readonly by: readonly DimensionName[]
  /** Groups are sorted by the first one's first measure. */
  readonly figures: readonly FigureName[]
  /** The figure that bars compare. */
  readonly bar?: FigureName
  readonly empty?: string
  readonly notes?: readonly string[]
  /** Beside those that were asked for. */
  readonly where?: readonly Filter[]
}

const NO_CALLS = "No call was made in this range that the filters leave. A longer range is asked for by since or from."

/** What the reader asked for and what the reader may see. */
export function filtersOf({ where, scope }: Asked): readonly Filter[] {
  if (scope === null) return where
  return [
    ...where,
    { dimension: "project", is: [scope.project] },
    { dimension: "environment", is: [scope.environment] },
  ]
}

/** @throws ReportRefused */
export function splitBy(by: readonly DimensionName[]): { dimensions: CallDimension[]; slot: Slot | null } {
  const dimensions: CallDimension[] = []
  let slot: Slot | null = null
  by.forEach((name, index) => {
    const dimension = dimensionOf(name)
    if (dimension.is === "value") dimensions.push(dimension)
    else if (slot === null) slot = dimension.slot
    else throw new ReportRefused(`by[${index}]`, "Only one of the dimensions can be a time.")
  })
  return { dimensions, slot }
}

/** `By project and model`. */
export function byTitle(by: readonly DimensionName[]): string {
  return `By ${by.map((name) => dimensionOf(name).title.toLowerCase()).join(" and ")}`
}

/** Those of the tables that are asked for. */
export function wantedOf<Named extends { readonly id: string }>(
  { tables }: Pick<Asked, "tables">,
  all: readonly Named[],
): Named[] {
  return all.filter(({ id }) => isWanted({ tables }, id))
}

export function isWanted({ tables }: Pick<Asked, "tables">, id: string): boolean {
  return tables === null || tables.includes(id)
}

export function breakdownQuery(asked: Asked, { by, figures, where = [] }: Breakdown): Query {
  const { dimensions, slot } = splitBy(by)
  const { from, to, zone } = asked
  const needs = needsOf(figures)
  return {
    from,
    to,
    zone,
    where: [...filtersOf(asked), ...where],
    by: dimensions.map(({ stored }) => stored),
    ...(slot === null ? {} : { slot }),
    ...needs,
    top: topFor(asked, slot, needs),
  }
}

/** Where the range is cut into many slots, fewer groups are told apart; what is left is in "Other". */
export function topFor(
  { from, to, top }: Pick<Asked, "from" | "to" | "top">,
  slot: Slot | null,
  { measures, histograms }: Pick<Query, "measures" | "histograms">,
): number {
  const slots = slot === null ? 1 : Math.ceil((to - from) / SHORTEST_MS[slot]) + 2
  const sums = Math.floor(MOST_SUMS / (slots * measures.length))
  const spreads = histograms.length === 0 ? sums : Math.floor(MOST_SPREADS / (slots * histograms.length))
  return Math.max(1, Math.min(top, MOST_GROUPS, sums - 1, spreads - 1))
}

/** Days are an hour shorter where clocks are set forward. */
const SHORTEST_MS: Readonly<Record<Slot, number>> = {
  "15m": 900_000,
  hour: 1_800_000,
  day: 23 * 3_600_000,
  week: 167 * 3_600_000,
  month: 671 * 3_600_000,
}

export function breakdownTable(breakdown: Breakdown, rows: Rows): Table {
  const { id, title, by, figures, empty = NO_CALLS, notes = [] } = breakdown
  const { slot } = splitBy(by)
  const names = by.filter((name) => dimensionOf(name).is === "value")
  const keyed = names.length > 0
  const groups = keyed ? rows.groups : [rows.totals]
  const rowOf = (key: readonly string[] | null, ts: number | null, of: Figures): Row => [
    ...by.map((name): Cell => (dimensionOf(name).is === "time" ? ts : (key?.[names.indexOf(name)] ?? null))),
    ...figures.map((name) => FIGURES[name].value(of)),
  ]
  const made =
    slot === null
      ? groups.map(({ key, figures: of }) => rowOf(key, null, of))
      : rows.slots.flatMap((ts, index) => slotRows(groups, index, keyed).map(({ key, of }) => rowOf(key, ts, of)))
  const isEmpty = isNothing(rows.totals.figures)
  const shown = keyed ? rows.groups.filter(({ key }) => key !== null).length : rows.groupCount
  return {
    id,
    title,
    columns: columnsOf(breakdown),
    rows: isEmpty ? [] : made,
    restOf: rows.groupCount - shown,
    totals: by.length === 0 ? null : rowOf(null, null, rows.totals.figures),
    empty,
    notes,
  }
}

/** A day without calls is a row where days are compared, and none where groups are. */
function slotRows(groups: readonly Group[], index: number, keyed: boolean): { key: Group["key"]; of: Figures }[] {
  const all = groups.map(({ key, series }) => ({ key, of: series[index] ?? { sums: {}, spreads: {} } }))
  return keyed ? all.filter(({ of }) => !isNothing(of)) : all
}

function isNothing({ sums }: Figures): boolean {
  return Object.values(sums).every((sum) => sum === 0n)
}

export function columnsOf({ by, figures, bar }: Pick<Breakdown, "by" | "figures" | "bar">): readonly Column[] {
  return [
    ...by.map(dimensionColumn),
    ...figures.map((name) => (name === bar ? { ...FIGURES[name].column, bar: true } : FIGURES[name].column)),
  ]
}

export function dimensionColumn(name: DimensionName): Column {
  const { is, title, about } = dimensionOf(name)
  return { key: name, title, unit: "", kind: is === "time" ? "time" : "text", about, dimension: name }
}

/** All tables from one reading. */
export async function breakdowns(
  asked: Asked,
  queries: (asked: readonly Query[]) => Promise<readonly Rows[]>,
  wanted: readonly Breakdown[],
): Promise<Table[]> {
  if (wanted.length === 0) return []
  const answers = await queries(wanted.map((breakdown) => breakdownQuery(asked, breakdown)))
  return wanted.map((breakdown, index) => {
    const rows = answers[index]
    if (rows === undefined) throw new Error("a query has no answer")
    return breakdownTable(breakdown, rows)
  })
}
