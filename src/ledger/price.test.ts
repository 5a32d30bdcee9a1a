import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { runs } from "../../test/helpers/sample.ts"
import { priceCall } from "./price.ts"
import type { PricedUsage, ModelPrices } from "./prices.ts"

const PRICES: ModelPrices = {
  input: 3_000_000_000,
  cachedInput: 300_000_000,
  cacheWrite5m: 3_750_000_000,
  cacheWrite1h: 6_000_000_000,
  output: 15_000_000_000,
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
}

const NOTHING: PricedUsage = {
  freshInputTokens: 0,
  cachedInputTokens: 0,
  cacheWrite5mTokens: 0,
  cacheWrite1hTokens: 0,
  outputTokens: 0,
  reasoningTokens: 0,
}

function total(
  prices: Partial<ModelPrices>,
  usage: Partial<PricedUsage>,
  serviceTier: string | null = null,
  imageCount: number | null = null,
): number | null {
  return priceCall({ ...PRICES, ...prices }, { ...NOTHING, ...usage }, serviceTier, imageCount).total_cost_nano_usd
}

test("each counter costs its own price, once", () => {
  const usage = { freshInputTokens: 1000, cachedInputTokens: 200, cacheWrite5mTokens: 30, cacheWrite1hTokens: 4 }
  expect(priceCall(PRICES, { ...NOTHING, ...usage, outputTokens: 50, reasoningTokens: 20 })).toEqual({
    input_price_nano_usd_per_million: 3_000_000_000,
    cached_input_price_nano_usd_per_million: 300_000_000,
    cache_write_price_nano_usd_per_million: 3_750_000_000,
    cache_write_1h_price_nano_usd_per_million: 6_000_000_000,
    output_price_nano_usd_per_million: 15_000_000_000,
    image_input_price_nano_usd_per_million: null,
    image_input_price_nano_usd_per_image: null,
    audio_input_price_nano_usd_per_million: null,
    image_output_price_nano_usd_per_million: null,
    audio_output_price_nano_usd_per_million: null,
    input_cost_nano_usd: 3_000_000,
    cached_input_cost_nano_usd: 60_000,
    cache_write_cost_nano_usd: 112_500 + 24_000,
    output_cost_nano_usd: 750_000,
    image_cost_nano_usd: null,
    hosted_tool_cost_nano_usd: null,
    cost_unknown_reason: null,
    total_cost_nano_usd: 3_000_000 + 60_000 + 112_500 + 24_000 + 750_000,
  })
})

describe("unknown is not zero", () => {
  test("a price that is unknown makes the total unknown, if it has tokens", () => {
    expect(total({ cachedInput: null }, { freshInputTokens: 10, cachedInputTokens: 1 })).toBeNull()
    expect(total({ cachedInput: null }, { freshInputTokens: 10, cachedInputTokens: 0 })).toBe(30_000)
    expect(total({ output: null }, { freshInputTokens: 10, outputTokens: 1 })).toBeNull()
    expect(total({ cacheWrite1h: null }, { cacheWrite5mTokens: 4, cacheWrite1hTokens: 1 })).toBeNull()
  })

  test("a price of zero is known", () => {
    const free = { input: 0, cachedInput: 0, cacheWrite5m: 0, cacheWrite1h: 0, output: 0 }
    expect(total(free, { freshInputTokens: 10, cachedInputTokens: 5, outputTokens: 7 })).toBe(0)
  })

  test("an unknown price has an unknown cost, even for no tokens", () => {
    const costs = priceCall({ ...PRICES, output: null, cacheWrite5m: null, cacheWrite1h: null }, NOTHING)
    expect(costs.output_cost_nano_usd).toBeNull()
    expect(costs.cache_write_cost_nano_usd).toBeNull()
    expect(costs.total_cost_nano_usd).toBe(0)
  })

  test("input or output that was not reported makes the total unknown, other counters do not", () => {
    expect(total({}, { freshInputTokens: null, outputTokens: 1 })).toBeNull()
    expect(total({}, { freshInputTokens: 1, outputTokens: null })).toBeNull()
    const silent = { cachedInputTokens: null, cacheWrite5mTokens: null, cacheWrite1hTokens: null }
    expect(total({}, { ...silent, freshInputTokens: 10 })).toBe(30_000)
  })

  test("a count that is no count is unknown", () => {
    for (const nonsense of [-1, 0.5, Number.NaN, 2 ** 60]) expect(total({}, { outputTokens: nonsense })).toBeNull()
  })
})

