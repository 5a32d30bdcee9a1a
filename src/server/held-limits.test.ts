/** What calls in flight hold is told without counting anybody who has not called. */
import { expect, test } from "bun:test"
import { call, limitsOf, openShared } from "../../test/helpers/shared-state.ts"
import { startRedis, WITHOUT_REDIS } from "../../test/helpers/redis.ts"
import { MemoryState } from "../governance/memory.ts"
import type { CompiledLimits, GovernanceState, Subject } from "../governance/state.ts"
import { systemClock } from "../system/clock.ts"
import { heldLimits } from "./held-limits.ts"

const IDLE = 500

function callerLimits(id: string): CompiledLimits {
  const subjects: readonly Subject[] = [{ key: `caller:${id}`, scope: "caller", id }]
  const { checks, ...rest } = limitsOf({ day_tokens: 1000 })
  return { ...rest, subjects, checks: checks.filter(({ subject }) => subject === 0) }
}

const BUSY = callerLimits("busy")
const ALL = new Map<string, CompiledLimits | null>([
  ["busy", BUSY],
  ["unlimited", null],
  ...Array.from({ length: IDLE }, (_, at) => [`idle-${at}`, callerLimits(`idle-${at}`)] as const),
])

function gatewayOf(state: GovernanceState): Parameters<typeof heldLimits>[0] {
  return { snapshot: { callerLimits: ALL }, governance: { state }, clock: systemClock } as never
}

const HELD = [{ subject: "caller", id: "busy", limit: "quota.day.tokens", reserved: 10 }] as const

test("in memory", async () => {
  const state = new MemoryState()
  state.withhold(["caller:idle-7"], 0)
  state.admit(call(BUSY))
  expect(await heldLimits(gatewayOf(state))).toEqual([...HELD])
  expect(state.knows("caller:idle-8", false)).toBe(false)
})

test.skipIf(WITHOUT_REDIS !== null)(
  `in a store that is shared, where the ledger is asked for nobody (${WITHOUT_REDIS ?? "with Redis"})`,
  async () => {
    await using redis = await startRedis()
    const asked: string[] = []
    const state = await openShared(redis.url, {
      totalsOf: (subjects) => {
        asked.push(...subjects.map(({ key }) => key))
        return Promise.resolve(
          subjects.map(({ key }) => ({
            key,
            ts: systemClock.now(),
            day: { requests: 0, tokens: 0, nanoUsd: 0 },
            month: { requests: 0, tokens: 0, nanoUsd: 0 },
            beside: [],
            lifetimeTokens: 0,
            isWholeLifetime: true,
            lastMinute: [],
          })),
        )
      },
    })
    await state.admit(call(BUSY))
    const before = await redis.command("DBSIZE")
    const gateway = gatewayOf(state)
    const [one, other] = await Promise.all([heldLimits(gateway), heldLimits(gateway)])
    expect(one).toEqual([...HELD])
    expect(other).toBe(one)
    expect(asked.filter((key) => key !== "caller:busy")).toEqual([])
    expect(await redis.command("DBSIZE")).toBe(before)
    await state.close()
  },
)
