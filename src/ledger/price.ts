/** What a call costs: disjoint counters times the prices of the target that served it. Pure and exact. */
import { applied, costOf, isCount, isKnown, MILLION, safeSum } from "./price-arithmetic.ts"
import { factorOf, type Served } from "./price-factor.ts"
import { partCosts } from "./price-parts.ts"
import type { PricedParts, PricedUsage, ModelPrices, TokenPrices } from "./prices.ts"
import type { CostUnknownReason, UsageRow } from "./record.ts"

/** Columns of `request_usage`. A price is the one that counted: its tier and multiplier applied. */
export type Costs = Pick<
  UsageRow,
  | "input_price_nano_usd_per_million"
  | "cached_input_price_nano_usd_per_million"
  | "cache_write_price_nano_usd_per_million"
  | "cache_write_1h_price_nano_usd_per_million"
  | "output_price_nano_usd_per_million"
  | "image_input_price_nano_usd_per_million"
  | "image_input_price_nano_usd_per_image"
  | "audio_input_price_nano_usd_per_million"
  | "image_output_price_nano_usd_per_million"
  | "audio_output_price_nano_usd_per_million"
  | "input_cost_nano_usd"
  | "cached_input_cost_nano_usd"
  | "cache_write_cost_nano_usd"
  | "output_cost_nano_usd"
  | "image_cost_nano_usd"
  | "hosted_tool_cost_nano_usd"
  | "total_cost_nano_usd"
  | "cost_unknown_reason"
>

const UNPRICED: TokenPrices = { input: null, cachedInput: null, cacheWrite5m: null, cacheWrite1h: null, output: null }
/** Nothing is known of what a call costs. */
export function noCosts(reason: CostUnknownReason | null): Costs {
  return { ...NO_COSTS, cost_unknown_reason: reason }
}

const NO_COSTS: Costs = {
  input_price_nano_usd_per_million: null,
  cached_input_price_nano_usd_per_million: null,
  cache_write_price_nano_usd_per_million: null,
  cache_write_1h_price_nano_usd_per_million: null,
  output_price_nano_usd_per_million: null,
  image_input_price_nano_usd_per_million: null,
  image_input_price_nano_usd_per_image: null,
  audio_input_price_nano_usd_per_million: null,
  image_output_price_nano_usd_per_million: null,
  audio_output_price_nano_usd_per_million: null,
  input_cost_nano_usd: null,
  cached_input_cost_nano_usd: null,
  cache_write_cost_nano_usd: null,
  output_cost_nano_usd: null,
  image_cost_nano_usd: null,
  hosted_tool_cost_nano_usd: null,
  total_cost_nano_usd: null,
  cost_unknown_reason: null,
}

/**
 * Each component is rounded once, half away from zero. A component whose price or count is unknown is null;
 * the total is null when one of them has tokens, or when fresh input or output was not reported at all.
 * @param serviceTier as the provider reports it. One that is neither listed nor the plain one has no price.
 * @param imageCount of the request: their tokens are input tokens, a price per image comes on top; null: unknown
 */
