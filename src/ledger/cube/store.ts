/** The cube's rows in the database. */
import { readBatch } from "./batch.ts"
import type { CellBuffer } from "./cells.ts"
import type { CubeConnection } from "./connection.ts"
import { type ColumnName, decodeSegment, type EncodedSegment, SEGMENT_VERSION, type SegmentHead } from "./segment.ts"

export interface StoredSegment extends SegmentHead {
  readonly id: number
  readonly level: number
}

interface BatchRow {
  readonly id: number
  readonly cells: number
  readonly kept: string | null
  readonly data: Uint8Array
}

interface SegmentRow {
  readonly id: number
  readonly version: number
  readonly level: number
  readonly folded: 0 | 1
  readonly first_ms: number
  readonly last_ms: number
  readonly cells: number
  readonly most_nano_usd: number
  readonly most_latency_ms: number
}

const BATCHES_OF_A_READ = 256

/**
 * Adds the cells of batches to `cells`, the oldest first, until there are about `most`; without the newest batch where
 * `leavesNewest`. Returns their ids.
 */
export async function readBatches(
  connection: CubeConnection,
  cells: CellBuffer,
  most: number,
  leavesNewest: boolean,
): Promise<number[]> {
  const ids: number[] = []
  const last = leavesNewest ? "(SELECT max(id) FROM usage_cube_batches)" : "9007199254740991"
  const sql = `SELECT id, cells, kept, data FROM usage_cube_batches WHERE id > ?1 AND id < ${last}
    ORDER BY id LIMIT ${BATCHES_OF_A_READ}`
  for (;;) {
    const rows = await connection.query<BatchRow>(sql, [ids.at(-1) ?? 0])
    for (const { id, kept, data } of rows) {
      readBatch(data, kept, cells)
      ids.push(id)
      if (cells.count >= most) return ids
    }
    if (rows.length < BATCHES_OF_A_READ) return ids
  }
}

/** How many batches there are, and how many cells in them at most. */
export async function batchCounts(
  connection: CubeConnection,
): Promise<{ readonly batches: number; readonly cells: number }> {
  const sql = `SELECT count(*) AS batches, CAST(coalesce(sum(CAST(cells AS DOUBLE PRECISION)), 0) AS DOUBLE PRECISION) AS cells
    FROM usage_cube_batches`
  const [row] = await connection.query<{ readonly batches: number; readonly cells: number }>(sql)
  return row ?? { batches: 0, cells: 0 }
}

const SEGMENT_COLUMNS = "id, version, level, folded, first_ms, last_ms, cells, most_nano_usd, most_latency_ms"

/** Those with a cell in a range of time, Unix milliseconds, `to` not included; the newest first. */
export async function segmentsIn(connection: CubeConnection, from: number, to: number): Promise<StoredSegment[]> {
  const sql = `SELECT ${SEGMENT_COLUMNS} FROM usage_cube_segments WHERE last_ms >= ?1 AND first_ms < ?2
    ORDER BY last_ms DESC, id DESC`
  return (await connection.query<SegmentRow>(sql, [from, to])).map(storedSegment)
}

export async function segmentsOfLevel(connection: CubeConnection, level: number): Promise<StoredSegment[]> {
  const sql = `SELECT ${SEGMENT_COLUMNS} FROM usage_cube_segments WHERE level = ?1 ORDER BY id`
  return (await connection.query<SegmentRow>(sql, [level])).map(storedSegment)
}

/** @throws Error where a newer binary has merged */
function storedSegment(row: SegmentRow): StoredSegment {
  if (row.version !== SEGMENT_VERSION)
    throw new Error(`a segment of the cube has version ${row.version}, which is not known here: use the newer binary`)
  return {
    id: row.id,
    level: row.level,
    folded: row.folded,
    firstMs: row.first_ms,
    lastMs: row.last_ms,
    cells: row.cells,
    mostNanoUsd: row.most_nano_usd,
    mostLatencyMs: row.most_latency_ms,
  }
}

