/** A lease that takes the place of another one does so in one step, whatever else the store is busy with. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { eventually } from "../../../test/helpers/client.ts"
import { startRedis, WITHOUT_REDIS, type RedisServer } from "../../../test/helpers/redis.ts"
import { call, counted, granted, limitsOf, NOTHING, openShared, totals } from "../../../test/helpers/shared-state.ts"
import { UNUSED, type Subject } from "../state.ts"

const LIMITS = limitsOf({ concurrent: 1, rpm: 3, day_requests: 3 })
const STRANGER = {
  ...LIMITS,
  subjects: [{ key: "caller:stranger", scope: "caller", id: "stranger" }],
  checks: [],
} as const

describe.skipIf(WITHOUT_REDIS !== null)(`one Redis${WITHOUT_REDIS === null ? "" : `: ${WITHOUT_REDIS}`}`, () => {
  let redis: RedisServer
  beforeAll(async () => {
    redis = await startRedis()
  })
  afterAll(() => redis[Symbol.asyncDispose]())

  test("also while ends of calls wait for the ledger", async () => {
    const gate = Promise.withResolvers<void>()
    const asked = Promise.withResolvers<void>()
    const totalsOf = async (subjects: readonly Subject[]) => {
      if (!subjects.some(({ id }) => id === "stranger")) return totals(NOTHING)(subjects)
      asked.resolve()
      await gate.promise
      const [known] = await totals(NOTHING)(subjects)
      return [{ ...known!, key: "caller:stranger" }]
    }
    const state = await openShared(redis.url, { totalsOf })
    const entry = granted(await state.admit(call(LIMITS, 0)))
    const stranger = state.admit(call(STRANGER, 0))
    await asked.promise
    const lease = granted(await state.admit({ ...call(LIMITS, 5), instead: entry }))
    // the first has ended: a second end of it does nothing
    state.settle(entry, UNUSED, 0)
    expect((await state.admit(call(LIMITS, 0))).kind).toBe("refusal")
    gate.resolve()
    state.settle(granted(await stranger), UNUSED, 0)
    expect(await counted(state, limitsOf({ day_requests: 3 }))).toEqual([0, 1])
    state.settle(lease, { requests: 1, tokens: 5, nanoUsd: 0 }, 0)
    const booked = async (): Promise<number> => (await counted(state, limitsOf({ day_requests: 3 })))[0]
    await eventually("the end of the call", async () => ((await booked()) === 1 ? true : undefined))
    expect(await counted(state, limitsOf({ day_requests: 3 }))).toEqual([1, 0])
    expect(await counted(state, limitsOf({ rpm: 3 }))).toEqual([1, 0])
    await state.close()
  })

  test("also where the store went or came back in between", async () => {
    const state = await openShared(redis.url, { onUnavailable: "local" })
    const entry = granted(await state.admit(call(LIMITS, 0)))
    redis.signal("SIGKILL")
    await eventually("the outage", async () => (state.isStoreUp ? undefined : true))
    const lease = granted(await state.admit({ ...call(LIMITS, 5), instead: entry }))
    expect((await state.admit(call(LIMITS, 0))).kind).toBe("refusal")
    state.settle(lease, UNUSED, 0)
    const local = granted(await state.admit(call(LIMITS, 0)))
    await redis.restart()
    await eventually("the store", async () => (state.isStoreUp ? true : undefined))
    const last = granted(await state.admit({ ...call(LIMITS, 5), instead: local }))
    expect(await counted(state, limitsOf({ concurrent: 1 }))).toEqual([0, 1])
    state.settle(last, UNUSED, 0)
    await eventually("the end of the call", async () =>
      (await counted(state, limitsOf({ concurrent: 1 })))[1] === 0 ? true : undefined,
    )
    expect(await counted(state, limitsOf({ day_requests: 3 }))).toEqual([0, 0])
    await state.close()
  })
})
