import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { places, ranked, settingsOf, type Surroundings, type TargetSpec } from "../../test/helpers/score-call.ts"
import { parseLinear, type LinearExpression } from "../config/schema/linear-expression.ts"
import type { ScoreTermSettings } from "../config/compile/score-settings.ts"
import type { Figures } from "./live-view.ts"
import { expectProperty } from "../../test/helpers/property.ts"

const order = (specs: readonly TargetSpec[], around?: Surroundings): readonly number[] => places(ranked(specs, around))
const bad: Partial<Figures> = { errorRate: 1, timeoutRate: 1, fallbackRate: 1, p95LatencyMs: 60_000 }
const term = (name: string, expression: string, more: Partial<ScoreTermSettings> = {}): ScoreTermSettings => ({
  name,
  fromComplexity: 0,
  toComplexity: 2,
  requiredTags: [],
  expression: parseLinear(expression) as LinearExpression,
  ...more,
})
const only = (expression: string): Surroundings => ({ settings: { terms: [term("only", expression)] } })

describe("the order follows", () => {
  const cases: readonly (readonly [string, TargetSpec, TargetSpec, Surroundings])[] = [
    ["price", { price: 3 }, { price: 1 }, {}],
    ["latency", { figures: { p95LatencyMs: 3000 } }, { figures: { p95LatencyMs: 1000 } }, {}],
    ["time to first token", { figures: { p95FirstTokenMs: 900 } }, { figures: { p95FirstTokenMs: 200 } }, {}],
    ["throughput", { figures: { outputTokensPerSecond: 20 } }, { figures: { outputTokensPerSecond: 100 } }, {}],
    ["errors", { figures: { errorRate: 0.2, fallbackRate: 0.2 } }, {}, {}],
    ["timeouts", { figures: { errorRate: 0.1, timeoutRate: 0.1 } }, { figures: { errorRate: 0.1 } }, {}],
    [
      "engine load",
      { load: { running: 200, waiting: 50, cacheUsage: 0.9 } },
      { load: { running: 1, waiting: 0, cacheUsage: 0 } },
      {},
    ],
    ["weight", { weight: 1 }, { weight: 2 }, {}],
    ["an evaluation, where a term asks for it", { quality: 0.4 }, { quality: 0.9 }, only("eval_quality_score")],
    ["a warm cache", { price: 1 }, { price: 1.2, cachedPrice: 0.1, figures: { cachedShare: 0.9 } }, {}],
  ]
  test.each(cases)("%s", (_, worse, better, around) => {
    expect(order([worse, better], around)).toEqual([1, 0])
    expect(order([better, worse], around)).toEqual([0, 1])
  })
})

describe("tiers and weights:", () => {
  test("targets of the client's dialect come first, however bad", () => {
    const specs = [{ dialect: "anthropic" }, { figures: bad }, { dialect: "anthropic", price: 0.1 }, {}] as const
    expect(order(specs)).toEqual([3, 1, 2, 0])
  })

  test("weight 0 is the last of its tier; where all are 0 the score decides", () => {
    expect(order([{ weight: 0, price: 0.01 }, { figures: bad }])).toEqual([1, 0])
    expect(order([{ weight: 0, figures: bad }, { weight: 0 }])).toEqual([1, 0])
  })

  test("a score cannot move a weight further than allowed", () => {
    const specs = [
      { weight: 100, figures: bad, price: 50 },
      { weight: 17, figures: { p95LatencyMs: 100 } },
    ]
    expect(order(specs)).toEqual([0, 1])
    expect(order(specs, { settings: { maxAdjustment: 0.8 } })).toEqual([1, 0])
    expect(order([{ price: 50 }, { weight: 0.99 }], { settings: { maxAdjustment: 0 } })).toEqual([0, 1])
  })
})

describe("cold start:", () => {
  const cold = (lifetimes: readonly number[], weights: readonly number[] = [7, 2, 1]): readonly number[] =>
    order(lifetimes.map((lifetime, index) => ({ lifetime, weight: weights[index] ?? 0, figures: bad })))

  test("the first call goes to the greatest weight, the next ones to the target behind its share", () => {
    expect(cold([0, 0, 0])[0]).toBe(0)
    const served = [0, 0, 0]
    for (let call = 0; call < 20; call++) {
      const first = cold(served)[0] ?? 0
      served[first] = (served[first] ?? 0) + 1
    }
    expect(served).toEqual([14, 4, 2])
  })

  test("attempts on their way count, weight 0 is never needed", () => {
    const specs = [{ lifetime: 0, inFlight: 3 }, { lifetime: 1 }, { lifetime: 0, weight: 0 }]
    expect(ranked(specs)).toMatchObject({ mode: "cold-start" })
    expect(order(specs)).toEqual([1, 0, 2])
    expect(ranked([{}, { lifetime: 0, weight: 0 }]).mode).toBe("scored")
  })

  test("a target that joins later gets its first calls at once", () => {
    expect(order([{ price: 0.1 }, { lifetime: 19, price: 9 }])).toEqual([1, 0])
    expect(order([{ price: 0.1 }, { lifetime: 20, price: 9 }])).toEqual([0, 1])
  })

  test("the less is known, the less a score counts", () => {
    const few = { ...bad, observations: 2 }
    expect(order([{ figures: few, weight: 1.2 }, { figures: { observations: 0, p95LatencyMs: 100 } }])).toEqual([0, 1])
    expect(
      order([
        { figures: { ...few, observations: 20 }, weight: 1.2 },
        { figures: { observations: 0, p95LatencyMs: 100 } },
      ]),
    ).toEqual([1, 0])
  })
})

