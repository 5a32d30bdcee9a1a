/**
 * Takes rows into the cube that were written without it: those from before it was made, and those of routers of earlier
 * versions that went on beside this one for a while. A piece at a time, each in one transaction with how far it came, so
 * that a kill costs at most the piece that was being made.
 */
import { CellBuffer } from "./cells.ts"
import type { CubeConnection } from "./connection.ts"
import { decodeIds, encodeSegments } from "./segment.ts"
import { SMALL } from "./merge.ts"
import { addRows, idAt, rowsBetween, type StoredRow } from "./rows.ts"
import { insertSegment, readBatches, readColumns, segmentsIn } from "./store.ts"

const PIECE = 16_384
/** Routers of earlier versions have gone by then. */
const BESIDE_MS = 86_400_000
/** A call whose row is not there yet has begun after this. */
const LATE_MS = 3_600_000

interface FillRow {
  readonly after_id: string
  readonly done_at: number
}

export interface Filled {
  /** Rows of this piece; those that the cube had already are among them. */
  readonly rows: number
  /** Until when the cube holds all rows now, Unix milliseconds. */
  readonly untilMs: number
  /** No row is left. */
  readonly isDone: boolean
}

/** Calls that the cube does not hold yet began from `from` on and before `to`, Unix milliseconds. */
export interface Gap {
  readonly from: number
  readonly to: number
}

interface FirstRow {
  readonly ts: number
}

/** Where rows from before the cube are not all in it. Null: they are. */
export async function fillGap(connection: CubeConnection): Promise<Gap | null> {
  const left = await leftToFill(connection)
  if (left === null) return null
  const sql = `SELECT ts FROM request_usage WHERE request_id > ?1 AND request_id < ?2 ORDER BY request_id LIMIT 1`
  const [row] = await connection.query<FirstRow>(sql, [left.afterId, left.beforeId])
  return row === undefined ? null : { from: row.ts, to: left.toMs }
}

/** How many rows from before the cube are not in it yet. Counts them one by one. */
export async function countToFill(connection: CubeConnection): Promise<number> {
  const left = await leftToFill(connection)
  if (left === null) return 0
  const sql = `SELECT CAST(count(*) AS DOUBLE PRECISION) AS count FROM request_usage
    WHERE request_id > ?1 AND request_id < ?2`
  const [row] = await connection.query<{ readonly count: number }>(sql, [left.afterId, left.beforeId])
  return row?.count ?? 0
}

async function leftToFill(
  connection: CubeConnection,
): Promise<{ readonly afterId: string; readonly beforeId: string; readonly toMs: number } | null> {
  const [state] = await connection.query<FillRow>("SELECT after_id, done_at FROM usage_cube_fill WHERE id = 1")
  if (state === undefined || state.done_at > 0) return null
  const { atMs, isFirst } = await madeAt(connection)
  return isFirst ? null : { afterId: state.after_id, beforeId: idAt(atMs), toMs: atMs }
}

/** One piece, of at most `most` rows. Null: there was nothing to do, now or any more, or another process does it. */
export async function fillStep(
  connection: CubeConnection,
  nowMs: number,
  most: number = PIECE,
): Promise<Filled | null> {
  const [state] = await connection.query<FillRow>("SELECT after_id, done_at FROM usage_cube_fill WHERE id = 1")
  if (state === undefined || state.done_at > 0) return null
  const made = await madeAt(connection)
  if (made.isFirst) return await advanced(connection, state, { rows: 0, untilMs: nowMs, isDone: true }, [], nowMs)
  const endMs = Math.min(nowMs - LATE_MS, made.atMs + BESIDE_MS)
  const found = await connection.reading(async () => {
    const rows = await rowsBetween(connection, state.after_id, idAt(Math.max(endMs, made.atMs)), most)
    return { rows, missing: await missingOf(connection, rows) }
  })
  const last = found.rows.at(-1)
  const isDone = last === undefined && endMs >= made.atMs + BESIDE_MS
  if (last === undefined && !isDone) return null
  return await advanced(
    connection,
    state,
    { rows: found.rows.length, untilMs: last?.ts ?? nowMs, isDone },
    found.missing,
    nowMs,
    last?.request_id,
  )
}

/** When the cube was made, and whether that was together with the ledger. */
async function madeAt(connection: CubeConnection): Promise<{ readonly atMs: number; readonly isFirst: boolean }> {
  const sql = `SELECT max(CASE WHEN name = 'usage-cube' THEN applied_at END) AS made, min(applied_at) AS began
    FROM schema_migrations`
  const [row] = await connection.query<{ readonly made: number; readonly began: number }>(sql)
  return { atMs: row?.made ?? 0, isFirst: row?.made === row?.began }
}

async function advanced(
  connection: CubeConnection,
  state: FillRow,
  filled: Filled,
  missing: readonly StoredRow[],
  nowMs: number,
  lastId: string = state.after_id,
): Promise<Filled | null> {
  const cells = new CellBuffer(Math.max(1, missing.length))
  addRows(missing, cells)
  const segments = [...encodeSegments(cells, 0)]
  return await connection.writing(async () => {
    const sql = `UPDATE usage_cube_fill SET after_id = ?1, done_at = ?2 WHERE id = 1 AND after_id = ?3 AND done_at = 0
      RETURNING id`
    const moved = await connection.query(sql, [lastId, filled.isDone ? nowMs : 0, state.after_id])
    if (moved.length === 0) return null
    for (const segment of segments) await insertSegment(connection, segment, SMALL)
    return filled
  })
}

/** Those that the cube does not hold. */
async function missingOf(connection: CubeConnection, rows: readonly StoredRow[]): Promise<StoredRow[]> {
  const left = new Map(rows.map((row) => [row.request_id, row]))
  let [first, last] = [Infinity, -Infinity]
  for (const { ts } of rows) {
    first = Math.min(first, ts)
    last = Math.max(last, ts)
  }
  if (rows.length === 0) return []
  const batches = new CellBuffer(4096)
  await readBatches(connection, batches, Infinity, false)
  for (let cell = 0; cell < batches.count; cell += 1) left.delete(batches.idOf(cell))
  for (const { id, cells, folded } of await segmentsIn(connection, first, last + 1)) {
    if (folded === 1) continue
    const ids = (await readColumns(connection, [id], ["ids"])).get(id)?.get("ids")
    if (ids === undefined) continue
    const idOf = decodeIds(ids)
    for (let cell = 0; cell < cells; cell += 1) left.delete(idOf(cell))
  }
  return [...left.values()]
}
