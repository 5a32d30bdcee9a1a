import { breakdowns, byTitle, filtersOf, type Breakdown, wantedOf } from "../breakdown.ts"
import type { DimensionName } from "../dimensions.ts"
import { detailTable } from "../details.ts"
import { FIGURES, type FigureName } from "../figure-columns.ts"
import { columnOf } from "../figure-makers.ts"
import { type Filter, MOST_FOUND } from "../query.ts"
import type { Asked, SectionDefinition, Sources, Table } from "../section.ts"
import { slotTable } from "../slots.ts"
import { timeChart, timeQuery } from "../series.ts"
import { anomalies } from "./anomalies.ts"
import { FAILURES, failureTable } from "./failures.ts"

const RATES: readonly FigureName[] = ["errors", "calls", "error_percent"]
const BLAMES: readonly FigureName[] = [...RATES, "caller_errors", "operator_errors", "router_errors", "upstream_errors"]
const TRIES: readonly FigureName[] = [...RATES, "upstream_errors", "attempts", "fallbacks", "fallback_percent"]

const FAILED: Filter = { dimension: "blame", not: [""] }
const NO_TARGET: Filter = { dimension: "provider", is: [""] }
const NO_ERRORS = "No call ended with an error in this range that the filters leave."

function failed(id: string, title: string, by: readonly DimensionName[]): Breakdown {
  return { id, title, by, figures: ["errors", "attempts"], bar: "errors", where: [FAILED], empty: NO_ERRORS }
}

const CHART = { id: "errors", title: "Errors by code", figures: ["errors"], by: "error", where: [FAILED] } as const

export const ERRORS: SectionDefinition = {
  id: "errors",
  title: "Errors and fallbacks",
  about: "Failures by fault, target and caller; and where calls went on when a target failed.",
  takesBy: true,
  reads: ["usage_diagnostics"],
  build: async (asked, sources) => {
    const own: Breakdown[] = [
      failed("by_error", "By error", ["error", "blame", "status"]),
      { ...slotTable(asked), figures: BLAMES, bar: "errors" },
      { id: "by_target", title: "By provider and model", by: ["provider", "model"], figures: TRIES, bar: "errors" },
      { id: "by_group", title: "By group", by: ["group"], figures: TRIES, bar: "errors" },
      failed("by_caller", "By project and caller", ["project", "caller"]),
      failed("by_client", "By client", ["client"]),
      { id: "by_status", title: "By status", by: ["status"], figures: ["calls", "errors"], bar: "calls" },
      { id: "impact", title: "Users and their clients", by: ["user", "client"], figures: RATES, bar: "errors" },
      { ...failed("admission", "Refused before a target was asked", ["error", "caller"]), where: [FAILED, NO_TARGET] },
    ]
    const wanted: Breakdown[] =
      asked.by.length === 0
        ? own
        : [{ id: "by", title: byTitle(asked.by), by: asked.by, figures: TRIES, bar: "errors" }]
    const [tables, [rows], details] = await Promise.all([
      breakdowns(asked, sources.queries, wantedOf(asked, wanted)),
      sources.queries([timeQuery(asked, CHART)]),
      Promise.all(wantedOf(asked, DETAILS).map(({ build }) => build(asked, sources))),
    ])
    return { tables: [...tables, ...details], charts: rows === undefined ? [] : [timeChart(CHART, rows)], notes: [] }
  },
}

/** From detail rows. */
const DETAILS: readonly {
  readonly id: string
  readonly build: (asked: Asked, sources: Sources) => Promise<Table>
}[] = [
  { id: "fallbacks", build: fallbacks },
  ...FAILURES.map((failure) => ({
    id: failure.id,
    build: (asked: Asked, sources: Sources): Promise<Table> => failureTable(failure, asked, sources),
  })),
  { id: "anomalies", build: anomalies },
]

const MOVES = (places: string): string => `SELECT a.provider || ' / ' || a.model AS from_target,
  b.provider || ' / ' || b.model AS to_target, coalesce(a.error_class, coalesce(a.fallback_reason, '')) AS reason,
  count(*) AS calls, sum(CASE WHEN b.selected = 1 THEN 1 ELSE 0 END) AS served
FROM request_attempts AS a JOIN request_attempts AS b
  ON b.request_id = a.request_id AND b.attempt_index = a.attempt_index + 1
WHERE a.request_id IN (${places}) GROUP BY 1, 2, 3 ORDER BY 4 DESC, 1, 2, 3`

/** From target to target: of the newest calls that were tried more than once. */
async function fallbacks(asked: Asked, { search, rows }: Sources): Promise<Table> {
  const where: Filter[] = [...filtersOf(asked), { measure: "attempts", min: 2 }]
  const { calls, next } = await search({ from: asked.from, to: asked.to, where, sort: "newest", limit: MOST_FOUND })
  const ids = calls.map(({ requestId }) => requestId)
  const details =
    ids.length === 0 ? [] : await rows<Record<string, string | number>>(MOVES(ids.map(() => "?").join(", ")), ids)
  return detailTable(
    {
      id: "fallbacks",
      title: "From target to target",
      columns: [
        columnOf("from_target", "text", "From", "The target that failed."),
        columnOf("to_target", "text", "To", "The target that was tried next."),
        columnOf("reason", "text", "Because of", "Why the first one failed."),
        { ...FIGURES.calls.column, about: "How often calls went this way.", bar: true },
        columnOf("served", "count", "Served", "How often the next target served the call."),
      ],
      empty: "No call was tried more than once in this range that the filters leave.",
      notes: next === null ? [] : [`Of the newest ${ids.length} calls that were tried more than once; there are more.`],
      top: asked.top,
    },
    details ?? [],
  )
}
