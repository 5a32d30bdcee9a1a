/** What the cube adds up, as whole numbers. */
import type { UsageRow } from "../record.ts"
import { bucketOf, NO_VALUE } from "./histogram.ts"

export const MEASURES = [
  "calls",
  "sent_calls",
  "attempts",
  "latency_ms",
  "input_tokens",
  "fresh_input_tokens",
  "output_tokens",
  "total_tokens",
  "input_cost_nano_usd",
  "output_cost_nano_usd",
  "total_cost_nano_usd",
  "cached_input_tokens",
  "cached_input_cost_nano_usd",
  "reasoning_tokens",
  "cache_write_5m_tokens",
  "cache_write_1h_tokens",
  "cache_write_cost_nano_usd",
  "errors",
  "caller_errors",
  "operator_errors",
  "router_errors",
  "upstream_errors",
  "fallbacks",
  "upstream_reported_cost_nano_usd",
  "estimated_calls",
  "input_images",
  "input_image_tokens",
  "input_audio_tokens",
  "output_image_tokens",
  "output_audio_tokens",
  "image_cost_nano_usd",
  "hosted_tool_uses",
  "hosted_tool_cost_nano_usd",
  "unknown_cost_calls",
  "cache_hits",
  "cache_misses",
  "cache_saved_tokens",
  "cache_saved_nano_usd",
] as const

export type StoredMeasure = (typeof MEASURES)[number]

export const HISTOGRAMS = ["latency_ms", "ttfb_ms", "upstream_ms", "overhead_ms", "tokens_per_second"] as const

export type StoredHistogram = (typeof HISTOGRAMS)[number]

/**
 * A bucket of `tokens_per_second` counts tokens in a thousand seconds, so that slow answers have buckets as narrow as fast
 * ones; one of `overhead_ms` microseconds.
 */
export const HISTOGRAM_SCALES: Readonly<Record<StoredHistogram, number>> = {
  latency_ms: 1,
  ttfb_ms: 1,
  upstream_ms: 1,
  overhead_ms: 1000,
  tokens_per_second: 1000,
}

/** The columns of `request_usage` that measures come from. */
export type MeasureRow = Pick<
  UsageRow,
  | "books_request_id"
  | "cache"
  | "cache_saved_input_tokens"
  | "cache_saved_output_tokens"
  | "cache_saved_nano_usd"
  | "attempts"
  | "error"
  | "status"
  | "stream"
  | "fallback_used"
  | "usage_source"
  | "cost_unknown_reason"
  | "latency_ms"
  | "ttfb_ms"
  | "upstream_duration_ms"
  | "downstream_duration_ms"
  | "router_overhead_us"
  | "input_tokens"
  | "fresh_input_tokens"
  | "cached_input_tokens"
  | "cache_write_5m_tokens"
  | "cache_write_1h_tokens"
  | "output_tokens"
  | "reasoning_tokens"
  | "total_tokens"
  | "input_image_tokens"
  | "input_audio_tokens"
  | "output_image_tokens"
  | "output_audio_tokens"
  | "input_image_count"
  | "hosted_tool_uses"
  | "input_cost_nano_usd"
  | "cached_input_cost_nano_usd"
  | "cache_write_cost_nano_usd"
  | "output_cost_nano_usd"
  | "image_cost_nano_usd"
  | "hosted_tool_cost_nano_usd"
  | "total_cost_nano_usd"
  | "upstream_reported_total_cost_nano_usd"
>

/** Whose fault a call's error was, as its row in `request_errors` says; a status without such a row is the target's. `""`: no error. */
export function blameOf(row: MeasureRow, told: string | null): string {
  if (row.books_request_id !== null) return ""
  return row.error === null && row.status < 400 ? "" : (told ?? "upstream")
}

/**
 * The values in the order of `MEASURES`, from 0 on, but for `unknown_cost_calls`: a row that books another call's usage is no call, and
 * takes that call from those of unknown cost where the cost is known now. `blame`: what `blameOf` says.
 */
