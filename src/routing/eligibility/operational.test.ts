/** What a target did lately keeps it away only while enough of it is known, and only for what the contract names. */
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import type { OperationalTargets } from "../../config/compile/operational-targets.ts"
import type { Target } from "../../config/snapshot.ts"
import { NO_FIGURES, type Figures, type LiveView } from "../live-view.ts"
import { Observations } from "../observations.ts"
import { changesWithinS, isOperational, keepingTargets } from "./operational.ts"
import { expectProperty } from "../../../test/helpers/property.ts"

const WINDOW_MS = 60_000
const target = { index: 0, observed: { key: "t", windowMs: WINDOW_MS, enough: 40 }, provider: { name: "p" } } as Target
const FOUND = { eligible: [target], refused: [] }
const PROMISED: OperationalTargets = {
  maxP95LatencyMs: Infinity,
  maxErrorRate: 1,
  maxTimeoutRate: 1,
  minOutputTokensPerSecond: 0,
  leastObservations: 20,
}
const reasonOf = (promised: Partial<OperationalTargets>, live: LiveView, now = 0): string | null => {
  const { eligible, refused } = keepingTargets(FOUND, { ...PROMISED, ...promised }, live, now)
  expect(eligible.length + refused.length).toBe(1)
  expect(refused.every(isOperational)).toBe(true)
  return refused[0]?.reason ?? null
}
const showing = (figures: Partial<Figures>): LiveView =>
  ({ figures: () => ({ ...NO_FIGURES, observations: 20, ...figures }) }) as unknown as LiveView

describe("a bound on a figure", () => {
  const cases: readonly (readonly [string, Partial<OperationalTargets>, Partial<Figures>, Partial<Figures>])[] = [
    ["contract-operational-latency", { maxP95LatencyMs: 100 }, { p95LatencyMs: 101 }, { p95LatencyMs: 100 }],
    ["contract-operational-error-rate", { maxErrorRate: 0.1 }, { errorRate: 0.11 }, { errorRate: 0.1 }],
    ["contract-operational-timeout-rate", { maxTimeoutRate: 0 }, { timeoutRate: 0.01 }, { timeoutRate: 0 }],
    [
      "contract-operational-throughput",
      { minOutputTokensPerSecond: 10 },
      { outputTokensPerSecond: 9 },
      { outputTokensPerSecond: 10 },
    ],
  ]
  test.each(cases.map((entry) => [...entry] as const))(
    "refuses a target by the code %s",
    (reason, promised, bad, good) => {
      expect(reasonOf(promised, showing(bad))).toBe(reason)
      expect(reasonOf(promised, showing(good))).toBeNull()
      expect(reasonOf({}, showing(bad))).toBeNull()
      // too little is known, or nothing
      expect(reasonOf(promised, showing({ ...bad, observations: 19 }))).toBeNull()
      expect(reasonOf(promised, showing({}))).toBeNull()
    },
  )
})

test("a target that is left out comes back within its window, and is judged anew", () => {
  const calls = fc.array(fc.record({ afterMs: fc.nat(500), durationMs: fc.constantFrom(50, 5000) }), { minLength: 20 })
  expectProperty(
    fc.property(calls, fc.integer({ min: 1, max: 30 }), (all, leastObservations) => {
      const live = new Observations()
      const promised = { maxP95LatencyMs: 1000, leastObservations }
      let now = 0
      for (const { afterMs, durationMs } of all) {
        now += afterMs
        if (reasonOf(promised, live, now) !== null) break
        live.begin(target)
        live.answered(target, now, durationMs, null, null)
      }
      expect(reasonOf(promised, live, now + WINDOW_MS)).toBeNull()
      // as many bad answers as count take it out again, one fewer does not
      for (let count = 1; count <= leastObservations; count++) {
        live.begin(target)
        live.answered(target, now + 2 * WINDOW_MS, 5000, null, null)
        expect(reasonOf(promised, live, now + 2 * WINDOW_MS) === null).toBe(count < leastObservations)
      }
    }),
  )
})

test("the wait is a twelfth of the shortest window, as far as clients accept it", () => {
  const windows = (...all: number[]): Target[] =>
    all.map((windowMs) => ({ observed: { windowMs } }) as unknown as Target)
  expect(changesWithinS(windows(300_000, 600_000))).toBe(25)
  expect(changesWithinS(windows(1000))).toBe(1)
  expect(changesWithinS(windows(86_400_000))).toBe(60)
})
