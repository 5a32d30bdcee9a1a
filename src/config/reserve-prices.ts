/** What a call costs at most, before anybody knows how its tokens will be billed. */
import type { ModelPrices, Multipliers, TokenPrices } from "../ledger/price.ts"
import type { ReservePrices } from "./snapshot.ts"

const ONE = 1_000_000_000

/** Null: input or output has no price, so nothing can be promised about money. */
export function reservePricesOf(prices: ModelPrices): ReservePrices | null {
  if (prices.input === null || prices.output === null) return null
  let reached: TokenPrices = prices
  const media = Math.max(prices.imageOutput ?? 0, prices.audioOutput ?? 0)
  const steps = [step(-1, reached, media)]
  for (const tier of prices.tiers) {
    reached = { ...reached, ...tier.prices }
    steps.push(step(tier.aboveInputTokens, reached, media))
  }
  return {
    steps,
    mediaNanoUsdPerMillion: Math.max(prices.imageInput ?? 0, prices.audioInput ?? 0),
    imageNanoUsd: prices.image ?? 0,
    hostedToolNanoUsd: Math.max(0, ...prices.hostedTools.values()),
    serviceTierFactor: largest(prices.serviceTierMultipliers),
    speedFactor: largest(prices.speedMultipliers),
    inferenceGeoFactor: largest(prices.inferenceGeoMultipliers),
  }
}

function largest(multipliers: Multipliers): number {
  return Math.max(ONE, ...multipliers.values()) / ONE
}

/** Input may turn out to be written to a cache, which costs more than reading it; output to be images or sound (`media`). */
function step(aboveInputTokens: number, prices: TokenPrices, media: number): ReservePrices["steps"][number] {
  const { input, cachedInput, cacheWrite5m, cacheWrite1h, output } = prices
  return {
    aboveInputTokens,
    inputNanoUsdPerMillion: Math.max(input ?? 0, cachedInput ?? 0, cacheWrite5m ?? 0, cacheWrite1h ?? 0),
    outputNanoUsdPerMillion: Math.max(output ?? 0, media),
  }
}
