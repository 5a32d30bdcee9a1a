import { expect, test } from "bun:test"
import { type LedgerState, onDrawnDriver } from "../../test/helpers/ledger-drivers.ts"
import { ledgerFolder, rejectionOf } from "../../test/helpers/ledger.ts"
import { sampleCall } from "../../test/helpers/sample-call.ts"
import type { LedgerStore } from "./open.ts"
import type { UsageFigures } from "./queries.ts"
import { systemClock } from "../system/clock.ts"
import type { UsageRow } from "./record.ts"

const DAY_MS = 86_400_000
const NOW = Date.UTC(2026, 10, 22, 10, 30)
const clock = { ...systemClock, now: () => NOW, monotonicMs: () => 0 }

let next = 0

async function record(ledger: LedgerStore, ts: number, usage: Partial<UsageRow> = {}): Promise<void> {
  next += 1
  await ledger.record(sampleCall(ts, next, usage))
}

async function open(state: LedgerState): Promise<LedgerStore> {
  return await state.open({ clock })
}

/** What so many calls of the sample add up to. */
function samples(requests: number): UsageFigures {
  return {
    requests,
    errors: 0,
    input_tokens: 1234 * requests,
    cached_input_tokens: 234 * requests,
    output_tokens: 321 * requests,
    reasoning_tokens: 12 * requests,
    total_tokens: 1555 * requests,
    cost_nano_usd: 7_885_200 * requests,
    cost_unknown_requests: 0,
  }
}

