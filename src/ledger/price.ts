/** What a call costs: disjoint counters times the prices of the target that served it. Pure and exact. */
import { dividedRounded } from "./decimal.ts"
import type { UsageRow } from "./record.ts"

/**
 * What the upstream reported, in counters that do not overlap: all input is the sum of fresh, cached and the two writes.
 * Null: not reported. What an upstream does not tell apart stands in `freshInputTokens`.
 */
export interface BilledUsage {
  readonly freshInputTokens: number | null
  readonly cachedInputTokens: number | null
  readonly cacheWrite5mTokens: number | null
  readonly cacheWrite1hTokens: number | null
  /** Reasoning included. */
  readonly outputTokens: number | null
  /** Part of `outputTokens`, billed as such. */
  readonly reasoningTokens: number | null
}

/** Nano-USD per million tokens; null: unknown; 0: known to be free. */
export interface TokenPrices {
  readonly input: number | null
  readonly cachedInput: number | null
  readonly cacheWrite5m: number | null
  readonly cacheWrite1h: number | null
  readonly output: number | null
}

/** Replaces the prices that it names once all input of a call, as billed, is above `aboveInputTokens`. */
export interface PriceTier {
  readonly aboveInputTokens: number
  readonly prices: Partial<TokenPrices>
}

export interface ModelPrices extends TokenPrices {
  /** Nano-USD per image. */
  readonly image: number | null
  /** Ascending; every tier that is reached counts, a later one over an earlier one. */
  readonly tiers: readonly PriceTier[]
  /** Billionths by service tier (`0.5` is 500000000). They multiply every price; a tier that is not listed costs the plain price. */
  readonly serviceTierMultipliers: Readonly<Record<string, number>>
}

/** Columns of `request_usage`. A price is the one that counted: its tier and multiplier applied. */
export type Costs = Pick<
  UsageRow,
  | "input_price_nano_usd_per_million"
  | "cached_input_price_nano_usd_per_million"
  | "cache_write_price_nano_usd_per_million"
  | "cache_write_1h_price_nano_usd_per_million"
  | "output_price_nano_usd_per_million"
  | "input_cost_nano_usd"
  | "cached_input_cost_nano_usd"
  | "cache_write_cost_nano_usd"
  | "output_cost_nano_usd"
  | "image_cost_nano_usd"
  | "total_cost_nano_usd"
>

const MILLION = 1_000_000
const ONE = 1_000_000_000
const UNPRICED: TokenPrices = { input: null, cachedInput: null, cacheWrite5m: null, cacheWrite1h: null, output: null }

/**
 * Each component is rounded once, half away from zero. A component whose price or count is unknown is null;
 * the total is null when one of them has tokens, or when fresh input or output was not reported at all.
 * @param imageCount of the request: their tokens are input tokens, a price per image comes on top; null: unknown
 */
export function priceCall(
  prices: ModelPrices,
  usage: BilledUsage,
  serviceTier: string | null = null,
  imageCount: number | null = null,
): Costs {
  const reached = tierPrices(prices, usage)
  const multiplier = multiplierOf(prices, serviceTier)
  const input = costOf(usage.freshInputTokens, reached.input, multiplier)
  const cached = costOf(usage.cachedInputTokens, reached.cachedInput, multiplier)
  const write5m = costOf(usage.cacheWrite5mTokens, reached.cacheWrite5m, multiplier)
  const write1h = costOf(usage.cacheWrite1hTokens, reached.cacheWrite1h, multiplier)
  const output = costOf(usage.outputTokens, reached.output, multiplier)
  const image = prices.image === null ? null : costOf(imageCount, prices.image, multiplier, 1)
  const known =
    isKnown(usage.freshInputTokens, input, true) &&
    isKnown(usage.outputTokens, output, true) &&
    isKnown(usage.cachedInputTokens, cached) &&
    isKnown(usage.cacheWrite5mTokens, write5m) &&
    isKnown(usage.cacheWrite1hTokens, write1h) &&
    (prices.image === null || isKnown(imageCount, image))
  return {
    input_price_nano_usd_per_million: applied(reached.input, multiplier),
    cached_input_price_nano_usd_per_million: applied(reached.cachedInput, multiplier),
    cache_write_price_nano_usd_per_million: applied(reached.cacheWrite5m, multiplier),
    cache_write_1h_price_nano_usd_per_million: applied(reached.cacheWrite1h, multiplier),
    output_price_nano_usd_per_million: applied(reached.output, multiplier),
    input_cost_nano_usd: input,
    cached_input_cost_nano_usd: cached,
    cache_write_cost_nano_usd: writeCost(usage, write5m, write1h),
    output_cost_nano_usd: output,
    image_cost_nano_usd: image,
    total_cost_nano_usd: known ? safeSum(input, cached, write5m, write1h, output, image) : null,
  }
}

