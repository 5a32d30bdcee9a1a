import { describe, expect, test } from "bun:test"
import { KEYS, loadText, SMALLEST } from "../../../test/helpers/load-text.ts"

function found(yaml: string): readonly (readonly [severity: string, code: string, path: string, line: number])[] {
  const { findings } = loadText(yaml, { env: KEYS })
  const about = new Set(["no-effect", "unknown-tag", "invalid-value", "unknown-key"])
  return findings
    .filter(({ code }) => about.has(code))
    .map(({ severity, code, path, line }) => [severity, code, path, line])
}

const LINE = SMALLEST.split("\n").findIndex((line) => line.includes("strategy: static")) + 1
const POLICY = "models.default.routing_policy.dynamic_score"
const scored = (policy: string, strategy = "dynamic_score"): string =>
  SMALLEST.replace("strategy: static", `strategy: ${strategy}\n    routing_policy: { dynamic_score: ${policy} }`)
const term = (rest: string): string => scored(`{ score_terms: [{ name: one, ${rest} }] }`)

test("a sound configuration gets no advice", () => {
  expect(found(scored("{}"))).toEqual([])
  expect(found(term("expression: 0.6*cost_score + 0.4*latency_score, when: { complexity_gte: standard }"))).toEqual([])
})

describe("advice stands where the file has", () => {
  const at = LINE + 1
  const cases: readonly (readonly [string, string, readonly (readonly [string, string, string, number])[]])[] = [
    [
      "a formula that cannot be read",
      term("expression: cost_score * latency_score"),
      [["error", "invalid-value", `${POLICY}.score_terms[0].expression`, at]],
    ],
    [
      "a score that nobody knows",
      term("expression: price_score"),
      [["error", "invalid-value", `${POLICY}.score_terms[0].expression`, at]],
    ],
    [
      "a condition that no call meets",
      term("expression: cost_score, when: { complexity_gte: complex, complexity_lte: simple }"),
      [["error", "invalid-value", `${POLICY}.score_terms[0].when`, at]],
    ],
    [
      "a tag that no target carries",
      term("expression: cost_score, require_tags: [strong]"),
      [["warning", "unknown-tag", `${POLICY}.score_terms[0].require_tags[0]`, at]],
    ],
    ["a policy that nobody reads", scored("{}", "weighted"), [["warning", "no-effect", POLICY, at]]],
    [
      "metrics that nobody reads",
      SMALLEST.replace("    dialect:", "    engine_metrics: { engine: vllm }\n    dialect:"),
      [
        [
          "warning",
          "no-effect",
          "providers.openai.engine_metrics",
          SMALLEST.split("\n").findIndex((line) => line.startsWith("    dialect:")) + 1,
        ],
      ],
    ],
    [
      "an engine that nobody knows",
      SMALLEST.replace("    dialect:", "    engine_metrics: { engine: abacus }\n    dialect:"),
      [
        [
          "error",
          "invalid-value",
          "providers.openai.engine_metrics.engine",
          SMALLEST.split("\n").findIndex((line) => line.startsWith("    dialect:")) + 1,
        ],
      ],
    ],
  ]
  test.each(cases)("%s", (_, yaml, expected) => {
    expect(found(yaml)).toEqual([...expected])
  })
})
