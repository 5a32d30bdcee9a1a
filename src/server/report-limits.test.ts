/** What reports say of limits is what limits have counted, and what the running router holds. */
import { expect, test } from "bun:test"
import { addressOf } from "../../test/helpers/cube.ts"
import { onEachDriver } from "../../test/helpers/ledger-drivers.ts"
import { KEYS, mustLoad, SMALLEST } from "../../test/helpers/load-text.ts"
import { sampleCall } from "../../test/helpers/sample-call.ts"
import { compile } from "../config/compile/compile.ts"
import type { CallRecord } from "../ledger/record.ts"
import { openReports } from "../reports/open.ts"
import type { LimitUse } from "../reports/section.ts"
import { limitUses } from "./report-limits.ts"

const NOW = Date.UTC(2026, 10, 30, 12)
const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

const LIMITED = SMALLEST.replace(
  "allow: [default] }",
  "allow: [default], quota: { soft_pct: 80, day: { requests: 10, tokens: 9000 }, month: { tokens: 50000 } }, key: { lifetime_tokens: 100000, soft_pct: 90 }, spend: { month_usd: 2.5 } }",
).replace("status: active }]\nproject_m", "status: active, spend: { day_usd: 0.1 } }]\nproject_m")

function callAt(agoMs: number, number: number, caller: string): CallRecord {
  const usage = { caller_id: caller, caller_project: "lab", limit_tokens: 1000, limit_nano_usd: 5_000_000 }
  return sampleCall(NOW - agoMs, number, usage)
}

onEachDriver((driver) => {
  test("callers and projects have used what their calls of the day, the month and ever are booked with", async () => {
    await using state = await driver.state()
    const ledger = await state.open()
    const calls = [
      ...[1 * HOUR_MS, 2 * HOUR_MS, 20 * HOUR_MS, 10 * DAY_MS, 90 * DAY_MS].map((ago, index) =>
        callAt(ago, index, "me-lab"),
      ),
      callAt(HOUR_MS, 9, "another"),
    ]
    await Promise.all(calls.map((call) => ledger.record(call)))
    const thread = openReports({ ...addressOf(state), deadlineMs: 60_000 })
    const snapshot = compile(mustLoad(LIMITED, { env: KEYS }), { userAgent: "test" })
    const held = [{ subject: "caller", id: "me-lab", limit: "spend.month_usd", reserved: 7 }] as const
    const uses = await limitUses(snapshot, (sql, parameters) => thread.rows(sql, parameters), NOW, held)
    await thread.close()
    const shown = uses.map(({ subject, limit, allowed, used, reserved, usedInLastDay }: LimitUse) => [
      subject,
      limit,
      allowed,
      used,
      reserved,
      usedInLastDay,
    ])
    expect(shown).toEqual([
      ["caller", "quota.day.requests", 10n, 2n, 0n, 3n],
      ["caller", "quota.day.tokens", 9000n, 2000n, 0n, 3000n],
      ["caller", "quota.month.tokens", 50_000n, 4000n, 0n, 3000n],
      ["caller", "key.lifetime_tokens", 100_000n, 5000n, 0n, 3000n],
      ["project", "spend.day_usd", 100_000_000n, 15_000_000n, 0n, 20_000_000n],
      ["caller", "spend.month_usd", 2_500_000_000n, 20_000_000n, 7n, 15_000_000n],
    ])
    expect(uses.filter(({ subject }) => subject === "caller").map(({ warnsAtPercent }) => warnsAtPercent)).toEqual([
      80, 80, 80, 90, 80,
    ])
    expect(uses.at(-1)?.resetsAt).toBe(Date.UTC(2026, 11, 1))
  }, 120_000)
})
