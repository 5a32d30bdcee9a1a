/**
 * Fills the usage databases with realistic calls: by the product's own writer and merger, or, which is quicker by far, the
 * segments alone that these would make. Reports and searches read nothing else.
 */
import { CellBuffer } from "../../src/ledger/cube/cells.ts"
import { type CubeAddress, type CubeConnection, openCube } from "../../src/ledger/cube/connection.ts"
import { levelOf, MERGE_RULES, mergeStep } from "../../src/ledger/cube/merge.ts"
import { addRows, type StoredRow } from "../../src/ledger/cube/rows.ts"
import { encodeSegments, SEGMENT_CELLS } from "../../src/ledger/cube/segment.ts"
import { insertSegment } from "../../src/ledger/cube/store.ts"
import type { LedgerDatabase } from "../../src/ledger/database.ts"
import { PostgresDatabase } from "../../src/ledger/postgres/database.ts"
import { SqliteDatabase } from "../../src/ledger/sqlite/database.ts"
import { systemClock } from "../../src/system/clock.ts"
import { silentLog } from "../../src/system/log.ts"
import { Company, type Traffic } from "./traffic.ts"

const GROUP = 1024
/** Calls in a transaction: sums are looked up by search, so that SQLite has few of them; PostgreSQL is asked less often. */
const TRANSACTION = { sqlite: 64, postgres: GROUP }
const MERGE_EVERY = 32_768
const REPORT_EVERY = 524_288

/** `cube`: segments alone; `rows`: also rows; `children`: also each call's attempts and events. */
export type Depth = "cube" | "rows" | "children"

interface Seeded {
  readonly most: number
  readonly database: LedgerDatabase
  readonly cube: CubeConnection
}

export async function seed(addresses: readonly CubeAddress[], traffic: Traffic, depth: Depth): Promise<void> {
  const all = await Promise.all(addresses.map(opened))
  const company = new Company(traffic)
  const beganMs = performance.now()
  // the newest calls stand in batches, as in a router that runs
  const written = depth === "cube" ? traffic.calls - (traffic.calls % SEGMENT_CELLS) : 0
  for (let from = 0; from < written; from += SEGMENT_CELLS) {
    await writeSegment(all, company, from)
    if (from % REPORT_EVERY === 0) report(from + SEGMENT_CELLS, beganMs)
  }
  for (let from = written; from < traffic.calls; from += GROUP) {
    await writeCalls(all, company, from, Math.min(GROUP, traffic.calls - from), depth)
    if (from % REPORT_EVERY === 0) report(from + GROUP, beganMs)
  }
  report(traffic.calls, beganMs)
  for (const { database, cube } of all) {
    while (await mergeStep(cube, MERGE_RULES));
    await cube.close()
    await database.close()
  }
}

async function opened(address: CubeAddress): Promise<Seeded> {
  const database = databaseAt(address)
  await database.reopen()
  const cube = await openCube(address, { statementMs: 60_000, lockMs: 10_000 }, "write")
  return { database, cube, most: address.dsn === undefined ? TRANSACTION.sqlite : TRANSACTION.postgres }
}

async function writeSegment(all: readonly Seeded[], company: Company, from: number): Promise<void> {
  const cells = new CellBuffer(SEGMENT_CELLS)
  const rows = Array.from({ length: SEGMENT_CELLS }, (_, index) => storedRowOf(company, from + index))
  addRows(rows, cells)
  for (const segment of encodeSegments(cells, 0))
    for (const { cube } of all) await cube.writing(() => insertSegment(cube, segment, levelOf(segment)))
}

export function storedRowOf(company: Company, number: number): StoredRow {
  const { usage, error } = company.call(number)
  return { ...usage, told_blame: error?.blame ?? null }
}

async function writeCalls(
  all: readonly Seeded[],
  company: Company,
  first: number,
  count: number,
  depth: Depth,
): Promise<void> {
  const calls = Array.from({ length: count }, (_, index) => company.call(first + index))
  const group = depth === "children" ? calls : calls.map((call) => ({ ...call, attempts: [], trace: [] }))
  for (const { database, cube, most } of all) {
    for (let from = 0; from < count; from += most) await database.write(group.slice(from, from + most))
    if (first % MERGE_EVERY === 0) while (await mergeStep(cube, MERGE_RULES));
  }
}

function databaseAt({ path, dsn }: CubeAddress): LedgerDatabase {
  if (dsn === undefined)
    return new SqliteDatabase({ path, clock: systemClock, log: silentLog, checkpointPages: 65_536, onMigration })
  const limits = { connectMs: 5000, answerMs: 600_000, queryMs: 600_000 }
  return new PostgresDatabase({ dsn, clock: systemClock, log: silentLog, limits, onMigration })
}

const onMigration = (): void => {}

function report(done: number, beganMs: number): void {
  const seconds = (performance.now() - beganMs) / 1000
  const { user, system } = process.cpuUsage()
  const cpu = (user + system) / done
  process.stdout.write(
    `${done} calls, ${Math.round(done / seconds)} per second, ${cpu.toFixed(1)} us of CPU each, ${Math.round(seconds)} s\n`,
  )
}
