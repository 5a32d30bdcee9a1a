/** What a call costs at most, before anybody knows how its tokens will be billed. */
import type { ModelPrices, Multipliers, TokenPrices } from "../../ledger/prices.ts"

/** The dearest that each part of a call can become. */
export interface ReservePrices {
  /** Ascending; the last one that the input reaches counts. */
  readonly steps: readonly {
    readonly aboveInputTokens: number
    readonly inputNanoUsdPerMillion: number
    readonly outputNanoUsdPerMillion: number
  }[]
  /** Of input that is no text, where images or sound are dearer than the input of the steps; else 0. */
  readonly mediaNanoUsdPerMillion: number
  readonly imageNanoUsd: number
  /** Of one use of the dearest tool that the provider executes. */
  readonly hostedToolNanoUsd: number
  /** Of the dearest service tier, speed and place; 1 where nothing is dearer than the plain ones. */
  readonly serviceTierFactor: number
  readonly speedFactor: number
  readonly inferenceGeoFactor: number
}

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
