import { expect, test } from "bun:test"
import { modelPricesOf } from "./model-prices.ts"

test("decimals of the catalogue become nano-USD; what is absent is unknown", () => {
  const entry = {
    input_price_per_million_usd: 3,
    cached_input_price_per_million_usd: "0.3",
    output_price_per_million_usd: 0,
    image_input_price_per_image_usd: 0.001,
    price_tiers: [
      { above_input_tokens: 200_000, output_price_per_million_usd: 22.5 },
      { above_input_tokens: 100_000, input_price_per_million_usd: 6 },
    ],
    service_tier_multipliers: { flex: 0.5 },
    speed_multipliers: { fast: 6 },
    inference_geo_multipliers: { us: 1.1 },
    hosted_tool_prices_usd: { web_search: 0.01 },
    image_input_price_per_million_tokens_usd: 9,
    audio_input_price_per_million_tokens_usd: 40,
    image_output_price_per_million_tokens_usd: 60,
    audio_output_price_per_million_tokens_usd: 80,
  }
  expect(modelPricesOf(entry)).toEqual({
    input: 3_000_000_000,
    cachedInput: 300_000_000,
    cacheWrite5m: null,
    cacheWrite1h: null,
    output: 0,
    image: 1_000_000,
    imageInput: 9_000_000_000,
    audioInput: 40_000_000_000,
    imageOutput: 60_000_000_000,
    audioOutput: 80_000_000_000,
    tiers: [
      { aboveInputTokens: 100_000, prices: { input: 6_000_000_000 } },
      { aboveInputTokens: 200_000, prices: { output: 22_500_000_000 } },
    ],
    serviceTierMultipliers: new Map([["flex", 500_000_000]]),
    speedMultipliers: new Map([["fast", 6_000_000_000]]),
    inferenceGeoMultipliers: new Map([["us", 1_100_000_000]]),
    hostedTools: new Map([["web_search", 10_000_000]]),
  })
})

test("an empty entry knows no price", () => {
  expect(modelPricesOf({})).toEqual({
    input: null,
    cachedInput: null,
    cacheWrite5m: null,
    cacheWrite1h: null,
    output: null,
    image: null,
    imageInput: null,
    audioInput: null,
    imageOutput: null,
    audioOutput: null,
    tiers: [],
    serviceTierMultipliers: new Map(),
    speedMultipliers: new Map(),
    inferenceGeoMultipliers: new Map(),
    hostedTools: new Map(),
  })
})
