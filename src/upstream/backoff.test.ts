import { expect, test } from "bun:test"
import fc from "fast-check"
import { Backoff } from "./backoff.ts"

const RULE = { minMs: 1000, maxMs: 60_000, multiplier: 2, honorRetryAfter: true }

test("the pause grows from failure to failure up to its bound", () => {
  const backoff = new Backoff(RULE)
  const pauses = [0, 1, 2, 3, 4, 5, 6, 7].map((call) => backoff.failed(call * 100, null, call * 100 + 50))
  expect(pauses).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000])
})

test("calls that were in flight together are one failure", () => {
  const backoff = new Backoff(RULE)
  expect([1, 2, 3].map((call) => backoff.failed(call, null, 10 + call))).toEqual([1000, 1000, 1000])
  expect(backoff.failures).toBe(1)
  expect(backoff.failed(20, null, 30)).toBe(2000)
})

test("Retry-After is the pause, within the bounds", () => {
  const pause = (retryAfterMs: number, rule = RULE): number => new Backoff(rule).failed(0, retryAfterMs, 0)
  expect([5000, 10, 3_600_000].map((wait) => pause(wait))).toEqual([5000, 1000, 60_000])
  expect(pause(5000, { ...RULE, honorRetryAfter: false })).toBe(1000)
})

test("a shorter wish does not shorten a pause that runs", () => {
  const backoff = new Backoff(RULE)
  backoff.failed(0, 30_000, 0)
  backoff.failed(0, 2000, 5)
  expect(backoff.until).toBe(30_000)
})

test("an answer to a call that began afterwards ends it", () => {
  const backoff = new Backoff(RULE)
  backoff.failed(0, null, 100)
  expect(backoff.succeeded(50)).toBe(false)
  expect(backoff.until).toBe(1100)
  expect(backoff.succeeded(100)).toBe(true)
  expect(backoff.until).toBe(-Infinity)
  expect(backoff.succeeded(100)).toBe(false)
  expect(backoff.failed(200, null, 200)).toBe(1000)
})

test("whatever comes: no pause is longer than the bound", () => {
  const failure = fc.record({
    waitMs: fc.nat(100_000),
    retryAfterMs: fc.option(fc.nat(10_000_000)),
    isAnswer: fc.boolean(),
  })
  const rule = fc.record({
    minMs: fc.nat(60_000),
    maxMs: fc.integer({ min: 60_000, max: 90_000 }),
    multiplier: fc.double({ min: 1, max: 100, noNaN: true }),
    honorRetryAfter: fc.boolean(),
  })
  fc.assert(
    fc.property(rule, fc.array(failure, { maxLength: 60 }), (bounds, events) => {
      const backoff = new Backoff(bounds)
      let now = 0
      for (const { waitMs, retryAfterMs, isAnswer } of events) {
        const startedAt = now
        now += waitMs
        if (isAnswer) {
          backoff.succeeded(startedAt)
          continue
        }
        const pauseMs = backoff.failed(startedAt, retryAfterMs, now)
        expect(pauseMs).toBeGreaterThanOrEqual(bounds.minMs)
        expect(pauseMs).toBeLessThanOrEqual(bounds.maxMs)
        expect(backoff.until).toBeLessThanOrEqual(now + bounds.maxMs)
      }
    }),
  )
})

test("a pause that another process began is this one's too: as long, counted once, and growing from there", () => {
  const [there, here] = [new Backoff(RULE), new Backoff(RULE)]
  there.failed(0, null, 10)
  there.failed(20, null, 30)
  for (let heard = 0; heard < 2; heard += 1) here.join(there, 40)
  expect([here.until, here.failures]).toEqual([2030, 2])
  // a call that was on its way, though it began behind the refusal, is no further failure, and no end
  expect(here.succeeded(35)).toBe(false)
  here.failed(25, null, 50)
  expect([here.until, here.failures]).toEqual([2050, 2])
  expect(here.failed(60, null, 70)).toBe(4000)
  // nor is a pause longer than the own rule allows
  here.join({ until: Infinity, failures: 1, since: 80, stepMs: 1e9 }, 80)
  expect([here.until, here.stepMs]).toEqual([60_080, 60_000])
  expect([here.succeeded(79), here.succeeded(80)]).toEqual([false, true])
})
