/** Legal holds: rows that no run deletes, by class, and there by call and time. Each change leaves an audit row. */
import type { CubeConnection } from "../cube/connection.ts"
import type { RowOf } from "../column.ts"
import type { LEGAL_HOLDS } from "../tables/retention.ts"
import { type DataClass, hexOf, idFrom, type RetainedTable } from "./classes.ts"

export type LegalHold = RowOf<typeof LEGAL_HOLDS>

export interface WantedHold {
  readonly dataClass: DataClass
  /** Null: rows of all calls. */
  readonly requestId: string | null
  /** Unix milliseconds; null: no bound. `toMs` is outside. */
  readonly fromMs: number | null
  readonly toMs: number | null
  readonly reason: string
}

export interface HoldTools {
  readonly connection: CubeConnection
  readonly nowMs: number
  readonly actor: string
  /** 20 hexadecimal digits. */
  readonly random: string
  /** Resolves later. */
  readonly pause: (ms: number) => Promise<void>
}

/** Behind every digit of an id. */
const END = "g"
const TRIES = 100
const TRY_MS = 50

/** The id of the hold. No batch of a run is at work at that moment: from here on nothing that is held is deleted. */
export async function placeHold(wanted: WantedHold, tools: HoldTools): Promise<string> {
  const { connection, nowMs, actor } = tools
  const { dataClass, requestId, fromMs, toMs, reason } = wanted
  const id = `hold_${hexOf(nowMs)}${tools.random}`
  await insist(tools, async () => {
    const sql = `INSERT INTO legal_holds (hold_id, data_class, request_id, from_at, to_at, ids_from, ids_to, reason,
      placed_at, placed_by) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
    const ids = [fromMs === null ? "" : hexOf(fromMs), toMs === null ? END : hexOf(toMs)]
    await connection.query(sql, [id, dataClass, requestId ?? "", fromMs, toMs, ...ids, reason, nowMs, actor])
    await audit(tools, id, "placed", reason)
    return true
  })
  return id
}

/** False: there is no such hold, or it was released before. */
export async function releaseHold(id: string, reason: string, tools: HoldTools): Promise<boolean> {
  const { connection, nowMs, actor } = tools
  return await insist(tools, async () => {
    const sql = `UPDATE legal_holds SET released_at = ?1, released_by = ?2 WHERE hold_id = ?3 AND released_at IS NULL
      RETURNING hold_id`
    if ((await connection.query(sql, [nowMs, actor, id])).length === 0) return false
    await audit(tools, id, "released", reason)
    return true
  })
}

/** Those in force, the oldest first. */
export const HOLDS_IN_FORCE = "SELECT * FROM legal_holds WHERE released_at IS NULL ORDER BY hold_id"

/** Is a hold of that class in force? Where none is, rows need not be asked one by one. */
export async function hasHolds(connection: CubeConnection, dataClass: DataClass): Promise<boolean> {
  const sql = "SELECT 1 AS found FROM legal_holds WHERE data_class = ?1 AND released_at IS NULL LIMIT 1"
  return (await connection.query(sql, [dataClass])).length > 0
}

/** SQL: does a hold keep the row `alias` of the table? */
export function heldSql({ key, prefix }: RetainedTable, alias: string, dataClass: DataClass): string {
  const hold = `SELECT 1 FROM legal_holds AS hold WHERE hold.data_class = '${dataClass}' AND hold.released_at IS NULL
    AND ${alias}.${key} >= '${prefix}_' || hold.ids_from AND ${alias}.${key} < '${prefix}_' || hold.ids_to`
  return `(EXISTS (${hold} AND hold.request_id = '')
    OR EXISTS (${hold} AND hold.request_id = ${alias}.request_id AND hold.request_id <> ''))`
}

/** Is a time inside of what is held? For a hold on one call: a range that excludes it would hold nothing. */
export function isInside(requestId: string, fromMs: number | null, toMs: number | null): boolean {
  return (fromMs === null || requestId >= idFrom("req", fromMs)) && (toMs === null || requestId < idFrom("req", toMs))
}

async function audit(tools: HoldTools, holdId: string, action: "placed" | "released", reason: string): Promise<void> {
  const { connection, nowMs, actor, random } = tools
  const sql =
    "INSERT INTO legal_hold_audit_events (event_id, ts, hold_id, action, actor, reason) VALUES (?, ?, ?, ?, ?, ?)"
  await connection.query(sql, [`hev_${hexOf(nowMs)}${random}`, nowMs, holdId, action, actor, reason])
}

async function insist<Result>({ connection, pause }: HoldTools, work: () => Promise<Result>): Promise<Result> {
  for (let tries = 0; tries < TRIES; tries += 1) {
    const result = await connection.writing(work)
    if (result !== null) return result
    await pause(TRY_MS)
  }
  throw new Error("another process changes the ledger all the time: try again")
}
