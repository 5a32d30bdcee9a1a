/** Prices as the catalogue states them (USD decimals) become prices as the ledger counts them (nano-USD). */
import { billionths } from "./decimal.ts"
import type { ModelPrices, PriceTier, TokenPrices } from "./price.ts"

type Decimal = number | string | null | undefined

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
  readonly price_tiers?: readonly (PriceFields & { readonly above_input_tokens: number })[] | undefined
  readonly service_tier_multipliers?: Readonly<Record<string, number | string>> | undefined
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
    tiers: tiers.toSorted((a, b) => a.aboveInputTokens - b.aboveInputTokens),
    serviceTierMultipliers: Object.fromEntries(
      Object.entries(entry.service_tier_multipliers ?? {}).map(([tier, factor]) => [tier, billionths(factor)]),
    ),
  }
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
