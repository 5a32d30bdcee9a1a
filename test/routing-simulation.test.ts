/** The simulation behind bench/routing/results.md is reproducible; what it shows stands in the slow tests. */
import { expect, test } from "bun:test"
import { POLICIES, SCENARIOS } from "../bench/routing/scenarios.ts"
import { simulate } from "../bench/routing/simulate.ts"

test.each([...POLICIES])("the same seed gives the same run of %s, and another seed another", (policy) => {
  const short = { ...SCENARIOS[0]!, minutes: 1 }
  const outcomes = simulate(short, policy, 5)
  expect(outcomes.length).toBeGreaterThan(100)
  expect(simulate(short, policy, 5)).toEqual(outcomes)
  expect(simulate(short, policy, 6)).not.toEqual(outcomes)
})
