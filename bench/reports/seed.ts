/** Fills a usage database with realistic calls, by the product's own writer and merger. */
import { openCube, type CubeAddress } from "../../src/ledger/cube/connection.ts"
import { MERGE_RULES, mergeStep } from "../../src/ledger/cube/merge.ts"
import type { LedgerDatabase } from "../../src/ledger/database.ts"
import { PostgresDatabase } from "../../src/ledger/postgres/database.ts"
import { SqliteDatabase } from "../../src/ledger/sqlite/database.ts"
import { systemClock } from "../../src/system/clock.ts"
import { silentLog } from "../../src/system/log.ts"
import { Company, type Traffic } from "./traffic.ts"

/** Calls in a transaction: sums are looked up by search, so that SQLite has few of them; PostgreSQL is asked less often. */
const GROUPS = { sqlite: 64, postgres: 1024 }
const MERGE_EVERY = 32_768
const REPORT_EVERY = 262_144

/** `withChildren`: also each call's attempts and events, which reports of the cube do not read. */
export async function seed(address: CubeAddress, traffic: Traffic, withChildren: boolean): Promise<void> {
  const database = databaseAt(address)
  await database.reopen()
  const cube = await openCube(address, { statementMs: 60_000, lockMs: 10_000 }, "write")
  const company = new Company(traffic)
  const most = address.dsn === undefined ? GROUPS.sqlite : GROUPS.postgres
  const beganMs = performance.now()
  for (let from = 0; from < traffic.calls; from += most) {
    const size = Math.min(most, traffic.calls - from)
    const group = Array.from({ length: size }, (_, index) => company.call(from + index))
    await database.write(withChildren ? group : group.map((call) => ({ ...call, attempts: [], trace: [] })))
    if (from % MERGE_EVERY === 0) while (await mergeStep(cube, MERGE_RULES));
    if (from % REPORT_EVERY === 0) report(from + size, beganMs)
  }
  while (await mergeStep(cube, MERGE_RULES));
  report(traffic.calls, beganMs)
  await cube.close()
  await database.close()
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
