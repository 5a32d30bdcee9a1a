import { describe, expect, test } from "bun:test"
import { ledgerFolder, rejectionOf } from "../../test/helpers/ledger.ts"
import { onEachDriver } from "../../test/helpers/ledger-drivers.ts"
import { sampleCall } from "../../test/helpers/sample-call.ts"
import type { CallRecord } from "./record.ts"

const TS = Date.UTC(2026, 10, 22, 10)

/** Rows that the schema does not take. */
const unacceptable: CallRecord = sampleCall(TS, 666, { caller_id: null as unknown as string })

function calls(count: number): CallRecord[] {
  return Array.from({ length: count }, (_, index) => sampleCall(TS, index))
}

/** How many commits it took: whoever is told reads as many rows as the commits so far have brought. */
async function commitsOf(concurrent: number): Promise<number> {
  await using state = ledgerFolder()
  const ledger = await state.open()
  const seen: number[] = []
  const all = calls(concurrent).map(async (call) => {
    await ledger.record(call)
    seen.push(state.rows("SELECT request_id FROM request_usage").length)
  })
  await Promise.all(all)
  expect(seen).toHaveLength(concurrent)
  return new Set(seen).size
}

describe("grouping", () => {
  test("calls of one moment share a commit", async () => {
    expect(await commitsOf(50)).toBe(1)
  })

  test("a large crowd is committed in parts", async () => {
    expect(await commitsOf(300)).toBe(3)
  })
})

onEachDriver((driver) => {
  test("whoever is told has a row, at once and for others to see", async () => {
    await using state = await driver.state()
    const ledger = await state.open()
    for (const call of calls(20)) {
      await ledger.record(call)
      expect(await state.ids()).toContain(call.usage.request_id)
    }
  })

  test("a call with unacceptable rows fails alone", async () => {
    await using state = await driver.state()
    const ledger = await state.open()
    const good = calls(5)
    const results = await Promise.allSettled([...good, unacceptable].map((call) => ledger.record(call)))
    expect(results.map(({ status }) => status)).toEqual([...good.map(() => "fulfilled" as const), "rejected"])
    expect(results.at(-1)).toMatchObject({ reason: { code: "internal-error" } })
    expect(await state.ids()).toEqual(good.map(({ usage }) => usage.request_id))
    expect(ledger.accepting()).toBe(true)
  })

  test("the queue is bounded", async () => {
    await using state = await driver.state()
    const ledger = await state.open({ limits: { maxWaiting: 3 } })
    const pending = calls(3).map((call) => ledger.record(call))
    expect(ledger.accepting()).toBe(false)
    expect(await rejectionOf(ledger.record(sampleCall(TS, 9)))).toMatchObject({ code: "usage-store-unavailable" })
    await Promise.all(pending)
    expect(ledger.accepting()).toBe(true)
    expect(await state.ids()).toHaveLength(3)
  })

  test("with durability async nobody waits, and nothing is lost on closing", async () => {
    await using state = await driver.state()
    const ledger = await state.open({ durability: "async" })
    const lock = await state.lock()
    for (const call of calls(200)) await ledger.record(call)
    expect(await state.ids()).toHaveLength(0)
    await lock[Symbol.asyncDispose]()
    await ledger.close()
    expect(await state.ids()).toHaveLength(200)
  })

  test("closing settles who waits and takes no more", async () => {
    await using state = await driver.state()
    const ledger = await state.open()
    const pending = calls(10).map((call) => ledger.record(call))
    const closed = ledger.close()
    expect(await rejectionOf(ledger.record(sampleCall(TS, 99)))).toMatchObject({ code: "usage-store-unavailable" })
    expect(ledger.accepting()).toBe(false)
    await Promise.all(pending)
    await closed
    expect(await state.ids()).toHaveLength(10)
  })
})
