import { describe, expect, test } from "bun:test"
import type { Target } from "../config/snapshot.ts"
import type { ReplayedCall, ReplayedUsage } from "../ledger/decision-queries.ts"
import { modelPricesOf } from "../ledger/model-prices.ts"
import { GroupComparison } from "./comparison.ts"
import { Latencies } from "./latencies.ts"

const CHEAP = targetOf("cheap", 1)
const DEAR = targetOf("dear", 10)
const UNPRICED = { ...targetOf("unpriced", 0), prices: modelPricesOf({}) }

function targetOf(name: string, usd: number): Target {
  const prices = modelPricesOf({
    input_price_per_million_usd: usd,
    cached_input_price_per_million_usd: usd / 10,
    output_price_per_million_usd: usd,
  })
  const provider = { name } as Target["provider"]
  const known: Partial<Target> = { provider, model: "m", dialect: "openai-chat", prices }
  return known as Target
}

function call(provider: string, usage: Partial<ReplayedUsage> = {}): ReplayedCall {
  const row: Partial<ReplayedUsage> = {
    target_provider: provider,
    target_model: "m",
    target_dialect: "openai-chat",
    stream: 0,
    status: 200,
    latency_ms: 100,
    fresh_input_tokens: 1000,
    output_tokens: 1000,
    reasoning_tokens: null,
    input_image_count: null,
    service_tier: null,
    total_cost_nano_usd: 20_000_000,
    ...usage,
  }
  return { usage: row as ReplayedUsage, shape: null, attempts: [], shadow: null }
}

type Pair = readonly [made: ReplayedCall, target: Target | null, isCold?: boolean]

function compared(...pairs: readonly Pair[]): GroupComparison {
  const comparison = new GroupComparison("g", new Latencies())
  for (const [made, target, isCold = false] of pairs) {
    comparison.saw(made)
    comparison.decide(made, target === null ? { target, refusal: "no-eligible-target" } : { target, isCold })
  }
  return comparison
}

const CONFIGURED = new Set(["cheap/m"])
const TIMES = Array.from({ length: 20 }, (_, index) => index)

describe("the cost of a moved call", () => {
  test.each([
    ["the recorded tokens at the new target's prices", call("dear"), CHEAP, [1, 20_000_000, 2_000_000], 0],
    ["a target without prices: unknown", call("dear"), UNPRICED, [0, 0, 0], 1],
    ["a call whose cost was unknown: unknown", call("dear", { total_cost_nano_usd: null }), CHEAP, [0, 0, 0], 1],
    ["a call without usage: unknown", call("dear", { fresh_input_tokens: null }), CHEAP, [0, 0, 0], 1],
    ["a call that nobody would take costs nothing known", call("dear"), null, [0, 0, 0], 0],
  ] as const)("is judged: %s", (_, made, target, [calls, before, after], unknown) => {
    const { cost } = compared([made, target]).figures(CONFIGURED)
    expect(cost).toMatchObject({ calls, before_nano_usd: before, after_nano_usd: after, unknown })
  })

  test("prices as new what was read from a cold cache, and counts it", () => {
    const made = call("dear", { cached_input_tokens: 500, cache_write_5m_tokens: 0 })
    const { cost } = compared([made, CHEAP, true], [made, CHEAP, false]).figures(CONFIGURED)
    // 2,500 tokens at 1 USD for a million, then 2,000 and 500 at a tenth of it
    expect(cost).toMatchObject({ after_nano_usd: 2_500_000 + 2_050_000, cold_calls: 1, cold_tokens: 500 })
  })
})

describe("the latency of a moved call", () => {
  const answers = (provider: string, ms: number, more: Partial<ReplayedUsage> = {}): readonly Pair[] =>
    TIMES.map(() => [call(provider, { latency_ms: ms, ...more }), CHEAP])

  test("comes from the new target's own answers of the same kind", () => {
    const comparison = compared(...answers("dear", 5000), ...answers("cheap", 10))
    const { calls, before_p95_ms: before, after_p95_ms: after, unknown } = comparison.figures(CONFIGURED).latency
    expect([calls, unknown]).toEqual([40, 0])
    expect(before).toBeGreaterThan(4000)
    expect(after).toBeLessThan(12)
  })

  test("is unknown before and after where the new target has too few answers", () => {
    const comparison = compared(...answers("dear", 5000), ...answers("cheap", 10).slice(1))
    expect(comparison.figures(CONFIGURED).latency).toMatchObject({ calls: 0, unknown: 39, before_p95_ms: null })
  })

  test("comes from answers in other groups where the target's own are too few", () => {
    const latencies = new Latencies()
    const [here, there] = [new GroupComparison("here", latencies), new GroupComparison("there", latencies)]
    for (const [made] of answers("cheap", 10)) there.saw(made)
    here.decide(call("dear"), { target: CHEAP, isCold: false })
    expect(here.figures(CONFIGURED).latency).toMatchObject({ calls: 1, unknown: 0 })
  })

  test("is not judged for streams by whole answers", () => {
    const comparison = compared(...answers("cheap", 10), [call("dear", { stream: 1 }), CHEAP])
    expect(comparison.figures(CONFIGURED).latency).toMatchObject({ calls: 20, unknown: 1 })
  })

  test("is not judged by answers that failed, and they have none", () => {
    const comparison = compared(...answers("cheap", 1, { status: 502 }), ...answers("cheap", 1000))
    expect(comparison.figures(CONFIGURED).latency).toMatchObject({ calls: 20, unknown: 20, after_p50_ms: 1051 })
  })
})

test("the comparison counts the mix, moves, refusals, and calls that could not be decided", () => {
  const comparison = compared([call("dear"), CHEAP], [call("dear"), DEAR], [call("dear"), null])
  comparison.saw(call("dear"))
  comparison.skip("no-telemetry")
  expect(comparison.figures(CONFIGURED)).toMatchObject({
    calls: 4,
    decided: 3,
    moved: 1,
    refused: 1,
    refusals: { "no-eligible-target": 1 },
    skipped: { "no-telemetry": 1 },
    targets: [
      { target: "cheap/m", calls_before: 0, calls_after: 1, configured: true },
      { target: "dear/m", calls_before: 3, calls_after: 1, configured: false },
    ],
  })
})
