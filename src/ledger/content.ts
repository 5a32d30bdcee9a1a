/** Content of calls in the usage database: sealed rows, the data keys that sealed them, and who asked for them. */
import { heldSql } from "./retention/holds.ts"
import type { LedgerDatabase, Scalar } from "./database.ts"
import type { RowOf } from "./column.ts"
import type { DatabaseFailure } from "./failure.ts"
import { CONTENT_DATA_KEYS, REQUEST_CONTENT_AUDIT_EVENTS, REQUEST_CONTENT_CAPTURES } from "./tables/content.ts"

export type ContentRow = RowOf<typeof REQUEST_CONTENT_CAPTURES>
export type DataKeyRow = RowOf<typeof CONTENT_DATA_KEYS>
export type ContentAudit = RowOf<typeof REQUEST_CONTENT_AUDIT_EVENTS>
/** Project and environment; null: all of them. */
export type ContentScope = { readonly project: string; readonly environment: string } | null

/** All of it rejects with what the database throws; `failureOf` says what that means. */
export interface ContentStore {
  /** All rows or none. Rows that are there already stay as they are. */
  insert(rows: readonly ContentRow[]): Promise<void>
  /** Of a call, in the order of parts and pieces. */
  of(requestId: string): Promise<readonly ContentRow[]>
  /** How many rows went: none where a legal hold keeps them. */
  remove(requestId: string): Promise<number>
  /** Does a legal hold keep the content of a call? */
  isHeld(requestId: string): Promise<boolean>
  /** Takes away some of what has expired and no legal hold keeps; how many rows went. */
  removeExpired(nowMs: number, scope: ContentScope): Promise<number>
  /** Takes away keys of days before all that is stored. */
  removeKeys(today: string): Promise<void>
  dataKey(day: string, localKeyId: string): Promise<DataKeyRow | null>
  /** Of any day; null: nothing was stored under this label. */
  lastPrint(localKeyId: string): Promise<string | null>
  /** Another process may have been quicker: then its key stays. */
  addDataKey(row: DataKeyRow): Promise<void>
  /** Resolves when it is written. */
  audit(event: ContentAudit): Promise<void>
  failureOf(error: unknown): DatabaseFailure
}

const COLUMNS = Object.keys(REQUEST_CONTENT_CAPTURES) as readonly (keyof ContentRow)[]
const NAMES = COLUMNS.join(", ")
const PLACES = `(${COLUMNS.map(() => "?").join(",")})`
const KEY_COLUMNS = Object.keys(CONTENT_DATA_KEYS) as readonly (keyof DataKeyRow)[]
const AUDIT_COLUMNS = Object.keys(REQUEST_CONTENT_AUDIT_EVENTS) as readonly (keyof ContentAudit)[]
/** Of up to 256 KiB each: small enough that calls do not wait for them. */
const REMOVED_AT_ONCE = 32
const HELD = heldSql({ name: "request_content_captures", key: "request_id", prefix: "req" }, "kept", "content_capture")
const HELD_OF_CALL = `SELECT 1 AS held FROM request_content_captures AS kept WHERE request_id = ?1 AND ${HELD} LIMIT 1`
const REMOVE_CALL = `DELETE FROM request_content_captures AS kept WHERE request_id = ?1 AND NOT ${HELD} RETURNING piece`

export function contentStore(database: Pick<LedgerDatabase, "query" | "failureOf">): ContentStore {
  const query = async <Row>(sql: string, parameters: readonly Scalar[]): Promise<Row[]> =>
    database.query<Row>(sql, parameters)
  const insert = async <Row>(table: string, columns: readonly (keyof Row & string)[], row: Row): Promise<void> => {
    const sql = `INSERT INTO ${table} (${columns.join(", ")}) VALUES (${columns.map(() => "?").join(",")})
      ON CONFLICT DO NOTHING RETURNING ${columns[0]}`
    await query(
      sql,
      columns.map((name) => row[name] as Scalar),
    )
  }
  return {
    insert: async (rows) => {
      const sql = `INSERT INTO request_content_captures (${NAMES}) VALUES ${rows.map(() => PLACES).join(",")}
        ON CONFLICT DO NOTHING RETURNING piece`
      await query(
        sql,
        rows.flatMap((row) => COLUMNS.map((name) => row[name])),
      )
    },
    of: (requestId) =>
      query<ContentRow>(`SELECT ${NAMES} FROM request_content_captures WHERE request_id = ?1 ORDER BY part, piece`, [
        requestId,
      ]),
    remove: async (requestId) => (await query(REMOVE_CALL, [requestId])).length,
    isHeld: async (requestId) => (await query(HELD_OF_CALL, [requestId])).length > 0,
    removeExpired: async (nowMs, scope) => {
      const any = "SELECT 1 AS one FROM request_content_captures WHERE retention_until <= ?1 LIMIT 1"
      // most of the time there is none, and nothing has to be locked to see that
      if ((await query(any, [nowMs])).length === 0) return 0
      const seen = scope === null ? "" : "AND caller_project = ?2 AND caller_environment = ?3"
      const oldest = `SELECT request_id, part, piece FROM request_content_captures AS kept
        WHERE retention_until <= ?1 ${seen} AND NOT ${HELD} ORDER BY retention_until LIMIT ${REMOVED_AT_ONCE}`
      const sql = `DELETE FROM request_content_captures WHERE (request_id, part, piece) IN (${oldest}) RETURNING piece`
      return (await query(sql, scope === null ? [nowMs] : [nowMs, scope.project, scope.environment])).length
    },
    removeKeys: async (today) => {
      const [oldest] = await query<{ readonly day: string }>(
        "SELECT day FROM request_content_captures ORDER BY request_id LIMIT 1",
        [],
      )
      // ids of calls grow with time, and what is sealed now has the day of its sealing or the one before it
      const before = dayBefore(oldest === undefined || oldest.day > today ? today : oldest.day)
      await query("DELETE FROM content_data_keys WHERE day < ?1 RETURNING day", [before])
    },
    dataKey: async (day, localKeyId) => {
      const sql = `SELECT ${KEY_COLUMNS.join(", ")} FROM content_data_keys WHERE day = ?1 AND local_key_id = ?2`
      const [row] = await query<DataKeyRow>(sql, [day, localKeyId])
      return row ?? null
    },
    lastPrint: async (localKeyId) => {
      const sql = "SELECT key_print FROM content_data_keys WHERE local_key_id = ?1 ORDER BY day DESC LIMIT 1"
      const [row] = await query<{ readonly key_print: string }>(sql, [localKeyId])
      return row?.key_print ?? null
    },
    addDataKey: (row) => insert("content_data_keys", KEY_COLUMNS, row),
    audit: (event) => insert("request_content_audit_events", AUDIT_COLUMNS, event),
    failureOf: (error) => database.failureOf(error),
  }
}

const DAY_MS = 86_400_000

function dayBefore(day: string): string {
  return new Date(Date.parse(day) - DAY_MS).toISOString().slice(0, 10)
}