function tierPrices(prices: ModelPrices, usage: BilledUsage): TokenPrices {
  if (prices.tiers.length === 0) return prices
  const fresh = usage.freshInputTokens
  if (fresh === null) return UNPRICED
  const all = fresh + (usage.cachedInputTokens ?? 0) + (usage.cacheWrite5mTokens ?? 0) + (usage.cacheWrite1hTokens ?? 0)
  if (!isCount(all)) return UNPRICED
  let reached: TokenPrices = prices
  for (const tier of prices.tiers) if (all > tier.aboveInputTokens) reached = { ...reached, ...tier.prices }
  return reached
}

function multiplierOf(prices: ModelPrices, serviceTier: string | null): number {
  if (serviceTier === null || !Object.hasOwn(prices.serviceTierMultipliers, serviceTier)) return ONE
  return prices.serviceTierMultipliers[serviceTier] ?? ONE
}

/** Null when the count or the price is unknown, or the count is no count. */
function costOf(count: number | null, price: number | null, multiplier: number, per: number = MILLION): number | null {
  if (count === null || price === null || !isCount(count)) return null
  const product = count * price
  if (multiplier === ONE && product <= Number.MAX_SAFE_INTEGER) {
    const rest = product % per
    return (product - rest) / per + (rest * 2 >= per ? 1 : 0)
  }
  return dividedRounded(BigInt(count) * BigInt(price) * BigInt(multiplier), BigInt(per) * BigInt(ONE))
}

function applied(price: number | null, multiplier: number): number | null {
  if (price === null || multiplier === ONE) return price
  return dividedRounded(BigInt(price) * BigInt(multiplier), BigInt(ONE))
}

/** Both lifetimes share one column: unknown when either has tokens without a cost. */
function writeCost(usage: BilledUsage, write5m: number | null, write1h: number | null): number | null {
  if (write5m === null && write1h === null) return null
  if (!isKnown(usage.cacheWrite5mTokens, write5m) || !isKnown(usage.cacheWrite1hTokens, write1h)) return null
  return safeSum(write5m, write1h)
}

function isKnown(count: number | null, cost: number | null, mustBeReported = false): boolean {
  return cost !== null || count === 0 || (count === null && !mustBeReported)
}

function isCount(count: number): boolean {
  return Number.isSafeInteger(count) && count >= 0
}

function safeSum(...parts: readonly (number | null)[]): number | null {
  let sum = 0
  for (const part of parts) sum += part ?? 0
  return Number.isSafeInteger(sum) ? sum : null
}

/** Columns of `request_usage`. */
export type PricedTokens = Pick<
  UsageRow,
  | "input_tokens"
  | "output_tokens"
  | "input_price_nano_usd_per_million"
  | "cached_input_price_nano_usd_per_million"
  | "cache_write_price_nano_usd_per_million"
  | "cache_write_1h_price_nano_usd_per_million"
  | "output_price_nano_usd_per_million"
>

/** What a call has cost at most whose cost is unknown, because a part of its input has no price: for budgets, never for bills. */
export function dearestCost(row: PricedTokens): number {
  const { input_tokens: input, output_tokens: output } = row
  const { input_price_nano_usd_per_million: inputPrice, output_price_nano_usd_per_million: outputPrice } = row
  if (input === null || output === null || inputPrice === null || outputPrice === null) return 0
  const dearest = Math.max(
    inputPrice,
    row.cached_input_price_nano_usd_per_million ?? 0,
    row.cache_write_price_nano_usd_per_million ?? 0,
    row.cache_write_1h_price_nano_usd_per_million ?? 0,
  )
  const cost = Math.ceil((input * dearest + output * outputPrice) / MILLION)
  return Number.isSafeInteger(cost) && cost >= 0 ? cost : 0
}
