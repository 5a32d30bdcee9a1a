/** What the section `errors` counts of the newest failures: those of providers, and those of requests. */
import { dimensionColumn } from "../breakdown.ts"
import { detailTable, newestNote, newestOf } from "../details.ts"
import { columnOf } from "../figure-makers.ts"
import type { Asked, Column, Sources, Table } from "../section.ts"

export interface Failure {
  readonly id: string
  readonly title: string
  readonly table: string
  readonly kept: readonly string[]
  /** What holds of a row that counts, `d`. */
  readonly condition: string
  /** What rows are told apart by: SQL over what is kept. */
  readonly by: readonly (readonly [sql: string, column: Column])[]
  readonly count: Column
  readonly empty: string
}

const text = (key: string, title: string, about: string): Column => columnOf(key, "text", title, about)
const EVENTS: Column = { ...columnOf("events", "count", "Failures", "How often."), bar: true }

export const FAILURES: readonly Failure[] = [
  {
    id: "upstream_failures",
    title: "Failures of providers",
    table: "request_attempts",
    condition: "d.error_class IS NOT NULL",
    kept: [
      "d.provider AS provider",
      "d.model AS model",
      "d.error_class AS error_class",
      "d.status_code AS status_code",
      "d.upstream_error_code AS upstream_code",
      "d.error_message AS reason",
      "u.caller_user AS user_name",
    ],
    by: [
      ["provider", dimensionColumn("provider")],
      ["model", dimensionColumn("model")],
      ["error_class", text("error_class", "Class", "Of the failure of an attempt.")],
      ["coalesce(CAST(status_code AS TEXT), '')", text("upstream_status", "Status", "Of the provider's answer.")],
      [
        "coalesce(upstream_code, '')",
        text("upstream_code", "Code", "Of the provider's error, where it is a plain word."),
      ],
      ["coalesce(reason, '')", text("reason", "Reason", "In the words of the router.")],
    ],
    count: EVENTS,
    empty: "No attempt at a provider failed in this range that the filters leave.",
  },
  {
    id: "request_failures",
    title: "Requests that were wrong",
    table: "request_errors",
    condition: "d.blame = 'caller'",
    kept: ["d.code AS code", "d.param AS param", "u.client AS client", "u.caller_user AS user_name"],
    by: [
      ["code", dimensionColumn("error")],
      ["coalesce(param, '')", text("param", "Where", "The place in the request that the error is about.")],
      ["client", dimensionColumn("client")],
    ],
    count: EVENTS,
    empty: "No request was refused because of what stood in it, in this range that the filters leave.",
  },
]

const USERS = columnOf("users", "count", "Users", "How many users it met.")

export async function failureTable(
  { id, title, table, kept, condition, by, count, empty }: Failure,
  asked: Asked,
  { rows }: Pick<Sources, "rows">,
): Promise<Table> {
  const newest = newestOf(asked, table, kept, condition)
  const keys = by.map(([sql, { key }]) => `${sql} AS "${key}"`)
  const places = by.map((_, index) => index + 1).join(", ")
  const sql = `SELECT ${keys.join(", ")}, count(*) AS "${count.key}", count(DISTINCT user_name) AS users
    FROM ${newest.sql} AS e GROUP BY ${places} ORDER BY ${by.length + 1} DESC, ${places}`
  const found = await rows<Record<string, string | number | null>>(sql, newest.parameters)
  const columns = [...by.map(([, column]) => column), count, USERS]
  const notes = [newestNote(asked, "rows", true)]
  return detailTable({ id, title, columns, empty, notes, top: asked.top }, found ?? [])
}
