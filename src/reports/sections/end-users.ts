/** Whom clients served, as they say in their requests: from detail rows, because the cube does not tell them apart. */
import { callsWhere, detailTable, idsBetween, MOST_FILTERED } from "../details.ts"
import { FIGURES } from "../figure-columns.ts"
import { columnOf } from "../figure-makers.ts"
import type { Asked, Column, Sources, Table } from "../section.ts"

const COLUMNS: readonly Column[] = [
  {
    ...columnOf("end_user", "text", "End user", "Whom the client served, as a hash that only this installation makes."),
    isWhole: true,
  },
  { ...FIGURES.calls.column, bar: true },
  FIGURES.errors.column,
  FIGURES.input_tokens.column,
  FIGURES.output_tokens.column,
  FIGURES.total_tokens.column,
  FIGURES.cost_usd.column,
  FIGURES.unknown_cost_calls.column,
]

const sum = (sql: string): string => `CAST(coalesce(sum(${sql}), 0) AS BIGINT)`

export async function endUsers(asked: Asked, { rows }: Pick<Sources, "rows">): Promise<Table> {
  const range = idsBetween("request_id", asked)
  const where = callsWhere(asked)
  const sql = `SELECT u.end_user AS end_user, count(*) AS calls, ${sum("CASE WHEN u.error IS NULL THEN 0 ELSE 1 END")} AS errors,
      ${sum("u.input_tokens")} AS input_tokens, ${sum("u.output_tokens")} AS output_tokens, ${sum("u.total_tokens")} AS total_tokens,
      ${sum("u.total_cost_nano_usd")} AS cost_usd,
      ${sum("CASE WHEN u.cost_unknown_reason IS NULL THEN 0 ELSE 1 END")} AS unknown_cost_calls
    FROM (SELECT * FROM request_usage WHERE ${range.sql} ORDER BY request_id DESC LIMIT ${MOST_FILTERED}) AS u
    WHERE u.end_user IS NOT NULL AND u.books_request_id IS NULL${where.sql}
    GROUP BY u.end_user ORDER BY cost_usd DESC, calls DESC, u.end_user LIMIT ${asked.top + 1}`
  const found = await rows<Record<string, string | number | null>>(sql, [...range.parameters, ...where.parameters])
  const hasMore = (found?.length ?? 0) > asked.top
  return detailTable(
    {
      id: "by_end_user",
      title: "By end user",
      columns: COLUMNS,
      empty: "No client says whom it serves: user or safety_identifier of a request, metadata.user_id of Messages.",
      notes: [
        `Of the newest ${MOST_FILTERED} calls of the range.`,
        ...(hasMore ? ["There are more end users than these."] : []),
      ],
      top: asked.top,
    },
    (found ?? []).slice(0, asked.top),
  )
}
