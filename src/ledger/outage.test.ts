import { describe, expect, test } from "bun:test"
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { dirname } from "node:path"
import { rejectionOf, until } from "../../test/helpers/ledger.ts"
import { type LedgerState, onDrawnDriver } from "../../test/helpers/ledger-drivers.ts"
import { sampleCall } from "../../test/helpers/sample-call.ts"
import type { LedgerLimits } from "./open.ts"
import type { CallRecord } from "./record.ts"
import { encodeLine } from "./spool-line.ts"

const TS = Date.UTC(2026, 10, 22, 10)
/** Short waits: nothing here is asserted about time. */
const limits: Partial<LedgerLimits> = {
  retryMs: 20,
  firstProbeMs: 10,
  slowestProbeMs: 20,
  openMs: 30_000,
  answerMs: 500,
}
/** Where nothing is locked: the database answers, however busy the machine is. */
const patient: Partial<LedgerLimits> = { ...limits, answerMs: 60_000 }
const refused = { code: "usage-store-unavailable" }

function calls(from: number, count: number): CallRecord[] {
  return Array.from({ length: count }, (_, index) => sampleCall(TS, from + index))
}

function idsOf(records: readonly CallRecord[]): string[] {
  return records.map(({ usage }) => usage.request_id)
}

/** Every call stands in the database once, with its children and in the sums. */
async function expectExactly(state: LedgerState, records: readonly CallRecord[]): Promise<void> {
  expect(await state.ids()).toEqual(idsOf(records))
  expect(await state.rows("SELECT request_id FROM request_attempts")).toHaveLength(records.length)
  expect(await state.rows("SELECT request_id FROM request_trace_events")).toHaveLength(records.length)
  const sums = await state.rows<{ requests: number }>("SELECT sum(requests) AS requests FROM usage_rollup_hourly")
  expect(sums).toEqual([{ requests: records.length }])
}

