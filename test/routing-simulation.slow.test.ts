/** What bench/routing/results.md says of `dynamic_score` holds for other luck, too. */
import { expect, test } from "bun:test"
import { summaryOf, type Summary } from "../bench/routing/figures.ts"
import { POLICIES, SCENARIOS, type Policy } from "../bench/routing/scenarios.ts"
import { simulate } from "../bench/routing/simulate.ts"

function summaries(name: string, seed: number): Readonly<Record<Policy, Summary>> {
  const scenario = SCENARIOS.find((entry) => entry.name === name)
  if (scenario === undefined) throw new Error(`no scenario ${name}`)
  const entries = POLICIES.map((policy) => [policy, summaryOf(scenario, simulate(scenario, policy, seed))])
  return Object.fromEntries(entries) as Record<Policy, Summary>
}

for (const seed of [1, 2]) {
  test(`with seed ${seed} it halves the cost at equal latency`, () => {
    const { dynamic_score: score, failover, weighted } = summaries("cost", seed)
    expect(score.usdPerThousandCalls).toBeLessThan(
      0.6 * Math.min(failover.usdPerThousandCalls, weighted.usdPerThousandCalls),
    )
    expect(score.p95LatencyMs).toBeLessThan(1.03 * Math.min(failover.p95LatencyMs, weighted.p95LatencyMs))
    expect(score.changesPerThousand).toBeLessThan(20)
  })

  for (const name of ["slow", "failing"]) {
    test(`with seed ${seed} it leaves a target that is ${name} within a minute, and returns within ten`, () => {
      const { dynamic_score: score, failover, weighted } = summaries(name, seed)
      expect(score.trouble?.awayAfterS ?? Infinity).toBeLessThanOrEqual(60)
      expect(score.trouble?.backAfterS ?? Infinity).toBeLessThanOrEqual(600)
      for (const other of [failover, weighted])
        expect(score.trouble?.p95LatencyMs ?? Infinity).toBeLessThan(other.trouble?.p95LatencyMs ?? 0)
      expect(score.unserved).toBe(0)
    })
  }
}
