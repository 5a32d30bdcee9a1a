/** The figures that pages show: each has one definition, and is worked out from sums and spreads of the cube. */
import type { Dimension, Figures, Histogram, Measure } from "../query.ts"
import type { Kind, Value } from "./block.ts"

export interface Figure {
  readonly title: string
  readonly kind: Kind
  readonly good?: "more" | "less"
  readonly measures: readonly Measure[]
  readonly histograms?: readonly Histogram[]
  readonly of: (figures: Figures) => Value
}

function sum(title: string, kind: Kind, measure: Measure, good?: "more" | "less"): Figure {
  const figure = { title, kind, measures: [measure], of: ({ sums }: Figures) => whole(sums[measure] ?? 0n) }
  return good === undefined ? figure : { ...figure, good }
}

function share(title: string, part: Measure, all: Measure, good?: "more" | "less"): Figure {
  const of = ({ sums }: Figures): Value => percentOf(sums[part] ?? 0n, sums[all] ?? 0n)
  const figure = { title, kind: "percent" as const, measures: [part, all], of }
  return good === undefined ? figure : { ...figure, good }
}

type Rank = "p50" | "p95" | "p99" | "max"

function spread(title: string, histogram: Histogram, rank: Rank): Figure {
  const isRate = histogram === "tokens_per_second"
  return {
    title,
    kind: isRate ? "tokens_per_second" : "ms",
    good: isRate ? "more" : "less",
    measures: ["calls"],
    histograms: [histogram],
    of: ({ spreads }) => spreads[histogram]?.[rank] ?? null,
  }
}

/** Exact as a number where it fits, as a decimal text beyond. */
export function whole(value: bigint): Value {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : String(value)
}

/** With two decimals; null of nothing. */
export function percentOf(part: bigint, all: bigint): number | null {
  return all === 0n ? null : Number((part * 10_000n) / all) / 100
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
  calls: sum("Calls", "count", "calls"),
  errors: sum("Errors", "count", "errors", "less"),
  error_rate: share("Error rate", "errors", "calls", "less"),
  caller_errors: sum("By callers", "count", "caller_errors", "less"),
  operator_errors: sum("By operators", "count", "operator_errors", "less"),
  router_errors: sum("By the router", "count", "router_errors", "less"),
  upstream_errors: sum("By providers", "count", "upstream_errors", "less"),
  attempts: sum("Attempts", "count", "attempts"),
  fallbacks: sum("Fallbacks", "count", "fallbacks", "less"),
  fallback_rate: share("Fallback rate", "fallbacks", "sent_calls", "less"),
  cost: sum("Cost", "money", "total_cost_nano_usd"),
  input_cost: sum("Input", "money", "input_cost_nano_usd"),
  cached_cost: sum("Cached input", "money", "cached_input_cost_nano_usd"),
  cache_write_cost: sum("Cache writes", "money", "cache_write_cost_nano_usd"),
  output_cost: sum("Output", "money", "output_cost_nano_usd"),
  image_cost: sum("Images", "money", "image_cost_nano_usd"),
  tool_cost: sum("Hosted tools", "money", "hosted_tool_cost_nano_usd"),
  reported_cost: sum("Reported by providers", "money", "upstream_reported_cost_nano_usd"),
  unknown_cost_calls: sum("Calls of unknown cost", "count", "unknown_cost_calls", "less"),
  coverage: {
    title: "Calls of known cost",
    kind: "percent",
    good: "more",
    measures: ["unknown_cost_calls", "calls"],
    of: ({ sums }) => percentOf((sums.calls ?? 0n) - (sums.unknown_cost_calls ?? 0n), sums.calls ?? 0n),
  },
  cost_per_call: {
    title: "Cost per call",
    kind: "money",
    measures: ["total_cost_nano_usd", "calls"],
    of: ({ sums }) => {
      const calls = sums.calls ?? 0n
      return calls === 0n ? null : whole((sums.total_cost_nano_usd ?? 0n) / calls)
    },
  },
  tokens: sum("Tokens", "tokens", "total_tokens"),
  input_tokens: sum("Input tokens", "tokens", "input_tokens"),
  output_tokens: sum("Output tokens", "tokens", "output_tokens"),
  reasoning_tokens: sum("Reasoning tokens", "tokens", "reasoning_tokens"),
  cached_share: share("Input from cache", "cached_input_tokens", "input_tokens", "more"),
  latency_p50: spread("Latency p50", "latency_ms", "p50"),
  latency_p95: spread("Latency p95", "latency_ms", "p95"),
  latency_p99: spread("Latency p99", "latency_ms", "p99"),
  ttfb_p50: spread("First token p50", "ttfb_ms", "p50"),
  ttfb_p95: spread("First token p95", "ttfb_ms", "p95"),
  upstream_p95: spread("Provider time p95", "upstream_ms", "p95"),
  overhead_p50: spread("Router time p50", "overhead_ms", "p50"),
  overhead_p95: spread("Router time p95", "overhead_ms", "p95"),
  overhead_p99: spread("Router time p99", "overhead_ms", "p99"),
  speed_p50: spread("Output speed p50", "tokens_per_second", "p50"),
}

/** In the words of a reader; `Record`, so that none is forgotten. */
export const DIMENSION_TITLES: Readonly<Record<Dimension, string>> = {
  caller: "Caller",
  token: "Token",
  user: "User",
  project: "Project",
  environment: "Environment",
  group: "Group",
  requested_model: "Requested model",
  provider: "Provider",
  model: "Model",
  target_dialect: "Target dialect",
  client_dialect: "Client dialect",
  client: "Client",
  status: "Status",
  status_class: "Status class",
  error: "Error",
  blame: "Whose fault",
  stream: "Streamed",
  cache: "Cache",
  usage_source: "Source of usage",
  strategy: "Strategy",
  cost_unknown: "Why the cost is unknown",
}
