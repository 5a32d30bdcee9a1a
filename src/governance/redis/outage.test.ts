/** What happens to the counts when processes die, and when the store is killed, stopped, emptied or loses its scripts. */
import { describe, expect, test } from "bun:test"
import { eventually } from "../../../test/helpers/client.ts"
import { startRedis, WITHOUT_REDIS } from "../../../test/helpers/redis.ts"
import { WHOLE } from "../../../test/helpers/sample.ts"
import {
  call,
  counted,
  granted,
  HANGS,
  limitsOf,
  NOTHING,
  openShared,
  totals,
} from "../../../test/helpers/shared-state.ts"
import { RouterError } from "../../errors.ts"
import type { Amounts, Lease } from "../state.ts"
import type { SharedState } from "./shared.ts"

/** Of a crowd; a whole run has more. */
const ROUNDS = WHOLE ? 60 : 8

const used = (tokens: number) => ({ requests: 1 as const, tokens, nanoUsd: 0 })
const codeOf = (error: unknown): string => (error instanceof RouterError ? error.code : String(error))
const admitted = (state: SharedState, request: ReturnType<typeof call>): Promise<string> =>
  state.admit(request).then(({ kind }) => kind, codeOf)

describe.skipIf(WITHOUT_REDIS !== null)(`shared state${WITHOUT_REDIS === null ? "" : `: ${WITHOUT_REDIS}`}`, () => {
  test("a process that dies leaks nothing: its leases are booked at what they reserved", async () => {
    await using redis = await startRedis()
    const limits = limitsOf({ concurrent: 3, day_tokens: 100 })
    let nowMs = Date.now()
    const options = { leaseMs: 60_000, recountMs: 0, timeMs: () => nowMs }
    const dying = await openShared(redis.url, options)
    const living = await openShared(redis.url, options)
    const kept = granted(await living.admit(call(limits, 10)))
    granted(await dying.admit(call(limits, 20)))
    granted(await dying.admit(call(limits, 30)))
    expect(await admitted(living, call(limits, 10))).toBe("refusal")
    dying.vanish()
    // the slots come free; what lives is renewed and stays
    nowMs += 40_000
    living.renew([kept])
    expect((await counted(living, limits))[1]).toBe(3)
    nowMs += 40_000
    expect((await counted(living, limits))[1]).toBe(1)
    const tokens = (await living.view(limits, Date.now(), 0)).filter(({ check }) => check.kind === "day_tokens")
    expect(tokens.map((one) => [one.used, one.reserved])).toEqual([
      [50, 10],
      [50, 10],
    ])
    living.settle(kept, used(7), 0)
    granted(await living.admit(call(limits, 43)))
    expect(await admitted(living, call(limits, 1))).toBe("refusal")
    await living.close()
  })

  test("what rows say of calls whose leases expired is booked instead, once, whenever they come", async () => {
    await using redis = await startRedis()
    const limits = limitsOf({ day_requests: 100, day_tokens: 1000 })
    const rows = new Map<string, Amounts>()
    const asked: string[] = []
    const usedBy = (ids: readonly string[]): Promise<ReadonlyMap<string, Amounts>> => {
      asked.push(...ids)
      return Promise.resolve(new Map([...rows].filter(([id]) => ids.includes(id))))
    }
    const dying = await openShared(redis.url, { leaseMs: 300, recountMs: 0 })
    const living = await Promise.all([1, 2].map(() => openShared(redis.url, { leaseMs: 300, recountMs: 0, usedBy })))
    const [one] = living as [SharedState]
    const calls = [call(limits, 20), call(limits, 30), call(limits, 40)] as const
    for (const request of calls) granted(await dying.admit(request))
    rows.set(calls[0].id, { requests: 1, tokens: 7, nanoUsd: 0 })
    rows.set(calls[1].id, { requests: 0, tokens: 0, nanoUsd: 0 })
    dying.vanish()
    const usedNow = async (): Promise<readonly number[]> =>
      (await one.view(limits, Date.now(), 0)).map((line) => line.used).filter((_, index) => index % 2 === 0)
    await eventually("the rows", async () => (String(await usedNow()) === "2,47" ? true : undefined))
    rows.set(calls[2].id, { requests: 1, tokens: 60, nanoUsd: 0 })
    await eventually("the last row", async () => (String(await usedNow()) === "2,67" ? true : undefined))
    expect(await redis.command("EXISTS", "{smart-router}:expired")).toBe(0)
    // nobody asks for calls that are done
    const before = asked.length
    await Bun.sleep(400)
    expect([asked.length, String(await usedNow())]).toEqual([before, "2,67"])
    await Promise.all(living.map((state) => state.close()))
  })

  test("what has no row after a day is given back", async () => {
    await using redis = await startRedis()
    const limits = limitsOf({ day_tokens: 1000 })
    let nowMs = Date.now()
    const options = { leaseMs: 300, recountMs: 0, timeMs: () => nowMs }
    const dying = await openShared(redis.url, options)
    const living = await openShared(redis.url, options)
    granted(await dying.admit(call(limits, 20)))
    dying.vanish()
    nowMs += 1000
    expect(await counted(living, limits)).toEqual([20, 0])
    await Bun.sleep(300)
    expect(await counted(living, limits)).toEqual([20, 0])
    nowMs += 86_400_001
    await eventually("the end of the day", async () => ((await counted(living, limits))[0] === 0 ? true : undefined))
    await living.close()
  })

  test("a call that outlived its lease is booked at what it used", async () => {
    await using redis = await startRedis()
    const limits = limitsOf({ day_tokens: 1000 })
    const slow = await openShared(redis.url, { leaseMs: 60_000, recountMs: 0, timeMs: () => Date.now() })
    const late = await openShared(redis.url, { leaseMs: 60_000, recountMs: 0, timeMs: () => Date.now() + 120_000 })
    const lease = granted(await slow.admit(call(limits, 50)))
    granted(await late.admit(call(limits, 1)))
    expect(await counted(late, limits)).toEqual([50, 1])
    slow.settle(lease, used(8), 0)
    await eventually("the correction", async () => (String(await counted(late, limits)) === "8,1" ? true : undefined))
    await Promise.all([slow.close(), late.close()])
  })

  test("the settlement that finds its own lease expired closes it once", async () => {
    await using redis = await startRedis()
    const limits = limitsOf({ concurrent: 5, day_tokens: 1000 })
    let nowMs = Date.now()
    const state = await openShared(redis.url, { leaseMs: 60_000, recountMs: 0, timeMs: () => nowMs })
    const lease = granted(await state.admit(call(limits, 50)))
    nowMs += 120_000
    state.settle(lease, used(8), 0)
    await eventually("the settlement", async () => ((await counted(state, limits))[0] === 0 ? true : undefined))
    const days = (await state.view(limits, Date.now(), 0)).filter(({ check }) => check.kind === "day_tokens")
    expect(days.map((line) => [line.used, line.reserved])).toEqual([
      [8, 0],
      [8, 0],
    ])
    await state.close()
  })

  test("an emptied store is filled from the ledger, once, with what is in flight anywhere", async () => {
    await using redis = await startRedis()
    const limits = limitsOf({ day_tokens: 1000 })
    const ledger = { used: NOTHING }
    const totalsOf = () => totals(ledger.used)([])
    const states = await Promise.all([1, 2, 3].map(() => openShared(redis.url, { totalsOf, leaseMs: 2000 })))
    const [one, two, three] = states as [SharedState, SharedState, SharedState]
    const flying = granted(await one.admit(call(limits, 100)))
    const other = granted(await two.admit(call(limits, 200)))
    one.settle(granted(await one.admit(call(limits, 50))), used(40), 0)
    ledger.used = { requests: 1, tokens: 40, nanoUsd: 0 }
    await eventually("the settlement", async () => ((await counted(three, limits))[0] === 40 ? true : undefined))

    await redis.command("FLUSHALL")
    await redis.command("SCRIPT", "FLUSH")
    const leases = await Promise.all(states.map((state) => state.admit(call(limits, 1))))
    expect(leases.map(({ kind }) => kind)).toEqual(["lease", "lease", "lease"])
    await eventually("the calls in flight", async () => {
      const [settled, reserved] = await counted(three, limits)
      return settled === 40 && reserved === 303 ? true : undefined
    })
    one.settle(flying, used(70), 0)
    two.settle(other, used(60), 0)
    await eventually("the settlements", async () => {
      const [settled, reserved] = await counted(three, limits)
      return settled === 170 && reserved === 3 ? true : undefined
    })
    await Promise.all(states.map((state) => state.close()))
  })

  test("a store that hangs: calls are refused in time, and nothing that it did unseen stays", async () => {
    await using redis = await startRedis()
    const limits = limitsOf({ day_tokens: 1000 })
    const state = await openShared(redis.url, { limits: HANGS, recountMs: 0 })
    const flying = granted(await state.admit(call(limits, 100)))
    redis.signal("SIGSTOP")
    const refused = await Promise.all([1, 2, 3].map(() => admitted(state, call(limits, 7))))
    expect(refused).toEqual(Array.from({ length: 3 }, () => "shared-state-unavailable"))
    expect(state.isUsable).toBe(false)
    state.settle(flying, used(60), 0)
    // while it is known to be down nobody waits
    expect(await admitted(state, call(limits, 7))).toBe("shared-state-unavailable")
    redis.signal("SIGCONT")
    await eventually("the return", () => (state.isUsable ? true : undefined))
    await eventually("exact counts", async () => {
      const [settled, reserved] = await counted(state, limits)
      return settled === 60 && reserved === 0 ? true : undefined
    })
    expect(await admitted(state, call(limits, 940))).toBe("lease")
    await state.close()
  })

  test("a store that was killed and comes back empty: the ledger's totals, and what was settled meanwhile", async () => {
    await using redis = await startRedis()
    const limits = limitsOf({ day_tokens: 1000 })
    const ledger = { used: NOTHING }
    const state = await openShared(redis.url, { totalsOf: () => totals(ledger.used)([]), recountMs: 0 })
    const flying = granted(await state.admit(call(limits, 100)))
    redis.signal("SIGKILL")
    await eventually("the outage", () => (state.isUsable ? undefined : true))
    expect(await admitted(state, call(limits, 7))).toBe("shared-state-unavailable")
    state.settle(flying, used(60), 0)
    ledger.used = { requests: 1, tokens: 60, nanoUsd: 0 }
    await redis.restart()
    await eventually("the return", () => (state.isUsable ? true : undefined))
    granted(await state.admit(call(limits, 10)))
    expect(await counted(state, limits)).toEqual([60, 10])
    await state.close()
  })

  test("local: each process counts for itself from what the ledger knows, and pays back", async () => {
    await using redis = await startRedis()
    const limits = limitsOf({ day_tokens: 1000 })
    const ledger = { used: NOTHING }
    const options = {
      totalsOf: () => totals(ledger.used)([]),
      onUnavailable: "local" as const,
      limits: HANGS,
      recountMs: 0,
    }
    const one = await openShared(redis.url, options)
    const two = await openShared(redis.url, options)
    const before = granted(await one.admit(call(limits, 500)))
    redis.signal("SIGSTOP")
    ledger.used = { requests: 9, tokens: 300, nanoUsd: 0 }
    const own = await Promise.all([one, two].map((state) => state.admit(call(limits, 600))))
    expect(own.map(({ kind }) => kind)).toEqual(["lease", "lease"])
    expect(await admitted(one, call(limits, 101))).toBe("refusal")
    const late = granted(await two.admit(call(limits, 100)))
    one.settle(own[0] as Lease, used(400), 0)
    two.settle(own[1] as Lease, used(500), 0)
    one.settle(before, used(5), 0)
    expect(one.isUsable).toBe(true)
    expect(await counted(one, limits)).toEqual([705, 0])
    redis.signal("SIGCONT")
    await eventually("all that was used, booked", async () => {
      const [settled, reserved] = await counted(two, limits)
      return settled === 905 && reserved === 0 ? true : undefined
    })
    two.settle(late, used(90), 0)
    await eventually("the last one", async () => ((await counted(one, limits))[0] === 995 ? true : undefined))
    await Promise.all([one.close(), two.close()])
  })

  test("a store that cannot be reached at the start: calls are refused until it is there", async () => {
    const redis = await startRedis()
    redis.signal("SIGSTOP")
    const limits = limitsOf({ day_tokens: 1000 })
    const state = await openShared(redis.url, { limits: HANGS, recountMs: 0 })
    expect([state.isUsable, await admitted(state, call(limits, 7))]).toEqual([false, "shared-state-unavailable"])
    redis.signal("SIGCONT")
    await eventually("the store", () => (state.isUsable ? true : undefined))
    expect(await admitted(state, call(limits, 7))).toBe("lease")
    await state.close()
    await redis[Symbol.asyncDispose]()
  })

  test("hundreds of calls at once never pass a limit, whichever process they come to", async () => {
    await using redis = await startRedis()
    const limits = limitsOf({ concurrent: 40, day_tokens: 3000 })
    const states = await Promise.all([1, 2, 3].map(() => openShared(redis.url, { recountMs: 0 })))
    let settled = 0
    const work = async (state: SharedState): Promise<void> => {
      for (let round = 0; round < ROUNDS; round += 1) {
        const outcome = await state.admit(call(limits, 10))
        if (outcome.kind === "refusal") continue
        await Bun.sleep(round % 3)
        const tokens = round % 11
        state.settle(outcome, used(tokens), 0)
        settled += tokens
      }
    }
    const looks: (readonly [number, number])[] = []
    const looking = (async () => {
      const tokens = limitsOf({ day_tokens: 3000 })
      for (let look = 0; look < 50; look += 1) looks.push(await counted(states[0] as SharedState, tokens))
    })()
    await Promise.all([looking, ...states.flatMap((state) => Array.from({ length: 30 }, () => work(state)))])
    for (const [booked, reserved] of looks) expect(booked + reserved).toBeLessThanOrEqual(3000)
    await eventually("all settlements", async () => {
      const [booked, reserved] = await counted(states[1] as SharedState, limitsOf({ day_tokens: 3000 }))
      return reserved === 0 && booked === settled ? true : undefined
    })
    await Promise.all(states.map((state) => state.close()))
  })
})