export function measuresOf(row: MeasureRow, blame: string): number[] {
  const isCall = row.books_request_id === null
  const one = isCall ? 1 : 0
  return [
    one,
    isCall && row.attempts > 0 ? 1 : 0,
    isCall ? counted(row.attempts) : 0,
    isCall ? counted(Math.round(row.latency_ms)) : 0,
    counted(row.input_tokens),
    counted(row.fresh_input_tokens),
    counted(row.output_tokens),
    counted(row.total_tokens),
    counted(row.input_cost_nano_usd),
    counted(row.output_cost_nano_usd),
    counted(row.total_cost_nano_usd),
    counted(row.cached_input_tokens),
    counted(row.cached_input_cost_nano_usd),
    counted(row.reasoning_tokens),
    counted(row.cache_write_5m_tokens),
    counted(row.cache_write_1h_tokens),
    counted(row.cache_write_cost_nano_usd),
    blame === "" ? 0 : 1,
    blame === "caller" ? 1 : 0,
    blame === "operator" ? 1 : 0,
    blame === "router" ? 1 : 0,
    blame === "upstream" ? 1 : 0,
    isCall && row.fallback_used === 1 ? 1 : 0,
    counted(row.upstream_reported_total_cost_nano_usd),
    isCall && row.usage_source === "estimated" ? 1 : 0,
    counted(row.input_image_count),
    counted(row.input_image_tokens),
    counted(row.input_audio_tokens),
    counted(row.output_image_tokens),
    counted(row.output_audio_tokens),
    counted(row.image_cost_nano_usd),
    counted(row.hosted_tool_uses),
    counted(row.hosted_tool_cost_nano_usd),
    unknownCost(row, isCall),
    isCall && row.cache === "hit" ? 1 : 0,
    isCall && row.cache === "miss" ? 1 : 0,
    counted(row.cache_saved_input_tokens) + counted(row.cache_saved_output_tokens),
    counted(row.cache_saved_nano_usd),
  ]
}

/** The buckets in the order of `HISTOGRAMS`. A row that books another call's usage has none. */
export function bucketsOf(row: MeasureRow): number[] {
  if (row.books_request_id !== null) return [NO_VALUE, NO_VALUE, NO_VALUE, NO_VALUE, NO_VALUE]
  const latencyMs = Math.round(row.latency_ms)
  const upstreamMs = row.upstream_duration_ms === null ? null : Math.round(row.upstream_duration_ms)
  return [
    bucketIn(latencyMs),
    bucketIn(row.ttfb_ms === null ? null : Math.round(row.ttfb_ms)),
    bucketIn(upstreamMs),
    bucketIn(row.router_overhead_us ?? earlierOverheadUs(row, latencyMs, upstreamMs)),
    bucketIn(speedOf(row, upstreamMs)),
  ]
}

/** Of a row from before the column: where there were several attempts, the row tells the time of the last one alone. */
function earlierOverheadUs({ attempts }: MeasureRow, latencyMs: number, upstreamMs: number | null): number | null {
  return upstreamMs === null || attempts > 1 ? null : 1000 * Math.max(0, latencyMs - upstreamMs)
}

/** Output tokens in a thousand seconds; null where there are none, or no time in which they came. */
function speedOf(row: MeasureRow, upstreamMs: number | null): number | null {
  const tokens = counted(row.output_tokens)
  const streamMs = row.downstream_duration_ms
  const ms = row.stream === 1 && streamMs !== null ? Math.round(streamMs) : upstreamMs
  return tokens === 0 || ms === null || ms <= 0 ? null : Math.round((tokens * 1_000_000) / ms)
}

function bucketIn(value: number | null): number {
  return value === null || !(value >= 0) ? NO_VALUE : bucketOf(value)
}

function unknownCost(row: MeasureRow, isCall: boolean): number {
  if (isCall) return row.cost_unknown_reason === null ? 0 : 1
  return row.cost_unknown_reason === null ? -1 : 0
}

/** An upstream may report anything; a sum that took it once would be wrong for good. */
function counted(value: number | null): number {
  return value !== null && value >= 0 && Number.isSafeInteger(value) ? value : 0
}
