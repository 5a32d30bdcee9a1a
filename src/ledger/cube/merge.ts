/**
 * Makes few large segments of many small batches. Each step reads, computes, and then exchanges what it read for what it
 * made in one transaction: wherever a kill comes, the cube has the same sums as before. Columns of segments that are gone are taken
 * away behind that, one segment at a time, so that no transaction of SQLite keeps calls waiting for long.
 */
import { CellBuffer } from "./cells.ts"
import type { CubeConnection } from "./connection.ts"
import { folded, slotOf } from "./fold.ts"
import { encodeSegments, type EncodedSegment, SEGMENT_CELLS } from "./segment.ts"
import {
  batchCounts,
  deleteBatches,
  deleteLeftColumns,
  deleteSegments,
  insertSegment,
  readBatches,
  readSegment,
  segmentsOfLevel,
  type StoredSegment,
} from "./store.ts"

export interface MergeRules {
  /** Batches are merged when they hold so many cells, or are so many. */
  readonly batchCells: number
  readonly batches: number
  /** Small segments are merged when they are so many, or hold what a full one does. */
  readonly smallSegments: number
  /** Cells before this are folded, Unix milliseconds; null: none are. */
  readonly foldBeforeMs: number | null
}

export const MERGE_RULES: MergeRules = { batchCells: 8192, batches: 512, smallSegments: 16, foldBeforeMs: null }

/** Segments of one level may become one of the next. */
export const SMALL = 1
const FULL = 2
const FOLDED = 3

/** Another process has merged the same, or merges now: nothing was changed. */
class Overtaken extends Error {}

/** One step. True: something was merged, and there may be more. */
export async function mergeStep(connection: CubeConnection, rules: MergeRules): Promise<boolean> {
  try {
    return (
      (await deleteLeftColumns(connection)) ||
      (await mergeBatches(connection, rules)) ||
      (await mergeSmall(connection, rules)) ||
      (await foldOne(connection, rules.foldBeforeMs))
    )
  } catch (error) {
    if (error instanceof Overtaken) return false
    throw error
  }
}

async function mergeBatches(connection: CubeConnection, rules: MergeRules): Promise<boolean> {
  const counts = await batchCounts(connection)
  if (counts.batches < 2 || (counts.cells < rules.batchCells && counts.batches < rules.batches)) return false
  const cells = new CellBuffer(Math.min(counts.cells, 4 * rules.batchCells))
  const ids = await connection.reading(() => readBatches(connection, cells, 4 * rules.batchCells, true))
  if (ids.length === 0) return false
  await exchange(connection, () => deleteBatches(connection, ids), [...encodeSegments(cells, 0)])
  return true
}

/** A full one is left as it is from then on; what is over stays small. */
async function mergeSmall(connection: CubeConnection, rules: MergeRules): Promise<boolean> {
  const cells = new CellBuffer(1024)
  const read = await connection.reading(async () => {
    const small = await segmentsOfLevel(connection, SMALL)
    const count = small.reduce((sum, segment) => sum + segment.cells, 0)
    if (small.length < 2 || (small.length < rules.smallSegments && count < SEGMENT_CELLS)) return []
    return await readUntilFull(connection, small, cells)
  })
  if (read.length === 0) return false
  await exchange(connection, () => deleteSegments(connection, read), [...encodeSegments(cells, 0)])
  return true
}

/** Returns the ids of those that were read. */
async function readUntilFull(
  connection: CubeConnection,
  segments: readonly StoredSegment[],
  cells: CellBuffer,
): Promise<number[]> {
  const read: number[] = []
  for (const segment of segments) {
    await readSegment(connection, segment, cells)
    read.push(segment.id)
    if (cells.count >= SEGMENT_CELLS) break
  }
  return read
}

async function foldOne(connection: CubeConnection, beforeMs: number | null): Promise<boolean> {
  if (beforeMs === null) return false
  const cells = new CellBuffer(1024)
  const segment = await connection.reading(async () => {
    const old = [...(await segmentsOfLevel(connection, FULL)), ...(await segmentsOfLevel(connection, SMALL))]
    const oldest = old.find(({ lastMs }) => lastMs < slotOf(beforeMs))
    if (oldest !== undefined) await readSegment(connection, oldest, cells)
    return oldest
  })
  if (segment === undefined) return false
  const segments = [...encodeSegments(folded(cells), 1)]
  await exchange(connection, () => deleteSegments(connection, [segment.id]), segments)
  return true
}

/** @throws Overtaken */
async function exchange(
  connection: CubeConnection,
  remove: () => Promise<boolean>,
  segments: readonly EncodedSegment[],
): Promise<void> {
  const done = await connection.writing(async () => {
    // inserted first: SQLite would give what is new the number of what is gone
    for (const segment of segments) await insertSegment(connection, segment, levelOf(segment))
    if (!(await remove())) throw new Overtaken()
    return true
  })
  if (done === null) throw new Overtaken()
}

/** The level at which a segment is stored. */
export function levelOf({ head }: EncodedSegment): number {
  if (head.folded === 1) return FOLDED
  return head.cells === SEGMENT_CELLS ? FULL : SMALL
}
