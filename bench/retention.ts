/**
 * Retention beside calls: `bun bench/retention.ts [calls] [calls per second] [folder]`. Makes a ledger of so many old calls,
 * records calls at that rate without and with a run of retention, and says what each call waited for its rows, how long the
 * write lock was held, and how many rows a second were deleted. `SMART_ROUTER_BENCH_DSN` names an empty PostgreSQL database.
 */
import { Database } from "bun:sqlite"
import { mkdtempSync, rmSync, statSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Client } from "pg"
import { type LedgerStore, openLedger } from "../src/ledger/open.ts"
import type { RunReport } from "../src/ledger/retention/rules.ts"
import { openReports } from "../src/reports/open.ts"
import { retain } from "../src/reports/retention.ts"
import { systemClock } from "../src/system/clock.ts"
import { silentLog } from "../src/system/log.ts"
import { sampleCall } from "../test/helpers/sample-call.ts"

const CALLS = Number(process.argv[2] ?? "300000")
const RATE = Number(process.argv[3] ?? "500")
const FOLDER = process.argv[4] ?? tmpdir()
const ALONE_MS = 20_000
const TICK_MS = 2
const DAY_MS = 86_400_000
const OLD_DAYS = 40
const AT_ONCE = 500
const NOW = systemClock.now()

const folder = mkdtempSync(join(FOLDER, "bench-retention-"))
const path = join(folder, "usage.sqlite")
const dsn = process.env["SMART_ROUTER_BENCH_DSN"]
const address = dsn === undefined ? { path } : { path, dsn }
const ledger = await openLedger({
  ...address,
  durability: "commit",
  onUnavailable: "spool",
  clock: systemClock,
  log: silentLog,
})
const reports = openReports(address)
let number = 0

try {
  await fill()
  await asAfterADay()
  console.log(`${CALLS} old calls, ${CALLS * 3} rows, ${sizeText()}`)
  const alone = await callsUntil(systemClock.sleep(ALONE_MS))
  print("calls alone", alone)
  const began = performance.now()
  const run = retain({ address, rules: rules(), nowMs: NOW }, () => {})
  const beside = await callsUntil(run)
  const report = await run
  if (report === null) throw new Error("another run has the lease")
  print("calls beside it", beside)
  printRun(report, performance.now() - began)
  console.log(`p99 beside it: ${((100 * quantile(beside, 0.99)) / quantile(alone, 0.99) - 100).toFixed(0)} % more`)
} finally {
  await reports.close()
  await ledger.close()
  rmSync(folder, { recursive: true })
}

async function fill(): Promise<void> {
  for (let from = 0; from < CALLS; from += AT_ONCE) {
    const some = Array.from({ length: Math.min(AT_ONCE, CALLS - from) }, (_, index) => {
      number += 1
      const ts = NOW - OLD_DAYS * DAY_MS + Math.floor(((from + index) * DAY_MS) / CALLS)
      return sampleCall(ts, number, { caller_id: `app-${number % 50}` })
    })
    await Promise.all(some.map((call) => ledger.record(call)))
  }
  while (await reports.maintain({ nowMs: NOW }, () => {}));
}

async function asAfterADay(): Promise<void> {
  const sql = `UPDATE usage_cube_fill SET done_at = ${NOW}`
  if (dsn === undefined) {
    using database = new Database(path, { readwrite: true })
    database.run(sql)
    return
  }
  const client = new Client(dsn)
  await client.connect()
  await client.query(sql)
  await client.end()
}

function rules(): Parameters<typeof retain>[0]["rules"] {
  const rule = { days: 30, batchSize: 500, isRecounted: false }
  const classes = (["usage_diagnostics", "decision_telemetry", "usage_detail"] as const).map((dataClass) => ({
    dataClass,
    ...rule,
  }))
  return { isDry: false, askedBy: "bench", budgetMs: 3_600_000, classes }
}

/** The time that each call waited for its rows, in milliseconds; the cube is cared for as in a router. */
async function callsUntil(end: Promise<unknown>): Promise<number[]> {
  const waits: number[] = []
  const open: Promise<unknown>[] = []
  const ended = end.then(() => true)
  let sent = 0
  const began = performance.now()
  let caredMs = began
  for (let isOver = false; !isOver;) {
    for (; sent < ((performance.now() - began) * RATE) / 1000; sent += 1) open.push(recordOne(ledger, waits))
    if (performance.now() - caredMs > 5000) {
      caredMs = performance.now()
      open.push(reports.maintain({ nowMs: NOW }, () => {}))
    }
    isOver = await Promise.race([ended, systemClock.sleep(TICK_MS).then(() => false)])
  }
  await Promise.all(open)
  return waits
}

async function recordOne(store: LedgerStore, waits: number[]): Promise<void> {
  number += 1
  const call = sampleCall(systemClock.now(), number)
  const began = performance.now()
  await store.record(call)
  waits.push(performance.now() - began)
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((one, other) => one - other)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

function print(what: string, waits: readonly number[]): void {
  const [p50, p99, most] = [0.5, 0.99, 1].map((share) => quantile(waits, share).toFixed(2))
  console.log(`${what}: ${waits.length} calls, rows durable after p50 ${p50} ms, p99 ${p99} ms, at most ${most} ms`)
}

function printRun({ job, results, longestLockMs }: RunReport, ms: number): void {
  const rows = results.reduce((sum, { deleted }) => sum + deleted, 0)
  const rate = Math.round((rows * 1000) / ms)
  console.log(`run: ${job.state}, ${rows} rows in ${(ms / 1000).toFixed(1)} s, ${rate} rows/s, counting included`)
  console.log(`the longest batch held the write lock for ${longestLockMs.toFixed(1)} ms; ${sizeText()} now`)
}

function sizeText(): string {
  return dsn === undefined ? `${(statSync(path).size / 1_048_576).toFixed(0)} MB` : "in PostgreSQL"
}
