/** Every figure that comes from the cube, defined once: its column, what it needs, and its value. */
import { columnOf, divide, percentOf, share, spread, sum, type Figure } from "./figure-makers.ts"
import type { Histogram, Measure } from "./query.ts"

const FROM = "Within 5 %."

/** The cost that limits and reports count: what is stored, never computed again. */
const COST: Figure = {
  ...sum("total_cost_nano_usd", "money", "Cost", ""),
  column: columnOf("cost_usd", "money", "Cost", "The stored cost of the calls whose cost is known."),
}

/** Most providers report none, which is not a cost of nothing. */
const REPORTED: Figure = {
  column: columnOf("upstream_reported_cost_usd", "money", "Reported", "The cost that providers reported themselves."),
  measures: ["upstream_reported_cost_nano_usd"],
  histograms: [],
  value: ({ sums }) => {
    const cost = sums.upstream_reported_cost_nano_usd ?? 0n
    return cost === 0n ? null : cost
  },
}

const PER_CALL: Figure = {
  column: columnOf("cost_per_call_usd", "money", "Cost per call", "The cost divided by all calls."),
  measures: ["total_cost_nano_usd", "calls"],
  histograms: [],
  value: ({ sums }) => divide(sums.total_cost_nano_usd ?? 0n, sums.calls ?? 0n),
}

const PER_MILLION: Figure = {
  column: columnOf("cost_per_million_tokens_usd", "money", "Cost per million tokens", "The cost for a million tokens."),
  measures: ["total_cost_nano_usd", "total_tokens"],
  histograms: [],
  value: ({ sums }) => divide((sums.total_cost_nano_usd ?? 0n) * 1_000_000n, sums.total_tokens ?? 0n),
}

const COVERAGE: Figure = {
  column: columnOf("cost_coverage_percent", "percent", "Cost known", "Of the calls: those whose cost is known."),
  measures: ["unknown_cost_calls", "calls"],
  histograms: [],
  value: ({ sums }) => percentOf((sums.calls ?? 0n) - (sums.unknown_cost_calls ?? 0n), sums.calls ?? 0n),
}

const HIT_RATE: Figure = {
  column: columnOf(
    "cache_hit_percent",
    "percent",
    "Hit rate",
    "Of the calls that were looked up in the response cache: those that it answered.",
  ),
  measures: ["cache_hits", "cache_misses"],
  histograms: [],
  value: ({ sums }) => percentOf(sums.cache_hits ?? 0n, (sums.cache_hits ?? 0n) + (sums.cache_misses ?? 0n)),
}

const MEAN_LATENCY: Figure = {
  column: columnOf("mean_ms", "ms", "Mean", "The mean latency of a call."),
  measures: ["latency_ms", "calls"],
  histograms: [],
  value: ({ sums }) => {
    const mean = divide(sums.latency_ms ?? 0n, sums.calls ?? 0n)
    return mean === null ? null : Number(mean)
  },
}

const CACHE_WRITES: Figure = {
  column: columnOf("cache_write_tokens", "tokens", "Cache writes", "Input that was written to a provider's cache."),
  measures: ["cache_write_5m_tokens", "cache_write_1h_tokens"],
  histograms: [],
  value: ({ sums }) => (sums.cache_write_5m_tokens ?? 0n) + (sums.cache_write_1h_tokens ?? 0n),
}

export type FigureName =
  | "calls"
  | "sent_calls"
  | "errors"
  | "error_percent"
  | "caller_errors"
  | "operator_errors"
  | "router_errors"
  | "upstream_errors"
  | "attempts"
  | "fallbacks"
  | "fallback_percent"
  | "input_tokens"
  | "cached_input_tokens"
  | "cached_percent"
  | "cache_write_tokens"
  | "output_tokens"
  | "reasoning_tokens"
  | "total_tokens"
  | "input_images"
  | "hosted_tool_uses"
  | "estimated_calls"
  | "cost_usd"
  | "input_cost_usd"
  | "cached_input_cost_usd"
  | "cache_write_cost_usd"
  | "output_cost_usd"
  | "image_cost_usd"
  | "hosted_tool_cost_usd"
  | "upstream_reported_cost_usd"
  | "cache_hits"
  | "cache_misses"
  | "cache_hit_percent"
  | "cache_saved_tokens"
  | "cache_saved_usd"
  | "unknown_cost_calls"
  | "cost_coverage_percent"
  | "cost_per_call_usd"
  | "cost_per_million_tokens_usd"
  | "mean_ms"
  | "p50_ms"
  | "p95_ms"
  | "p99_ms"
  | "max_ms"
  | "ttfb_p50_ms"
  | "ttfb_p95_ms"
  | "upstream_p50_ms"
  | "upstream_p95_ms"
  | "overhead_p50_ms"
  | "overhead_p95_ms"
  | "overhead_p99_ms"
  | "output_p50_tokens_per_second"

