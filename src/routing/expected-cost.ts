/** What a call will probably cost at a target. Only for comparison: what is billed is counted and priced afterwards. */
import type { Target } from "../config/snapshot.ts"
import type { Figures } from "./live-view.ts"

type Prices = Target["prices"]
type TokenPrice = "input" | "output" | "cachedInput" | "cacheWrite5m" | "cacheWrite1h"

const MILLION = 1_000_000

/**
 * input tokens × (fresh share × input price + cached share × cached price + write shares × write prices)
 *   + output tokens × output price, in nano-USD.
 *
 * The shares are those of the target's window, so a target with a warm cache is as cheap as it really is, and one that
 * writes caches that nobody reads is as dear; until something was reported all input is fresh. A cached or write price that
 * is unknown is the input price. Null: the price of input or output is unknown.
 */
export function expectedCostNanoUsd(
  prices: Prices,
  figures: Figures,
  inputTokens: number,
  outputTokens: number,
): number | null {
  const input = reached(prices, "input", inputTokens)
  const output = reached(prices, "output", inputTokens)
  if (input === null || output === null) return null
  const cached = figures.cachedShare ?? 0
  const written5m = figures.cacheWrite5mShare ?? 0
  const written1h = figures.cacheWrite1hShare ?? 0
  let perMillion = (1 - cached - written5m - written1h) * input
  if (cached > 0) perMillion += cached * (reached(prices, "cachedInput", inputTokens) ?? input)
  if (written5m > 0) perMillion += written5m * (reached(prices, "cacheWrite5m", inputTokens) ?? input)
  if (written1h > 0) perMillion += written1h * (reached(prices, "cacheWrite1h", inputTokens) ?? input)
  return (inputTokens * perMillion + outputTokens * output) / MILLION
}

/** The price of the tier that the input reaches. */
function reached(prices: Prices, name: TokenPrice, inputTokens: number): number | null {
  let price = prices[name]
  for (const tier of prices.tiers) if (inputTokens > tier.aboveInputTokens) price = tier.prices[name] ?? price
  return price
}
