import { dimensionColumn } from "../breakdown.ts"
import { callList } from "../call-list.ts"
import { detailTable } from "../details.ts"
import { FIGURES } from "../figure-columns.ts"
import { columnOf } from "../figure-makers.ts"
import { goneNote } from "../gone.ts"
import type { Column, SectionDefinition } from "../section.ts"

const COLUMNS: readonly Column[] = [
  columnOf("ts", "time", "Time", "When the call came."),
  { ...columnOf("request_id", "text", "Call", "The id of the call (X-Request-Id)."), isWhole: true },
  ...(["status", "error"] as const).map(dimensionColumn),
  columnOf("latency_ms", "ms", "Latency", "From its first byte to its last."),
  { ...FIGURES.cost_usd.column, about: "The stored cost; empty where it is not known." },
  ...(["caller", "group", "model", "provider", "project", "client"] as const).map(dimensionColumn),
  { ...FIGURES.attempts.column, about: "Tries at targets." },
  columnOf("ttfb_ms", "ms", "First content", "Time to first content."),
  { ...FIGURES.input_tokens.column },
  { ...FIGURES.output_tokens.column },
]

const CALLS_SQL = (places: string): string => `SELECT ts, request_id, caller_project AS project, caller_id AS caller,
  resolved_group AS "group", coalesce(target_provider, '') AS provider, coalesce(target_model, '') AS model, client, status,
  coalesce(error, '') AS error, attempts, latency_ms, ttfb_ms, input_tokens, output_tokens,
  CASE WHEN cost_unknown_reason IS NULL THEN coalesce(total_cost_nano_usd, 0) END AS cost_usd
FROM request_usage WHERE request_id IN (${places})`

type CallRow = Readonly<Record<string, string | number | null>>

/** The section `calls`: single calls, a page at a time. */
export const CALLS: SectionDefinition = {
  id: "calls",
  title: "Calls",
  about: "Single calls, found by any filter: the newest, the oldest, the dearest or the slowest first, or by status.",
  takesBy: false,
  build: async (asked, { search, queries, rows }) => {
    const { top: limit } = asked
    const found = await callList(asked, { search, queries })
    const ids = found.calls.map(({ requestId }) => requestId)
    const details = ids.length === 0 ? [] : ((await rows<CallRow>(CALLS_SQL(ids.map(() => "?").join(", ")), ids)) ?? [])
    const byId = new Map(details.map((row) => [row["request_id"], row]))
    const shape = { id: "calls", title: "Calls", columns: COLUMNS, notes: [], top: limit }
    const empty = "No call was made in this range that the filters leave."
    return {
      tables: [
        detailTable(
          { ...shape, empty },
          ids.flatMap((id): CallRow[] => {
            const row = byId.get(id)
            return row === undefined ? [] : [row]
          }),
        ),
      ],
      charts: [],
      notes: [
        ...(found.next === null ? [] : ["There are more calls than these."]),
        ...(found.goneBefore === undefined ? [] : [goneNote("usage_detail", found.goneBefore)]),
      ],
      next: found.next,
    }
  },
}