onDrawnDriver((driver) => {
  test("a caller sees its own calls, by day and by model", async () => {
    await using state = await driver.state()
    const ledger = await open(state)
    await record(ledger, NOW)
    await record(ledger, NOW, { resolved_group: "smart", target_model: "secret-upstream-id" })
    await record(ledger, NOW - DAY_MS)
    await record(ledger, NOW - DAY_MS)
    await record(ledger, NOW, { caller_id: "app-2" })
    const usage = await ledger.usageOf("app-1", { sinceMs: NOW - 7 * DAY_MS, groupBy: ["day", "model"] })
    expect(usage.rows).toEqual([
      { day: "2026-11-21", model: "fast", ...samples(2) },
      { day: "2026-11-22", model: "fast", ...samples(1) },
      { day: "2026-11-22", model: "smart", ...samples(1) },
    ])
    expect(usage.truncated).toBe(false)
    const by = async (groupBy: readonly ("day" | "model")[]) =>
      (await ledger.usageOf("app-1", { sinceMs: 0, groupBy })).rows
    expect(await by(["model"])).toEqual([
      { model: "fast", ...samples(3) },
      { model: "smart", ...samples(1) },
    ])
    expect(await by(["day"])).toEqual([
      { day: "2026-11-21", ...samples(2) },
      { day: "2026-11-22", ...samples(2) },
    ])
    expect(await by([])).toEqual([samples(4)])
  })

  test("what single calls have used, as limits count it", async () => {
    await using state = await driver.state()
    const ledger = await open(state)
    const used: Partial<UsageRow>[] = [
      // of an earlier version
      { limit_tokens: null, limit_nano_usd: null },
      { attempts: 0, total_tokens: null, total_cost_nano_usd: null, limit_tokens: 0, limit_nano_usd: 0 },
      { total_cost_nano_usd: null, total_tokens: 1100, limit_tokens: 1100, limit_nano_usd: 7_500_000 },
    ]
    const calls = used.map((usage) => sampleCall(NOW, (next += 1), usage))
    for (const call of calls) await ledger.record(call)
    const ids = calls.map(({ usage }) => usage.request_id)
    const amounts = await ledger.usedBy([...ids, `req_${"0".repeat(32)}`])
    expect(ids.map((id) => amounts.get(id))).toEqual([
      { requests: 1, tokens: 1555, nanoUsd: 7_885_200 },
      { requests: 0, tokens: 0, nanoUsd: 0 },
      { requests: 1, tokens: 1100, nanoUsd: 7_500_000 },
    ])
    expect(amounts.size).toBe(3)
    expect(await ledger.usedBy([])).toEqual(new Map())
  })

  test("a reading sees one moment, while rows come; behind it they are seen", async () => {
    await using state = await driver.state()
    const ledger = await open(state)
    const [before, during] = [sampleCall(NOW, (next += 1)), sampleCall(NOW, (next += 1))]
    const ids = [before, during].map(({ usage }) => usage.request_id)
    await ledger.record(before)
    const seen = await ledger.reading(async (at) => {
      const first = await at.usedBy(ids)
      await ledger.record(during)
      const { periods } = await at.limitTotals(false)
      return [
        first.size,
        (await at.usedBy(ids)).size,
        ...new Set(periods.map(({ totals }) => totals[0]?.used.requests)),
      ]
    })
    expect(seen).toEqual([1, 1, undefined, 1])
    expect((await ledger.usedBy(ids)).size).toBe(2)
    expect(await ledger.reading(async (at) => (await at.usedBy(ids)).size)).toBe(2)
    expect(await rejectionOf(ledger.reading(() => Promise.reject(new Error("ours"))))).toEqual(new Error("ours"))
    // none of them holds anything: more than there are connections
    for (let count = 0; count < 5; count += 1) await ledger.reading((at) => at.usedBy(ids))
  })

  test("today and this month are calendar periods in UTC, whatever the range asked for", async () => {
    await using state = await driver.state()
    const ledger = await open(state)
    const midnight = Date.UTC(2026, 10, 22)
    const monthStart = Date.UTC(2026, 10, 1)
    for (const ts of [NOW, midnight, midnight - 1, monthStart, monthStart - 1]) await record(ledger, ts)
    const usage = await ledger.usageOf("app-1", { sinceMs: NOW, groupBy: [] })
    expect(usage.rows).toEqual([samples(1)])
    expect(usage.today).toEqual(samples(2))
    expect(usage.month).toEqual(samples(4))
  })

  test("errors count, and unknown costs are counted instead of guessed", async () => {
    await using state = await driver.state()
    const ledger = await open(state)
    const unpriced = { total_cost_nano_usd: null, cost_unknown_reason: "price" } as const
    await record(ledger, NOW, { ...unpriced, status: 499, output_tokens: null, total_tokens: null })
    await record(ledger, NOW, { status: 200, error: "upstream-failed" })
    await record(ledger, NOW, { status: 403, attempts: 0, total_cost_nano_usd: null })
    const failed = { usage_source: "none", output_tokens: null, total_tokens: null, total_cost_nano_usd: null } as const
    await record(ledger, NOW, { ...failed, status: 429, error: "upstream-rate-limited" })
    const { today } = await ledger.usageOf("app-1", { sinceMs: NOW, groupBy: [] })
    expect(today).toMatchObject({
      requests: 4,
      errors: 4,
      cost_nano_usd: 7_885_200,
      cost_unknown_requests: 1,
      output_tokens: 642,
    })
  })

  test("numbers that no upstream can mean cost neither the call nor the sums", async () => {
    await using state = await driver.state()
    const ledger = await open(state)
    await record(ledger, NOW)
    for (const nonsense of [Number.NaN, Number.POSITIVE_INFINITY, 1e300, -5, 0.5]) {
      await record(ledger, NOW, { output_tokens: nonsense, total_tokens: nonsense, total_cost_nano_usd: nonsense })
    }
    const largest = Number.MAX_SAFE_INTEGER
    for (let number = 0; number < 1100; number += 1) void record(ledger, NOW, { input_tokens: largest })
    await record(ledger, NOW)
    const { today } = await ledger.usageOf("app-1", { sinceMs: NOW, groupBy: [] })
    expect(today).toMatchObject({ requests: 1107, output_tokens: 321 * 1102, cost_nano_usd: 7_885_200 * 1102 })
    expect(today.input_tokens).toBeGreaterThan(largest)
  })

  test("the range begins with a full hour", async () => {
    await using state = await driver.state()
    const ledger = await open(state)
    const hour = Date.UTC(2026, 10, 22, 9)
    for (const ts of [hour - 1, hour, hour + 1]) await record(ledger, ts)
    expect((await ledger.usageOf("app-1", { sinceMs: hour + 59_999, groupBy: [] })).rows).toEqual([samples(2)])
  })

  test("nothing recorded, or a range in the future, is empty", async () => {
    await using state = await driver.state()
    const ledger = await open(state)
    await record(ledger, NOW, { caller_id: "app-2" })
    const nobody = await ledger.usageOf("nobody", { sinceMs: 0, groupBy: ["day"] })
    expect(nobody).toEqual({ rows: [], truncated: false, today: samples(0), month: samples(0) })
    expect((await ledger.usageOf("app-2", { sinceMs: NOW + DAY_MS, groupBy: [] })).rows).toEqual([])
  })

  test("an answer is bounded, the newest stay", async () => {
    await using state = await driver.state()
    const ledger = await open(state)
    const pending: Promise<void>[] = []
    for (let group = 0; group < 600; group += 1) {
      pending.push(record(ledger, NOW, { resolved_group: `g${String(group).padStart(3, "0")}` }))
      pending.push(record(ledger, NOW - DAY_MS, { resolved_group: `g${String(group).padStart(3, "0")}` }))
    }
    await Promise.all(pending)
    const usage = await ledger.usageOf("app-1", { sinceMs: 0, groupBy: ["day", "model"] })
    expect(usage.rows).toHaveLength(1000)
    expect(usage.truncated).toBe(true)
    expect(usage.rows.at(-1)).toMatchObject({ day: "2026-11-22", model: "g599" })
  })
})

test("the query looks up hours by key and reads no call", async () => {
  await using state = ledgerFolder()
  const ledger = await state.open({ clock })
  await record(ledger, NOW)
  const plan = state.rows<{ detail: string }>(
    `EXPLAIN QUERY PLAN WITH RECURSIVE range(hour) AS (SELECT 1 UNION ALL SELECT hour + 1 FROM range WHERE hour < 9)
     SELECT sum(requests) FROM range CROSS JOIN usage_rollup_hourly AS rollup
     ON rollup.hour = range.hour AND rollup.caller_id = 'a' GROUP BY rollup.resolved_group`,
  )
  const details = plan.map(({ detail }) => detail).join("\n")
  expect(details).toContain("SEARCH rollup USING PRIMARY KEY (hour=? AND caller_id=?)")
  expect(details).not.toContain("request_usage")
})
