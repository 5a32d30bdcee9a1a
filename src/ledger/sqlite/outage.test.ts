import { describe, expect, test } from "bun:test"
import { existsSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs"
import { dirname } from "node:path"
import { type LedgerFolder, ledgerFolder, until } from "../../../test/helpers/ledger.ts"
import { sampleCall } from "../../../test/helpers/sample-call.ts"
import type { LedgerLimits } from "../open.ts"
import type { CallRecord } from "../record.ts"

const TS = Date.UTC(2026, 10, 22, 10)
/** Short waits: nothing here is asserted about time. */
const limits: Partial<LedgerLimits> = { retryMs: 20, firstProbeMs: 10, slowestProbeMs: 20, openMs: 30_000 }
const refused = { code: "usage-store-unavailable" }

function calls(from: number, count: number): CallRecord[] {
  return Array.from({ length: count }, (_, index) => sampleCall(TS, from + index))
}

function idsOf(records: readonly CallRecord[]): string[] {
  return records.map(({ usage }) => usage.request_id)
}

/** Every call stands in the database once, with its children and in the sums. */
function expectExactly(state: LedgerFolder, records: readonly CallRecord[]): void {
  expect(state.ids()).toEqual(idsOf(records))
  expect(state.rows("SELECT request_id FROM request_attempts")).toHaveLength(records.length)
  expect(state.rows("SELECT request_id FROM request_trace_events")).toHaveLength(records.length)
  const sums = state.rows<{ requests: number }>("SELECT sum(requests) AS requests FROM usage_rollup_hourly")
  expect(sums).toEqual([{ requests: records.length }])
}

describe("a full database", () => {
  async function pagesOf(state: LedgerFolder): Promise<number> {
    const ledger = await state.open({ limits })
    await ledger.close()
    return state.rows<{ page_count: number }>("PRAGMA page_count")[0]?.page_count ?? 0
  }

  test("sends calls to the spool; with room again they get in", async () => {
    await using state = ledgerFolder()
    const maxPageCount = (await pagesOf(state)) + 20
    const small = await state.open({ limits: { ...limits, maxPageCount } })
    const many = calls(0, 300)
    for (const call of many) await small.record(call)
    await small.close()
    expect(state.ids().length).toBeLessThan(many.length)
    expect(state.messages).toContain("the usage database takes no rows; calls go to the spool")
    await state.open({ limits })
    expectExactly(state, many)
  })

  test("closes the door under fail_closed", async () => {
    await using state = ledgerFolder()
    const maxPageCount = (await pagesOf(state)) + 4
    const ledger = await state.open({ limits: { ...limits, maxPageCount }, onUnavailable: "fail_closed" })
    const results = await Promise.allSettled(calls(0, 200).map((call) => ledger.record(call)))
    expect(results.at(-1)).toMatchObject({ status: "rejected", reason: refused })
    expect(ledger.accepting()).toBe(false)
    const told = results.filter(({ status }) => status === "fulfilled")
    expect(state.ids()).toHaveLength(told.length)
  })
})

describe("the database file", () => {
  test("when deleted, is made anew, and the call at hand is in it", async () => {
    await using state = ledgerFolder()
    const ledger = await state.open({ limits })
    await ledger.record(sampleCall(TS, 0))
    rmSync(state.path)
    for (const call of calls(1, 20)) await ledger.record(call)
    expectExactly(state, calls(1, 20))
    expect(statSync(state.path).mode & 0o777).toBe(0o600)
  })

  test("when the whole folder is deleted, too", async () => {
    await using state = ledgerFolder()
    const ledger = await state.open({ limits })
    await ledger.record(sampleCall(TS, 0))
    rmSync(dirname(state.path), { recursive: true })
    await Promise.all(calls(1, 20).map((call) => ledger.record(call)))
    expectExactly(state, calls(1, 20))
  })

  test("when moved away, holds what was recorded until then", async () => {
    await using state = ledgerFolder()
    const ledger = await state.open({ limits })
    await ledger.record(sampleCall(TS, 0))
    const moved = `${state.path}.moved`
    renameSync(state.path, moved)
    await ledger.record(sampleCall(TS, 1))
    expectExactly(state, calls(1, 1))
    await ledger.close()
    renameSync(moved, state.path)
    // The call at the moment of the move may stand in both.
    expect(state.ids()).toContain(sampleCall(TS, 0).usage.request_id)
  })

  test("when nothing can be made in its place, calls are safe in the spool", async () => {
    await using state = ledgerFolder()
    const spoolPath = `${state.folder}/elsewhere.spool`
    const ledger = await state.open({ limits, spoolPath })
    rmSync(dirname(state.path), { recursive: true })
    writeFileSync(dirname(state.path), "in the way")
    await Promise.all(calls(0, 5).map((call) => ledger.record(call)))
    expect(readFileSync(spoolPath, "utf8")).toContain(sampleCall(TS, 4).usage.request_id)
    rmSync(dirname(state.path))
    await until(() => existsSync(state.path) && state.ids().length === 5)
    expectExactly(state, calls(0, 5))
  })
})
