/** SQLite goes on writing into a write-ahead log that was deleted: nobody else would ever see these rows. */
import { Database } from "bun:sqlite"
import { expect, setDefaultTimeout, test } from "bun:test"
import { existsSync, readFileSync, rmSync } from "node:fs"
import { type LedgerFolder, ledgerFolder, until } from "../../../test/helpers/ledger.ts"
import { sampleCall } from "../../../test/helpers/sample-call.ts"
import type { LedgerLimits } from "../open.ts"
import type { CallRecord } from "../record.ts"

setDefaultTimeout(60_000)

const TS = Date.UTC(2026, 10, 22, 10)
const limits: Partial<LedgerLimits> = { retryMs: 20, firstProbeMs: 10, slowestProbeMs: 20, openMs: 30_000 }

function calls(from: number, count: number): CallRecord[] {
  return Array.from({ length: count }, (_, index) => sampleCall(TS, from + index))
}

/** What another process reads, while the ledger is open: a kill at this moment leaves as much. */
function expectForOthers(state: LedgerFolder, count: number): void {
  expect(state.ids()).toEqual(calls(0, count).map(({ usage }) => usage.request_id))
  expect(state.rows("SELECT sum(requests) AS requests FROM usage_rollup_hourly")).toEqual([{ requests: count }])
}

const deleted = [
  ["the write-ahead log", ["-wal"]],
  ["its index", ["-shm"]],
  ["both", ["-wal", "-shm"]],
] as const

test.each(deleted)("%s deleted: the next commit notices it, and all rows are there for others", async (_, sidecars) => {
  await using state = ledgerFolder()
  const ledger = await state.open({ limits })
  for (const call of calls(0, 200)) await ledger.record(call)
  for (const sidecar of sidecars) rmSync(`${state.path}${sidecar}`)
  // the index is looked at four times a second
  await until(async () => {
    await Promise.all(calls(200, 20).map((call) => ledger.record(call)))
    return state.messages.includes("the usage database is opened anew")
  })
  expectForOthers(state, 220)
  await ledger.record(sampleCall(TS, 220))
  expectForOthers(state, 221)
})

test.each(deleted)("%s deleted while no call ends: readiness notices it", async (_, sidecars) => {
  await using state = ledgerFolder()
  const ledger = await state.open({ limits })
  for (const call of calls(0, 50)) await ledger.record(call)
  for (const sidecar of sidecars) rmSync(`${state.path}${sidecar}`)
  expect(await ledger.ready()).toBe(true)
  expectForOthers(state, 50)
})

test("the log deleted while no call ends, and nobody asks: it is noticed all the same", async () => {
  await using state = ledgerFolder()
  const ledger = await state.open({ limits })
  for (const call of calls(0, 50)) await ledger.record(call)
  for (const sidecar of ["-wal", "-shm"]) rmSync(`${state.path}${sidecar}`)
  await until(() => existsSync(`${state.path}-wal`))
  expectForOthers(state, 50)
})

test("both deleted under a reader that holds the old ones: calls are in the spool until all rows are moved", async () => {
  await using state = ledgerFolder()
  const ledger = await state.open({ limits })
  for (const call of calls(0, 50)) await ledger.record(call)
  const reader = new Database(state.path, { readonly: true })
  reader.run("BEGIN")
  reader.query("SELECT count(*) FROM request_usage").get()
  for (const call of calls(50, 10)) await ledger.record(call)
  for (const sidecar of ["-wal", "-shm"]) rmSync(`${state.path}${sidecar}`)
  for (const call of calls(60, 10)) await ledger.record(call)
  expect(readFileSync(state.spoolPath, "utf8")).toContain(sampleCall(TS, 69).usage.request_id)
  reader.run("COMMIT")
  reader.close()
  await until(() => state.messages.includes("the spooled calls are in the usage database"))
  expectForOthers(state, 70)
})
