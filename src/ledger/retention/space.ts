/** Gives the space of deleted rows back to the file system: SQLite alone keeps it. */
import type { CubeConnection } from "../cube/connection.ts"
import { Pace } from "./pace.ts"

/** So many free pages stay for the next rows. */
const SPARE_PAGES = 256

interface Space {
  readonly freePages: number
  readonly pageBytes: number
  /** False: the database was made by an earlier version; `smart-router retention compact` changes that. */
  readonly canShrink: boolean
}

const INCREMENTAL = 2

export async function spaceOf(connection: Pick<CubeConnection, "query">): Promise<Space> {
  const [row] = await connection.query<{ readonly free: number; readonly size: number; readonly kind: number }>(
    `SELECT freelist_count AS free, page_size AS size, auto_vacuum AS kind
    FROM pragma_freelist_count, pragma_page_size, pragma_auto_vacuum`,
  )
  return { freePages: row?.free ?? 0, pageBytes: row?.size ?? 0, canShrink: row?.kind === INCREMENTAL }
}

interface Pauses {
  readonly monotonicMs: () => number
  readonly othersWrote: () => Promise<boolean>
  readonly hasTime: () => boolean
  /** Between two slices. */
  readonly rest: (ms: number) => Promise<void>
}

const SLICE_PAGES = 256

/** A slice at a time, each as long as calls can wait for. */
export async function giveSpaceBack(
  connection: CubeConnection,
  { monotonicMs, othersWrote, hasTime, rest }: Pauses,
): Promise<{ readonly isDone: boolean; readonly longestLockMs: number }> {
  const pace = new Pace(SLICE_PAGES)
  let longestLockMs = 0
  for (;;) {
    const { freePages, canShrink } = await spaceOf(connection)
    if (!canShrink || freePages <= SPARE_PAGES) break
    if (!hasTime()) return { isDone: false, longestLockMs }
    const beganMs = monotonicMs()
    await connection.query(`PRAGMA incremental_vacuum(${Math.min(pace.rows, freePages - SPARE_PAGES)})`)
    const tookMs = monotonicMs() - beganMs
    longestLockMs = Math.max(longestLockMs, tookMs)
    await rest(pace.pauseAfter(tookMs, tookMs, await othersWrote()))
  }
  await checkpoint(connection)
  return { isDone: true, longestLockMs }
}

/** Another number than before: other connections have written since then. Of SQLite. */
export async function versionOf(connection: CubeConnection): Promise<number> {
  const [row] = await connection.query<{ readonly data_version: number }>(
    "SELECT data_version FROM pragma_data_version",
  )
  return row?.data_version ?? 0
}

/** Moves what was written into the database file, as far as no reader is in the way; the write-ahead log begins anew. */
export async function checkpoint(connection: CubeConnection): Promise<void> {
  await connection.query("PRAGMA wal_checkpoint(PASSIVE)")
}