describe("tiers", () => {
  const tiers = [
    { aboveInputTokens: 100, prices: { input: 6_000_000_000 } },
    { aboveInputTokens: 200, prices: { output: 22_500_000_000 } },
  ]

  test("all input as billed decides, and only above the threshold", () => {
    expect(total({ tiers }, { freshInputTokens: 100 })).toBe(300_000)
    expect(total({ tiers }, { freshInputTokens: 101 })).toBe(606_000)
    expect(total({ tiers }, { freshInputTokens: 50, cachedInputTokens: 40, cacheWrite5mTokens: 11 })).toBe(
      300_000 + 12_000 + 41_250,
    )
  })

  test("a higher tier adds to a lower one", () => {
    expect(total({ tiers }, { freshInputTokens: 201, outputTokens: 2 })).toBe(1_206_000 + 45_000)
  })

  test("without the input nothing has a price", () => {
    const costs = priceCall({ ...PRICES, tiers }, { ...NOTHING, freshInputTokens: null, outputTokens: 5 })
    expect(costs.output_price_nano_usd_per_million).toBeNull()
    expect(costs.output_cost_nano_usd).toBeNull()
  })
})

describe("what multiplies every price", () => {
  const usage = { ...NOTHING, freshInputTokens: 10, outputTokens: 1 }
  const serviceTierMultipliers = new Map([
    ["flex", 500_000_000],
    ["priority", 2_000_000_000],
  ])
  const costs = (tier: string, prices: Partial<ModelPrices> = {}) =>
    priceCall({ ...PRICES, serviceTierMultipliers, ...prices }, usage, tier)

  test("the service tier, under both of its names", () => {
    expect(costs("flex").total_cost_nano_usd).toBe(22_500)
    expect(costs("flex").input_price_nano_usd_per_million).toBe(1_500_000_000)
    expect(costs("priority").total_cost_nano_usd).toBe(90_000)
    expect(costs("fast").total_cost_nano_usd).toBe(90_000)
    const renamed = { serviceTierMultipliers: new Map([["fast", 3_000_000_000]]) }
    expect(costs("priority", renamed).total_cost_nano_usd).toBe(135_000)
  })

  test.each(["", "auto", "default", "standard", "on_demand"])("%p is the plain price", (tier) => {
    expect(costs(tier).total_cost_nano_usd).toBe(45_000)
  })

  test.each(["batch", "ultrafast", "constructor"])("%s has no price, unless all is free", (tier) => {
    expect(costs(tier)).toMatchObject({
      input_price_nano_usd_per_million: null,
      total_cost_nano_usd: null,
      cost_unknown_reason: "service-tier",
    })
    expect(costs(tier, { input: 0, output: 0 })).toMatchObject({ total_cost_nano_usd: 0, cost_unknown_reason: null })
  })

  test("speed and place multiply as well, all three exactly", () => {
    const served = { speed: "fast", inferenceGeo: "us", hostedTools: {} }
    const parts = { inputImageTokens: 0, inputAudioTokens: 0, outputImageTokens: 0, outputAudioTokens: 0, ...served }
    const price = (prices: Partial<ModelPrices>) =>
      priceCall({ ...PRICES, serviceTierMultipliers, ...prices }, { ...usage, parts }, "flex")
    const speedMultipliers = new Map([["fast", 6_000_000_000]])
    const inferenceGeoMultipliers = new Map([["us", 1_100_000_000]])
    expect(price({ speedMultipliers, inferenceGeoMultipliers }).total_cost_nano_usd).toBe(45_000 * 0.5 * 6 * 1.1)
    expect(price({ inferenceGeoMultipliers }).cost_unknown_reason).toBe("speed")
    expect(price({ speedMultipliers }).cost_unknown_reason).toBe("inference-geo")
  })
})