function places(count: number, from: number): string {
  return Array.from({ length: count }, (_, index) => `?${from + index}`).join(", ")
}

/** The named columns of segments, by segment and name; null: all columns. */
export async function readColumns(
  connection: CubeConnection,
  segments: readonly number[],
  names: readonly ColumnName[] | null,
): Promise<Map<number, Map<string, Uint8Array>>> {
  const found = new Map<number, Map<string, Uint8Array>>(segments.map((id) => [id, new Map()]))
  if (segments.length === 0 || names?.length === 0) return found
  const named = names === null ? "" : ` AND name IN (${names.map((name) => `'${name}'`).join(", ")})`
  const sql = `SELECT CAST(segment_id AS BIGINT), name, data FROM usage_cube_columns
    WHERE segment_id IN (${segments.join(", ")})${named}`
  for (const [id, name, data] of await connection.bytes(sql)) found.get(id)?.set(name, data)
  return found
}

/** Adds all cells of a segment. */
export async function readSegment(
  connection: CubeConnection,
  segment: StoredSegment,
  cells: CellBuffer,
): Promise<void> {
  const columns = await readColumns(connection, [segment.id], null)
  cells.addSegment(decodeSegment(segment.cells, columns.get(segment.id) ?? new Map()))
}

export async function insertSegment(
  connection: CubeConnection,
  { head, columns }: EncodedSegment,
  level: number,
): Promise<void> {
  const sql = `INSERT INTO usage_cube_segments (version, level, folded, first_ms, last_ms, cells, most_nano_usd, most_latency_ms)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING id`
  const { folded, firstMs, lastMs, cells, mostNanoUsd, mostLatencyMs } = head
  const values = [SEGMENT_VERSION, level, folded, firstMs, lastMs, cells, mostNanoUsd, mostLatencyMs]
  const [row] = await connection.query<{ readonly id: number }>(sql, values)
  if (row === undefined) throw new Error("a segment of the cube got no id")
  const insert = `INSERT INTO usage_cube_columns (segment_id, name, data) VALUES ${columns
    .map((_, index) => `(?1, ?${2 * index + 2}, ?${2 * index + 3})`)
    .join(", ")}`
  await connection.query(insert, [row.id, ...columns.flat()])
}

/** Takes batches away. False: another process did, and what was made of them must not be written. */
export async function deleteBatches(connection: CubeConnection, ids: readonly number[]): Promise<boolean> {
  return await deletedAll(connection, "usage_cube_batches", ids)
}

/** Takes segments away, as `deleteBatches`. Their columns stay for `deleteLeftColumns`: that takes longer. */
export async function deleteSegments(connection: CubeConnection, ids: readonly number[]): Promise<boolean> {
  return await deletedAll(connection, "usage_cube_segments", ids)
}

/** Takes the columns of one segment away that is gone. False: there is none. */
export async function deleteLeftColumns(connection: CubeConnection): Promise<boolean> {
  const sql = `SELECT min(segment_id) AS id FROM usage_cube_columns
    WHERE segment_id NOT IN (SELECT id FROM usage_cube_segments)`
  const [left] = await connection.query<{ readonly id: number | null }>(sql)
  const id = left?.id ?? null
  if (id === null) return false
  const done = await connection.writing(async () => {
    await connection.query("DELETE FROM usage_cube_columns WHERE segment_id = ?1", [id])
    return true
  })
  return done === true
}

const IDS_OF_A_STATEMENT = 1000

async function deletedAll(connection: CubeConnection, table: string, ids: readonly number[]): Promise<boolean> {
  let deleted = 0
  for (let from = 0; from < ids.length; from += IDS_OF_A_STATEMENT) {
    const some = ids.slice(from, from + IDS_OF_A_STATEMENT)
    const sql = `DELETE FROM ${table} WHERE id IN (${places(some.length, 1)}) RETURNING id`
    deleted += (await connection.query(sql, some)).length
  }
  return deleted === ids.length
}
