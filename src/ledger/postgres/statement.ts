/**
 * One statement writes all rows of a group of calls, and the sums over them: one round trip, one transaction, nothing
 * held between statements by a process that dies. The rows travel as JSON, one text for each table: the cheapest to make.
 */
import { type Columns, type StoredKind, storedKind } from "../column.ts"
import { CellBatch } from "../cube/batch.ts"
import type { CallRecord } from "../record.ts"
import { STORED_STATE_CONFLICT } from "../stored-state.ts"
import { CHILDREN, STORED, TABLES, USAGE } from "../tables.ts"

const TYPES = {
  text: "text",
  integer: "bigint",
  real: "double precision",
  milliseconds: "double precision",
  bytes: "bytea",
} as const

type Row = Readonly<Record<string, unknown>>

const LARGEST = "9223372036854775807"
const HOUR_MS = 3_600_000

/** Only what was not there before gets children and is summed: writing again changes nothing. */
export const WRITE_CALLS: string = `WITH calls AS (
  INSERT INTO request_usage (${namesIn(USAGE.columns)}) SELECT ${valuesIn(USAGE.columns)} FROM ${rowsIn(USAGE.columns, 1)}
  ON CONFLICT DO NOTHING RETURNING *
), ${CHILDREN.map(
  ({ name, columns }, index) => `${name}_written AS (
  INSERT INTO ${name} (${namesIn(columns)}) SELECT ${valuesIn(columns)} FROM ${rowsIn(columns, index + 2)}
  WHERE EXISTS (SELECT FROM calls WHERE calls.request_id = given.request_id) ON CONFLICT DO NOTHING
)`,
).join(", ")}, ${storedState(CHILDREN.length + 2)}, booked AS (
  DELETE FROM background_responses AS waiting USING calls WHERE waiting.request_id = calls.books_request_id
), ${hourlySums()}, ${cubeBatch(CHILDREN.length + 3)}
SELECT count(*) AS written FROM calls`

/** For `WRITE_CALLS`. Throws where a row holds what JSON cannot say. */
export function parametersOf(calls: readonly CallRecord[]): string[] {
  const children = CHILDREN.map(({ rowsOf }) => {
    const rows: Row[] = []
    for (const call of calls) {
      const { request_id } = call.usage
      for (const row of rowsOf(call)) rows.push({ request_id, ...row })
    }
    return rows.length === 0 ? "[]" : JSON.stringify(rows)
  })
  const stored = calls.flatMap((call) => call.stored ?? [])
  return [JSON.stringify(calls.map(({ usage }) => usage)), ...children, JSON.stringify(stored)]
}

/** The same with every value made acceptable: numbers that no column holds become null, texts lose what is no text. */
export function mendedParameters(parameters: readonly string[]): string[] {
  return parameters.map((text, index) => {
    const rows = JSON.parse(text) as readonly Row[]
    return JSON.stringify(rows.map((row) => mended(row, TABLES[index]?.columns ?? {})))
  })
}

function mended(row: Row, columns: Columns): Row {
  return Object.fromEntries(
    Object.entries(columns).map(([name, column]) => [name, mendedValue(row[name], storedKind(column))]),
  )
}

function mendedValue(value: unknown, kind: StoredKind): unknown {
  if (typeof value === "string") return kind === "text" ? value.replaceAll("\0", "\u{FFFD}").toWellFormed() : null
  if (typeof value !== "number" || kind === "real") return value ?? null
  const whole = kind === "milliseconds" ? Math.round(value) : value
  return Number.isSafeInteger(whole) ? whole : null
}

function namesIn(columns: Columns): string {
  return Object.keys(columns).join(", ")
}

/** Durations are rounded as JavaScript rounds them: the cube has the same whole milliseconds. */
function valuesIn(columns: Columns): string {
  return Object.entries(columns)
    .map(([name, column]) =>
      storedKind(column) === "milliseconds" ? `floor(given.${name} + 0.5)::bigint` : `given.${name}`,
    )
    .join(", ")
}

