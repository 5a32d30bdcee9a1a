/** What a call costs at most, before anybody knows how its tokens will be billed. */
import type { ModelPrices, TokenPrices } from "../ledger/price.ts"
import type { ReservePrices } from "./snapshot.ts"

const ONE = 1_000_000_000

/** Null: input or output has no price, so nothing can be promised about money. */
export function reservePricesOf(prices: ModelPrices): ReservePrices | null {
  if (prices.input === null || prices.output === null) return null
  let reached: TokenPrices = prices
  const steps = [step(-1, reached)]
  for (const tier of prices.tiers) {
    reached = { ...reached, ...tier.prices }
    steps.push(step(tier.aboveInputTokens, reached))
  }
  const multipliers = Object.values(prices.serviceTierMultipliers)
  return {
    steps,
    imageNanoUsd: prices.image ?? 0,
    serviceTierFactor: Math.max(ONE, ...multipliers) / ONE,
  }
}

/** Input may turn out to be written to a cache, which costs more than reading it. */
function step(aboveInputTokens: number, prices: TokenPrices): ReservePrices["steps"][number] {
  const { input, cachedInput, cacheWrite5m, cacheWrite1h, output } = prices
  return {
    aboveInputTokens,
    inputNanoUsdPerMillion: Math.max(input ?? 0, cachedInput ?? 0, cacheWrite5m ?? 0, cacheWrite1h ?? 0),
    outputNanoUsdPerMillion: output ?? 0,
  }
}