describe("parts with prices of their own", () => {
  const parts = {
    inputImageTokens: 0,
    inputAudioTokens: 0,
    outputImageTokens: 0,
    outputAudioTokens: 0,
    hostedTools: {},
    speed: null,
    inferenceGeo: null,
  }
  const MEDIA = { imageInput: 9e9, audioInput: 40e9, imageOutput: 60e9, audioOutput: 80e9 }
  const price = (prices: Partial<ModelPrices>, more: Partial<typeof parts>, tier: string | null = null) => {
    const usage = { ...NOTHING, freshInputTokens: 1000, outputTokens: 100, parts: { ...parts, ...more } }
    return priceCall({ ...PRICES, ...MEDIA, ...prices }, usage, tier, 2)
  }

  test("images and sound leave their tokens out of the rest", () => {
    expect(price({}, { inputImageTokens: 800 })).toMatchObject({
      input_cost_nano_usd: 200 * 3000,
      image_cost_nano_usd: 800 * 9000,
      total_cost_nano_usd: 200 * 3000 + 800 * 9000 + 100 * 15_000,
    })
    expect(price({}, { inputAudioTokens: 900, outputAudioTokens: 90 })).toMatchObject({
      input_cost_nano_usd: 100 * 3000 + 900 * 40_000,
      output_cost_nano_usd: 10 * 15_000 + 90 * 80_000,
    })
    expect(price({}, { outputImageTokens: 60 }).output_cost_nano_usd).toBe(40 * 15_000 + 60 * 60_000)
  })

  test("a price per image comes on top of their tokens", () => {
    expect(price({ image: 5 }, { inputImageTokens: 800 }).image_cost_nano_usd).toBe(10 + 800 * 9000)
  })

  test("images without a price of their own are other input", () => {
    expect(price({ imageInput: null }, { inputImageTokens: 800 })).toMatchObject({
      input_cost_nano_usd: 1000 * 3000,
      image_cost_nano_usd: null,
      cost_unknown_reason: null,
    })
  })

  test("more of a part than of the whole is cut", () => {
    expect(price({}, { inputImageTokens: 5000, inputAudioTokens: 7 })).toMatchObject({
      input_cost_nano_usd: 0,
      image_cost_nano_usd: 1000 * 9000,
    })
  })

  test("sound, made images and tools without a price make the cost unknown", () => {
    expect(price({ audioInput: null }, { inputAudioTokens: 1 }).cost_unknown_reason).toBe("audio")
    expect(price({ audioOutput: null }, { outputAudioTokens: 1 }).cost_unknown_reason).toBe("audio")
    expect(price({ imageOutput: null }, { outputImageTokens: 1 }).cost_unknown_reason).toBe("image-output")
    expect(price({}, { hostedTools: { web_search: 1 } })).toMatchObject({
      hosted_tool_cost_nano_usd: null,
      total_cost_nano_usd: null,
      cost_unknown_reason: "hosted-tool",
    })
    const unpriced = { audioInput: null, audioOutput: null, imageOutput: null }
    expect(price(unpriced, {}).cost_unknown_reason).toBeNull()
  })

  test("a tool costs by its uses, whatever the tier", () => {
    const hostedTools = new Map([["web_search", 10_000_000]])
    const serviceTierMultipliers = new Map([["priority", 2_000_000_000]])
    const prices = { hostedTools, serviceTierMultipliers }
    const uses = { hostedTools: { web_search: 5, web_fetch: 3, mcp: 2 } }
    expect(price(prices, uses, "priority").hosted_tool_cost_nano_usd).toBe(50_000_000)
    expect(price(prices, uses, "priority").total_cost_nano_usd).toBe(2 * 4_500_000 + 50_000_000)
  })
})

test("images cost on top where they have a price", () => {
  expect(total({ image: 5 }, { freshInputTokens: 10 }, null, 3)).toBe(30_015)
  expect(total({ image: null }, { freshInputTokens: 10 }, null, 3)).toBe(30_000)
})

test("halves round away from zero, once per component", () => {
  const half = { input: 500_000, output: 500_000 }
  expect(total(half, { freshInputTokens: 1 })).toBe(1)
  expect(total(half, { freshInputTokens: 1, outputTokens: 1 })).toBe(2)
  expect(total({ input: 499_999 }, { freshInputTokens: 1 })).toBe(0)
})

const count = fc.oneof(fc.nat({ max: 5_000_000 }), fc.nat({ max: 3 }))
const price = fc.oneof(fc.nat({ max: 1_000_000 }), fc.integer({ min: 0, max: 500_000_000_000 }))

const multipliers = (x: number): ReadonlyMap<string, number> =>
  new Map([
    ["x", x],
    ["one", 1_000_000_000],
  ])

test("law: a component is its exact quotient, rounded half up", () => {
  fc.assert(
    fc.property(count, price, fc.integer({ min: 1, max: 10_000_000_000 }), (tokens, input, multiplier) => {
      const prices = { ...PRICES, input, serviceTierMultipliers: multipliers(multiplier) }
      const usage = { ...NOTHING, freshInputTokens: tokens }
      const scale = 10n ** 15n
      const exact = (factor: bigint) => Number((2n * BigInt(tokens) * BigInt(input) * factor + scale) / (2n * scale))
      expect(priceCall(prices, usage, "x").input_cost_nano_usd).toBe(exact(BigInt(multiplier)))
      expect(priceCall(prices, usage, "one").input_cost_nano_usd).toBe(exact(10n ** 9n))
    }),
    runs(500),
  )
})

test("law: the total is the sum of its components, and more tokens never cost less", () => {
  fc.assert(
    fc.property(count, count, count, count, (fresh, cached, output, more) => {
      const usage = { ...NOTHING, freshInputTokens: fresh, cachedInputTokens: cached, outputTokens: output }
      const costs = priceCall(PRICES, usage)
      const parts = [costs.input_cost_nano_usd, costs.cached_input_cost_nano_usd, costs.output_cost_nano_usd]
      expect(costs.total_cost_nano_usd).toBe(parts.reduce<number>((sum, part) => sum + (part ?? Number.NaN), 0))
      const larger = priceCall(PRICES, { ...usage, outputTokens: output + more }).total_cost_nano_usd ?? -1
      expect(larger).toBeGreaterThanOrEqual(costs.total_cost_nano_usd ?? 0)
    }),
  )
})