/** By the key of its column; the order is that of the documentation. */
export const FIGURES: Readonly<Record<FigureName, Figure>> = {
  calls: sum("calls", "count", "Calls", "Requests of clients."),
  sent_calls: sum("sent_calls", "count", "Sent", "Calls that at least one target was asked for."),
  errors: sum("errors", "count", "Errors", "Calls that ended with an error."),
  error_percent: share(
    "error_percent",
    "errors",
    "calls",
    "Error rate",
    "Of the calls: those that ended with an error.",
  ),
  caller_errors: sum("caller_errors", "count", "By caller", "Errors that the caller made."),
  operator_errors: sum("operator_errors", "count", "By operator", "Errors that the configuration made."),
  router_errors: sum("router_errors", "count", "By router", "Errors that the router made."),
  upstream_errors: sum("upstream_errors", "count", "By upstream", "Errors that providers made."),
  attempts: sum("attempts", "count", "Attempts", "Tries at targets."),
  fallbacks: sum("fallbacks", "count", "Fallbacks", "Calls that were tried at more than one target."),
  fallback_percent: share(
    "fallback_percent",
    "fallbacks",
    "sent_calls",
    "Fallback rate",
    "Of the calls that were sent: those tried at more than one target.",
  ),
  input_tokens: sum("input_tokens", "tokens", "Input", "All input, cached and written to caches included."),
  cached_input_tokens: sum("cached_input_tokens", "tokens", "Cached input", "Input that a provider's cache held."),
  cached_percent: share(
    "cached_percent",
    "cached_input_tokens",
    "input_tokens",
    "Cached",
    "Of the input: what a provider's cache held.",
  ),
  cache_write_tokens: CACHE_WRITES,
  output_tokens: sum("output_tokens", "tokens", "Output", "All output, reasoning included."),
  reasoning_tokens: sum("reasoning_tokens", "tokens", "Reasoning", "The part of the output that is reasoning."),
  total_tokens: sum("total_tokens", "tokens", "Tokens", "Input and output."),
  input_images: sum("input_images", "count", "Images", "Images of the input."),
  hosted_tool_uses: sum("hosted_tool_uses", "count", "Hosted tools", "Uses of tools that providers run."),
  estimated_calls: sum("estimated_calls", "count", "Estimated", "Calls whose tokens are an estimate."),
  cost_usd: COST,
  input_cost_usd: sum("input_cost_nano_usd", "money", "Fresh input", "The cost of input that no cache held."),
  cached_input_cost_usd: sum("cached_input_cost_nano_usd", "money", "Cached input", "The cost of cached input."),
  cache_write_cost_usd: sum("cache_write_cost_nano_usd", "money", "Cache writes", "The cost of writing to caches."),
  output_cost_usd: sum("output_cost_nano_usd", "money", "Output", "The cost of output."),
  image_cost_usd: sum("image_cost_nano_usd", "money", "Images", "The cost of images."),
  hosted_tool_cost_usd: sum(
    "hosted_tool_cost_nano_usd",
    "money",
    "Hosted tools",
    "The cost of tools that providers run.",
  ),
  upstream_reported_cost_usd: REPORTED,
  cache_hits: sum("cache_hits", "count", "Cache hits", "Calls that the response cache answered."),
  cache_misses: sum("cache_misses", "count", "Cache misses", "Calls for which the response cache had no answer."),
  cache_hit_percent: HIT_RATE,
  cache_saved_tokens: sum(
    "cache_saved_tokens",
    "tokens",
    "Tokens saved",
    "What targets had used for the answers that the response cache gave again.",
  ),
  cache_saved_usd: {
    ...sum("cache_saved_nano_usd", "money", "Saved by cache", ""),
    column: columnOf(
      "cache_saved_usd",
      "money",
      "Saved by cache",
      "What these tokens cost at the prices of their target when the call was made; unknown prices count nothing.",
    ),
  },
  unknown_cost_calls: sum("unknown_cost_calls", "count", "Unpriced", "Calls that used something of unknown cost."),
  cost_coverage_percent: COVERAGE,
  cost_per_call_usd: PER_CALL,
  cost_per_million_tokens_usd: PER_MILLION,
  mean_ms: MEAN_LATENCY,
  p50_ms: spread("p50_ms", "latency_ms", "p50", "p50", `Half of the calls took no longer. ${FROM}`),
  p95_ms: spread("p95_ms", "latency_ms", "p95", "p95", `95 of 100 calls took no longer. ${FROM}`),
  p99_ms: spread("p99_ms", "latency_ms", "p99", "p99", `99 of 100 calls took no longer. ${FROM}`),
  max_ms: spread("max_ms", "latency_ms", "max", "Slowest", `The slowest call. ${FROM}`),
  ttfb_p50_ms: spread("ttfb_p50_ms", "ttfb_ms", "p50", "First content p50", `Time to first content. ${FROM}`),
  ttfb_p95_ms: spread("ttfb_p95_ms", "ttfb_ms", "p95", "First content p95", `Time to first content. ${FROM}`),
  upstream_p50_ms: spread("upstream_p50_ms", "upstream_ms", "p50", "Upstream p50", `Time of the last attempt. ${FROM}`),
  upstream_p95_ms: spread("upstream_p95_ms", "upstream_ms", "p95", "Upstream p95", `Time of the last attempt. ${FROM}`),
  overhead_p50_ms: spread(
    "overhead_p50_ms",
    "overhead_ms",
    "p50",
    "Overhead p50",
    `Time that the router itself took. ${FROM}`,
  ),
  overhead_p95_ms: spread(
    "overhead_p95_ms",
    "overhead_ms",
    "p95",
    "Overhead p95",
    `Time that the router itself took. ${FROM}`,
  ),
  overhead_p99_ms: spread(
    "overhead_p99_ms",
    "overhead_ms",
    "p99",
    "Overhead p99",
    `Time that the router itself took. ${FROM}`,
  ),
  output_p50_tokens_per_second: spread(
    "output_p50_tokens_per_second",
    "tokens_per_second",
    "p50",
    "Output speed p50",
    `Half of the answers came no faster. ${FROM}`,
  ),
}

export function isFigureName(name: string): name is FigureName {
  return Object.hasOwn(FIGURES, name)
}

/** What a query must ask for so that these figures have values. The first measure is the one that groups are sorted by. */
export function needsOf(names: readonly FigureName[]): { measures: Measure[]; histograms: Histogram[] } {
  const measures = new Set<Measure>([...names.flatMap((name) => FIGURES[name].measures), "calls"])
  return { measures: [...measures], histograms: [...new Set(names.flatMap((name) => FIGURES[name].histograms))] }
}
