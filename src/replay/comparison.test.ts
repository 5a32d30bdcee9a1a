import { describe, expect, test } from "bun:test"
import type { Target } from "../config/snapshot.ts"
import type { ReplayedCall, ReplayedUsage } from "../ledger/decision-queries.ts"
import { modelPricesOf } from "../ledger/model-prices.ts"
import { GroupComparison } from "./comparison.ts"

const CHEAP = target("cheap", 1)
const DEAR = target("dear", 10)
const UNPRICED = { ...target("unpriced", 0), prices: modelPricesOf({}) }

function target(name: string, usd: number): Target {
  const prices = modelPricesOf({ input_price_per_million_usd: usd, output_price_per_million_usd: usd })
  const known: Partial<Target> = { provider: { name } as Target["provider"], model: "m", prices }
  return known as Target
}

function call(provider: string, usage: Partial<ReplayedUsage> = {}): ReplayedCall {
  const row: Partial<ReplayedUsage> = {
    target_provider: provider,
    target_model: "m",
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
  return { usage: row as ReplayedUsage, shape: null, attempts: [] }
}

function compared(...pairs: readonly (readonly [ReplayedCall, Target | null])[]): GroupComparison {
  const comparison = new GroupComparison()
  for (const [made, decided] of pairs) {
    comparison.saw(made)
    comparison.decide(made, decided)
  }
  return comparison
}

describe("cost", () => {
  test.each([
    ["the recorded tokens at the new target's prices", call("dear"), CHEAP, [1, 20_000_000, 2_000_000], 0],
    ["a target without prices: unknown", call("dear"), UNPRICED, [0, 0, 0], 1],
    ["a call whose cost was unknown: unknown", call("dear", { total_cost_nano_usd: null }), CHEAP, [0, 0, 0], 1],
    ["a call without usage: unknown", call("dear", { fresh_input_tokens: null }), CHEAP, [0, 0, 0], 1],
    ["a call that nobody would take costs nothing known", call("dear"), null, [0, 0, 0], 0],
  ] as const)("%s", (_, made, decided, [calls, before, after], unknown) => {
    const { cost, cost_unknown } = compared([made, decided]).figures("g")
    expect(cost).toEqual({ calls, before_nano_usd: before, after_nano_usd: after })
    expect(cost_unknown).toBe(unknown)
  })
})

describe("latency", () => {
  test("after: of the new target's own answers of the same kind", () => {
    const comparison = compared([call("dear", { latency_ms: 5000 }), CHEAP], [call("cheap", { latency_ms: 10 }), CHEAP])
    const { before_p95_ms: before, after_p95_ms: after, unknown } = comparison.figures("g").latency
    expect(before).toBeGreaterThan(4000)
    expect(after).toBeLessThan(12)
    expect(unknown).toBe(0)
  })

  test("streams are not judged by whole answers", () => {
    const comparison = compared([call("cheap"), DEAR], [call("dear", { stream: 1 }), DEAR])
    expect(comparison.figures("g").latency.unknown).toBe(1)
  })

  test("answers that failed say nothing about a target", () => {
    const comparison = compared([call("cheap", { status: 502, latency_ms: 1 }), CHEAP])
    expect(comparison.figures("g").latency).toMatchObject({ unknown: 1, after_p50_ms: null })
  })
})

test("the mix, moves, refusals, and what could not be decided", () => {
  const comparison = compared([call("dear"), CHEAP], [call("dear"), DEAR], [call("dear"), null])
  comparison.saw(call("dear"))
  comparison.skip("no-telemetry")
  expect(comparison.figures("g")).toMatchObject({
    calls: 4,
    decided: 3,
    moved: 1,
    refused: 1,
    undecided: { "no-telemetry": 1 },
    targets: [
      { target: "cheap/m", calls_before: 0, calls_after: 1 },
      { target: "dear/m", calls_before: 3, calls_after: 1 },
    ],
  })
})
