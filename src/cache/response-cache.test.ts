/** What is kept, for how long, and in how much memory: against a model that knows no shortcuts. */
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { expectProperty } from "../../test/helpers/property.ts"
import { weightOf, type Entry } from "./entry.ts"
import { ResponseCache } from "./response-cache.ts"

const RULE = { maxBytes: 100_000, ttlMs: 1000, streams: false, shared: false }
const NO_FACTS = { usage: null, stopReason: null, serviceTier: null }

const entryOf = (bytes: number, storedAt = 0): Entry => ({
  bytes: new Uint8Array(bytes),
  id: null,
  facts: NO_FACTS,
  storedAt,
})

function opened(rule = RULE): ResponseCache {
  const cache = new ResponseCache(() => null)
  cache.adopt(rule)
  return cache
}

type Step =
  | { readonly is: "put"; readonly key: string; readonly bytes: number }
  | { readonly is: "get"; readonly key: string }
  | { readonly is: "pass"; readonly ms: number }

const key = fc.constantFrom(...Array.from("abcdefghijklmnop"))
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ is: fc.constant("put" as const), key, bytes: fc.integer({ min: 0, max: 9000 }) }),
  },
  { weight: 5, arbitrary: fc.record({ is: fc.constant("get" as const), key }) },
  { weight: 1, arbitrary: fc.record({ is: fc.constant("pass" as const), ms: fc.integer({ min: 1, max: 900 }) }) },
)

test("the last used stay, within the bound and the time, whatever comes", () => {
  expectProperty(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const cache = opened()
      // the last used stands last
      let model: { key: string; entry: Entry }[] = []
      let now = 0
      for (const one of steps) {
        if (one.is === "pass") now += one.ms
        else if (one.is === "get") {
          const found = model.find((kept) => kept.key === one.key)
          if (found !== undefined) model = model.filter((kept) => kept !== found)
          const isFresh = found !== undefined && now - found.entry.storedAt < RULE.ttlMs
          if (isFresh) model.push(found)
          const got = cache.get(one.key, RULE, now)
          expect(got instanceof Promise ? "later" : (got?.bytes.length ?? null)).toBe(
            isFresh ? found.entry.bytes.length : null,
          )
        } else if (one.bytes <= RULE.maxBytes / 16) {
          const entry = entryOf(one.bytes, now)
          cache.put(one.key, entry, RULE)
          model = [...model.filter((kept) => kept.key !== one.key), { key: one.key, entry }]
          while (bytesOf(model) > RULE.maxBytes) model.shift()
        } else cache.put(one.key, entryOf(one.bytes, now), RULE)
        expect(cache.occupancy).toMatchObject({ items: model.length, bytes: bytesOf(model), maxBytes: RULE.maxBytes })
        expect(cache.occupancy.bytes).toBeLessThanOrEqual(RULE.maxBytes)
      }
    }),
    200,
  )
})

function bytesOf(model: readonly { readonly key: string; readonly entry: Entry }[]): number {
  return model.reduce((sum, one) => sum + weightOf(one.key, one.entry), 0)
}

describe("the bound holds", () => {
  test("when it shrinks, and nothing is left when the cache ends", () => {
    const cache = opened()
    for (const one of "abcdef") cache.put(one, entryOf(6000), RULE)
    cache.adopt({ ...RULE, maxBytes: 20_000 })
    expect(cache.occupancy).toMatchObject({ items: 2, maxBytes: 20_000 })
    expect(cache.evictions).toBe(4)
    cache.adopt(null)
    expect(cache.occupancy).toEqual({ items: 0, bytes: 0, maxBytes: 0 })
    cache.put("a", entryOf(1), RULE)
    expect(cache.occupancy.items).toBe(0)
  })

  test("over what is remembered of bodies and tellings, too", () => {
    const cache = opened()
    const kept = cache.put("a", entryOf(10), RULE)
    const before = cache.occupancy.bytes
    for (let one = 0; one < 100; one++)
      cache.remember("a", kept, `body ${one}`, { bytes: new Uint8Array(1000), ids: [], losses: [] })
    expect(kept.tellings?.size).toBe(8)
    expect(cache.occupancy.bytes).toBeGreaterThan(before + 8 * 1000)
    for (let one = 0; one < 10_000; one++) cache.learnContent(`body ${one}`, "content")
    expect(cache.occupancy.bytes).toBeLessThanOrEqual(RULE.maxBytes)
    expect(cache.knownContent("body 9999")).toBe("content")
    expect(cache.knownContent("body 0")).toBeNull()
  })

  test("an entry that was replaced is not added to", () => {
    const cache = opened()
    const before = cache.put("a", entryOf(10), RULE)
    cache.put("a", entryOf(20), RULE)
    const { bytes } = cache.occupancy
    cache.remember("a", before, "body", { bytes: new Uint8Array(1000), ids: [], losses: [] })
    expect(cache.occupancy.bytes).toBe(bytes)
  })
})

test("a clock that is set back makes no answer younger than new", () => {
  const cache = opened()
  cache.put("a", entryOf(1, 50_000), RULE)
  expect(cache.get("a", RULE, 100)).toBeNull()
})
