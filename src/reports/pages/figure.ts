/** The figures that pages show: the titles and the direction that is good are theirs, values are those of every surface. */
import { type FigureName as Defined, FIGURES as DEFINED } from "../figure-columns.ts"
import type { Figures, Histogram, Measure } from "../query.ts"
import type { Cell } from "../section.ts"
import type { Kind, Value } from "./block.ts"

export interface Figure {
  readonly title: string
  readonly kind: Kind
  readonly good?: "more" | "less"
  /** At least one. */
  readonly measures: readonly Measure[]
  readonly histograms: readonly Histogram[]
  readonly of: (figures: Figures) => Value
}

function figure(name: Defined, title: string, good?: "more" | "less"): Figure {
  const { column, measures, histograms, value } = DEFINED[name]
  return {
    title,
    kind: column.kind === "rate" ? "tokens_per_second" : column.kind,
    ...(good === undefined ? {} : { good }),
    measures: measures.length === 0 ? ["calls"] : measures,
    histograms,
    of: (figures) => shown(value(figures)),
  }
}

function shown(cell: Cell): Value {
  return typeof cell === "bigint" ? whole(cell) : cell
}

/** Exact as a number where it fits, as a decimal text beyond. */
export function whole(value: bigint): Value {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : String(value)
}

export type FigureName =
  | "calls"
  | "errors"
  | "error_rate"
  | "caller_errors"
  | "operator_errors"
  | "router_errors"
  | "upstream_errors"
  | "attempts"
  | "fallbacks"
  | "fallback_rate"
  | "cost"
  | "input_cost"
  | "cached_cost"
  | "cache_write_cost"
  | "output_cost"
  | "image_cost"
  | "tool_cost"
  | "reported_cost"
  | "unknown_cost_calls"
  | "coverage"
  | "cost_per_call"
  | "tokens"
  | "input_tokens"
  | "output_tokens"
  | "reasoning_tokens"
  | "cached_share"
  | "latency_p50"
  | "latency_p95"
  | "latency_p99"
  | "ttfb_p50"
  | "ttfb_p95"
  | "upstream_p95"
  | "overhead_p50"
  | "overhead_p95"
  | "overhead_p99"
  | "speed_p50"

export const FIGURES: Readonly<Record<FigureName, Figure>> = {
  calls: figure("calls", "Calls"),
  errors: figure("errors", "Errors", "less"),
  error_rate: figure("error_percent", "Error rate", "less"),
  caller_errors: figure("caller_errors", "By callers", "less"),
  operator_errors: figure("operator_errors", "By operators", "less"),
  router_errors: figure("router_errors", "By the router", "less"),
  upstream_errors: figure("upstream_errors", "By providers", "less"),
  attempts: figure("attempts", "Attempts"),
  fallbacks: figure("fallbacks", "Fallbacks", "less"),
  fallback_rate: figure("fallback_percent", "Fallback rate", "less"),
  cost: figure("cost_usd", "Cost"),
  input_cost: figure("input_cost_usd", "Input"),
  cached_cost: figure("cached_input_cost_usd", "Cached input"),
  cache_write_cost: figure("cache_write_cost_usd", "Cache writes"),
  output_cost: figure("output_cost_usd", "Output"),
  image_cost: figure("image_cost_usd", "Images"),
  tool_cost: figure("hosted_tool_cost_usd", "Hosted tools"),
  reported_cost: figure("upstream_reported_cost_usd", "Reported by providers"),
  unknown_cost_calls: figure("unknown_cost_calls", "Calls of unknown cost", "less"),
  coverage: figure("cost_coverage_percent", "Calls of known cost", "more"),
  cost_per_call: figure("cost_per_call_usd", "Cost per call"),
  tokens: figure("total_tokens", "Tokens"),
  input_tokens: figure("input_tokens", "Input tokens"),
  output_tokens: figure("output_tokens", "Output tokens"),
  reasoning_tokens: figure("reasoning_tokens", "Reasoning tokens"),
  cached_share: figure("cached_percent", "Input from cache", "more"),
  latency_p50: figure("p50_ms", "Latency p50", "less"),
  latency_p95: figure("p95_ms", "Latency p95", "less"),
  latency_p99: figure("p99_ms", "Latency p99", "less"),
  ttfb_p50: figure("ttfb_p50_ms", "First token p50", "less"),
  ttfb_p95: figure("ttfb_p95_ms", "First token p95", "less"),
  upstream_p95: figure("upstream_p95_ms", "Provider time p95", "less"),
  overhead_p50: figure("overhead_p50_ms", "Router time p50", "less"),
  overhead_p95: figure("overhead_p95_ms", "Router time p95", "less"),
  overhead_p99: figure("overhead_p99_ms", "Router time p99", "less"),
  speed_p50: figure("output_p50_tokens_per_second", "Output speed p50", "more"),
}
