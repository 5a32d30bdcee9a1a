import { breakdowns, dimensionColumn, isWanted, wantedOf } from "../breakdown.ts"
import { detailTable, newestNote, newestOf } from "../details.ts"
import type { FigureName } from "../figure-columns.ts"
import { columnOf } from "../figure-makers.ts"
import { OF_CALLS } from "./routing-calls.ts"
import { COUNT, OF_DECISIONS } from "./routing-decisions.ts"
import type { Detailed } from "./routing-table.ts"
import type { Asked, SectionDefinition, Sources, Table } from "../section.ts"

const FIGURE_NAMES: readonly FigureName[] = [
  "calls",
  "errors",
  "error_percent",
  "fallback_percent",
  "p95_ms",
  "cost_usd",
]

/** The section `routing`: how targets were chosen, and what calls asked of them. */
export const ROUTING: SectionDefinition = {
  id: "routing",
  title: "Routing decisions",
  about:
    "How targets were chosen and why others were left out, what calls asked of them, and what a shadow would have chosen.",
  takesBy: false,
  reads: ["decision_telemetry"],
  build: async (asked, sources) => {
    const wanted = [
      { id: "by_strategy", title: "Calls by strategy", by: ["group", "strategy"], figures: FIGURE_NAMES, bar: "calls" },
    ] as const
    const [own, details] = await Promise.all([
      breakdowns(asked, sources.queries, wantedOf(asked, wanted)),
      Promise.all([
        ...wantedOf(asked, [...OF_DECISIONS, ...OF_CALLS]).map((detailed) => detailTableOf(detailed, asked, sources)),
        ...(isWanted(asked, "shadow") ? [shadowTable(asked, sources)] : []),
      ]),
    ])
    return {
      tables: [...own, ...details],
      charts: [],
      notes: [newestNote(asked, "rows of each kind")],
    }
  },
}

async function detailTableOf(
  { id, title, table, kept, by, more = [], condition = "", count = COUNT, empty }: Detailed,
  asked: Asked,
  { rows }: Sources,
): Promise<Table> {
  const newest = newestOf(asked, table, kept, condition)
  const keys = by.map(([sql, { key }]) => `${sql} AS "${key}"`)
  const places = by.map((_, index) => index + 1).join(", ")
  const others = more.map(([sql, { key }]) => `, ${sql} AS "${key}"`).join("")
  const sql = `SELECT ${keys.join(", ")}, count(*) AS "${count.key}"${others} FROM ${newest.sql} AS e
    GROUP BY ${places} ORDER BY ${by.length + 1} DESC, ${places}`
  const found = await rows<Record<string, string | number | null>>(sql, newest.parameters)
  const columns = [...by.map(([, column]) => column), count, ...more.map(([, column]) => column)]
  return detailTable({ id, title, columns, empty, notes: [], top: asked.top }, found ?? [])
}

function targetOf(row: string): string {
  return `coalesce(${row}.provider || ' / ' || ${row}.model, '')`
}

/** Where a shadow and what counted would have sent the same calls. */
async function shadowTable(asked: Asked, { rows }: Sources): Promise<Table> {
  const newest = newestOf(asked, "request_routing_decisions", [
    "d.request_id AS request_id",
    "d.mode AS mode",
    "d.outcome AS outcome",
    "d.provider AS provider",
    "d.model AS model",
    "u.resolved_group AS group_name",
  ])
  const sql = `SELECT shadow.group_name AS "group", ${targetOf("live")} AS live_target,
      ${targetOf("shadow")} AS shadow_target, shadow.outcome AS outcome, count(*) AS events
    FROM ${newest.sql} AS shadow JOIN request_routing_decisions AS live
      ON live.request_id = shadow.request_id AND live.mode = 'live'
    WHERE shadow.mode = 'shadow' GROUP BY 1, 2, 3, 4 ORDER BY 5 DESC, 1, 2, 3, 4`
  const found = await rows<Record<string, string | number | null>>(sql, newest.parameters)
  return detailTable(
    {
      id: "shadow",
      title: "Shadow against live",
      columns: [
        dimensionColumn("group"),
        columnOf("live_target", "text", "Live", "The target that the strategy in force put first."),
        columnOf("shadow_target", "text", "Shadow", "The target that the shadow put first."),
        columnOf("outcome", "text", "Outcome", "Of the shadow: decided, failed or unanswered."),
        COUNT,
      ],
      empty: "No shadow decided in this range, or server.decision_telemetry was off.",
      notes: [],
      top: asked.top,
    },
    found ?? [],
  )
}
