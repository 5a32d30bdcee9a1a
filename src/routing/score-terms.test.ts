import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { NO_FIGURES } from "./live-view.ts"
import {
  complexityScore,
  costScore,
  evaluationScore,
  firstTokenScore,
  latencyScore,
  loadScore,
  reliabilityScore,
  throughputScore,
} from "./score-terms.ts"
import { expectProperty } from "../../test/helpers/property.ts"

describe("the score of cost, latency and first token", () => {
  const cases: readonly (readonly [own: number | null, best: number | null, score: number])[] = [
    [5000, 5000, 1],
    [10_000, 5000, 0.5],
    [50_000, 5000, 0.1],
    [null, 5000, 0.5],
    [null, null, 1],
  ]
  test.each(cases)("is for own %p and best %p the share %p", (own, best, score) => {
    for (const term of [costScore, latencyScore, firstTokenScore]) expect(term(own, best)).toBeCloseTo(score, 9)
  })

  test("does not become equal for all others beside a free target", () => {
    expect(costScore(0, 0)).toBe(1)
    expect(costScore(2000, 0)).toBe(0.5)
    expect(costScore(4000, 0)).toBe(0.25)
  })
})

describe("the score of throughput", () => {
  test.each([
    [50, 100, 0.5],
    [100, 100, 1],
    [null, 100, 0.5],
    [null, 0, 1],
  ] as const)("is for own %p and highest %p the share %p", (own, highest, score) => {
    expect(throughputScore(own, highest)).toBe(score)
  })
})

describe("the score of reliability", () => {
  test.each([
    ["no failure", 0, 0, 0, 1],
    ["one in ten, cured by another target", 0.1, 0, 0.1, 0.81],
    ["one in ten in the middle of the answer", 0.1, 0, 0, 0.64],
    ["one timeout in ten", 0.1, 0.1, 0.1, 0.64],
    ["half", 0.5, 0, 0.5, 0.25],
    ["all", 1, 0, 1, 0],
    ["all timed out", 1, 1, 1, 0],
  ] as const)("is right for %s", (_, errorRate, timeoutRate, fallbackRate, score) => {
    expect(reliabilityScore({ ...NO_FIGURES, errorRate, timeoutRate, fallbackRate })).toBeCloseTo(score, 9)
  })
})

describe("the score of complexity", () => {
  test.each([
    ["simple, weak", 0, 0.1, 1],
    ["standard, weak", 1, 0.1, 0.6],
    ["standard, not evaluated", 1, null, 1],
    ["complex, weak", 2, 0.1, 0.1],
    ["complex, not evaluated", 2, null, 0.5],
    ["complex, strong", 2, 0.9, 0.9],
    ["complex, perfect", 2, 1, 1],
  ] as const)("is how far the target falls short: %s", (_, complexity, quality, score) => {
    expect(complexityScore(complexity, quality)).toBeCloseTo(score, 9)
  })
})

test("the score of evaluation is what was found, and neutral where nothing was", () => {
  expect(evaluationScore(0.8, true)).toBe(0.8)
  expect(evaluationScore(null, true)).toBe(0.5)
  expect(evaluationScore(null, false)).toBe(1)
})

describe("the score of load", () => {
  test.each([
    ["idle", 0, 0, 0, 1],
    ["half of the cache", 0, 0, 0.5, 0.75],
    ["the cache is full", 0, 0, 1, 0],
    ["a full batch", 256, 0, null, 0.5],
    ["as many wait as run", 64, 64, 0, 1 / 2.25],
    ["one waits, nothing runs", 0, 1, 0, 0.5],
  ] as const)("is right when it is so: %s", (_, running, waiting, cacheUsage, score) => {
    expect(loadScore({ running, waiting, cacheUsage }, true)).toBeCloseTo(score, 9)
  })

  test("is neutral where nothing is known", () => {
    expect([loadScore(null, true), loadScore(null, false)]).toEqual([0.5, 1])
  })
})

test("every score lies between 0 and 1", () => {
  const figure = fc.option(fc.double({ min: 0, max: 1e12, noNaN: true }))
  const rate = fc.double({ min: 0, max: 1, noNaN: true })
  expectProperty(
    fc.property(figure, figure, rate, rate, rate, fc.nat(1e6), fc.nat(1e6), (one, two, a, b, c, running, waiting) => {
      const best = one === null ? two : two === null ? one : Math.min(one, two)
      const scores = [
        ...[costScore, latencyScore, firstTokenScore].map((term) => term(one, best)),
        throughputScore(one, Math.max(one ?? 0, two ?? 0)),
        reliabilityScore({ ...NO_FIGURES, errorRate: a, timeoutRate: Math.min(a, b), fallbackRate: Math.min(a, c) }),
        complexityScore(running % 3, a),
        loadScore({ running, waiting, cacheUsage: b }, true),
      ]
      for (const score of scores) expect(score).toBeWithin(0, 1.000001)
    }),
  )
})
