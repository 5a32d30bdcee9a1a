/** Prices as the catalogue states them (USD decimals) become prices as the ledger counts them (nano-USD). */
import { billionths } from "./decimal.ts"
import type { ModelPrices, Multipliers, PriceTier, TokenPrices } from "./prices.ts"

type Decimal = number | string | null | undefined
type Decimals = Readonly<Record<string, number | string>> | undefined

/** USD per million tokens. Absent: unknown. */
interface PriceFields {
  readonly input_price_per_million_usd?: Decimal
  readonly cached_input_price_per_million_usd?: Decimal
  readonly cache_write_price_per_million_usd?: Decimal
  readonly cache_write_1h_price_per_million_usd?: Decimal
  readonly output_price_per_million_usd?: Decimal
}

/** The price keys of a model's catalogue entry. */
export interface PriceEntry extends PriceFields {
  readonly image_input_price_per_image_usd?: Decimal
  readonly image_input_price_per_million_tokens_usd?: Decimal
  readonly audio_input_price_per_million_tokens_usd?: Decimal
  readonly image_output_price_per_million_tokens_usd?: Decimal
  readonly audio_output_price_per_million_tokens_usd?: Decimal
  readonly price_tiers?: readonly (PriceFields & { readonly above_input_tokens: number })[] | undefined
  readonly service_tier_multipliers?: Decimals
  readonly speed_multipliers?: Decimals
  readonly inference_geo_multipliers?: Decimals
  /** USD for each use. */
  readonly hosted_tool_prices_usd?: Decimals
}

/** Throws RangeError for a price that cannot be held exactly. */
export function modelPricesOf(entry: PriceEntry): ModelPrices {
  const tiers = (entry.price_tiers ?? []).map((tier): PriceTier => ({
    aboveInputTokens: tier.above_input_tokens,
    prices: stated(tokenPrices(tier)),
  }))
  return {
    ...tokenPrices(entry),
    image: nanoUsd(entry.image_input_price_per_image_usd),
    imageInput: nanoUsd(entry.image_input_price_per_million_tokens_usd),
    audioInput: nanoUsd(entry.audio_input_price_per_million_tokens_usd),
    imageOutput: nanoUsd(entry.image_output_price_per_million_tokens_usd),
    audioOutput: nanoUsd(entry.audio_output_price_per_million_tokens_usd),
    tiers: tiers.toSorted((a, b) => a.aboveInputTokens - b.aboveInputTokens),
    serviceTierMultipliers: allBillionths(entry.service_tier_multipliers),
    speedMultipliers: allBillionths(entry.speed_multipliers),
    inferenceGeoMultipliers: allBillionths(entry.inference_geo_multipliers),
    hostedTools: allBillionths(entry.hosted_tool_prices_usd),
  }
}

function allBillionths(decimals: Decimals): Multipliers {
  return new Map(Object.entries(decimals ?? {}).map(([name, decimal]) => [name, billionths(decimal)]))
}

function tokenPrices(fields: PriceFields): TokenPrices {
  return {
    input: nanoUsd(fields.input_price_per_million_usd),
    cachedInput: nanoUsd(fields.cached_input_price_per_million_usd),
    cacheWrite5m: nanoUsd(fields.cache_write_price_per_million_usd),
    cacheWrite1h: nanoUsd(fields.cache_write_1h_price_per_million_usd),
    output: nanoUsd(fields.output_price_per_million_usd),
  }
}

function nanoUsd(decimal: Decimal): number | null {
  return decimal === null || decimal === undefined ? null : billionths(decimal)
}

function stated(prices: TokenPrices): Partial<TokenPrices> {
  return Object.fromEntries(Object.entries(prices).filter(([, price]) => price !== null))
}
