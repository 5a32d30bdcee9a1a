/** Which rows are gone, by class: what reads rows says so, and what the cube holds of them may be folded. */
import { SLOT_MS, slotOf } from "../cube/fold.ts"
import type { Scalar } from "../database.ts"
import { CALLS_TABLE, type DataClass, timeOf } from "./classes.ts"

interface Queries {
  query<Row>(sql: string, parameters?: readonly Scalar[]): Row[] | Promise<Row[]>
}

export interface Mark {
  readonly data_class: DataClass
  readonly gone_before_at: number
  readonly recounted_before_at: number
}

export const MARKS = "SELECT data_class, gone_before_at, recounted_before_at FROM retention_marks"

export async function marksOf(connection: Queries): Promise<ReadonlyMap<DataClass, Mark>> {
  const rows = await connection.query<Mark>(MARKS, [])
  return new Map(rows.map((row) => [row.data_class, row]))
}

/** Why there is no call of that id, in a sentence; the same for a call that may not be seen. */
export async function whyNoCall(connection: Queries, id: string): Promise<string> {
  const none = "There is no such call"
  try {
    const goneMs = (await marksOf(connection)).get("usage_detail")?.gone_before_at ?? 0
    if (timeOf(id) >= goneMs) return `${none}.`
    return `${none}, or it is gone: rows of calls from before ${new Date(goneMs).toISOString()} were deleted by retention.`
  } catch {
    // the ledger is older than retention
    return `${none}.`
  }
}

/** Moves a mark on, in the transaction of what it tells. */
export async function moveMark(
  connection: Queries,
  dataClass: DataClass,
  { goneMs = 0, recountedMs = 0 }: { readonly goneMs?: number; readonly recountedMs?: number },
): Promise<void> {
  const sql = `INSERT INTO retention_marks (data_class, gone_before_at, recounted_before_at) VALUES (?1, ?2, ?3)
    ON CONFLICT (data_class) DO UPDATE SET
      gone_before_at = CASE WHEN excluded.gone_before_at > retention_marks.gone_before_at
        THEN excluded.gone_before_at ELSE retention_marks.gone_before_at END,
      recounted_before_at = CASE WHEN excluded.recounted_before_at > retention_marks.recounted_before_at
        THEN excluded.recounted_before_at ELSE retention_marks.recounted_before_at END`
  await connection.query(sql, [dataClass, goneMs, recountedMs])
}

/** Ids begin with the time of their call; its row may have another one that is a little earlier or later. */
export const SLACK_MS = 60_000

/** The first quarter of an hour that lacks no row of calls from this time on: nothing before it can be recounted. */
export function slotBehind(goneMs: number): number {
  return slotOf(goneMs + SLACK_MS + SLOT_MS)
}

/**
 * The cube may be folded before this, Unix milliseconds: no row of a call from before is there, not even one that is held.
 * Null: nothing was deleted.
 */
export async function foldTime(connection: Queries): Promise<number | null> {
  const mark = (await marksOf(connection)).get("usage_detail")?.gone_before_at ?? 0
  if (mark === 0) return null
  const sql = `SELECT request_id AS id FROM ${CALLS_TABLE} ORDER BY request_id LIMIT 1`
  const [oldest] = await connection.query<{ readonly id: string }>(sql, [])
  return Math.min(mark, oldest === undefined ? mark : timeOf(oldest.id)) - SLACK_MS
}
