/**
 * The thread of reports: reads and merges the cube, one piece of work after the other, so that memory is bounded and the
 * calls of the process are not held up.
 */
import { parentPort } from "node:worker_threads"
import { type CubeAddress, openCube } from "../ledger/cube/connection.ts"
import { countToFill, fillStep } from "../ledger/cube/fill.ts"
import { MERGE_RULES, mergeStep } from "../ledger/cube/merge.ts"
import { systemClock } from "../system/clock.ts"
import { checkRange, checkSearch, planAll } from "./plan.ts"
import { isMissingTable, problemOf } from "./problem.ts"
import { ReportUnavailable } from "./query.ts"
import type { Reading } from "./reading.ts"
import { Remembered } from "./remembered.ts"
import { answerQueries } from "./scan.ts"
import { findCalls } from "./search.ts"
import { TagBook } from "./tag-book.ts"
import type { Progress, Reply, Request, Work } from "./thread-protocol.ts"
import { verifyRange } from "./verify.ts"

type Job = Extract<Request, { readonly id: number }>

const LOCK_MS = 1000

const aborted = new Set<number>()
let last: Promise<void> = Promise.resolve()

parentPort?.on("message", (request: Request) => {
  if ("abort" in request) {
    aborted.add(request.abort)
    return
  }
  const untilMs = systemClock.monotonicMs() + request.deadlineMs
  last = last.then(() => answer(request, untilMs))
})

/** Never rejects. */
async function answer(job: Job, untilMs: number): Promise<void> {
  const { id } = job
  try {
    say({ id, value: await perform(job, untilMs) })
  } catch (error) {
    say({ id, problem: problemOf(error, job.address) })
  } finally {
    aborted.delete(id)
  }
}

async function perform({ id, work, address }: Job, untilMs: number): Promise<unknown> {
  const pause = async (): Promise<void> => {
    await new Promise((resolve) => setImmediate(resolve))
    if (aborted.has(id)) throw new ReportUnavailable("aborted", "Nobody waits for this report any more.")
    if (systemClock.monotonicMs() > untilMs)
      throw new ReportUnavailable("deadline", "The report took too long: a shorter range or fewer groups are needed.")
  }
  await pause()
  check(work)
  const patience = { statementMs: Math.max(1, Math.ceil(untilMs - systemClock.monotonicMs())), lockMs: LOCK_MS }
  const connection = await openCube(address, patience, work.is === "maintain" ? "write" : "read")
  try {
    return await performed(work, { connection, pause, remembered: rememberedOf(address) }, (progress) =>
      say({ id, progress }),
    )
  } finally {
    await connection.close()
  }
}

let remembered = new Remembered()
let rememberedAt = ""

function rememberedOf({ path, dsn }: CubeAddress): Remembered {
  const at = JSON.stringify([path, dsn])
  if (at !== rememberedAt) remembered = new Remembered()
  rememberedAt = at
  return remembered
}

/** What is wrong with a question is said also where the database cannot be asked. @throws ReportRefused */
function check(work: Work): void {
  if (work.is === "query") planAll(work.queries)
  if (work.is === "search") checkSearch(work.search)
  if (work.is === "verify") checkRange({ ...work.range, where: [] }, "")
}

async function performed(work: Work, reading: Reading, tell: (progress: Progress) => void): Promise<unknown> {
  if (work.is === "query") return await answerQueries(await tagged(reading, work.queries), work.queries)
  if (work.is === "search") return await findCalls(await tagged(reading, [work.search]), work.search)
  if (work.is === "rows") return await detailRows(reading, work)
  if (work.is === "verify") return await verifyRange(reading, work.range, (rows, untilMs) => tell({ rows, untilMs }))
  return await maintain(reading, work, tell)
}

/** What was added up before says nothing of tags, which may be told later. */
async function tagged(reading: Reading, questions: Parameters<typeof TagBook.open>[1]): Promise<Reading> {
  const { connection, pause } = reading
  const tags = await TagBook.open(connection, questions)
  return tags === null ? reading : { connection, pause, tags }
}

async function detailRows(
  { connection }: Reading,
  { sql, parameters }: Extract<Work, { readonly is: "rows" }>,
): Promise<readonly unknown[] | null> {
  try {
    return await connection.query(sql, parameters)
  } catch (error) {
    if (isMissingTable(error)) return null
    throw error
  }
}

/** Rows from before the cube that this process took into it, and how many there were; null: not counted yet. */
let filling: { readonly rows: number; readonly total: number } | null = null

/** Until there is nothing more to do; whoever asks something waits for one step at most. */
async function maintain(
  { connection, pause }: Reading,
  { foldBeforeMs, nowMs }: Extract<Work, { readonly is: "maintain" }>,
  tell: (progress: Progress) => void,
): Promise<boolean> {
  const rules = { ...MERGE_RULES, foldBeforeMs }
  await pause()
  if (await mergeStep(connection, rules)) return true
  filling ??= { rows: 0, total: await countToFill(connection) }
  const filled = await fillStep(connection, nowMs)
  if (filled !== null && filled.rows > 0) {
    // rows that a router of an earlier version wrote meanwhile come on top
    const rows = filling.rows + filled.rows
    filling = { rows, total: Math.max(rows, filling.total) }
    tell({ ...filling, untilMs: filled.untilMs })
  }
  return filled !== null && !filled.isDone
}

function say(reply: Reply): void {
  parentPort?.postMessage(reply)
}
