/** A store that is emptied, killed or standing still under load: no call is admitted beyond a limit, and each is counted once. */
import { describe, expect, test } from "bun:test"
import { eventually } from "../../../test/helpers/client.ts"
import { startRedis, WITHOUT_REDIS, type RedisServer } from "../../../test/helpers/redis.ts"
import { call, counted, HANGS, limitsOf, NOTHING, openShared, totals } from "../../../test/helpers/shared-state.ts"
import type { SharedState } from "./shared.ts"

const used = (tokens: number) => ({ requests: 1 as const, tokens, nanoUsd: 0 })
const LIMITS = limitsOf({ day_tokens: 1000, concurrent: 5 })

const exactly = (state: SharedState, settled: number): Promise<true> =>
  eventually("exact counts", async () => {
    const [is, reserved] = await counted(state, LIMITS).catch(() => [NaN, NaN])
    return is === settled && reserved === 0 ? true : undefined
  })

describe.skipIf(WITHOUT_REDIS !== null)(`store${WITHOUT_REDIS === null ? "" : `: ${WITHOUT_REDIS}`}`, () => {
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
  })

  const hammered = async (redis: RedisServer, disturb: () => Promise<void>): Promise<void> => {
    const ledger = { used: NOTHING }
    const totalsOf = () => totals(ledger.used)([])
    const states = await Promise.all([1, 2].map(() => openShared(redis.url, { totalsOf, limits: HANGS })))
    const load = { isOver: false, settled: 0, reserved: 0 }
    const work = async (state: SharedState): Promise<void> => {
      while (!load.isOver) {
        const outcome = await state.admit(call(LIMITS, 10)).catch(() => null)
        if (outcome?.kind !== "lease") {
          await Bun.sleep(5)
          continue
        }
        load.reserved += 10
        expect(load.settled + load.reserved).toBeLessThanOrEqual(1000)
        await Bun.sleep(3)
        load.reserved -= 10
        load.settled += 1
        ledger.used = { requests: load.settled, tokens: load.settled, nanoUsd: 0 }
        state.settle(outcome, used(1), 0)
      }
    }
    const workers = states.flatMap((state) => Array.from({ length: 4 }, () => work(state)))
    await disturb()
    load.isOver = true
    await Promise.all(workers)
    for (const state of states) await exactly(state, load.settled)
    await Promise.all(states.map((state) => state.close()))
  }

  test("one that keeps its file is killed and started under load: every call is counted, once", async () => {
    await using redis = await startRedis({ options: ["--appendonly", "yes", "--appendfsync", "always"] })
    await hammered(redis, async () => {
      for (let round = 0; round < 2; round += 1) {
        await Bun.sleep(200)
        await redis.restart()
      }
      await Bun.sleep(800)
    })
  })

  test("one that stands still for a while under load leaks no slot", async () => {
    await using redis = await startRedis()
    await hammered(redis, async () => {
      await Bun.sleep(200)
      redis.signal("SIGSTOP")
      await Bun.sleep(1500)
      redis.signal("SIGCONT")
      await Bun.sleep(800)
    })
  })
})
