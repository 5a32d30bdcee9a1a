import { breakdowns, byTitle, type Breakdown, isWanted, wantedOf } from "../breakdown.ts"
import { CACHE_BY_GROUP } from "../cache-table.ts"
import type { DimensionName } from "../dimensions.ts"
import type { FigureName } from "../figure-columns.ts"
import type { SectionDefinition } from "../section.ts"
import { endUsers } from "./end-users.ts"
import { slotTable } from "../slots.ts"
import { timeChart, timeQuery } from "../series.ts"

const FIGURE_NAMES: readonly FigureName[] = [
  "calls",
  "errors",
  "error_percent",
  "input_tokens",
  "cached_percent",
  "output_tokens",
  "total_tokens",
  "cost_usd",
]

const TABLES: readonly (readonly [title: string, by: readonly DimensionName[]])[] = [
  ["By project", ["project"]],
  ["By user", ["user"]],
  ["By caller and token", ["caller", "token"]],
  ["By group", ["group"]],
  ["By requested model", ["requested_model"]],
  ["By provider and model", ["provider", "model"]],
  ["By client", ["client"]],
  ["By dialect", ["client_dialect", "dialect"]],
  ["Streamed or not", ["stream"]],
  ["By cache", ["cache"]],
]

export const USAGE: SectionDefinition = {
  id: "usage",
  title: "Usage",
  about: "Calls, tokens and cost: who used what, through which group, at which model.",
  takesBy: true,
  build: async (asked, { queries, rows: details }) => {
    const own: Breakdown[] = [
      { ...slotTable(asked), figures: FIGURE_NAMES, bar: "calls" },
      ...TABLES.map(([title, by]): Breakdown => ({
        id: `by_${by.join("_")}`,
        title,
        by,
        figures: FIGURE_NAMES,
        bar: "calls",
      })),
      CACHE_BY_GROUP,
    ]
    const wanted: Breakdown[] =
      asked.by.length === 0
        ? own
        : [{ id: "by", title: byTitle(asked.by), by: asked.by, figures: FIGURE_NAMES, bar: "calls" }]
    const chart = { id: "tokens", title: "Tokens", figures: ["input_tokens", "output_tokens"] } as const
    const [tables, [rows], users] = await Promise.all([
      breakdowns(asked, queries, wantedOf(asked, wanted)),
      queries([timeQuery(asked, chart)]),
      asked.by.length === 0 && isWanted(asked, "by_end_user") ? endUsers(asked, { rows: details }) : null,
    ])
    const all = users === null ? tables : [...tables, users]
    return { tables: all, charts: rows === undefined ? [] : [timeChart(chart, rows)], notes: [] }
  },
}