describe("thresholds:", () => {
  const settings = { maxErrorRate: 0.1, maxTimeoutRate: 0.05, maxP95LatencyMs: 5000 }
  const beyond: readonly Partial<Figures>[] = [{ errorRate: 0.2 }, { timeoutRate: 0.06 }, { p95LatencyMs: 5001 }]
  test.each(beyond)("a target beyond one of them comes after the others: %j", (figures) => {
    expect(order([{ weight: 1000, figures }, { price: 99 }], { settings })).toEqual([1, 0])
  })

  test("they do not count before enough was observed, nor when all are beyond", () => {
    const figures = { errorRate: 0.2, observations: 19 }
    expect(order([{ weight: 1000, figures }, {}], { settings })).toEqual([0, 1])
    expect(
      order([{ weight: 1000, figures: { errorRate: 0.9 } }, { figures: { errorRate: 0.2 } }], { settings }),
    ).toEqual([0, 1])
  })
})

describe("hysteresis and exploration:", () => {
  const nearEqual = [{ figures: { p95LatencyMs: 1000 } }, { figures: { p95LatencyMs: 1040 } }]

  test("the leader stays until another is clearly better", () => {
    expect(order(nearEqual)).toEqual([0, 1])
    expect(order(nearEqual, { leader: 1 })).toEqual([1, 0])
    expect(order([{}, { figures: { p95LatencyMs: 9000 }, price: 3 }], { leader: 1 })).toEqual([0, 1])
    expect(order([{}, { figures: { errorRate: 0.011 } }], { leader: 1, settings: { maxErrorRate: 0.01 } })).toEqual([
      0, 1,
    ])
  })

  test("a share of the calls begins with the target of which the least is known", () => {
    const specs = [
      {},
      { figures: { observations: 30 } },
      { figures: { observations: 29 } },
      { weight: 0, figures: { observations: 0 } },
    ]
    const explored = ranked(specs, { random: () => 0.019, explain: true })
    expect(explored.mode).toBe("explored")
    expect(places(explored)).toEqual([2, 0, 1, 3])
    expect(explored.explanation?.explored?.index).toBe(2)
    expect(ranked(specs, { random: () => 0.021 }).mode).toBe("scored")
    expect(ranked(specs, { random: () => 0, settings: { explorationShare: 0 } }).mode).toBe("scored")
    expect(ranked([{}, { weight: 0 }], { random: () => 0 }).mode).toBe("scored")
  })
})

describe("score terms:", () => {
  const cheap = { price: 1, quality: 0.3, tags: ["small"] }
  const strong = { price: 6, quality: 0.95, tags: ["strong", "eu"] }
  const terms = [
    term("easy", "cost_score", { toComplexity: 1 }),
    term("hard", "0.8*eval_quality_score + 0.2*cost_score", { fromComplexity: 2 }),
  ]
  const hard = {
    estimatedInputTokens: 20_000,
    request: {
      model: "g",
      stream: false,
      includeUsage: true,
      outputCap: { field: "max_tokens", fields: ["max_tokens"], tokens: 20_000 },
      choices: 1,
      drafts: 1,
    },
  }

  test("only terms for the call's complexity count", () => {
    expect(order([strong, cheap], { settings: { terms, usesComplexity: true } })).toEqual([1, 0])
    const call = { ...hard, estimatedInputTokens: 20_000, request: { ...hard.request, choices: 2 } }
    const shape = { toolCount: 3, hasToolHistory: false, imageCount: 0, reasoning: { requested: false } }
    const complex = { ...call, shape } as unknown as NonNullable<Surroundings["call"]>
    expect(order([cheap, strong], { settings: { terms, usesComplexity: true }, call: complex })).toEqual([1, 0])
  })

  test("a target without the tags scores 0 in the term", () => {
    const tagged = [term("any", "0.5*cost_score"), term("strong", "1", { requiredTags: ["strong", "eu"] })]
    expect(order([cheap, strong], { settings: { terms: tagged } })).toEqual([1, 0])
    const explained = ranked([cheap, strong], { settings: { terms: tagged }, explain: true }).explanation
    expect(explained?.targets.map(({ score }) => score)).toEqual([
      expect.closeTo((0.5 / 6 + 1) / 1.5, 6),
      expect.closeTo(0.5 / 1.5, 6),
    ])
  })

  test("a call that no term is for is scored by the group's own formula", () => {
    expect(
      order([strong, cheap], { settings: { terms: [term("hard", "1 - cost_score", { fromComplexity: 2 })] } }),
    ).toEqual([1, 0])
  })

  test("a term that is switched off makes no difference", () => {
    const off = (signal: string) => ({ settings: { signals: { ...settingsOf().signals, [signal]: false } } })
    expect(order([{ price: 9 }, { price: 1 }], off("cost"))).toEqual([0, 1])
    expect(order([{ figures: bad }, {}], off("observed_performance"))).toEqual([0, 1])
    const evaluated = { settings: { ...only("eval_quality_score").settings, ...off("evaluation_metadata").settings } }
    expect(order([{ quality: 0 }, { quality: 1 }], evaluated)).toEqual([0, 1])
  })
})

