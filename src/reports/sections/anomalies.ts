/** Single calls that need a look, by fixed rules. */
import { dimensionColumn } from "../breakdown.ts"
import { callsWhere, detailTable, idsBetween, MOST_FILTERED } from "../details.ts"
import { FIGURES } from "../figure-columns.ts"
import { columnOf } from "../figure-makers.ts"
import type { Asked, Column, Sources, Table } from "../section.ts"

const SLOW_MS = 60_000
const DEAR_NANO_USD = 1_000_000_000

/** What is found, and when; a caller whose quotas and key are as usual is none. */
const RULES: readonly (readonly [finding: string, condition: string])[] = [
  ["error", "u.error IS NOT NULL"],
  ["fallback", "u.attempts > 1"],
  ["slow", `u.latency_ms >= ${SLOW_MS}`],
  ["expensive", `coalesce(u.total_cost_nano_usd, 0) >= ${DEAR_NANO_USD}`],
  ["quota", "coalesce(u.quota_state, 'ok') <> 'ok'"],
  ["key", "coalesce(u.key_state, 'ok') <> 'ok'"],
]

const COLUMNS: readonly Column[] = [
  columnOf("ts", "time", "Time", "When the call came."),
  { ...columnOf("request_id", "text", "Call", "The id of the call (X-Request-Id)."), isWhole: true },
  columnOf("findings", "text", "What", "error, fallback, slow, expensive, quota or key: the rules that it met."),
  ...(["status", "error"] as const).map(dimensionColumn),
  columnOf("latency_ms", "ms", "Latency", "From its first byte to its last."),
  { ...FIGURES.cost_usd.column, about: "The stored cost; empty where it is not known." },
  { ...FIGURES.attempts.column },
  ...(["caller", "group"] as const).map(dimensionColumn),
]

/** The newest calls that meet a rule, of the newest `MOST_FILTERED` of the range. */
export async function anomalies(asked: Asked, { rows }: Pick<Sources, "rows">): Promise<Table> {
  const range = idsBetween("request_id", asked)
  const where = callsWhere(asked)
  const findings = RULES.map(([finding, condition]) => `CASE WHEN ${condition} THEN ' ${finding}' ELSE '' END`)
  const sql = `SELECT u.ts AS ts, u.request_id AS request_id, trim(${findings.join(" || ")}) AS findings, u.status AS status,
      coalesce(u.error, '') AS error, u.latency_ms AS latency_ms,
      CASE WHEN u.cost_unknown_reason IS NULL THEN coalesce(u.total_cost_nano_usd, 0) END AS cost_usd,
      u.attempts AS attempts, u.caller_id AS caller, u.resolved_group AS "group"
    FROM (SELECT * FROM request_usage WHERE ${range.sql} ORDER BY request_id DESC LIMIT ${MOST_FILTERED}) AS u
    WHERE u.books_request_id IS NULL AND (${RULES.map(([, condition]) => condition).join(" OR ")})${where.sql}
    ORDER BY u.request_id DESC LIMIT ${asked.top + 1}`
  const found = await rows<Record<string, string | number | null>>(sql, [...range.parameters, ...where.parameters])
  const hasMore = (found?.length ?? 0) > asked.top
  return {
    ...detailTable(
      {
        id: "anomalies",
        title: "Calls that need a look",
        columns: COLUMNS,
        empty: "No call failed, went on to another target, was slow or dear, or met the end of a quota.",
        notes: [
          `Slow are ${SLOW_MS / 1000} seconds, expensive is one USD; the newest ${MOST_FILTERED} calls of the range are looked at.`,
          ...(hasMore ? ["There are more than these."] : []),
        ],
        top: asked.top,
      },
      (found ?? []).slice(0, asked.top),
    ),
  }
}
