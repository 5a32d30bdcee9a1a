/** Each known form of a price list. */
import { describe, expect, test } from "bun:test"
import { usdPerMillion } from "./model-facts.ts"
import { readPriceList, vendorOf } from "./price-list.ts"

const LITELLM = {
  sample_spec: { litellm_provider: "one of a list", mode: "one of: chat", max_input_tokens: "words" },
  "claude-x": {
    litellm_provider: "anthropic",
    mode: "chat",
    max_input_tokens: 200_000,
    max_output_tokens: "64000",
    input_cost_per_token: 3e-6,
    output_cost_per_token: 1.5e-5,
    cache_read_input_token_cost: 3e-7,
    cache_creation_input_token_cost: 3.75e-6,
    cache_creation_input_token_cost_above_1hr: 6e-6,
    input_cost_per_token_above_200k_tokens: 6e-6,
    output_cost_per_token_above_200k_tokens: 2.25e-5,
    supports_function_calling: true,
    supports_vision: true,
    supports_response_schema: true,
    supports_reasoning: false,
  },
  "mistral/small": {
    litellm_provider: "mistral",
    mode: "chat",
    input_cost_per_token: 1e-7,
    output_cost_per_token: 3e-7,
  },
  "embed-x": { litellm_provider: "anthropic", mode: "embedding", input_cost_per_token: 1e-8 },
  free: { litellm_provider: "anthropic", mode: "chat", input_cost_per_token: 0, output_cost_per_token: 0 },
}

describe("LiteLLM's list", () => {
  const list = readPriceList(LITELLM)!
  test("has prices of a token, tiers, limits and capabilities", () => {
    expect(list.form).toBe("LiteLLM")
    expect(list.vendors).toEqual(["anthropic", "mistral"])
    expect(list.factsOf("anthropic", "claude-x")).toEqual({
      contextTokens: 200_000,
      maxOutputTokens: 64_000,
      inputModalities: ["text", "image"],
      tools: true,
      toolChoice: null,
      structuredOutputs: true,
      reasoning: false,
      prices: {
        usdPerMillion: {
          input_price_per_million_usd: 3,
          cached_input_price_per_million_usd: 0.3,
          cache_write_price_per_million_usd: 3.75,
          cache_write_1h_price_per_million_usd: 6,
          output_price_per_million_usd: 15,
        },
        tiers: [
          {
            aboveInputTokens: 200_000,
            usdPerMillion: { input_price_per_million_usd: 6, output_price_per_million_usd: 22.5 },
          },
        ],
      },
    })
  })
  test("knows a vendor's models with and without its name, and no other vendor's", () => {
    expect(list.factsOf("mistral", "small")).toMatchObject({
      prices: { usdPerMillion: { output_price_per_million_usd: 0.3 } },
    })
    expect(list.factsOf("mistral", "claude-x")).toBeNull()
    expect(list.factsOf("anthropic", "embed-x")).toBe("other")
    expect(list.factsOf("anthropic", "free")).toMatchObject({ prices: null })
  })
})

describe("models.dev's list", () => {
  const list = readPriceList({
    openai: {
      id: "openai",
      models: {
        "gpt-x": {
          tool_call: true,
          structured_output: true,
          reasoning: true,
          modalities: { input: ["text", "image", "pdf"], output: ["text"] },
          cost: { input: 5, output: 30, cache_read: 0.5, context_over_200k: { input: 10, output: 45 } },
          limit: { context: 400_000, output: 128_000 },
        },
        painter: { modalities: { input: ["text"], output: ["image"] }, cost: { input: 1, output: 1 } },
      },
    },
  })!
  test("has prices of a million tokens, and tiers in both spellings", () => {
    expect(list.factsOf("openai", "gpt-x")).toMatchObject({
      contextTokens: 400_000,
      inputModalities: ["text", "image"],
      tools: true,
      prices: {
        usdPerMillion: { input_price_per_million_usd: 5, cached_input_price_per_million_usd: 0.5 },
        tiers: [{ aboveInputTokens: 200_000, usdPerMillion: { input_price_per_million_usd: 10 } }],
      },
    })
    const tiered = readPriceList({
      a: {
        models: { m: { cost: { input: 1, output: 2, tiers: [{ input: 3, tier: { type: "context", size: 9 } }] } } },
      },
    })!
    expect(tiered.factsOf("a", "m")).toMatchObject({ prices: { tiers: [{ aboveInputTokens: 9 }] } })
    expect(list.factsOf("openai", "painter")).toBe("other")
    for (const id of ["constructor", "__proto__", "toString"]) expect(list.factsOf("openai", id)).toBeNull()
    expect(list.factsOf("constructor", "x")).toBeNull()
  })
})

test("OpenRouter's list names vendors in its ids", () => {
  const list = readPriceList({
    data: [{ id: "openai/gpt-x", pricing: { prompt: "0.000005", completion: "0.00003" } }],
  })!
  expect(list.vendors).toEqual(["openai", "openrouter"])
  for (const [vendor, id] of [
    ["openai", "gpt-x"],
    ["openrouter", "openai/gpt-x"],
  ] as const)
    expect(list.factsOf(vendor, id)).toMatchObject({ prices: { usdPerMillion: { input_price_per_million_usd: 5 } } })
})

test("other files are no price lists", () => {
  for (const json of [null, [], {}, { a: 1 }, { data: [] }, { data: [{ id: "x" }] }, "x"])
    expect(readPriceList(json)).toBeNull()
})

test("prices are exact, and those that cannot be are unknown", () => {
  expect(usdPerMillion(3e-7, 1e6)).toBe(0.3)
  expect(usdPerMillion(7.25e-8, 1e6)).toBe(0.0725)
  expect(usdPerMillion("0.00000125", 1e6)).toBe(1.25)
  expect(usdPerMillion(0, 1e6)).toBe(0)
  for (const value of [-1, "-1", NaN, Infinity, "x", "1 USD", null, undefined, true, 1e9, 1e-17, "9".repeat(40)])
    expect(usdPerMillion(value, 1e6)).toBeNull()
})

test("vendors are known by their hosts", () => {
  expect(vendorOf("api.mistral.ai", "OpenRouter")).toBe("mistralai")
  expect(vendorOf("api.openai.com.evil.example", "LiteLLM")).toBeNull()
})