function rowsIn(columns: Columns, parameter: number): string {
  const typed = Object.entries(columns).map(([name, column]) => `${name} ${TYPES[storedKind(column)]}`)
  // as text, because a parameter of type json would be encoded once more
  return `json_to_recordset($${parameter}::text::json) AS given (${typed.join(", ")})`
}

/** Of several calls that hand out one id, the newest counts: a statement may touch a row only once. */
function storedState(parameter: number): string {
  return `stored AS (
  INSERT INTO stored_state (${namesIn(STORED.columns)})
  SELECT DISTINCT ON (given.id_sha256) ${valuesIn(STORED.columns)} FROM ${rowsIn(STORED.columns, parameter)}
  WHERE EXISTS (SELECT FROM calls WHERE calls.request_id = given.request_id)
  ORDER BY given.id_sha256, given.request_id DESC ${STORED_STATE_CONFLICT}
)`
}

/** Used again for each group. */
const BATCH = new CellBatch()

/** For `WRITE_CALLS`, behind `parametersOf`: the cells of all calls, and how many they are. */
export function cubeParameters(calls: readonly CallRecord[]): [data: Uint8Array, cells: number] {
  BATCH.clear()
  for (const { usage, error } of calls) BATCH.add(usage, error?.blame ?? null)
  return [BATCH.encoded(), BATCH.count]
}

/** Where some calls were there before, the ids of the others say which cells count. */
function cubeBatch(parameter: number): string {
  const cells = `$${parameter + 1}::bigint`
  return `cube AS (
  INSERT INTO usage_cube_batches (cells, kept, data)
  SELECT ${cells}, CASE WHEN count(*) = ${cells} THEN NULL ELSE string_agg(request_id, ' ') END, $${parameter}::bytea
  FROM calls HAVING count(*) > 0
)`
}

/** A sum that would not fit stays at the largest that does. */
function sum(column: string): string {
  return `least(coalesce(sum(greatest(${column}, 0)), 0), ${LARGEST})::bigint`
}

/** What limits count, in rows of earlier versions the totals; what was counted too much is taken off again. */
function signedSum(column: string, total: string): string {
  const sums = `coalesce(sum(coalesce(${column}, greatest(${total}, 0))), 0)`
  return `least(greatest(${sums}, -${LARGEST}), ${LARGEST})::bigint`
}

/** The same figures as `HourlyFigures`. In the order of the key, so that two routers never wait for each other. */
function hourlySums(): string {
  const figures: Readonly<Record<string, string>> = {
    requests: "count(*) FILTER (WHERE books_request_id IS NULL)",
    errors: "count(*) FILTER (WHERE books_request_id IS NULL AND (error IS NOT NULL OR status >= 400))",
    input_tokens: sum("input_tokens"),
    cached_input_tokens: sum("cached_input_tokens"),
    output_tokens: sum("output_tokens"),
    reasoning_tokens: sum("reasoning_tokens"),
    total_tokens: sum("total_tokens"),
    cost_nano_usd: sum("total_cost_nano_usd"),
    cost_unknown_requests: `count(*) FILTER (WHERE cost_unknown_reason IS NOT NULL AND books_request_id IS NULL)
      - count(*) FILTER (WHERE cost_unknown_reason IS NULL AND books_request_id IS NOT NULL)`,
    sent_requests: "count(*) FILTER (WHERE attempts > 0 AND books_request_id IS NULL)",
    limit_tokens: signedSum("limit_tokens", "total_tokens"),
    limit_nano_usd: signedSum("limit_nano_usd", "total_cost_nano_usd"),
  }
  const added = Object.keys(figures).map(
    (name) => `${name} = least(old.${name}::numeric + excluded.${name}, ${LARGEST})`,
  )
  return `sums AS (
  INSERT INTO usage_rollup_hourly AS old (hour, caller_id, resolved_group, caller_project, ${Object.keys(figures).join(", ")})
  SELECT ts / ${HOUR_MS} AS hour, caller_id, resolved_group, caller_project, ${Object.values(figures).join(", ")}
  FROM calls GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
  ON CONFLICT (hour, caller_id, resolved_group, caller_project) DO UPDATE SET ${added.join(", ")}
)`
}
