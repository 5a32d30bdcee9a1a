/** Subjects are counted anew from the ledger while calls go on: nothing is left out, and nothing is counted twice. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test"
import { eventually } from "../../../test/helpers/client.ts"
import { startRedis, WITHOUT_REDIS, type RedisServer } from "../../../test/helpers/redis.ts"
import { call, counted, granted, limitsOf, openShared, SUBJECTS } from "../../../test/helpers/shared-state.ts"
import { systemClock } from "../../system/clock.ts"
import type { Amounts, Amounts3, Lease, Subject, SubjectTotals } from "../state.ts"
import type { SharedOptions, SharedState } from "./shared.ts"

const used = (tokens: number): Amounts => ({ requests: 1, tokens, nanoUsd: 0 })
const pause = (): Promise<void> => systemClock.sleep(Math.random() * 4)

/** Rows of calls, as all processes see them: reading takes its time, and rows come meanwhile. */
class Rows {
  rows = new Map<string, Amounts>()

  readonly totalsOf = async (subjects: readonly Subject[]): Promise<readonly SubjectTotals[]> => {
    await pause()
    const day = this.#sum()
    await pause()
    return [...new Map([...SUBJECTS, ...subjects].map((one) => [one.key, one])).values()].map(({ key }) => ({
      key,
      ts: systemClock.now(),
      day,
      month: day,
      beside: [],
      lifetimeTokens: day.tokens,
      isWholeLifetime: true,
      lastMinute: [],
    }))
  }

  readonly usedBy = async (ids: readonly string[]): Promise<ReadonlyMap<string, Amounts>> => {
    await pause()
    const found = ids.flatMap((id) => {
      const amounts = this.rows.get(id)
      return amounts === undefined ? [] : [[id, amounts] as const]
    })
    await pause()
    return new Map(found)
  }

  /** As it is at the moment. */
  readonly reading: SharedOptions["reading"] = async (work) => {
    const moment = new Rows()
    await pause()
    moment.rows = new Map(this.rows)
    await work(moment)
  }

  #sum(): Amounts3 {
    let [requests, tokens] = [0, 0]
    for (const row of this.rows.values()) {
      requests += row.requests
      tokens += row.tokens
    }
    return { requests, tokens, nanoUsd: 0 }
  }

  get tokens(): number {
    return this.#sum().tokens
  }
}

const parts = ({ totalsOf, usedBy, reading }: Rows): Pick<SharedOptions, "totalsOf" | "usedBy" | "reading"> => ({
  totalsOf,
  usedBy,
  reading,
})

