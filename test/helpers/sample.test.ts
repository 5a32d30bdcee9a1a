import { expect, test } from "bun:test"
import { drawnBy, runs, sampled, sampledByKind, SEED, WHOLE } from "./sample.ts"

const FOUR = ["a", "b", "c", "d"]
const LETTERS = "abcdefghijklmnopqrstuvwxyz".split("")

test("a draw takes as many cases as it is asked for, none twice, in their order", () => {
  const cases = sampled(LETTERS, 5)
  expect(cases).toHaveLength(WHOLE ? LETTERS.length : 5)
  expect(new Set(cases).size).toBe(cases.length)
  expect(cases.toSorted()).toEqual([...cases])
})

test("the same list is drawn from alike in the same run", () => {
  expect(sampled(LETTERS, 5)).toEqual(sampled([...LETTERS], 5))
})

test("a list with too few cases is taken whole", () => {
  expect(sampled(LETTERS, 100)).toEqual(LETTERS)
  expect(sampledByKind(LETTERS, () => ["letter"], 100)).toEqual(LETTERS)
})

test("a draw by kind touches every kind, even where it must exceed its count", () => {
  const kindOf = (letter: string): readonly string[] => [letter === "q" ? "rare" : "common", letter]
  expect(sampledByKind(LETTERS, (letter) => kindOf(letter).slice(0, 1), 3)).toContain("q")
  expect(sampledByKind(LETTERS, kindOf, 3)).toEqual(LETTERS)
})

test("a seed draws the same cases again, and several seeds draw every case", () => {
  const draws = Array.from({ length: 20 }, (_, seed) => drawnBy(seed, FOUR, 2).join(""))
  expect(draws).toEqual(Array.from({ length: 20 }, (_, seed) => drawnBy(seed, FOUR, 2).join("")))
  expect(new Set(draws.join(""))).toEqual(new Set("abcd"))
  expect(new Set(draws).size).toBeGreaterThan(3)
})

test("a property is tried with all its inputs in a whole run, and with enough of them in another", () => {
  expect(runs(1000)).toEqual({ numRuns: WHOLE ? 1000 : 63, seed: SEED })
  expect(runs(20).numRuns).toBe(WHOLE ? 20 : 6)
  expect(runs(3).numRuns).toBe(3)
})
