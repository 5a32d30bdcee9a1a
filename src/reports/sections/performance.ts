import { breakdowns, byTitle, filtersOf, type Breakdown } from "../breakdown.ts"
import type { DimensionName } from "../dimensions.ts"
import type { FigureName } from "../figure-columns.ts"
import type { Query, Rows } from "../query.ts"
import type { Asked, Chart, SectionDefinition } from "../section.ts"
import { slotTable } from "../slots.ts"
import { timeChart, timeQuery } from "../series.ts"

const FIGURE_NAMES: readonly FigureName[] = [
  "calls",
  "mean_ms",
  "p50_ms",
  "p95_ms",
  "p99_ms",
  "max_ms",
  "ttfb_p50_ms",
  "ttfb_p95_ms",
  "upstream_p95_ms",
  "overhead_p95_ms",
  "output_p50_tokens_per_second",
]

const TABLES: readonly (readonly [title: string, by: readonly DimensionName[]])[] = [
  ["By provider, model and dialect", ["provider", "model", "dialect"]],
  ["By group", ["group"]],
  ["By user", ["user"]],
  ["By project and environment", ["project", "environment"]],
  ["By client", ["client"]],
  ["Streamed or not", ["stream"]],
]

const LATENCY = { id: "latency", title: "Latency", figures: ["p50_ms", "p95_ms", "p99_ms"] } as const
const PARTS = {
  id: "parts",
  title: "Where the time goes (p95)",
  figures: ["upstream_p95_ms", "overhead_p95_ms"],
} as const

export const PERFORMANCE: SectionDefinition = {
  id: "performance",
  title: "Performance",
  about:
    "How long calls took, how long until their first content, and how much of it was the router; how fast answers came.",
  takesBy: true,
  build: async (asked, { queries }) => {
    const table = (id: string, title: string, by: readonly DimensionName[]): Breakdown => ({
      id,
      title,
      by,
      figures: FIGURE_NAMES,
      bar: "p95_ms",
    })
    const own = [
      { ...slotTable(asked), figures: FIGURE_NAMES, bar: "p95_ms" as const },
      ...TABLES.map(([title, by]) => table(`by_${by.join("_")}`, title, by)),
    ]
    const wanted = asked.by.length === 0 ? own : [table("by", byTitle(asked.by), asked.by)]
    const [tables, [latency, parts, spread]] = await Promise.all([
      breakdowns(asked, queries, wanted),
      queries([timeQuery(asked, LATENCY), timeQuery(asked, PARTS), spreadQuery(asked)]),
    ])
    if (latency === undefined || parts === undefined || spread === undefined) throw new Error("a query has no answer")
    return {
      tables,
      charts: [timeChart(LATENCY, latency), timeChart(PARTS, parts), spreadChart(spread)],
      notes: ["Percentiles are at most 5 % off."],
    }
  },
}

function spreadQuery(asked: Asked): Query {
  const { from, to, zone } = asked
  const shape = { by: [], measures: ["calls"], histograms: ["latency_ms"], buckets: true } as const
  return { from, to, zone, where: filtersOf(asked), ...shape }
}

function spreadChart({ totals }: Rows): Chart {
  return {
    id: "spread",
    title: "Calls by latency",
    form: "bars",
    axes: {
      x: { title: "Latency from", unit: "ms", kind: "ms" },
      y: { title: "Calls", unit: "", kind: "count" },
    },
    units: "",
    series: [{ key: "calls", title: "Calls" }],
    points: (totals.figures.spreads.latency_ms?.buckets ?? []).map(({ from, count }) => ({
      x: from,
      y: [BigInt(count)],
    })),
  }
}
