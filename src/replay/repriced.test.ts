import { expect, test } from "bun:test"
import { sampleCall, SAMPLE_PARTS } from "../../test/helpers/sample-call.ts"
import type { Target } from "../config/snapshot.ts"
import type { ReplayedUsage } from "../ledger/decision-queries.ts"
import { modelPricesOf } from "../ledger/model-prices.ts"
import { usageOf } from "./history.ts"
import { costAt } from "./repriced.ts"

const PRICES = modelPricesOf({
  input_price_per_million_usd: 1,
  output_price_per_million_usd: 2,
  audio_input_price_per_million_tokens_usd: 10,
  service_tier_multipliers: { priority: 2 },
  speed_multipliers: { fast: 6 },
})
const USED = { fresh_input_tokens: 1000, cached_input_tokens: 0, cache_write_5m_tokens: 0, cache_write_1h_tokens: 0 }

/** Nano-USD at a target of that dialect. */
function cost(dialect: Target["dialect"], row: Partial<ReplayedUsage>): number | null {
  const usage: ReplayedUsage = { ...sampleCall(0, 1).usage, ...USED, output_tokens: 100, service_tier: null, ...row }
  return costAt(usageOf(usage)!, usage, { prices: PRICES, dialect } as Partial<Target> as Target, false)
}

const PLAIN = 1000 * 1000 + 100 * 2000

test("a service costs at targets of its own API, and is not to be had at others", () => {
  const served = { service_tier: "priority", speed: "fast" }
  expect(cost("openai-chat", served)).toBe(12 * PLAIN)
  expect(cost("anthropic", served)).toBe(PLAIN)
  expect(cost("openai-chat", { service_tier: "flex" })).toBeNull()
})

test("sound has its price, and tools cost what they did", () => {
  expect(cost("openai-chat", { input_audio_tokens: 400 })).toBe(PLAIN + 400 * 9000)
  expect(cost("anthropic", { hosted_tool_cost_nano_usd: 5 })).toBe(PLAIN + 5)
  expect(cost("openai-chat", { output_audio_tokens: SAMPLE_PARTS.output_audio_tokens! })).toBeNull()
})