describe.skipIf(WITHOUT_REDIS !== null)(`counted anew${WITHOUT_REDIS === null ? "" : `: ${WITHOUT_REDIS}`}`, () => {
  let redis: RedisServer
  let ledger: Rows
  const limits = limitsOf({ day_tokens: 1e9 })

  beforeAll(async () => {
    // a snapshot is written when a test says so, and read at the next start
    redis = await startRedis({ options: ["--save", "3600", "1000000"] })
  })

  afterAll(() => redis[Symbol.asyncDispose]())

  beforeEach(async () => {
    await redis.command("FLUSHALL")
    ledger = new Rows()
  })

  const opened = (more: Partial<SharedOptions> = {}): Promise<SharedState> =>
    openShared(redis.url, { ...parts(ledger), recountMs: 0, ...more })

  /** Its row is there before its end is told. */
  async function end(state: SharedState, lease: Lease, tokens: number): Promise<void> {
    ledger.rows.set(lease.id, used(tokens))
    await pause()
    state.settle(lease, used(tokens), systemClock.monotonicMs())
  }

  const settledAt = (state: SharedState, tokens: number): Promise<true> =>
    eventually(`${tokens} tokens`, async () => ((await counted(state, limits))[0] === tokens ? true : undefined))

  test("what a process used that had no such limit is counted once it has it", async () => {
    const [first, second] = [await opened(), await opened({ isLimited: () => false })]
    await end(first, granted(await first.admit(call(limits, 50))), 40)
    await settledAt(first, 40)
    // the other one serves calls, and tells nobody
    for (let at = 0; at < 5; at += 1) ledger.rows.set(`silent ${at}`, used(100))
    expect(await counted(first, limits)).toEqual([40, 0])
    await second.recount(SUBJECTS)
    expect(await counted(first, limits)).toEqual([540, 0])
    await second.recount(SUBJECTS)
    expect(await counted(first, limits)).toEqual([540, 0])
    await Promise.all([first.close(), second.close()])
  })

  test("less than is counted is not believed: rows may still wait in a spool", async () => {
    const state = await opened()
    await end(state, granted(await state.admit(call(limits, 50))), 40)
    await settledAt(state, 40)
    ledger.rows.clear()
    await state.recount(SUBJECTS)
    expect(await counted(state, limits)).toEqual([40, 0])
    await state.close()
  })

  test("a call whose row was there and whose end was not keeps its reservation until then, and is counted once", async () => {
    const state = await opened()
    const [ended, flying] = [granted(await state.admit(call(limits, 50))), granted(await state.admit(call(limits, 70)))]
    ledger.rows.set(ended.id, used(30))
    ledger.rows.set("silent", used(100))
    await state.recount(SUBJECTS)
    expect(await counted(state, limits)).toEqual([100, 120])
    state.settle(ended, used(30), 0)
    await end(state, flying, 60)
    await settledAt(state, 190)
    expect(await counted(state, limits)).toEqual([190, 0])
    await state.close()
  })

  test("that holds as well where more is counted than the ledger knows, since rows wait in a spool", async () => {
    const state = await opened()
    await end(state, granted(await state.admit(call(limits, 500))), 400)
    await settledAt(state, 400)
    ledger.rows.clear()
    const ended = granted(await state.admit(call(limits, 50)))
    ledger.rows.set(ended.id, used(30))
    await state.recount(SUBJECTS)
    state.settle(ended, used(30), 0)
    await settledAt(state, 430)
    expect(await counted(state, limits)).toEqual([430, 0])
    await state.close()
  })

  test("while calls of several processes end all the time, counts of the ledger change nothing", async () => {
    const states = await Promise.all([1, 2, 3].map(() => opened()))
    const load = { isOver: false }
    const work = async (state: SharedState): Promise<void> => {
      while (!load.isOver) {
        const lease = granted(await state.admit(call(limits, 50)))
        await systemClock.sleep(20 + Math.random() * 60)
        await end(state, lease, 1 + Math.floor(Math.random() * 40))
      }
    }
    const workers = states.flatMap((state) => [work(state), work(state)])
    while (ledger.rows.size < 60) await Promise.all(states.map((state) => state.recount(SUBJECTS)))
    load.isOver = true
    await Promise.all(workers)
    const [first] = states
    await settledAt(first!, ledger.tokens)
    expect(await counted(first!, limits)).toEqual([ledger.tokens, 0])
    await Promise.all(states.map((state) => state.close()))
  })

  test("where calls end within each reading, one reading is enough, and exact", async () => {
    const state = await opened()
    let readings = 0
    const reading: SharedOptions["reading"] = async (work) => {
      readings += 1
      const [early, late] = [granted(await state.admit(call(limits, 50))), granted(await state.admit(call(limits, 50)))]
      ledger.rows.set(early.id, used(30))
      await ledger.reading(async ({ totalsOf, usedBy }) => {
        ledger.rows.set(late.id, used(20))
        await work({
          usedBy,
          totalsOf: async (subjects) => {
            const told = await totalsOf(subjects)
            state.settle(early, used(30), 0)
            state.settle(late, used(20), 0)
            return told
          },
        })
      })
    }
    const other = await opened({ reading })
    await end(state, granted(await state.admit(call(limits, 50))), 40)
    await settledAt(state, 40)
    for (let round = 1; round <= 3; round += 1) {
      await other.recount(SUBJECTS)
      await settledAt(state, ledger.tokens)
    }
    expect(readings).toBe(3)
    expect(await counted(state, limits)).toEqual([190, 0])
    await Promise.all([state.close(), other.close()])
  })

  describe("a lease that expired, whose process nobody hears of", () => {
    /** Its call reserved 50 tokens. `look` lets others look for its row. */
    async function expired(
      more: Partial<SharedOptions> = {},
    ): Promise<{ id: string; state: SharedState; look: () => void }> {
      const looking = { isAllowed: false }
      const usedBy: SharedOptions["usedBy"] = (ids) =>
        looking.isAllowed ? ledger.usedBy(ids) : Promise.resolve(new Map())
      const state = await opened({ leaseMs: 600, usedBy, ...more })
      const dying = await opened({ leaseMs: 600, usedBy })
      const { id } = granted(await dying.admit(call(limits, 50)))
      dying.vanish()
      await settledAt(state, 50)
      return { id, state, look: () => (looking.isAllowed = true) }
    }
    const isCorrected = (): Promise<true> =>
      eventually("the correction", async () =>
        (await redis.command("EXISTS", "{smart-router}:expired")) === 0 ? true : undefined,
      )

    test("is corrected by a recount that knows its row", async () => {
      const { id, state, look } = await expired()
      ledger.rows.set(id, used(40))
      ledger.rows.set("silent", used(500))
      await state.recount(SUBJECTS)
      expect(await counted(state, limits)).toEqual([540, 0])
      look()
      await isCorrected()
      expect(await counted(state, limits)).toEqual([540, 0])
      await state.close()
    })

    test("stays booked at a recount that knows no row, and is corrected behind it", async () => {
      const { id, state, look } = await expired()
      ledger.rows.set("silent", used(500))
      for (let round = 0; round < 3; round += 1) {
        await state.recount(SUBJECTS)
        expect(await counted(state, limits)).toEqual([550, 0])
      }
      ledger.rows.set(id, used(40))
      look()
      await settledAt(state, 540)
      await state.recount(SUBJECTS)
      expect(await counted(state, limits)).toEqual([540, 0])
      await state.close()
    })

    test("is counted once where it is corrected while the ledger is read", async () => {
      const held: { now: (() => Promise<void>) | null } = { now: null }
      const reading: SharedOptions["reading"] = (work) =>
        ledger.reading(async (moment) => {
          await held.now?.()
          await work(moment)
        })
      const { id, state, look } = await expired({ reading })
      ledger.rows.set("silent", used(500))
      held.now = async () => {
        held.now = null
        ledger.rows.set(id, used(40))
        look()
        await isCorrected()
      }
      await state.recount(SUBJECTS)
      expect(await counted(state, limits)).toEqual([540, 0])
      await state.recount(SUBJECTS)
      expect(await counted(state, limits)).toEqual([540, 0])
      await state.close()
    })

    test("that expires while the ledger is read is counted once", async () => {
      const reading: SharedOptions["reading"] = (work) =>
        ledger.reading(async (moment) => {
          await settledAt(watching, 50)
          await work(moment)
        })
      const usedBy: SharedOptions["usedBy"] = () => Promise.resolve(new Map())
      const watching = await opened({ leaseMs: 600, usedBy })
      const state = await opened({ leaseMs: 600, usedBy, reading })
      const dying = await opened({ leaseMs: 600, usedBy })
      const { id } = granted(await dying.admit(call(limits, 50)))
      ledger.rows.set(id, used(40))
      ledger.rows.set("silent", used(500))
      dying.vanish()
      await state.recount(SUBJECTS)
      expect(await counted(state, limits)).toEqual([540, 0])
      await Promise.all([watching.close(), state.close()])
    })
  })

  test("a process without the limit hears that others count, has what it used counted, and tells what it uses", async () => {
    const [first, second] = [await opened(), await opened({ isLimited: () => false })]
    expect(second.isCounted("caller:c")).toBe(false)
    await end(first, granted(await first.admit(call(limits, 50))), 40)
    ledger.rows.set("silent", used(100))
    await eventually("the other one hears", () => (second.isCounted("caller:c") ? true : undefined))
    await settledAt(first, 140)
    ledger.rows.set("told", used(7))
    second.book(limits, systemClock.now(), used(7), 0, "told")
    await settledAt(first, 147)
    await Promise.all([first.close(), second.close()])
  })

  test("where the ledger is away the count is made up for", async () => {
    const down = { isDown: true }
    const reading: SharedOptions["reading"] = (work) =>
      down.isDown ? Promise.reject(new Error("the ledger is away")) : ledger.reading(work)
    const first = await opened()
    await end(first, granted(await first.admit(call(limits, 50))), 40)
    const second = await opened({ reading })
    ledger.rows.set("silent", used(100))
    await second.recount(SUBJECTS)
    expect(await counted(first, limits)).toEqual([40, 0])
    down.isDown = false
    await settledAt(first, 140)
    await Promise.all([first.close(), second.close()])
  })

  test("a store that comes back with an older state is counted anew, whoever asks first", async () => {
    const tight = limitsOf({ day_tokens: 1000 })
    const [first, second] = [await opened(), await opened()]
    await end(first, granted(await first.admit(call(tight, 300))), 300)
    const flying = granted(await second.admit(call(tight, 100)))
    await eventually("300", async () => ((await counted(first, tight))[0] === 300 ? true : undefined))
    await redis.command("SAVE")
    for (let at = 0; at < 5; at += 1) await end(first, granted(await first.admit(call(tight, 100))), 100)
    await eventually("800", async () => ((await counted(first, tight))[0] === 800 ? true : undefined))
    await redis.restart()
    await eventually("the return", () => (first.isUsable && second.isUsable ? true : undefined))
    await eventually("the state of now", async () => {
      const [settled, reserved] = await counted(first, tight).catch(() => [0, 0])
      return settled === 800 && reserved === 100 ? true : undefined
    })
    expect((await first.admit(call(tight, 101))).kind).toBe("refusal")
    expect((await second.admit(call(tight, 100))).kind).toBe("lease")
    await end(second, flying, 90)
    await eventually("890", async () => ((await counted(first, tight))[0] === 890 ? true : undefined))
    await Promise.all([first.close(), second.close()])
  })
})
