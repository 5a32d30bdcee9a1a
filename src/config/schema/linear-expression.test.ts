import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { SCORE_NAMES, isFault, parseLinear, type LinearExpression } from "./linear-expression.ts"
import { expectProperty } from "../../../test/helpers/property.ts"

function parsed(text: string): readonly [number, Readonly<Record<string, number>>, number] {
  const expression = parseLinear(text)
  if (isFault(expression)) throw new Error(expression.message)
  return [
    expression.constant,
    Object.fromEntries(expression.factors.map(({ name, factor }) => [name, factor])),
    expression.max,
  ]
}

describe("a linear expression is read", () => {
  const cases: readonly (readonly [string, number, Readonly<Record<string, number>>, number])[] = [
    ["cost_score", 0, { cost_score: 1 }, 1],
    ["0.5*cost_score + 0.25 * latency_score", 0, { cost_score: 0.5, latency_score: 0.25 }, 0.75],
    ["cost_score*2", 0, { cost_score: 2 }, 2],
    ["1 - load_score", 1, { load_score: -1 }, 1],
    ["2*(cost_score + 0.5) - cost_score", 1, { cost_score: 1 }, 2],
    ["-(-cost_score)", 0, { cost_score: 1 }, 1],
    ["latency_score + cost_score", 0, { cost_score: 1, latency_score: 1 }, 2],
    ["1e-1*eval_quality_score+.5", 0.5, { eval_quality_score: 0.1 }, 0.6],
    ["2*3*cost_score", 0, { cost_score: 6 }, 6],
    ["1", 1, {}, 1],
  ]
  test.each(cases)("as it was meant: %s", (text, constant, factors, max) => {
    expect(parsed(text)).toEqual([constant, factors, max])
  })
})

describe("another expression is refused", () => {
  const cases: readonly (readonly [string, number, string])[] = [
    ["", 1, "expected"],
    ["0.5*", 5, "expected"],
    ["0.5 cost_score", 5, "operator"],
    ["cost_score * latency_score", 12, "not linear"],
    ["(cost_score", 12, "closing parenthesis"],
    ["cost_score)", 11, "operator"],
    ["0.6*cost + 1", 5, "no score of that name"],
    ["constructor", 1, "no score of that name"],
    ["cost_score / 2", 12, "operator"],
    ["0 - cost_score", 1, "never greater"],
    ["cost_score - cost_score", 1, "never greater"],
    ["1e999", 1, "too large"],
    [`${"(".repeat(200)}1${")".repeat(200)}`, 34, "nested"],
    ["1+".repeat(600) + "1", 1000, "longer"],
  ]
  test.each(cases)("where its fault stands: %j", (text, character, message) => {
    const fault = parseLinear(text)
    if (!isFault(fault)) throw new Error("was accepted")
    expect(fault.character).toBe(character)
    expect(fault.message).toContain(message)
  })
})

test("no text makes the reader throw or take long", () => {
  expectProperty(
    fc.property(
      fc.string({ maxLength: 200 }),
      fc.string({ unit: fc.constantFrom("(", ")", "+", "-", "*", "1", ".", " ", "cost_score") }),
      (a, b) => {
        for (const text of [a, b]) expect(typeof parseLinear(text)).toBe("object")
      },
    ),
  )
})

test("a printed expression is read as what it was", () => {
  const factor = fc.double({ min: 0.001, max: 10, noNaN: true })
  expectProperty(
    fc.property(fc.dictionary(fc.constantFrom(...SCORE_NAMES), factor, { minKeys: 1 }), (factors) => {
      const text = Object.entries(factors).map(([name, number]) => `${number}*${name}`)
      const expression = parseLinear(text.join(" + ")) as LinearExpression
      expect(Object.fromEntries(expression.factors.map((entry) => [entry.name, entry.factor]))).toEqual({ ...factors })
    }),
  )
})
