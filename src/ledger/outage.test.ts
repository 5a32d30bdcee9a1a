import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs"
import { dirname } from "node:path"
import { type LedgerFolder, ledgerFolder, until, rejectionOf } from "../../test/helpers/ledger.ts"
import { sampleCall } from "../../test/helpers/sample-call.ts"
import type { LedgerLimits } from "./open.ts"
import type { CallRecord } from "./record.ts"
import { encodeLine } from "./spool-line.ts"

// Slow disks: every spooled group is an fsync.
setDefaultTimeout(30_000)

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

describe("a locked database", () => {
  test("that is free again soon costs a wait, nothing else", async () => {
    await using state = ledgerFolder()
    const ledger = await state.open({ limits: { ...limits, retryMs: 10_000 } })
    const lock = state.lock()
    const pending = Promise.all(calls(0, 5).map((call) => ledger.record(call)))
    await Bun.sleep(30)
    lock[Symbol.dispose]()
    await pending
    expectExactly(state, calls(0, 5))
    expect(state.messages).toEqual([])
  })

  test("that stays locked: calls are safe in the spool, and in the database once it is free", async () => {
    await using state = ledgerFolder()
    const ledger = await state.open({ limits })
    const lock = state.lock()
    for (const call of calls(0, 60)) await ledger.record(call)
    expect(state.ids()).toEqual([])
    for (const id of idsOf(calls(0, 60))) expect(readFileSync(state.spoolPath, "utf8")).toContain(id)
    expect(ledger.accepting()).toBe(true)
    lock[Symbol.dispose]()
    await until(() => state.ids().length === 60)
    await Promise.all(calls(60, 10).map((call) => ledger.record(call)))
    expectExactly(state, calls(0, 70))
  })

  test("that comes and goes under load: no call is lost or doubled", async () => {
    await using state = ledgerFolder()
    const ledger = await state.open({ limits })
    const pending: Promise<void>[] = []
    for (let round = 0; round < 6; round += 1) {
      const lock = round % 2 === 0 ? state.lock() : null
      for (let step = 0; step < 8; step += 1) {
        pending.push(...calls(round * 80 + step * 10, 10).map((call) => ledger.record(call)))
        await Bun.sleep(6)
      }
      lock?.[Symbol.dispose]()
      await Bun.sleep(10)
    }
    await Promise.all(pending)
    await until(() => state.ids().length === 480)
    await ledger.close()
    expectExactly(state, calls(0, 480))
  })

  test("at the end of the process: the next one finds the calls", async () => {
    await using state = ledgerFolder()
    const first = await state.open({ limits })
    {
      using _lock = state.lock()
      await Promise.all(calls(0, 150).map((call) => first.record(call)))
      await first.close()
    }
    expect(state.ids()).toEqual([])
    const second = await state.open({ limits })
    expectExactly(state, calls(0, 150))
    await second.close()
    const third = await state.open({ limits })
    expectExactly(state, calls(0, 150))
    await third.close()
  })

  test("at the start of the process: the schema is known, so it starts, and replays later", async () => {
    await using state = ledgerFolder()
    const first = await state.open({ limits })
    const lock = state.lock()
    await Promise.all(calls(0, 3).map((call) => first.record(call)))
    await first.close()
    const second = await state.open({ limits })
    await second.record(sampleCall(TS, 3))
    expect(state.ids()).toEqual([])
    lock[Symbol.dispose]()
    await until(() => state.ids().length === 4)
    expectExactly(state, calls(0, 4))
  })
})