export function priceCall(
  prices: ModelPrices,
  usage: PricedUsage,
  serviceTier: string | null = null,
  imageCount: number | null = null,
): Costs {
  const parts = usage.parts ?? null
  const found = factorOf(prices, servedAs(serviceTier, parts))
  const factor = typeof found === "string" ? null : found
  const reached = tierPrices(prices, usage)
  const split = parts === null ? null : partCosts(prices, usage, parts, factor)
  const plainInput = split === null ? usage.freshInputTokens : split.inputTokens
  const plainOutput = split === null ? usage.outputTokens : split.outputTokens
  const input = costOf(plainInput, reached.input, factor)
  const cached = costOf(usage.cachedInputTokens, reached.cachedInput, factor)
  const write5m = costOf(usage.cacheWrite5mTokens, reached.cacheWrite5m, factor)
  const write1h = costOf(usage.cacheWrite1hTokens, reached.cacheWrite1h, factor)
  const output = costOf(plainOutput, reached.output, factor)
  const images = prices.image === null ? null : costOf(imageCount, prices.image, factor, 1)
  const isPriced =
    isKnown(plainInput, input, true) &&
    isKnown(plainOutput, output, true) &&
    isKnown(usage.cachedInputTokens, cached) &&
    isKnown(usage.cacheWrite5mTokens, write5m) &&
    isKnown(usage.cacheWrite1hTokens, write1h) &&
    (prices.image === null || isKnown(imageCount, images))
  const whole = {
    input: split === null ? input : both(input, plainInput, split.audioInput),
    output: split === null ? output : both(output, plainOutput, split.mediaOutput),
    image: prices.imageInput === null || split === null ? images : both(images, 0, split.imageInput),
    tools: split === null ? null : split.hostedTools,
  }
  const unknown = split?.unknown ?? (isPriced ? null : "price")
  const total =
    unknown === null ? safeSum(whole.input, cached, write5m, write1h, whole.output, whole.image, whole.tools) : null
  // any number of times nothing is nothing
  if (typeof found === "string" && total !== 0) return noCosts(found)
  return {
    input_price_nano_usd_per_million: applied(reached.input, factor),
    cached_input_price_nano_usd_per_million: applied(reached.cachedInput, factor),
    cache_write_price_nano_usd_per_million: applied(reached.cacheWrite5m, factor),
    cache_write_1h_price_nano_usd_per_million: applied(reached.cacheWrite1h, factor),
    output_price_nano_usd_per_million: applied(reached.output, factor),
    image_input_price_nano_usd_per_million: applied(prices.imageInput, factor),
    image_input_price_nano_usd_per_image: applied(prices.image, factor),
    audio_input_price_nano_usd_per_million: applied(prices.audioInput, factor),
    image_output_price_nano_usd_per_million: applied(prices.imageOutput, factor),
    audio_output_price_nano_usd_per_million: applied(prices.audioOutput, factor),
    input_cost_nano_usd: whole.input,
    cached_input_cost_nano_usd: cached,
    cache_write_cost_nano_usd: writeCost(usage, write5m, write1h),
    output_cost_nano_usd: whole.output,
    image_cost_nano_usd: whole.image,
    hosted_tool_cost_nano_usd: whole.tools,
    total_cost_nano_usd: total,
    cost_unknown_reason: total === null ? (unknown ?? "price") : null,
  }
}

/** A component of two parts: unknown when either is, unless nothing of the first was used. */
function both(first: number | null, count: number | null, second: number | null): number | null {
  if (second === null || (first === null && count !== 0)) return null
  return safeSum(first, second)
}

function servedAs(serviceTier: string | null, parts: PricedParts | null): Served {
  return { serviceTier, speed: parts?.speed ?? null, inferenceGeo: parts?.inferenceGeo ?? null }
}

function tierPrices(prices: ModelPrices, usage: PricedUsage): TokenPrices {
  if (prices.tiers.length === 0) return prices
  const fresh = usage.freshInputTokens
  if (fresh === null) return UNPRICED
  const all = fresh + (usage.cachedInputTokens ?? 0) + (usage.cacheWrite5mTokens ?? 0) + (usage.cacheWrite1hTokens ?? 0)
  if (!isCount(all)) return UNPRICED
  let reached: TokenPrices = prices
  for (const tier of prices.tiers) if (all > tier.aboveInputTokens) reached = { ...reached, ...tier.prices }
  return reached
}

/** Both lifetimes share one column: unknown when either has tokens without a cost. */
function writeCost(usage: PricedUsage, write5m: number | null, write1h: number | null): number | null {
  if (write5m === null && write1h === null) return null
  if (!isKnown(usage.cacheWrite5mTokens, write5m) || !isKnown(usage.cacheWrite1hTokens, write1h)) return null
  return safeSum(write5m, write1h)
}

/** Columns of `request_usage`. */
export type PricedTokens = Pick<
  UsageRow,
  "input_tokens" | "output_tokens" | Extract<keyof Costs, `${string}_price_nano_usd_per_million`>
>

/** What a call has cost at most whose cost is unknown, because a part of it has no price: for budgets, never for bills. */
export function dearestCost(row: PricedTokens): number {
  const { input_tokens: input, output_tokens: output } = row
  const { input_price_nano_usd_per_million: inputPrice, output_price_nano_usd_per_million: outputPrice } = row
  if (input === null || output === null || inputPrice === null || outputPrice === null) return 0
  const dearestInput = Math.max(
    inputPrice,
    row.cached_input_price_nano_usd_per_million ?? 0,
    row.cache_write_price_nano_usd_per_million ?? 0,
    row.cache_write_1h_price_nano_usd_per_million ?? 0,
    row.image_input_price_nano_usd_per_million ?? 0,
    row.audio_input_price_nano_usd_per_million ?? 0,
  )
  const dearestOutput = Math.max(
    outputPrice,
    row.image_output_price_nano_usd_per_million ?? 0,
    row.audio_output_price_nano_usd_per_million ?? 0,
  )
  const cost = Math.ceil((input * dearestInput + output * dearestOutput) / MILLION)
  return Number.isSafeInteger(cost) && cost >= 0 ? cost : 0
}
