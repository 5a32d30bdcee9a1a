import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { parseExact, isObject, isRawNumber } from "./json.ts"
import { lossHeader, Losses, LOSSES, type LossCode } from "./loss.ts"
import { kindOf, planReasoning } from "./reasoning-plan.ts"
import { failureKindOf } from "./reply.ts"
import { asksNothing } from "./request.ts"
import { settleStop } from "./stop.ts"
import { defaultFacts, type ReasoningFacts } from "./target.ts"
import { inputTokens, splitInput, totalTokens, updateUsage } from "./usage.ts"
import { expectProperty } from "../../test/helpers/property.ts"

describe("exact JSON", () => {
  test("prints numbers as they came, when a double could not hold one of them", () => {
    for (const text of [
      '{"seed":12345678901234567890}',
      "[0.12345678901234567890,1.0]",
      "1e400",
      '{"a":[1,{"b":-9007199254740993}]}',
    ]) {
      expect(JSON.stringify(parseExact(text))).toBe(text)
    }
  })

  test("is JSON.parse otherwise, and as strict", () => {
    expectProperty(
      fc.property(fc.json(), (text) => expect(JSON.stringify(parseExact(text))).toBe(JSON.stringify(JSON.parse(text)))),
    )
    expect(() => parseExact("{x}")).toThrow(SyntaxError)
    expect(isRawNumber(parseExact("12345678901234567890"))).toBe(true)
    expect(isObject(parseExact("12345678901234567890"))).toBe(false)
    expect(isObject(parseExact("[]"))).toBe(false)
  })
})

describe("a report of usage", () => {
  test("overwrites the earlier one field by field", () => {
    const first = { freshInputTokens: 2479, cacheReadTokens: 5, outputTokens: 1, source: "provider" } as const
    expect(updateUsage(first, { freshInputTokens: 404_500, cacheReadTokens: 0, source: "provider" })).toEqual({
      freshInputTokens: 404_500,
      cacheReadTokens: 0,
      outputTokens: 1,
      source: "provider",
    })
  })

  test("adds disjoint input up to the vendor's total", () => {
    const counts = fc.nat(1000)
    expectProperty(
      fc.property(
        counts,
        fc.option(counts, { nil: undefined }),
        fc.option(counts, { nil: undefined }),
        (total, read, write) => {
          const usage = { ...splitInput(total, read, write), outputTokens: 7, source: "provider" } as const
          expect(inputTokens(usage)).toBe(total)
          expect(totalTokens(usage)).toBe(total + 7)
          expect(
            Math.min(usage.freshInputTokens ?? -1, usage.cacheReadTokens ?? 0, usage.cacheWrite5mTokens ?? 0),
          ).toBeGreaterThanOrEqual(0)
          expect(usage.cacheReadTokens === undefined).toBe(read === undefined)
        },
      ),
    )
  })
})

describe("what ends an answer", () => {
  test("is a tool call where calls are there, and else the reason that was given", () => {
    expect(settleStop({ is: "end", raw: "stop" }, true)).toEqual({ is: "tool-calls", raw: "stop" })
    expect(settleStop({ is: "length", raw: "length" }, true).is).toBe("length")
    expect(settleStop(null, false)).toEqual({ is: "end", raw: null })
    expect(settleStop(null, true).is).toBe("tool-calls")
  })

  test("has a kind by its status", () => {
    expect([400, 402, 404, 418, 429, 500, 529].map(failureKindOf)).toEqual([
      "invalid-request",
      "quota-exhausted",
      "not-found",
      "invalid-request",
      "rate-limited",
      "server",
      "overloaded",
    ])
  })
})

describe("losses", () => {
  test("are listed once, in order, and named once in the header", () => {
    const losses = new Losses()
    losses.add("image", "messages[0].blocks[1]")
    losses.add("cache-mark", "tools[0]")
    losses.add("image", "messages[0].blocks[1]")
    losses.addAll([{ code: "image", path: "messages[2].blocks[0]" }])
    expect(losses.list()).toHaveLength(3)
    expect(lossHeader(losses.list())).toBe("image,cache-mark")
    expect(lossHeader([])).toBe("")
  })

  test("stay bounded, and every code is named all the same", () => {
    const losses = new Losses()
    for (let index = 0; index < 10_000; index += 1) losses.add("cache-mark", `messages[${index}]`)
    for (const code of Object.keys(LOSSES)) losses.add(code as LossCode, "x")
    expect(losses.list().length).toBeLessThan(400)
    expect(new Set(losses.list().map((loss) => loss.code)).size).toBe(Object.keys(LOSSES).length)
  })

  test("do not contain what happens anyway", () => {
    expect([
      asksNothing("truncation", "disabled"),
      asksNothing("modalities", ["text"]),
      asksNothing("x", null),
    ]).toEqual([true, true, true])
    expect([
      asksNothing("truncation", "auto"),
      asksNothing("modalities", ["text", "audio"]),
      asksNothing("x", 0),
    ]).toEqual([false, false, false])
  })
})

