/** An emptied store: what is in flight anywhere is counted again before anybody is admitted. */
import { describe, expect, test } from "bun:test"
import { eventually } from "../../../test/helpers/client.ts"
import { startRedis, WITHOUT_REDIS } from "../../../test/helpers/redis.ts"
import { call, counted, granted, limitsOf, NOTHING, openShared, totals } from "../../../test/helpers/shared-state.ts"
import { systemClock } from "../../system/clock.ts"
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

  test("what ends elsewhere while the totals are read is not missing behind it", async () => {
    await using redis = await startRedis()
    const limits = limitsOf({ day_tokens: 1000 })
    const ledger = { used: NOTHING }
    const totalsOf = () => totals(ledger.used)([])
    const during: (() => Promise<unknown>)[] = []
    const one = await openShared(redis.url, {
      totalsOf: async () => {
        const told = await totalsOf()
        await during.pop()?.()
        return told
      },
    })
    // it does not notice by itself that the store was emptied
    const never = { close: () => {}, unref: () => {} }
    const two = await openShared(redis.url, { totalsOf, clock: { ...systemClock, every: () => never } })
    const ended = granted(await two.admit(call(limits, 400)))
    during.push(async () => {
      ledger.used = { requests: 1, tokens: 300, nanoUsd: 0 }
      two.settle(ended, used(300), 0)
      await eventually("the end, which the store can book nowhere", async () =>
        (await redis.command("GET", "{smart-router}:beat")) === "1" ? true : undefined,
      )
    })
    await redis.command("FLUSHALL")
    expect(await admitted(one, call(limits, 10))).toBe("lease")
    expect(during).toEqual([])
    await eventually("300 tokens", async () => ((await counted(one, limits))[0] === 300 ? true : undefined))
    await Promise.all([one.close(), two.close()])
  })
})
