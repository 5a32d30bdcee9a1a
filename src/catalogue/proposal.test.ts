/** What lists mean for a catalogue: only what a list says is written, and what an operator wrote stays. */
import { describe, expect, test } from "bun:test"
import { parse } from "yaml"
import { WIRES } from "../dialects/wires.ts"
import { toolWordsOf } from "./entry-lines.ts"
import { NO_FACTS, type ModelFacts } from "./model-facts.ts"
import { fits, propose, type Known } from "./proposal.ts"

const PRICES = {
  usdPerMillion: { input_price_per_million_usd: 3, output_price_per_million_usd: 0.000_000_25 },
  tiers: [],
}
const SOURCE = { name: "a list", date: "2026-11-01" }

function known(entries: Known["entries"], priced: Readonly<Record<string, ModelFacts | "other">> = {}): Known {
  return {
    provider: "p",
    entries,
    words: WIRES["openai-chat"],
    pricedAs: (id) => priced[id] ?? null,
    sources: { priceList: SOURCE, upstream: { name: "upstream", date: "2026-11-02" } },
  }
}

const model = (id: string, facts: Partial<ModelFacts> = {}) => ({ id, owner: "", ...NO_FACTS, ...facts })

test("a new model gets what the lists say, the upstream's own before the price list's", () => {
  const listed = [model("v/new-1", { contextTokens: 1000, inputModalities: ["text", "image"] })]
  const priced = { ...NO_FACTS, contextTokens: 9, maxOutputTokens: 100, prices: PRICES }
  const { added, edits } = propose(listed, known({}, { "v/new-1": priced }))
  expect(added).toEqual([
    [
      "new-1",
      [
        ["model", "v/new-1"],
        ["context_tokens", "1000"],
        ["max_output_tokens", "100"],
        ["input_modalities", "[text, image]"],
        ["input_price_per_million_usd", "3"],
        ["output_price_per_million_usd", "0.00000025"],
        ["pricing_source", '"a list"'],
        ["pricing_updated_at", '"2026-11-01"'],
      ],
    ],
  ])
  expect(edits).toEqual([{ path: ["providers", "p", "models"], entries: added }])
})

test("names of entries do not meet", () => {
  const ids = ["a/m", "b/m", "c-m", "c/m", "c:m", "old"].map((id) => model(id))
  const { refs } = propose(ids, known({ m: { model: "taken" }, mine: { model: "old" } }))
  expect([...refs]).toEqual([
    ["taken", "m"],
    ["old", "mine"],
    ["a/m", "a-m"],
    ["b/m", "b-m"],
    ["c-m", "c-m"],
    ["c/m", "c-m-2"],
    ["c:m", "c-m-3"],
  ])
})

test("an entry gets what it lacks and prices that changed; the rest is told", () => {
  const entry = {
    model: "m",
    context_tokens: 500,
    reasoning: { supported: true, mode: "always_on" },
    input_price_per_million_usd: 2,
    pricing_source: "mine",
  }
  const listed = model("m", { contextTokens: 1000, maxOutputTokens: 50, reasoning: true })
  const { changed, differing } = propose([listed], known({ x: entry }, { m: { ...NO_FACTS, prices: PRICES } }))
  expect(changed).toEqual([
    {
      ref: "x",
      pairs: [
        ["max_output_tokens", "50"],
        ["input_price_per_million_usd", "3"],
        ["output_price_per_million_usd", "0.00000025"],
        ["pricing_source", '"a list"'],
        ["pricing_updated_at", '"2026-11-01"'],
      ],
    },
  ])
  expect(differing).toEqual([{ ref: "x", key: "context_tokens", listed: "1000" }])
})

test("a second proposal of the same lists proposes nothing", () => {
  const priced = { m: { ...NO_FACTS, prices: PRICES } }
  const listed = [
    model("m", { contextTokens: 5, tools: true, toolChoice: true, structuredOutputs: false, reasoning: false }),
  ]
  const { added } = propose(listed, known({}, priced))
  const [ref, pairs] = added[0]!
  const entry = Object.fromEntries(pairs.map(([key, yaml]): [string, unknown] => [key, parse(yaml)]))
  expect(entry["tool_support"]).toEqual({ openai_chat: ["tools", "tool_choice"] })
  expect(propose(listed, known({ [ref]: entry }, priced))).toMatchObject({ edits: [], differing: [] })
  // prices that stay keep their date
  expect(propose(listed, known({ [ref]: { ...entry, pricing_updated_at: "2020-01-01" } }, priced)).edits).toEqual([])
})

test("models that make no text are left out, but for those that stand in the catalogue", () => {
  const listed = [model("painter"), model("old")]
  const { added, otherModels } = propose(listed, known({ o: { model: "old" } }, { painter: "other", old: "other" }))
  expect([added, otherModels]).toEqual([[], 1])
})

describe("a word of tool_support that is left out is a no, so nothing is said before all is known", () => {
  const chat = WIRES["openai-chat"].toolSupport
  const messages = WIRES.anthropic.toolSupport
  test.each([
    [chat, { tools: true, toolChoice: true, structuredOutputs: true }, ["tools", "tool_choice", "structured_outputs"]],
    [chat, { tools: true, toolChoice: null, structuredOutputs: true }, null],
    [chat, { tools: true, toolChoice: true, structuredOutputs: null }, null],
    [chat, { tools: false, toolChoice: null, structuredOutputs: true }, ["structured_outputs"]],
    [chat, { tools: null, toolChoice: true, structuredOutputs: true }, null],
    [messages, { tools: true, toolChoice: null, structuredOutputs: null }, ["client_tools"]],
    [messages, { tools: false, toolChoice: null, structuredOutputs: null }, null],
  ] as const)("%#", (words, facts, expected) => expect(toolWordsOf(facts, words)).toEqual(expected as never))
})

test("patterns", () => {
  for (const [pattern, id, is] of [
    ["gpt-5*", "gpt-5-mini", true],
    ["gpt-5*", "xgpt-5", false],
    ["*mini", "gpt-5-mini", true],
    ["*", "", true],
    ["a*b*c", "a1b2c", true],
    ["a*b*c", "acb", false],
    ["a*a", "a", false],
    ["exact", "exact", true],
    ["a.c", "abc", false],
  ] as const)
    expect(fits(pattern, id)).toBe(is)
})