describe("a plan to reason", () => {
  const words: ReasoningFacts = {
    ...defaultFacts({ dialect: "chat", label: null }, "m").reasoning,
    efforts: ["low", "medium", "high"],
  }
  const budget: ReasoningFacts = { ...words, control: "token_budget", efforts: null, maxBudgetTokens: 10_000 }
  const adaptive: ReasoningFacts = { ...words, control: "adaptive", efforts: ["low", "medium", "high", "max"] }

  test.each([
    ["nothing said", undefined, words, { kind: "unsaid" }, 0],
    ["the same word", { effort: "high" }, words, { kind: "effort", effort: "high" }, 0],
    ["a stronger word than known", { effort: "max" }, words, { kind: "effort", effort: "high" }, 1],
    ["a weaker word than known", { effort: "minimal" }, words, { kind: "effort", effort: "low" }, 1],
    ["an unheard-of word", { effort: "wild" }, words, { kind: "effort", effort: "low" }, 1],
    ["a budget as a word", { control: "enabled", budgetTokens: 3000 }, words, { kind: "effort", effort: "medium" }, 1],
    ["a small budget as a word", { control: "enabled", budgetTokens: 1 }, words, { kind: "effort", effort: "low" }, 1],
    [
      "a budget beside a word",
      { control: "enabled", budgetTokens: 3000, effort: "high" },
      words,
      { kind: "effort", effort: "high" },
      0,
    ],
    ["adaptive with a word", { control: "adaptive", effort: "low" }, words, { kind: "effort", effort: "low" }, 0],
    ["adaptive alone", { control: "adaptive" }, words, { kind: "unsaid" }, 0],
    ["off for known words without none", { control: "disabled" }, words, { kind: "effort", effort: "low" }, 1],
    ["off for unknown words", { effort: "none" }, { ...words, efforts: null }, { kind: "off" }, 0],
    ["a word as a budget", { effort: "high" }, budget, { kind: "budget", tokens: 4096 }, 1],
    ["the same budget", { control: "enabled", budgetTokens: 2000 }, budget, { kind: "budget", tokens: 2000 }, 0],
    ["too great a budget", { budgetTokens: 99_999 }, budget, { kind: "budget", tokens: 10_000 }, 1],
    ["too small a budget", { budgetTokens: 12 }, budget, { kind: "budget", tokens: 1024 }, 1],
    ["off", { control: "disabled" }, budget, { kind: "off" }, 0],
    ["a word for adaptive", { effort: "max" }, adaptive, { kind: "adaptive", effort: "max" }, 0],
    ["minimal for adaptive", { effort: "minimal" }, adaptive, { kind: "adaptive", effort: "low" }, 1],
    ["a budget for adaptive", { budgetTokens: 31_999 }, adaptive, { kind: "adaptive", effort: "max" }, 1],
    ["a wish to a target that cannot", { effort: "high" }, { ...words, control: null }, { kind: "unsaid" }, 1],
    ["off to a target that cannot", { effort: "none" }, { ...words, control: null }, { kind: "unsaid" }, 0],
  ] as const)("comes out right for %s", (_name, wish, facts, plan, lossCount) => {
    const planned = planReasoning(wish, facts, null)
    expect(planned.plan).toEqual(plan)
    expect(planned.losses).toHaveLength(lossCount)
  })

  test("keeps a budget below the cap, and gives up where none fits", () => {
    expect(planReasoning({ effort: "high" }, budget, 2000).plan).toEqual({ kind: "budget", tokens: 1999 })
    expect(planReasoning({ effort: "high" }, budget, 500).plan).toEqual({ kind: "unsaid" })
    expect(kindOf({ control: "enabled" })).toEqual({ kind: "adaptive", effort: null })
  })
})
