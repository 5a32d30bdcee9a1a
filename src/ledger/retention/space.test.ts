/** A SQLite file becomes smaller when rows go; one of an earlier version does after it was rewritten once. */
import { Database } from "bun:sqlite"
import { expect, test } from "bun:test"
import { rmSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { ledgerFolder } from "../../../test/helpers/ledger.ts"
import { sqliteState } from "../../../test/helpers/ledger-drivers.ts"
import { figuresOf, testRetention } from "../../../test/helpers/retention.ts"
import { sampleCall } from "../../../test/helpers/sample-call.ts"
import { mayMount, smallDisk } from "../../../test/helpers/small-disk.ts"
import type { LedgerStore } from "../open.ts"

const DAY_MS = 86_400_000
const NOW = Date.UTC(2026, 10, 22, 10)
const ALL = { usage_diagnostics: 10, decision_telemetry: 10, usage_detail: 10 } as const
const CALLS = 6000

async function write(ledger: LedgerStore, count: number): Promise<void> {
  for (let from = 0; from < count; from += 500) {
    const calls = Array.from({ length: Math.min(500, count - from) }, (_, index) =>
      sampleCall(NOW - 20 * DAY_MS + from + index, from + index, { requested_model: "m".repeat(200) }),
    )
    await Promise.all(calls.map((call) => ledger.record(call)))
  }
}

function asIfFilled(path: string): void {
  using database = new Database(path, { readwrite: true })
  database.run(`UPDATE usage_cube_fill SET done_at = ${NOW}`)
}

test("the file of a new database shrinks with its rows", async () => {
  await using state = await sqliteState()
  const ledger = await state.open()
  await write(ledger, CALLS)
  await ledger.close()
  asIfFilled(state.path)
  const before = statSync(state.path).size
  await using retention = await testRetention(state, NOW)
  const report = await retention.run(ALL)
  expect(figuresOf(report, "request_usage")).toMatchObject({ deleted: CALLS, state: "done" })
  expect(statSync(state.path).size).toBeLessThan(before / 2)
  expect(await state.rows("PRAGMA integrity_check")).toEqual([{ integrity_check: "ok" }])
})

test("a file of an earlier version keeps its size, and says that it cannot shrink", async () => {
  await using state = await sqliteState()
  const ledger = await state.open()
  await write(ledger, CALLS)
  await ledger.close()
  asIfFilled(state.path)
  {
    using database = new Database(state.path, { readwrite: true })
    database.run("PRAGMA journal_mode=DELETE")
    database.run("PRAGMA auto_vacuum=NONE")
    database.run("VACUUM")
    database.run("PRAGMA journal_mode=WAL")
  }
  const before = statSync(state.path).size
  await using retention = await testRetention(state, NOW)
  expect((await retention.run(ALL)).job.state).toBe("done")
  expect(statSync(state.path).size).toBeGreaterThanOrEqual(before)
  // a router that opens it changes nothing of that
  await (await state.open()).close()
  expect(await state.rows("PRAGMA auto_vacuum")).toEqual([{ auto_vacuum: 0 }])
})

test.skipIf(!mayMount())("a full disk ends a run, not the ledger (needs the right to mount)", async () => {
  using disk = smallDisk("48m")
  if (disk === null) throw new Error("the disk was there a moment ago")
  await using folder = ledgerFolder()
  const path = join(disk.folder, "state", "usage.sqlite")
  const ledger = await folder.open({ path })
  await write(ledger, CALLS)
  await ledger.close()
  asIfFilled(path)
  const state = { ...(await sqliteState()), path, usageDb: { path } }
  await using retention = await testRetention(state, NOW)
  await using again = await testRetention(state, NOW + 120_000)
  const filler = join(disk.folder, "filler")
  expect(() => writeFileSync(filler, Buffer.alloc(48 << 20))).toThrow("ENOSPC")
  const failed = await retention.run(ALL).catch((error: unknown) => error)
  const fault = failed instanceof Error ? failed.message : JSON.stringify(failed)
  expect(fault).toMatch(/full|disk I\/O/)
  rmSync(filler)
  const report = await again.run(ALL)
  expect(report.job).toMatchObject({ state: "done", fault: null })
  using database = new Database(path, { readonly: true })
  const count = (table: string): unknown => database.query(`SELECT count(*) AS n FROM ${table}`).get()
  expect([count("request_usage"), count("request_attempts")]).toEqual([{ n: 0 }, { n: 0 }])
})
