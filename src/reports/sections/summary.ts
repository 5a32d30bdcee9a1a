import { columnOf, FIGURES, type FigureName, needsOf } from "../figure-columns.ts"
import { filtersOf } from "../breakdown.ts"
import { DIMENSIONS_BY_NAME, type DimensionName } from "../dimensions.ts"
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
      columnOf("period", "text", "", "Which range the row is of."),
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
  const dimension = DIMENSIONS_BY_NAME[name]
  const by = dimension.is === "value" ? [dimension.stored] : []
  return { from, to, zone, where: filtersOf(asked), by, ...needsOf(MOVED) }
}

interface Moved {
  readonly change: bigint
  readonly row: Row
}

function movers(answers: readonly Rows[]): Table {
  const moved = MOVERS.flatMap((name, index) => movedBy(name, answers[2 * index], answers[2 * index + 1]))
  const size = ({ change }: Moved): bigint => (change < 0n ? -change : change)
  const largest = moved.filter(({ change }) => change !== 0n).toSorted((one, other) => Number(size(other) - size(one)))
  const column = (name: FigureName, key: string, title: string, about: string) => ({
    ...FIGURES[name].column,
    key,
    title,
    about,
  })
  return {
    id: "movers",
    title: "What changed most",
    columns: [
      columnOf("dimension", "text", "By", "What the name is one of."),
      columnOf("name", "text", "Name", "Whose cost changed."),
      column("cost_usd", "change_usd", "Change", "The cost now less the cost before."),
      FIGURES.cost_usd.column,
      column("cost_usd", "cost_before_usd", "Cost before", "The cost in the range before."),
      FIGURES.calls.column,
      column("calls", "calls_before", "Calls before", "The calls in the range before."),
    ],
    rows: largest.slice(0, MOST_MOVERS).map(({ row }) => row),
    restOf: 0,
    totals: null,
    empty: "No cost changed between the two ranges.",
    notes: [],
  }
}

/** A name that is in one range only counts as 0 in the other, unless that one has more names than are told apart. */
function movedBy(name: DimensionName, now: Rows | undefined, before: Rows | undefined): Moved[] {
  const sums = (rows: Rows | undefined): Map<string, { cost: bigint; calls: bigint }> =>
    new Map(
      (rows?.groups ?? []).flatMap(({ key, figures: { sums: of } }) =>
        key === null ? [] : [[key[0] ?? "", { cost: of.total_cost_nano_usd ?? 0n, calls: of.calls ?? 0n }]],
      ),
    )
  const [nows, befores] = [sums(now), sums(before)]
  const isWhole = (rows: Rows | undefined): boolean => rows?.groups.every(({ key }) => key !== null) ?? true
  const nothing = { cost: 0n, calls: 0n }
  return [...new Set([...nows.keys(), ...befores.keys()])].flatMap((value) => {
    const one = nows.get(value) ?? (isWhole(now) ? nothing : null)
    const other = befores.get(value) ?? (isWhole(before) ? nothing : null)
    if (one === null || other === null) return []
    const change = one.cost - other.cost
    return [
      { change, row: [DIMENSIONS_BY_NAME[name].title, value, change, one.cost, other.cost, one.calls, other.calls] },
    ]
  })
}
