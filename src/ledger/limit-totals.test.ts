import { expect, test } from "bun:test"
import { onEachDriver } from "../../test/helpers/ledger-drivers.ts"
import { sampleCall } from "../../test/helpers/sample-call.ts"
import type { UsedAmounts } from "./limit-totals.ts"

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const NOW = Date.UTC(2026, 10, 22, 10, 30)
const clock = { now: () => NOW, monotonicMs: () => 0 }

/** What so many calls of the sample add up to. */
function used(requests: number): UsedAmounts {
  return { requests, tokens: 1555 * requests, nanoUsd: 7_885_200 * requests }
}

onEachDriver((driver) => {
  test("what was used in a day, a month and ever, however far apart", async () => {
    await using state = await driver.state()
    const ledger = await state.open({ clock })
    const ages = [0, HOUR_MS, 9 * HOUR_MS, 11 * HOUR_MS, 2 * DAY_MS, 20 * DAY_MS, 22 * DAY_MS, 900 * DAY_MS]
    for (const [index, age] of ages.entries()) await ledger.record(sampleCall(NOW - age, index + 1))
    for (const [index, age] of [HOUR_MS, 400 * DAY_MS].entries())
      await ledger.record(sampleCall(NOW - age, 100 + index, { caller_id: "app-2" }))
    const totals = async (ofLifetime: boolean) => {
      const found = (await ledger.limitTotals(ofLifetime)).totals
      return found
        .map(({ callerId, day, month, lifetimeTokens }) => ({ callerId, day, month, lifetimeTokens }))
        .toSorted((left, right) => left.callerId.localeCompare(right.callerId))
    }
    expect(await totals(true)).toEqual([
      { callerId: "app-1", day: used(3), month: used(6), lifetimeTokens: 1555 * 8 },
      { callerId: "app-2", day: used(1), month: used(1), lifetimeTokens: 1555 * 2 },
    ])
    expect(await totals(false)).toEqual([
      { callerId: "app-1", day: used(3), month: used(6), lifetimeTokens: 1555 * 6 },
      { callerId: "app-2", day: used(1), month: used(1), lifetimeTokens: 1555 },
    ])
  })

  test("nothing, where nothing was used", async () => {
    await using state = await driver.state()
    const ledger = await state.open({ clock })
    expect(await ledger.limitTotals(true)).toEqual({ totals: [], recent: [] })
  })
})
