import { expect, test } from "bun:test"
import fc from "fast-check"
import type { Target } from "../config/snapshot.ts"
import type { CallFacts, RankContext, Ranking } from "./strategy.ts"
import { weighted } from "./weighted.ts"
import { expectProperty } from "../../test/helpers/property.ts"

const target = (index: number, weight: number, dialect = "openai-chat"): Target =>
  ({ index, weight, dialect }) as Partial<Target> as Target
const order = (targets: readonly Target[], random: () => number): readonly Target[] => {
  const call = { dialect: "openai-chat" } as Partial<CallFacts> as CallFacts
  return (weighted(targets, call, { random } as Partial<RankContext> as RankContext) as Ranking).order
}
const indexes = (targets: readonly Target[]): number[] => targets.map((entry) => entry.index)

test("the first place is drawn by weight", () => {
  const targets = [target(0, 70), target(1, 30)]
  const first = (ticket: number): number | undefined => order(targets, () => ticket)[0]?.index
  expect([0, 0.69, 0.71, 0.999].map(first)).toEqual([0, 0, 1, 1])
})

test("every target stands in the order once; weight 0 comes last; the client's dialect comes first", () => {
  const targets = fc.array(fc.tuple(fc.nat(3), fc.constantFrom("openai-chat", "anthropic")), { maxLength: 6 })
  expectProperty(
    fc.property(targets, fc.infiniteStream(fc.double({ min: 0, max: 0.999999, noNaN: true })), (specs, tickets) => {
      const all = specs.map(([weight, dialect], index) => target(index, weight, dialect))
      const ranked = order(all, () => tickets.next().value)
      expect(indexes(ranked).toSorted((a, b) => a - b)).toEqual(indexes(all))
      for (const tier of [true, false]) {
        const weights = ranked
          .filter((entry) => (entry.dialect === "openai-chat") === tier)
          .map((entry) => entry.weight > 0)
        expect(weights.lastIndexOf(true)).toBeLessThan(weights.includes(false) ? weights.indexOf(false) : Infinity)
      }
      const tiers = ranked.map((entry) => entry.dialect === "openai-chat")
      expect(tiers).toEqual(tiers.toSorted((a, b) => Number(b) - Number(a)))
    }),
  )
})