onDrawnDriver((driver) => {
  describe("a locked database", () => {
    test("that is free again soon costs a wait, nothing else", async () => {
      await using state = await driver.state()
      const ledger = await state.open({ limits: { ...limits, retryMs: 60_000, answerMs: 60_000 } })
      const lock = await state.lock()
      const pending = Promise.all(calls(0, 5).map((call) => ledger.record(call)))
      await Bun.sleep(30)
      await lock[Symbol.asyncDispose]()
      await pending
      await expectExactly(state, calls(0, 5))
      expect(state.messages).toEqual([])
    })

    test("that stays locked: calls are safe in the spool, and in the database once it is free", async () => {
      await using state = await driver.state()
      const ledger = await state.open({ limits })
      const lock = await state.lock()
      for (const call of calls(0, 20)) await ledger.record(call)
      expect(await state.ids()).toEqual([])
      for (const id of idsOf(calls(0, 20))) expect(readFileSync(state.spoolPath, "utf8")).toContain(id)
      expect(ledger.accepting()).toBe(true)
      await lock[Symbol.asyncDispose]()
      await until(async () => (await state.ids()).length === 20)
      await Promise.all(calls(20, 10).map((call) => ledger.record(call)))
      await until(async () => (await state.ids()).length === 30)
      await expectExactly(state, calls(0, 30))
    })

    test("that comes and goes under load: no call is lost or doubled", async () => {
      await using state = await driver.state()
      const ledger = await state.open({ limits })
      const pending: Promise<void>[] = []
      for (let round = 0; round < 6; round += 1) {
        const lock = round % 2 === 0 ? await state.lock() : null
        for (let step = 0; step < 8; step += 1) {
          pending.push(...calls(round * 80 + step * 10, 10).map((call) => ledger.record(call)))
          await Bun.sleep(6)
        }
        await lock?.[Symbol.asyncDispose]()
        await Bun.sleep(10)
      }
      await Promise.all(pending)
      await until(async () => (await state.ids()).length === 480)
      await ledger.close()
      await expectExactly(state, calls(0, 480))
    })

    test("at the end of the process: the next one finds the calls", async () => {
      await using state = await driver.state()
      const first = await state.open({ limits })
      {
        await using _lock = await state.lock()
        await Promise.all(calls(0, 150).map((call) => first.record(call)))
        await first.close()
      }
      expect(await state.ids()).toEqual([])
      const second = await state.open({ limits: patient })
      await expectExactly(state, calls(0, 150))
      await second.close()
      const third = await state.open({ limits: patient })
      await expectExactly(state, calls(0, 150))
      await third.close()
    })

    test("at the start of the process: the schema is known, so it starts, and replays later", async () => {
      await using state = await driver.state()
      const first = await state.open({ limits })
      const lock = await state.lock()
      await Promise.all(calls(0, 3).map((call) => first.record(call)))
      await first.close()
      // SQLite waits for the lock with its thread held
      const second = await state.open({ limits: driver.name === "sqlite" ? { ...limits, openMs: 300 } : limits })
      await second.record(sampleCall(TS, 3))
      expect(await state.ids()).toEqual([])
      await lock[Symbol.asyncDispose]()
      await until(async () => (await state.ids()).length === 4)
      await expectExactly(state, calls(0, 4))
    })
  })

  describe("fail_closed", () => {
    test("refuses calls while the database is locked, and takes them again after", async () => {
      await using state = await driver.state()
      const ledger = await state.open({ limits, onUnavailable: "fail_closed" })
      const lock = await state.lock()
      expect(ledger.accepting()).toBe(true)
      expect(await rejectionOf(ledger.record(sampleCall(TS, 0)))).toMatchObject(refused)
      expect(ledger.accepting()).toBe(false)
      expect(await rejectionOf(ledger.record(sampleCall(TS, 1)))).toMatchObject(refused)
      await lock[Symbol.asyncDispose]()
      // a busy machine may be late once more
      await until(() =>
        ledger.record(sampleCall(TS, 2)).then(
          () => true,
          () => false,
        ),
      )
      expect(await state.ids()).toEqual(idsOf(calls(2, 1)))
      expect(existsSync(state.spoolPath)).toBe(false)
    })

    test("readiness notices an outage that no call has met yet", async () => {
      await using state = await driver.state()
      const ledger = await state.open({ limits, onUnavailable: "fail_closed" })
      const lock = await state.lock()
      expect(ledger.accepting()).toBe(true)
      expect(await ledger.ready()).toBe(false)
      expect(ledger.accepting()).toBe(false)
      await lock[Symbol.asyncDispose]()
      await until(() => ledger.ready())
      expect(ledger.accepting()).toBe(true)
    })

    test("still replays what a process with a spool left behind", async () => {
      await using state = await driver.state()
      const first = await state.open({ limits })
      {
        await using _lock = await state.lock()
        await Promise.all(calls(0, 10).map((call) => first.record(call)))
        await first.close()
      }
      const second = await state.open({ limits, onUnavailable: "fail_closed" })
      await until(async () => (await state.ids()).length === 10)
      await expectExactly(state, calls(0, 10))
      await using _lock = await state.lock()
      expect(await rejectionOf(second.record(sampleCall(TS, 11)))).toMatchObject(refused)
    })
  })

  describe("a spool", () => {
    test("with a torn line gives its whole lines", async () => {
      await using state = await driver.state()
      const first = await state.open({ limits: patient })
      await first.close()
      const [one, two, three] = calls(0, 3).map((call) => encodeLine("g", call))
      const torn = three?.subarray(0, 500) ?? Buffer.alloc(0)
      writeFileSync(state.spoolPath, Buffer.concat([one ?? torn, two ?? torn, torn]))
      await state.open({ limits: patient })
      await expectExactly(state, calls(0, 2))
    })

    test("that was replayed, but not emptied, doubles nothing", async () => {
      await using state = await driver.state()
      const first = await state.open({ limits: patient })
      await Promise.all(calls(0, 100).map((call) => first.record(call)))
      await first.close()
      writeFileSync(state.spoolPath, Buffer.concat(calls(0, 120).map((call) => encodeLine("g", call))))
      await state.open({ limits: patient })
      await expectExactly(state, calls(0, 120))
    })

    test("with a call that no schema takes puts it aside and goes on", async () => {
      await using state = await driver.state()
      const first = await state.open({ limits: patient })
      await first.close()
      const bad = sampleCall(TS, 1, { caller_id: null as unknown as string })
      const lines = [sampleCall(TS, 0), bad, sampleCall(TS, 2)].map((call) => encodeLine("g", call))
      writeFileSync(state.spoolPath, Buffer.concat(lines))
      const ledger = await state.open({ limits: patient })
      expect(await state.ids()).toEqual([0, 2].map((number) => sampleCall(TS, number).usage.request_id))
      const aside = `${state.path}.refused`
      expect(JSON.parse(readFileSync(aside, "utf8"))).toEqual(JSON.parse(JSON.stringify(bad)))
      expect(statSync(aside).mode & 0o777).toBe(0o600)
      await ledger.close()
    })

    test("that takes nothing either: calls are refused, and readiness says so", async () => {
      await using state = await driver.state()
      const ledger = await state.open({ limits: { ...limits, spoolMaxBytes: 10 } })
      await using _lock = await state.lock()
      expect(await rejectionOf(ledger.record(sampleCall(TS, 0)))).toMatchObject(refused)
      expect(ledger.accepting()).toBe(false)
    })

    test("leaves no other files than the lock's", async () => {
      await using state = await driver.state()
      const ledger = await state.open({ limits })
      await ledger.close()
      const files = ["usage.sqlite.spool", "usage.sqlite.spool.lock"]
      expect(
        readdirSync(dirname(state.path))
          .toSorted()
          .filter((name) => name !== "usage.sqlite"),
      ).toEqual(files)
    })
  })
})
