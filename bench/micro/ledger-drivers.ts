/** `bun bench/micro/ledger-drivers.ts [calls]`: CPU of this process for a recorded call, on SQLite and on PostgreSQL. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type LedgerStore, openLedger } from "../../src/ledger/open.ts"
import { systemClock } from "../../src/system/clock.ts"
import { silentLog } from "../../src/system/log.ts"
import { noPostgres, sharedPostgres } from "../../test/helpers/postgres.ts"
import { sampleCall } from "../../test/helpers/sample-call.ts"

const CALLS = Number(process.argv[2] ?? "3000")
const CALLERS = 10
const ROUNDS = 5
const GROUPS = [1, 10, 30]

const folder = mkdtempSync(join(tmpdir(), "bench-drivers-"))
let next = 0

function open(name: string, dsn?: string): Promise<LedgerStore> {
  const path = join(folder, name, "usage.sqlite")
  return openLedger({ path, dsn, durability: "commit", onUnavailable: "spool", clock: systemClock, log: silentLog })
}

/** Microseconds of CPU and of waiting for each call. */
async function costOf(ledger: LedgerStore, size: number): Promise<readonly [cpu: number, wall: number]> {
  const calls = Array.from({ length: CALLS }, () => {
    next += 1
    return sampleCall(systemClock.now(), next, { caller_id: `app-${next % CALLERS}` })
  })
  const before = process.cpuUsage()
  const start = performance.now()
  for (let from = 0; from < CALLS; from += size) {
    await Promise.all(calls.slice(from, from + size).map((call) => ledger.record(call)))
  }
  const { user, system } = process.cpuUsage(before)
  return [(user + system) / CALLS, ((performance.now() - start) * 1000) / CALLS]
}

const ledgers: [name: string, LedgerStore][] = [["sqlite", await open("sqlite")]]
if (noPostgres === null) ledgers.push(["postgres", await open("postgres", await (await sharedPostgres()).schema())])
else process.stdout.write(`no PostgreSQL: ${noPostgres}\n`)

process.stdout.write(`least of ${ROUNDS} rounds, ${CALLS} calls each, µs per call      CPU      waiting for all\n`)
for (const size of GROUPS) {
  for (const [name, ledger] of ledgers) {
    await costOf(ledger, size)
    const costs: (readonly [number, number])[] = []
    for (let round = 0; round < ROUNDS; round += 1) costs.push(await costOf(ledger, size))
    const [cpu, wall] = costs.toSorted(([a], [b]) => a - b)[0] ?? [Number.NaN, Number.NaN]
    process.stdout.write(
      `${name.padEnd(10)} groups of ${String(size).padEnd(28)} ${cpu.toFixed(1).padStart(9)} ${wall.toFixed(1).padStart(12)}\n`,
    )
  }
}
for (const [, ledger] of ledgers) await ledger.close()
rmSync(folder, { recursive: true, force: true })
// the server would keep this process alive
process.exit(0)
