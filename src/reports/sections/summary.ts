import { FIGURES, type FigureName, needsOf } from "../figure-columns.ts"
import { columnOf } from "../figure-makers.ts"
import { filtersOf } from "../breakdown.ts"
import { dimensionOf, type DimensionName } from "../dimensions.ts"
import type { Query, Rows } from "../query.ts"
import type { Asked, Row, SectionDefinition, Table } from "../section.ts"
import { timeChart, timeQuery } from "../series.ts"

const FIGURE_NAMES: readonly FigureName[] = [
  "calls",
  "errors",
  "error_percent",
  "total_tokens",
  "cost_usd",
  "unknown_cost_calls",
  "fallbacks",
  "p50_ms",
  "p95_ms",
  "ttfb_p50_ms",
  "ttfb_p95_ms",
]

const MOVERS: readonly DimensionName[] = ["project", "caller", "model"]
const MOST_MOVERS = 10

const CALLS = { id: "calls", title: "Calls and errors", figures: ["calls", "errors"] } as const
const COST = { id: "cost", title: "Cost by project", figures: ["cost_usd"], by: "project" } as const
const LATENCY = { id: "latency", title: "Latency", figures: ["p50_ms", "p95_ms"] } as const

export const SUMMARY: SectionDefinition = {
  id: "summary",
  title: "Summary",
  about: "The range at a glance, beside the range of the same length before it, and what changed most between the two.",
  takesBy: false,
  build: async (asked, { queries }) => {
    const before = { ...asked, from: Math.max(0, 2 * asked.from - asked.to), to: asked.from }
    const hasBefore = before.from < before.to
    const ranges = hasBefore ? [asked, before] : [asked]
    const asks = [
      ...ranges.map((range) => totalsQuery(range)),
      ...MOVERS.flatMap((name) => ranges.map((range) => moverQuery(range, name))),
      timeQuery(asked, CALLS),
      timeQuery(asked, COST),
      timeQuery(asked, LATENCY),
    ]
    const answers = [...(await queries(asks))]
    const charts = answers.splice(-3)
    const [calls, cost, latency] = charts
    if (calls === undefined || cost === undefined || latency === undefined) throw new Error("a query has no answer")
    const totals = answers.splice(0, ranges.length)
    const tables = [headline(ranges, totals)]
    if (hasBefore) tables.push(movers(answers))
    return {
      tables,
      charts: [timeChart(CALLS, calls), timeChart(COST, cost), timeChart(LATENCY, latency)],
      notes: [],
    }
  },
}

function totalsQuery(asked: Asked): Query {
  const { from, to, zone } = asked
  return { from, to, zone, where: filtersOf(asked), by: [], ...needsOf(FIGURE_NAMES) }
}

function headline(ranges: readonly Asked[], totals: readonly Rows[]): Table {
  const names = ["this range", "range before"]
  return {
    id: "headline",
    title: "At a glance",
    columns: [
      columnOf("period", "text", "Range", "Which range the row is of."),
      columnOf("from", "time", "From", "Where the range begins."),
      ...FIGURE_NAMES.map((name) => FIGURES[name].column),
    ],
    rows: totals.map(({ totals: { figures } }, index): Row => [
      names[index] ?? "",
      ranges[index]?.from ?? null,
      ...FIGURE_NAMES.map((name) => FIGURES[name].value(figures)),
    ]),
    restOf: 0,
    totals: null,
    empty: "",
    notes: [],
  }
}

const MOVED: readonly FigureName[] = ["cost_usd", "calls", "errors"]

function moverQuery(asked: Asked, name: DimensionName): Query {
  const { from, to, zone } = asked
  const dimension = dimensionOf(name)
  const by = dimension.is === "value" ? [dimension.stored] : []
  return { from, to, zone, where: filtersOf(asked), by, ...needsOf(MOVED) }
}

interface Moved {
  /** Of its change, without a sign. */
  readonly size: bigint
  readonly row: Row
}

function movers(answers: readonly Rows[]): Table {
  const moved = MOVERS.flatMap((name, index) => movedBy(name, answers[2 * index], answers[2 * index + 1]))
  const largest = moved.filter(({ size }) => size > 0n).toSorted((one, other) => Number(other.size - one.size))
  return {
    id: "movers",
    title: "What changed most",
    columns: [
      columnOf("dimension", "text", "By", "The dimension of the name."),
      columnOf("name", "text", "Name", "Whose cost changed."),
      columnOf("change_usd", "money", "Change", "The cost now less the cost before."),
      FIGURES.cost_usd.column,
      columnOf("cost_before_usd", "money", "Cost before", "The cost in the range before."),
      FIGURES.calls.column,
      columnOf("calls_before", "count", "Calls before", "The calls in the range before."),
    ],
    rows: largest.slice(0, MOST_MOVERS).map(({ row }) => row),
    restOf: 0,
    totals: null,
    empty: "No cost changed between the two ranges.",
    notes: [],
  }
}

interface Amounts {
  readonly cost: bigint
  readonly calls: bigint
}

const NOTHING: Amounts = { cost: 0n, calls: 0n }

/** A name that is in one range only counts as 0 in the other, unless that one has more names than are told apart. */
function movedBy(name: DimensionName, now: Rows | undefined, before: Rows | undefined): Moved[] {
  const [nows, befores] = [amountsOf(now), amountsOf(before)]
  return [...new Set([...nows.keys(), ...befores.keys()])].flatMap((value) => {
    const one = nows.get(value) ?? (isWhole(now) ? NOTHING : null)
    const other = befores.get(value) ?? (isWhole(before) ? NOTHING : null)
    if (one === null || other === null) return []
    const change = one.cost - other.cost
    const row: Row = [dimensionOf(name).title, value, change, one.cost, other.cost, one.calls, other.calls]
    return [{ size: change < 0n ? -change : change, row }]
  })
}

function amountsOf(rows: Rows | undefined): ReadonlyMap<string, Amounts> {
  const amounts = new Map<string, Amounts>()
  for (const { key, figures } of rows?.groups ?? [])
    if (key !== null)
      amounts.set(key[0] ?? "", { cost: figures.sums.total_cost_nano_usd ?? 0n, calls: figures.sums.calls ?? 0n })
  return amounts
}

function isWhole(rows: Rows | undefined): boolean {
  return rows?.groups.every(({ key }) => key !== null) ?? true
}
