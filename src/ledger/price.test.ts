import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { type BilledUsage, type ModelPrices, priceCall } from "./price.ts"

const PRICES: ModelPrices = {
  input: 3_000_000_000,
  cachedInput: 300_000_000,
  cacheWrite5m: 3_750_000_000,
  cacheWrite1h: 6_000_000_000,
  output: 15_000_000_000,
  image: null,
  tiers: [],
  serviceTierMultipliers: {},
}

const NOTHING: BilledUsage = {
  freshInputTokens: 0,
  cachedInputTokens: 0,
  cacheWrite5mTokens: 0,
  cacheWrite1hTokens: 0,
  outputTokens: 0,
  reasoningTokens: 0,
}

function total(
  prices: Partial<ModelPrices>,
  usage: Partial<BilledUsage>,
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
    input_cost_nano_usd: 3_000_000,
    cached_input_cost_nano_usd: 60_000,
    cache_write_cost_nano_usd: 112_500 + 24_000,
    output_cost_nano_usd: 750_000,
    image_cost_nano_usd: null,
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

test("a service tier multiplies; one that is not listed does not", () => {
  const serviceTierMultipliers = { flex: 500_000_000, priority: 2_000_000_000 }
  const usage = { ...NOTHING, freshInputTokens: 10, outputTokens: 1 }
  const costs = (tier: string) => priceCall({ ...PRICES, serviceTierMultipliers }, usage, tier)
  expect(costs("flex").total_cost_nano_usd).toBe(22_500)
  expect(costs("flex").input_price_nano_usd_per_million).toBe(1_500_000_000)
  expect(costs("priority").total_cost_nano_usd).toBe(90_000)
  expect(costs("default").total_cost_nano_usd).toBe(45_000)
  expect(costs("constructor").total_cost_nano_usd).toBe(45_000)
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

test("law: a component is its exact quotient, rounded half up", () => {
  fc.assert(
    fc.property(count, price, fc.integer({ min: 1, max: 10_000_000_000 }), (tokens, input, multiplier) => {
      const prices = { ...PRICES, input, serviceTierMultipliers: { x: multiplier, one: 1_000_000_000 } }
      const usage = { ...NOTHING, freshInputTokens: tokens }
      const scale = 10n ** 15n
      const exact = (factor: bigint) => Number((2n * BigInt(tokens) * BigInt(input) * factor + scale) / (2n * scale))
      expect(priceCall(prices, usage, "x").input_cost_nano_usd).toBe(exact(BigInt(multiplier)))
      expect(priceCall(prices, usage, "one").input_cost_nano_usd).toBe(exact(10n ** 9n))
    }),
    { numRuns: 500 },
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
