import type { BilledUsage } from "../canonical/billed-usage.ts"
import { expect, test } from "bun:test"
import fc from "fast-check"
import { NO_FIGURES } from "./live-view.ts"
import { TargetWindow } from "./window.ts"
import { expectProperty } from "../../test/helpers/property.ts"

const MINUTE = 60_000
const windowOf = (enough = Infinity): TargetWindow => new TargetWindow(10 * MINUTE, enough)
const usage = (counts: Partial<BilledUsage>): BilledUsage => ({
  freshInputTokens: 0,
  cachedInputTokens: 0,
  cacheWrite5mTokens: 0,
  cacheWrite1hTokens: 0,
  outputTokens: 0,
  reasoningTokens: null,
  unreported: null,
  reportedCostUsd: null,
  mixedModels: false,
  parts: null,
  ...counts,
})

test("nothing is known of a target that was never tried", () => {
  expect(windowOf().figures(5000)).toEqual(NO_FIGURES)
})

test("rates are shares of all attempts", () => {
  const window = windowOf()
  for (let count = 0; count < 6; count++) window.answered(1000, 100, null, null)
  window.failed(1000, 20, false, true)
  window.failed(1000, 20, false, false)
  window.failed(1000, 9000, true, true)
  window.failed(1000, 9000, true, true)
  expect(window.figures(1000)).toMatchObject({ observations: 10, errorRate: 0.4, timeoutRate: 0.2, fallbackRate: 0.3 })
})

test("tokens are counted per second of the attempts, per answer, and by the split of the input", () => {
  const window = windowOf()
  window.answered(0, 2000, 300, usage({ freshInputTokens: 50, cachedInputTokens: 150, outputTokens: 100 }))
  window.answered(0, 2000, 300, usage({ cacheWrite5mTokens: 150, cacheWrite1hTokens: 50, outputTokens: 300 }))
  expect(window.figures(0)).toMatchObject({
    outputTokensPerSecond: 100,
    outputTokensPerAnswer: 200,
    cachedShare: 0.375,
    cacheWrite5mShare: 0.375,
    cacheWrite1hShare: 0.125,
  })
})

test("fast failures do not make a target look fast, timeouts make it look slow", () => {
  const window = windowOf()
  for (let count = 0; count < 18; count++) window.answered(0, 1000, null, null)
  for (let count = 0; count < 100; count++) window.failed(0, 1, false, true)
  expect(window.figures(0).p95LatencyMs).toBeWithin(1000, 1091)
  for (let count = 0; count < 5; count++) window.failed(0, 30_000, true, true)
  expect(window.figures(0).p95LatencyMs).toBeGreaterThan(27_000)
})

test("a percentile is off by no more than 9 %", () => {
  const durations = fc.array(fc.double({ min: 1, max: 900_000, noNaN: true }), { minLength: 1, maxLength: 300 })
  expectProperty(
    fc.property(durations, (all) => {
      const window = windowOf()
      for (const duration of all) window.answered(0, duration, duration / 2, null)
      const sorted = all.toSorted((a, b) => a - b)
      const exact = sorted[Math.ceil(all.length * 0.95) - 1] ?? 0
      const { p95LatencyMs, p95FirstTokenMs } = window.figures(0)
      expect(p95LatencyMs).toBeWithin(exact / 1.0906, exact * 1.0906)
      expect(p95FirstTokenMs).toBeWithin(Math.max(1, exact / 2) / 1.0906, Math.max(1, exact / 2) * 1.0906)
    }),
  )
})

test("an attempt that is older than the window is forgotten", () => {
  const window = windowOf()
  for (let minute = 0; minute < 10; minute++) window.failed(minute * MINUTE, 5, false, true)
  expect(window.figures(9 * MINUTE).observations).toBe(10)
  expect(window.figures(14 * MINUTE).observations).toBeWithin(4, 7)
  expect(window.figures(20 * MINUTE)).toEqual(NO_FIGURES)
  window.answered(500 * MINUTE, 5, null, null)
  expect(window.figures(500 * MINUTE)).toMatchObject({ observations: 1, errorRate: 0 })
})

test("a busy target is judged by its newest attempts, a quiet one by all of the window", () => {
  const busy = windowOf(40)
  const quiet = windowOf(40)
  for (let count = 0; count < 400; count++) busy.failed(0, 5, false, true)
  for (let count = 0; count < 40; count++) busy.answered(MINUTE, 100, null, null)
  expect(busy.figures(MINUTE)).toMatchObject({ observations: 40, errorRate: 0 })
  quiet.failed(0, 5, false, true)
  quiet.answered(MINUTE, 100, null, null)
  expect(quiet.figures(MINUTE)).toMatchObject({ observations: 2, errorRate: 0.5 })
})

test("figures agree with a plain list of what happened, however it is spread over time", () => {
  const attempt = fc.record({ wait: fc.nat(90_000), failed: fc.boolean() })
  expectProperty(
    fc.property(fc.array(attempt, { minLength: 1, maxLength: 120 }), (attempts) => {
      const window = windowOf()
      const all: { at: number; failed: boolean }[] = []
      let now = 0
      for (const { wait, failed } of attempts) {
        now += wait
        if (failed) window.failed(now, 5, false, true)
        else window.answered(now, 5, null, null)
        all.push({ at: now, failed })
        window.figures(now)
      }
      // whole slices: the oldest one counts or does not
      const sliceMs = (10 * MINUTE) / 12
      const oldest = (Math.floor(now / sliceMs) - 11) * sliceMs
      const kept = all.filter(({ at }) => at >= oldest)
      const read = window.figures(now)
      // while there are few, each attempt is in the figures at once; of many, a thirty-second part may be missing
      expect(Math.abs(read.observations - kept.length)).toBeLessThanOrEqual(Math.floor(kept.length / 32) + 1)
      const rate = kept.filter(({ failed }) => failed).length / kept.length
      expect(Math.abs(read.errorRate - rate)).toBeLessThan(0.07)
    }),
  )
})
