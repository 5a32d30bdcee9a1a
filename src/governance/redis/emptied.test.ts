/** An emptied store: what is in flight anywhere is counted again before anybody is admitted. */
import { describe, expect, test } from "bun:test"
import { startRedis, WITHOUT_REDIS } from "../../../test/helpers/redis.ts"
import { call, counted, granted, limitsOf, NOTHING, openShared, totals } from "../../../test/helpers/shared-state.ts"
import type { SharedState } from "./shared.ts"

const used = (tokens: number) => ({ requests: 1 as const, tokens, nanoUsd: 0 })
const admitted = (state: SharedState, request: ReturnType<typeof call>): Promise<string> =>
  state.admit(request).then(({ kind }) => kind)

describe.skipIf(WITHOUT_REDIS !== null)(`emptied${WITHOUT_REDIS === null ? "" : `: ${WITHOUT_REDIS}`}`, () => {
  test("an emptied store admits nobody before all have counted again what they have in flight", async () => {
    await using redis = await startRedis()
    const limits = limitsOf({ day_tokens: 1000 })
    const ledger = { used: NOTHING }
    const totalsOf = () => totals(ledger.used)([])
    const [one, two] = [await openShared(redis.url, { totalsOf }), await openShared(redis.url, { totalsOf })]
    const flying = granted(await one.admit(call(limits, 600)))
    const growing = granted(await two.admit(call(limits, 100)))
    await redis.command("FLUSHALL")
    // the other one asks at once, also for a call that is on its way
    const [asked, more, fits] = await Promise.all([
      admitted(two, call(limits, 301)),
      two.extend(growing, 301, 0),
      admitted(two, call(limits, 300)),
    ])
    expect([asked, more?.kind, fits]).toEqual(["refusal", "refusal", "lease"])
    expect(await counted(one, limits)).toEqual([0, 1000])
    one.settle(flying, used(500), 0)
    await Promise.all([one.close(), two.close()])
  })

  test("a store that is emptied again and again under load never admits beyond a limit", async () => {
    await using redis = await startRedis()
    const limits = limitsOf({ day_tokens: 4000 })
    const truth = { settled: 0, reserved: 0, most: 0 }
    const totalsOf = () => totals({ requests: 0, tokens: truth.settled, nanoUsd: 0 })([])
    const states = await Promise.all([1, 2, 3].map(() => openShared(redis.url, { totalsOf, leaseMs: 4000 })))
    const load = { isOver: false }
    const work = async (state: SharedState, holdMs: number): Promise<void> => {
      while (!load.isOver) {
        const outcome = await state.admit(call(limits, 100)).catch(() => null)
        if (outcome === null || outcome.kind === "refusal") {
          await Bun.sleep(5)
          continue
        }
        truth.reserved += 100
        truth.most = Math.max(truth.most, truth.settled + truth.reserved)
        await Bun.sleep(holdMs)
        // its row is there before its end is told
        truth.reserved -= 100
        truth.settled += 10
        state.settle(outcome, used(10), 0)
      }
    }
    const workers = states.flatMap((state, at) => [20, 300, 900, 900].map((ms) => work(state, ms + at)))
    const calls = states.flatMap((state, at) => Array.from({ length: 9 }, () => work(state, 1500 + at)))
    for (let round = 0; round < 3; round += 1) {
      await Bun.sleep(700)
      await redis.command("FLUSHALL")
    }
    await Bun.sleep(2000)
    load.isOver = true
    await Promise.all([...workers, ...calls])
    expect(truth.most).toBeGreaterThan(3500)
    expect(truth.most).toBeLessThanOrEqual(4000)
    await Promise.all(states.map((state) => state.close()))
  }, 20_000)
})