describe("fail_closed", () => {
  test("refuses calls while the database is locked, and takes them again after", async () => {
    await using state = ledgerFolder()
    const ledger = await state.open({ limits, onUnavailable: "fail_closed" })
    const lock = state.lock()
    expect(ledger.accepting()).toBe(true)
    expect(await rejectionOf(ledger.record(sampleCall(TS, 0)))).toMatchObject(refused)
    expect(ledger.accepting()).toBe(false)
    expect(await rejectionOf(ledger.record(sampleCall(TS, 1)))).toMatchObject(refused)
    lock[Symbol.dispose]()
    await until(() => ledger.accepting())
    await ledger.record(sampleCall(TS, 2))
    expect(state.ids()).toEqual(idsOf(calls(2, 1)))
    expect(existsSync(state.spoolPath)).toBe(false)
  })

  test("readiness notices an outage that no call has met yet", async () => {
    await using state = ledgerFolder()
    const ledger = await state.open({ limits, onUnavailable: "fail_closed" })
    const lock = state.lock()
    expect(ledger.accepting()).toBe(true)
    expect(await ledger.ready()).toBe(false)
    expect(ledger.accepting()).toBe(false)
    lock[Symbol.dispose]()
    await until(() => ledger.accepting())
    expect(await ledger.ready()).toBe(true)
  })

  test("still replays what a process with a spool left behind", async () => {
    await using state = ledgerFolder()
    const first = await state.open({ limits })
    {
      using _lock = state.lock()
      await Promise.all(calls(0, 10).map((call) => first.record(call)))
      await first.close()
    }
    const second = await state.open({ limits, onUnavailable: "fail_closed" })
    expectExactly(state, calls(0, 10))
    using _lock = state.lock()
    expect(await rejectionOf(second.record(sampleCall(TS, 11)))).toMatchObject(refused)
  })
})

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

describe("a spool", () => {
  test("with a torn line gives its whole lines", async () => {
    await using state = ledgerFolder()
    const first = await state.open({ limits })
    await first.close()
    const [one, two, three] = calls(0, 3).map((call) => encodeLine("g", call))
    const torn = three?.subarray(0, 500) ?? Buffer.alloc(0)
    writeFileSync(state.spoolPath, Buffer.concat([one ?? torn, two ?? torn, torn]))
    await state.open({ limits })
    expectExactly(state, calls(0, 2))
  })

  test("that was replayed, but not emptied, doubles nothing", async () => {
    await using state = ledgerFolder()
    const first = await state.open({ limits })
    await Promise.all(calls(0, 100).map((call) => first.record(call)))
    await first.close()
    writeFileSync(state.spoolPath, Buffer.concat(calls(0, 120).map((call) => encodeLine("g", call))))
    await state.open({ limits })
    expectExactly(state, calls(0, 120))
  })

  test("with a call that no schema takes puts it aside and goes on", async () => {
    await using state = ledgerFolder()
    const first = await state.open({ limits })
    await first.close()
    const bad = sampleCall(TS, 1, { caller_id: null as unknown as string })
    const lines = [sampleCall(TS, 0), bad, sampleCall(TS, 2)].map((call) => encodeLine("g", call))
    writeFileSync(state.spoolPath, Buffer.concat(lines))
    const ledger = await state.open({ limits })
    expect(state.ids()).toEqual([0, 2].map((number) => sampleCall(TS, number).usage.request_id))
    const aside = `${state.path}.refused`
    expect(JSON.parse(readFileSync(aside, "utf8"))).toEqual(JSON.parse(JSON.stringify(bad)))
    expect(statSync(aside).mode & 0o777).toBe(0o600)
    await ledger.close()
  })

  test("that takes nothing either: calls are refused, and readiness says so", async () => {
    await using state = ledgerFolder()
    const ledger = await state.open({ limits: { ...limits, spoolMaxBytes: 10 } })
    using _lock = state.lock()
    expect(await rejectionOf(ledger.record(sampleCall(TS, 0)))).toMatchObject(refused)
    expect(ledger.accepting()).toBe(false)
  })

  test("leaves no other files than the lock's", async () => {
    await using state = ledgerFolder()
    const ledger = await state.open({ limits })
    await ledger.close()
    const files = ["usage.sqlite", "usage.sqlite.spool", "usage.sqlite.spool.lock"]
    expect(readdirSync(dirname(state.path)).toSorted()).toEqual(files)
  })
})