test("an explanation says what counted, and the score is the sum of its terms", () => {
  const { explanation } = ranked(
    [{ price: 2 }, { figures: { errorRate: 0.5, fallbackRate: 0.5, p95LatencyMs: 100 } }],
    {
      explain: true,
      settings: { maxErrorRate: 0.4 },
    },
  )
  expect(explanation?.callClass).toBe("simple")
  expect(explanation?.targets[1]).toMatchObject({ coldStart: false, observations: 100, beyond: ["max_error_rate"] })
  for (const { score, terms } of explanation?.targets ?? []) {
    const added = terms.filter(({ role }) => role === "adds")
    const sum = added.reduce((total, { value, weight }) => total + (value ?? 0) * weight, 0)
    const factors = terms.filter(({ role }) => role === "multiplies").map(({ value }) => value ?? 0)
    expect(score).toBeCloseTo(
      factors.reduce((total, factor) => total * factor, sum),
      9,
    )
  }
})

const figure = fc.option(fc.double({ min: 0.001, max: 1e7, noNaN: true }), { nil: null })
const rate = fc.double({ min: 0, max: 1, noNaN: true })
const figures: fc.Arbitrary<Partial<Figures>> = fc.record({
  observations: fc.nat(200),
  p95LatencyMs: figure,
  p95FirstTokenMs: figure,
  outputTokensPerSecond: figure,
  outputTokensPerAnswer: figure,
  errorRate: rate,
  timeoutRate: rate,
  fallbackRate: rate,
  cachedShare: fc.option(fc.double({ min: 0, max: 0.5, noNaN: true }), { nil: null }),
})
const spec: fc.Arbitrary<TargetSpec> = fc.record({
  weight: fc.constantFrom(0, 1, 1, 3, 10),
  dialect: fc.constantFrom("openai-chat", "anthropic"),
  price: fc.option(
    fc.nat(10_000).map((cents) => cents / 100),
    { nil: null },
  ),
  quality: fc.option(rate, { nil: null }),
  figures,
  lifetime: fc.constantFrom(0, 19, 20, 1000),
})

test("the order is a permutation of the eligible targets, tier by tier, whatever is known", () => {
  expectProperty(
    fc.property(fc.array(spec, { minLength: 1, maxLength: 8 }), rate, fc.nat(8), (specs, ticket, leader) => {
      const settings = { maxErrorRate: 0.5, maxP95LatencyMs: 1000 }
      const ranking = ranked(specs, { random: () => ticket, leader, settings, explain: true })
      expect(places(ranking).toSorted((a, b) => a - b)).toEqual(specs.map((_, index) => index))
      const tiers = ranking.order.map(({ dialect }) => (dialect === "openai-chat" ? 0 : 1))
      expect(tiers).toEqual(tiers.toSorted((a, b) => a - b))
      for (const { score, adjustedWeight, target } of ranking.explanation?.targets ?? []) {
        expect(score).toBeWithin(0, 1.000001)
        const isPlain = specs.some(({ weight, dialect }) => (weight ?? 1) > 0 && dialect === target.dialect)
        const weight = isPlain ? target.weight : 1
        expect(adjustedWeight).toBeWithin(weight * 0.2999, weight * 1.7001 + 1e-9)
      }
    }),
  )
})

test("a higher price never raises a score, and a lower one never lowers it", () => {
  expectProperty(
    fc.property(fc.array(spec, { minLength: 2, maxLength: 5 }), fc.nat(100), fc.nat(100), (specs, one, two) => {
      const scoreAt = (price: number): number => {
        const all = specs.map((entry, index) => ({
          ...entry,
          dialect: "openai-chat" as const,
          ...(index === 0 ? { price } : {}),
        }))
        const explained = ranked(all, { explain: true }).explanation?.targets
        return explained?.find(({ target }) => target.index === 0)?.score ?? Number.NaN
      }
      const [low, high] = one < two ? [one, two] : [two, one]
      expect(scoreAt(high / 4)).toBeLessThanOrEqual(scoreAt(low / 4) + 1e-12)
    }),
  )
})
