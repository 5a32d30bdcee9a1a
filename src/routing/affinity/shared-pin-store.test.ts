/** What each process believes, against a store that may be slow, empty or gone. */
import { beforeEach, describe, expect, test } from "bun:test"
import fc from "fast-check"
import type { Pin } from "./pin-store.ts"
import { SharedPinStore, type PinLink } from "./shared-pin-store.ts"
import { expectAsyncProperty } from "../../../test/helpers/property.ts"

const BOUNDS = { ttlMs: 86_400_000, maxEntries: 100 }
const FRESH_MS = 15_000

/** A store in memory. */
class FakeStore {
  readonly values = new Map<string, string>()
  asked = 0
  written = 0

  link(): PinLink & { isUp: boolean; fails: boolean } {
    const link = {
      isUp: true,
      fails: false,
      close: () => {},
      ask: async (command: string, words: readonly string[]): Promise<unknown> => {
        if (link.fails) throw new Error("no answer")
        if (command === "MGET") {
          this.asked += 1
          return words.map((word) => this.values.get(word) ?? null)
        }
        this.written += 1
        this.values.set(words[0]!, words[1]!)
        return "OK"
      },
    }
    return link
  }
}

let store: FakeStore
beforeEach(() => {
  store = new FakeStore()
})

const pin = (target: string, at: number, issuer: string | null = null): Pin => ({ target, issuer, foreignSeals: 0, at })
const targetAt = async (pins: SharedPinStore, now: number, more: { hard?: boolean; keys?: string[] } = {}) =>
  (await pins.get({ group: "g", keys: more.keys ?? ["k"], now, mustBeCurrent: more.hard ?? false, bounds: BOUNDS }))
    ?.target ?? null

test("a conversation that stays asks and writes once in fifteen seconds", async () => {
  const pins = new SharedPinStore(store.link())
  for (let now = 0; now < 4 * FRESH_MS; now += 1000) {
    expect(await targetAt(pins, now)).toBe(now === 0 ? null : "a")
    pins.set("g", "k", pin("a", now), BOUNDS)
  }
  expect([store.asked, store.written]).toEqual([4, 4])
  // a target that changes is told at once
  pins.set("g", "k", pin("b", 4 * FRESH_MS - 500), BOUNDS)
  expect(store.written).toBe(5)
})

test("a pin that another process moved is found at once where it matters, and else in time", async () => {
  const [mine, theirs] = [new SharedPinStore(store.link()), new SharedPinStore(store.link())]
  mine.set("g", "k", pin("a", 0, "by-a"), BOUNDS)
  expect(await targetAt(theirs, 1000)).toBe("a")
  theirs.set("g", "k", pin("b", 1000, "by-b"), BOUNDS)
  expect(await targetAt(mine, 2000)).toBe("a")
  // a call that believes the old word does not overwrite the new one
  mine.set("g", "k", pin("a", 2000, "by-a"), BOUNDS)
  expect(await targetAt(mine, 3000, { hard: true })).toBe("b")
  expect(await targetAt(mine, 3001)).toBe("b")
})

test("processes that take turns at random agree as soon as none believes an old word", async () => {
  const step = fc.record({ who: fc.nat(2), after: fc.nat(6000), fails: fc.boolean() })
  await expectAsyncProperty(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const shared = new FakeStore()
      const all = [0, 1, 2].map(() => new SharedPinStore(shared.link()))
      let now = 0
      let place = 0
      for (const { who, after, fails } of steps) {
        now += after
        const went = (await targetAt(all[who]!, now)) ?? "t0"
        all[who]!.set("g", "k", pin(fails ? `t${++place}` : went, now), BOUNDS)
      }
      now += FRESH_MS
      const said = [...shared.values.values()].map((text) => (JSON.parse(text) as unknown[])[0] as string)
      for (const one of all) expect(await targetAt(one, now)).toBe(said[0] ?? null)
    }),
  )
})

