/** Deletes what is old enough of one table, a batch at a time. */
import type { CubeConnection } from "../cube/connection.ts"
import { SLOT_MS, slotOf } from "../cube/fold.ts"
import { timeOf } from "./classes.ts"
import type { ResultRow } from "./jobs.ts"
import { marksOf, moveMark, SLACK_MS, slotBehind } from "./marks.ts"
import { checkpoint } from "./space.ts"
import { deletableIn, deleteWindow, nextWindow, type Target, type Window } from "./window.ts"

export interface Deletion {
  readonly connection: CubeConnection
  /** SQLite, whose write-ahead log is moved into the database from time to time. */
  readonly isFile: boolean
  readonly target: Target
  /** How many rows the next batch may delete. */
  readonly rows: () => number
  /** How many sums differ in a range of whole quarters of an hour; null: sums are not recounted. */
  readonly recount: ((fromMs: number, toMs: number) => Promise<number>) | null
  /** One transaction. Throws where another run has the lease. */
  readonly write: <Result>(work: () => Promise<Result>) => Promise<Result>
  /** Waits as long as the last transaction took. */
  readonly rest: () => Promise<void>
  readonly hasTime: () => boolean
  readonly pause: (ms: number) => Promise<void>
  readonly result: () => ResultRow
  /** In a transaction; what it returns is called behind it. */
  readonly save: (row: ResultRow) => Promise<() => void>
}

const BATCHES_OF_A_CHECKPOINT = 64
/** So much of the past is recounted at once. */
const RECOUNTED_MS = 24 * SLOT_MS

export async function deleteTable(deletion: Deletion): Promise<void> {
  const { connection, isFile, target, rows, hasTime, pause } = deletion
  const guard = await recountGuard(deletion)
  let batches = 0
  for (let after = ""; ;) {
    if (!hasTime()) return await noteEnd(deletion, "partial")
    const window = await nextWindow(connection, target, after, rows())
    if (window === null) return await noteEnd(deletion, "done")
    if (!(await guard(window))) return await noteEnd(deletion, "blocked_rollup_differs")
    // read beside the calls, so that the transaction meets nothing on the disk that it has to wait for
    if ((await deletableIn(connection, target, window)) > 0) await deleteBatch(deletion, window)
    else await pause(0)
    after = window.last
    batches += 1
    if (batches % BATCHES_OF_A_CHECKPOINT === 0 && isFile) await checkpoint(connection)
  }
}

async function deleteBatch({ connection, target, write, rest, result, save }: Deletion, window: Window): Promise<void> {
  const noted = await write(async () => {
    const gone = await deleteWindow(connection, target, window)
    await moveMark(connection, target.dataClass, { goneMs: timeOf(window.last) + 1 })
    const row = result()
    return await save({ ...row, deleted: row.deleted + gone })
  })
  noted()
  await rest()
}

async function noteEnd({ write, result, save }: Deletion, state: ResultRow["state"]): Promise<void> {
  const noted = await write(() => save({ ...result(), state }))
  noted()
}

/** May the rows of a window be deleted, as far as sums are concerned? Recounts those that were not, and notes how far it came. */
async function recountGuard(deletion: Deletion): Promise<(window: Window) => Promise<boolean>> {
  const { connection, target, recount, write } = deletion
  if (recount === null) return () => Promise.resolve(true)
  const mark = (await marksOf(connection)).get(target.dataClass)
  const goneMs = mark?.gone_before_at ?? 0
  let doneMs = Math.max(mark?.recounted_before_at ?? 0, goneMs === 0 ? 0 : slotBehind(goneMs))
  return async ({ after, last }) => {
    const neededMs = slotBehind(timeOf(last) + 1)
    if (doneMs === 0) doneMs = slotOf(Math.max(0, timeOf(after === "" ? await firstId(deletion) : after) - SLACK_MS))
    while (doneMs < neededMs) {
      const toMs = Math.min(Math.max(neededMs, doneMs + SLOT_MS), doneMs + RECOUNTED_MS)
      if ((await recount(doneMs, toMs)) > 0) return false
      await write(() => moveMark(connection, target.dataClass, { recountedMs: toMs }))
      doneMs = toMs
    }
    return true
  }
}

async function firstId({ connection, target: { table } }: Deletion): Promise<string> {
  const sql = `SELECT min(${table.key}) AS id FROM ${table.name}`
  const [first] = await connection.query<{ readonly id: string | null }>(sql)
  return first?.id ?? ""
}
