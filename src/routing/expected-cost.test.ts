import { describe, expect, test } from "bun:test"
import type { Target } from "../config/snapshot.ts"
import { modelPricesOf } from "../ledger/model-prices.ts"
import { expectedCostNanoUsd } from "./expected-cost.ts"
import { NO_FIGURES, type Figures } from "./live-view.ts"

const prices: Target["prices"] = modelPricesOf({
  input_price_per_million_usd: 3,
  cached_input_price_per_million_usd: 0.3,
  cache_write_price_per_million_usd: 3.75,
  cache_write_1h_price_per_million_usd: 6,
  output_price_per_million_usd: 15,
  price_tiers: [{ above_input_tokens: 200_000, input_price_per_million_usd: 6 }],
})
const shares = (more: Partial<Figures>): Figures => ({ ...NO_FIGURES, ...more })
const micro = (usd: number): number => usd * 1000

describe("a call of a thousand tokens in and a hundred out has its price with", () => {
  const cases: readonly (readonly [string, Partial<Target["prices"]>, Partial<Figures>, number | null])[] = [
    ["nothing measured", {}, {}, micro(3000 + 1500)],
    ["half read from the cache", {}, { cachedShare: 0.5 }, micro(1500 + 150 + 1500)],
    ["all written, never read", {}, { cachedShare: 0, cacheWrite5mShare: 1 }, micro(3750 + 1500)],
    ["written for an hour", {}, { cacheWrite1hShare: 1 }, micro(6000 + 1500)],
    ["the price of cached input is unknown", { cachedInput: null }, { cachedShare: 0.5 }, micro(3000 + 1500)],
    ["the price of writes is unknown", { cacheWrite5m: null }, { cacheWrite5mShare: 1 }, micro(3000 + 1500)],
    ["the price of input is unknown", { input: null }, {}, null],
    ["the price of output is unknown", { output: null }, {}, null],
    ["free", { input: 0, output: 0, cachedInput: 0 }, { cachedShare: 0.5 }, 0],
  ]
  test.each(cases)("%s", (_, other, figures, cost) => {
    const found = expectedCostNanoUsd({ ...prices, ...other }, shares(figures), 1000, 100)
    if (cost === null) expect(found).toBeNull()
    else expect(found).toBeCloseTo(cost, 3)
  })
})

test("a long input is priced by its tier", () => {
  expect(expectedCostNanoUsd(prices, NO_FIGURES, 200_000, 0)).toBeCloseTo(600_000_000, 0)
  expect(expectedCostNanoUsd(prices, NO_FIGURES, 200_001, 0)).toBeCloseTo(1_200_006_000, 0)
})