describe("a store that was gone", () => {
  test("leaves each process with what it knows, and is told when it is back", async () => {
    const link = store.link()
    const pins = new SharedPinStore(link)
    pins.set("g", "k", pin("a", 0), BOUNDS)
    link.fails = true
    expect(await targetAt(pins, FRESH_MS)).toBe("a")
    pins.set("g", "k", pin("b", FRESH_MS), BOUNDS)
    await Promise.resolve()
    link.isUp = false
    expect(pins.get({ group: "g", keys: ["k"], now: FRESH_MS, mustBeCurrent: true, bounds: BOUNDS })).toMatchObject({
      target: "b",
    })
    link.isUp = true
    link.fails = false
    // the store has "a" from before: what could not be said to it is newer
    expect(await targetAt(pins, 3 * FRESH_MS)).toBe("b")
    pins.set("g", "k", pin("b", 3 * FRESH_MS), BOUNDS)
    expect(await targetAt(new SharedPinStore(store.link()), 3 * FRESH_MS)).toBe("b")
  })

  test("is told again when it comes back empty", async () => {
    const pins = new SharedPinStore(store.link())
    pins.set("g", "k", pin("a", 0), BOUNDS)
    store.values.clear()
    expect(await targetAt(pins, 1, { hard: true })).toBe("a")
    pins.set("g", "k", pin("a", 2), BOUNDS)
    expect(store.values.size).toBe(1)
  })
})

test("a lesser key is believed only when the better ones are unknown everywhere", async () => {
  const [mine, theirs] = [new SharedPinStore(store.link()), new SharedPinStore(store.link())]
  theirs.set("g", "both", pin("b", 0), BOUNDS)
  mine.set("g", "opening", pin("a", 1), BOUNDS)
  expect(await targetAt(mine, 2, { keys: ["both", "opening"] })).toBe("b")
  expect(await targetAt(mine, 2, { keys: ["other", "opening"] })).toBe("a")
})

test("a look finds what a call would find, and leaves no trace in either place", async () => {
  const [mine, theirs] = [new SharedPinStore(store.link()), new SharedPinStore(store.link())]
  const look = async (pins: SharedPinStore, now: number, keys = ["k"]) =>
    (await pins.peek({ group: "g", keys, now, mustBeCurrent: false, bounds: BOUNDS }))?.target ?? null
  theirs.set("g", "k", pin("a", 0), BOUNDS)
  const before = [...store.values]
  expect(await look(mine, 1)).toBe("a")
  expect(await look(mine, 1, ["better", "k"])).toBe("a")
  expect(await look(mine, 1, ["unknown"])).toBeNull()
  // what was seen is not kept: a store that is gone leaves nothing to go by
  store.values.clear()
  expect(await look(mine, 2)).toBeNull()
  expect([...store.values]).toEqual([])
  store.values.set(...before[0]!)
  // and it makes no word of one's own any newer: the next call asks when it would have asked
  await targetAt(mine, 10)
  const asked = store.asked
  await look(mine, FRESH_MS + 9)
  await look(mine, FRESH_MS + 10)
  expect(store.asked).toBe(asked + 1)
  await targetAt(mine, FRESH_MS + 10)
  expect(store.asked).toBe(asked + 2)
  const link = store.link()
  const alone = new SharedPinStore(link)
  alone.set("g", "k", pin("b", FRESH_MS + 10), BOUNDS)
  link.isUp = false
  expect(await look(alone, FRESH_MS + 11)).toBe("b")
})

test("a text that the router did not write is no pin", async () => {
  await expectAsyncProperty(
    fc.asyncProperty(fc.oneof(fc.string(), fc.json()), async (text) => {
      const shared = new FakeStore()
      shared.values.set("{smart-router}:pin:g:k", text)
      const found = await new SharedPinStore(shared.link()).get({
        group: "g",
        keys: ["k"],
        now: 0,
        mustBeCurrent: true,
        bounds: BOUNDS,
      })
      expect(found === null || typeof found.target === "string").toBe(true)
    }),
  )
})
