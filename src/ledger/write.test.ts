import { describe, expect, test } from "bun:test"
import { readFileSync } from "node:fs"
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
  test("a text of any length hides no call: it is cut, and the call has its row", async () => {
    await using state = await driver.state()
    const ledger = await state.open()
    const huge = "x".repeat(3 << 20)
    await ledger.record(sampleCall(TS, 1, { stop_reason: huge, service_tier: huge }))
    const rows = await state.rows<{ length: number }>("SELECT length(stop_reason) AS length FROM request_usage")
    expect(rows).toEqual([{ length: 4096 }])
  })

  test("whoever is told has a row, at once and for others to see", async () => {
    await using state = await driver.state()
    const ledger = await state.open()
    for (const call of calls(20)) {
      await ledger.record(call)
      expect(await state.ids()).toContain(call.usage.request_id)
    }
  })

  test("a call with unacceptable rows is put aside alone, named in the log, and kept in a file", async () => {
    await using state = await driver.state()
    const ledger = await state.open()
    const good = calls(5)
    await Promise.all([...good, unacceptable].map((call) => ledger.record(call)))
    expect(readFileSync(`${state.path}.refused`, "utf8")).toBe(`${JSON.stringify(unacceptable)}\n`)
    expect(state.messages).toContain("the usage database does not take the rows of a call; it was put aside")
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
