/**
 * CPU per recorded call, alone and in groups, beside the smallest thing that SQLite can commit in the same run:
 * `bun bench/ledger.ts [calls]`. The numbers are for a call with one attempt and one trace event.
 */
import { Database } from "bun:sqlite"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { openLedger } from "../src/ledger/open.ts"
import { sampleCall } from "../test/helpers/sample-call.ts"
import type { CallRecord } from "../src/ledger/record.ts"
import { openRequestLog } from "../src/request-log/open.ts"
import { systemClock } from "../src/system/clock.ts"
import { silentLog } from "../src/system/log.ts"

const CALLS = Number(process.argv[2] ?? "6000")
const CALLERS = 10
const ROUNDS = 3

const folder = mkdtempSync(join(tmpdir(), "bench-ledger-"))
let next = 0

function calls(count: number): CallRecord[] {
  return Array.from({ length: count }, () => {
    next += 1
    return sampleCall(systemClock.now(), next, { caller_id: `app-${next % CALLERS}` })
  })
}

interface Cost {
  readonly cpuUs: number
  readonly wallUs: number
  readonly longestMs: number
}

/** `step` handles some calls and returns how many. */
async function measure(total: number, step: (from: number) => Promise<number>): Promise<Cost> {
  const before = process.cpuUsage()
  const start = performance.now()
  let longestMs = 0
  for (let from = 0; from < total;) {
    const stepStart = performance.now()
    from += await step(from)
    longestMs = Math.max(longestMs, performance.now() - stepStart)
  }
  const { user, system } = process.cpuUsage(before)
  return { cpuUs: (user + system) / total, wallUs: ((performance.now() - start) * 1000) / total, longestMs }
}

async function ledgerInGroupsOf(size: number): Promise<Cost> {
  const path = join(folder, `ledger-${size}-${next}.sqlite`)
  const ledger = await openLedger({
    path,
    durability: "commit",
    onUnavailable: "spool",
    clock: systemClock,
    log: silentLog,
  })
  const groups = async (all: readonly CallRecord[]): Promise<Cost> =>
    await measure(all.length, async (from) => {
      const some = all.slice(from, from + size)
      await Promise.all(some.map((call) => ledger.record(call)))
      return some.length
    })
  await groups(calls(1000))
  const all = calls(CALLS)
  const cost = await groups(all)
  await ledger.close()
  return cost
}

/** One table, one row, one transaction: what any durable record costs at least. */
async function singleRow(synchronous: "NORMAL" | "FULL"): Promise<Cost> {
  const database = new Database(join(folder, `single-${synchronous}-${next}.sqlite`), { create: true })
  next += 1
  database.run("PRAGMA journal_mode=WAL")
  database.run(`PRAGMA synchronous=${synchronous}`)
  database.run("CREATE TABLE row (id TEXT PRIMARY KEY, a INTEGER, b TEXT) WITHOUT ROWID")
  const insert = database.prepare<unknown, [string, number, string]>("INSERT INTO row VALUES (?, ?, ?)")
  const total = synchronous === "FULL" ? Math.min(CALLS, 500) : CALLS
  const cost = await measure(total, (from) => {
    insert.run(String(from).padStart(36, "0"), from, "some text")
    return Promise.resolve(1)
  })
  insert.finalize()
  database.close()
  return cost
}

async function requestLogLines(): Promise<Cost> {
  const log = openRequestLog({
    path: join(folder, "requests.jsonl"),
    rotateMb: 256,
    keep: 2,
    clock: systemClock,
    log: silentLog,
  })
  const all = calls(CALLS)
  const cost = await measure(CALLS, async (from) => {
    const some = all.slice(from, from + 16)
    for (const call of some) log.write(call)
    await new Promise((resolve) => setImmediate(resolve))
    return some.length
  })
  await log.close()
  return cost
}

const SUBJECTS: readonly (readonly [string, () => Promise<Cost>])[] = [
  ["one small row, own transaction", () => singleRow("NORMAL")],
  ["one small row, synchronous=FULL", () => singleRow("FULL")],
  ["a call, alone", () => ledgerInGroupsOf(1)],
  ["a call, in groups of 10", () => ledgerInGroupsOf(10)],
  ["a call, in groups of 24", () => ledgerInGroupsOf(24)],
  ["a call, in groups of 64", () => ledgerInGroupsOf(64)],
  ["a request log line", requestLogLines],
]

const out = (line: string): void => void process.stdout.write(`${line}\n`)
try {
  out(`best of ${ROUNDS} rounds, ${CALLS} calls each${" ".repeat(12)}CPU µs   wall µs   longest step ms`)
  for (const [name, subject] of SUBJECTS) {
    let best: Cost | null = null
    for (let round = 0; round < ROUNDS; round += 1) {
      const cost = await subject()
      if (best === null || cost.cpuUs < best.cpuUs) best = cost
    }
    if (best === null) continue
    const columns = [best.cpuUs, best.wallUs, best.longestMs].map((value) => value.toFixed(1).padStart(9))
    out(`${name.padEnd(40)}${columns.join(" ")}`)
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}
