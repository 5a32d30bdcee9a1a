import { breakdowns, byTitle, filtersOf, type Breakdown } from "../breakdown.ts"
import type { DimensionName } from "../dimensions.ts"
import { FIGURES, type FigureName, needsOf } from "../figure-columns.ts"
import { columnOf, percentOf } from "../figure-makers.ts"
import type { Rows } from "../query.ts"
import type { SectionDefinition, Table } from "../section.ts"
import { slotTable } from "../slots.ts"
import { timeChart, timeQuery } from "../series.ts"

const FIGURE_NAMES: readonly FigureName[] = [
  "cost_usd",
  "calls",
  "unknown_cost_calls",
  "cost_coverage_percent",
  "cost_per_call_usd",
  "cost_per_million_tokens_usd",
  "upstream_reported_cost_usd",
]

const COMPONENTS: readonly FigureName[] = [
  "input_cost_usd",
  "cached_input_cost_usd",
  "cache_write_cost_usd",
  "output_cost_usd",
  "image_cost_usd",
  "hosted_tool_cost_usd",
]

const TABLES: readonly (readonly [title: string, by: readonly DimensionName[]])[] = [
  ["By project", ["project"]],
  ["By caller", ["caller"]],
  ["By provider and model", ["provider", "model"]],
  ["By group", ["group"]],
]

const UNPRICED: Breakdown = {
  id: "unpriced",
  title: "Calls of unknown cost",
  by: ["cost_unknown", "provider", "model"],
  figures: ["unknown_cost_calls", "total_tokens"],
  where: [{ dimension: "cost_unknown", not: [""] }],
  empty: "The cost of all calls in this range is known.",
}

export const COST: SectionDefinition = {
  id: "cost",
  title: "Cost",
  about: "The cost of calls when they were made, by purpose and by caller; and the calls without a known cost.",
  takesBy: true,
  build: async (asked, { queries }) => {
    const parts = (by: readonly DimensionName[], id: string, title: string): Breakdown => ({
      id,
      title,
      by,
      figures: FIGURE_NAMES,
      bar: "cost_usd",
    })
    const own = [
      { ...slotTable(asked), figures: FIGURE_NAMES, bar: "cost_usd" as const },
      ...TABLES.map(([title, by]) => parts(by, `by_${by.join("_")}`, title)),
    ]
    const wanted = asked.by.length === 0 ? own : [parts(asked.by, "by", byTitle(asked.by))]
    const [first] = asked.by
    const stacked = first === undefined || ["hour", "day", "week", "month"].includes(first) ? "project" : first
    const chart = {
      id: "cost",
      title: `Cost by ${stacked.replaceAll("_", " ")}`,
      figures: ["cost_usd"],
      by: stacked,
    } as const
    const { from, to, zone } = asked
    const [tables, [series, whole]] = await Promise.all([
      breakdowns(asked, queries, [...wanted, UNPRICED]),
      queries([
        timeQuery(asked, chart),
        { from, to, zone, where: filtersOf(asked), by: [], ...needsOf([...COMPONENTS, "cost_usd"]) },
      ]),
    ])
    if (series === undefined || whole === undefined) throw new Error("a query has no answer")
    const [main, ...others] = tables
    return {
      tables: [...(main === undefined ? [] : [main]), components(whole), ...others],
      charts: [timeChart(chart, series)],
      notes: [],
    }
  },
}

/** One row for each thing that has a price. */
function components({ totals: { figures } }: Rows): Table {
  const total = figures.sums.total_cost_nano_usd ?? 0n
  const rows = COMPONENTS.map((name) => {
    const cost = FIGURES[name].value(figures)
    const amount = typeof cost === "bigint" ? cost : 0n
    return [FIGURES[name].column.title, amount, percentOf(amount, total)] as const
  })
  return {
    id: "components",
    title: "By what it was for",
    columns: [
      columnOf("component", "text", "For", "The component that was paid."),
      { ...FIGURES.cost_usd.column, bar: true },
      columnOf("cost_percent", "percent", "Share", "Of the cost."),
    ],
    rows: total === 0n ? [] : rows.filter(([, cost]) => cost !== 0n),
    restOf: 0,
    totals: ["", total, total === 0n ? null : 100],
    empty: "No call in this range has a cost.",
    notes: [],
  }
}
