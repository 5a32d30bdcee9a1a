/** The rows of a sample call: consistent with one another as those of a real call are, and priced by the same arithmetic. */
import { CATALOGUE } from "../error-catalogue.ts"
import { emptyRow } from "../ledger/column.ts"
import { noCosts, priceCall, type Costs } from "../ledger/price.ts"
import type { AttemptRow, CallerShapeRow, CallRecord, ErrorRow, UsageRow } from "../ledger/record.ts"
import { REQUEST_ATTEMPTS, REQUEST_ERRORS, REQUEST_TRAFFIC_SHAPE_EVENTS } from "../ledger/tables/calls.ts"
import { REQUEST_USAGE } from "../ledger/tables/usage.ts"
import type { SampleAttempt, SampleCall, SampleUsage } from "./call.ts"
import { SAMPLE_VERSION } from "./mark.ts"

const EMPTY_USAGE: UsageRow = emptyRow(REQUEST_USAGE)
const EMPTY_ATTEMPT: AttemptRow = emptyRow(REQUEST_ATTEMPTS)
const EMPTY_ERROR: ErrorRow = emptyRow(REQUEST_ERRORS)
const EMPTY_SHAPE: CallerShapeRow = emptyRow(REQUEST_TRAFFIC_SHAPE_EVENTS)
const NONE: readonly never[] = []
const NO_COSTS = noCosts(null)
const PRICES_OF = "2026-11-01"
const BYTES_PER_TOKEN = 4
const ATTEMPT_TIMEOUT_MS = 60_000

/** `req_` + 12 hex digits of the millisecond + 20 of the number. */
export function sampleRequestId(ts: number, number: number): string {
  return `req_${ts.toString(16).padStart(12, "0")}${number.toString(16).padStart(20, "0")}`
}

export function sampleRecord(call: SampleCall): CallRecord {
  const { attempts, shaping } = call
  const usage = usageRow(call)
  return {
    usage,
    attempts: attempts.length === 0 ? NONE : attemptRows(call),
    trace: call.trace,
    losses: NONE,
    upstreamShapes: call.upstreamShapes,
    callerShapes: shaping === null ? NONE : [{ ...EMPTY_SHAPE, scope: "caller", ...shapeFields(call) }],
    error: call.error === null ? null : errorRow(call, usage),
    decision: call.decision,
  }
}

// oxlint-disable-next-line max-lines-per-function -- one line for each column
function usageRow(call: SampleCall): UsageRow {
  const { caller, attempts, usage, shaping, firstMs } = call
  const last = attempts.at(-1)
  const target = last?.target ?? null
  const upstreamMs = last?.durationMs ?? null
  const startMs = call.overheadMs + (shaping?.waitMs ?? 0) + earlierMs(attempts)
  const latencyMs = startMs + (upstreamMs ?? 0)
  const firstAtMs = firstMs === null ? null : startMs + firstMs
  const costs = costsOf(call)
  const total = usage === null ? null : usage.fresh + usage.cached + usage.written + usage.output
  return {
    ...EMPTY_USAGE,
    request_id: sampleRequestId(call.ts, call.number),
    ts: call.ts,
    caller_id: caller.id,
    caller_user: caller.user,
    caller_project: caller.project,
    caller_environment: caller.environment,
    token_id: caller.tokenId,
    client: caller.client,
    inbound_dialect: caller.dialect,
    requested_model: call.requested,
    resolved_group: call.group,
    strategy: call.strategy,
    target_provider: target?.provider ?? null,
    target_model: target?.model ?? null,
    target_dialect: target?.dialect ?? null,
    target_region: target?.region ?? null,
    stream: call.stream ? 1 : 0,
    cache: "off",
    status: call.error === null ? 200 : CATALOGUE[call.error].status,
    attempts: attempts.length,
    fallback_used: attempts.length > 1 ? 1 : 0,
    latency_ms: latencyMs,
    ttfb_ms: firstAtMs,
    upstream_duration_ms: upstreamMs,
    downstream_duration_ms: firstAtMs === null ? null : latencyMs - firstAtMs,
    router_overhead_us: Math.round(1000 * call.overheadMs),
    input_tokens: usage === null ? null : usage.fresh + usage.cached + usage.written,
    fresh_input_tokens: usage?.fresh ?? null,
    cached_input_tokens: usage?.cached ?? null,
    cache_write_5m_tokens: usage?.written ?? null,
    cache_write_1h_tokens: usage === null ? null : 0,
    output_tokens: usage?.output ?? null,
    reasoning_tokens: usage?.reasoning ?? null,
    total_tokens: total,
    input_has_image: call.images > 0 ? 1 : 0,
    input_image_count: call.images,
    usage_source: usage === null ? "none" : "provider",
    stop_reason: call.error === null && usage !== null ? "stop" : null,
    input_price_nano_usd_per_million: costs.input_price_nano_usd_per_million,
    cached_input_price_nano_usd_per_million: costs.cached_input_price_nano_usd_per_million,
    cache_write_price_nano_usd_per_million: costs.cache_write_price_nano_usd_per_million,
    cache_write_1h_price_nano_usd_per_million: costs.cache_write_1h_price_nano_usd_per_million,
    output_price_nano_usd_per_million: costs.output_price_nano_usd_per_million,
    input_cost_nano_usd: costs.input_cost_nano_usd,
    cached_input_cost_nano_usd: costs.cached_input_cost_nano_usd,
    cache_write_cost_nano_usd: costs.cache_write_cost_nano_usd,
    output_cost_nano_usd: costs.output_cost_nano_usd,
    total_cost_nano_usd: costs.total_cost_nano_usd,
    cost_unknown_reason: costs.cost_unknown_reason,
    pricing_source: target?.pricingSource ?? null,
    pricing_updated_at: target === null || target.pricingSource === null ? null : PRICES_OF,
    router_version: SAMPLE_VERSION,
    error: call.error,
    quota_state: call.quotaState,
    key_state: call.keyState,
    traffic_shape_applied: shaping === null ? 0 : 1,
    traffic_shape_decision: shaping?.decision ?? null,
    traffic_shape_scope: shaping === null ? null : "caller",
    traffic_shape_bucket: shaping?.bucket ?? null,
    traffic_shape_retry_after_ms: shaping?.retryAfterMs ?? null,
    traffic_shape_queue_wait_ms: shaping?.waitMs ?? null,
    limit_tokens: total ?? 0,
    limit_nano_usd: costs.total_cost_nano_usd ?? 0,
  }
}

function earlierMs(attempts: readonly SampleAttempt[]): number {
  let sum = 0
  for (let index = 0; index < attempts.length - 1; index += 1) sum += attempts[index]?.durationMs ?? 0
  return sum
}

function costsOf({ usage, attempts }: SampleCall): Costs {
  const target = attempts.at(-1)?.target
  if (usage === null || target === undefined) return NO_COSTS
  return priceCall(target.prices, {
    freshInputTokens: usage.fresh,
    cachedInputTokens: usage.cached,
    cacheWrite5mTokens: usage.written,
    cacheWrite1hTokens: 0,
    outputTokens: usage.output,
    reasoningTokens: usage.reasoning,
  })
}

function attemptRows(call: SampleCall): AttemptRow[] {
  const { attempts, usage, ts } = call
  let startMs = ts + Math.round(call.overheadMs / 2 + (call.shaping?.waitMs ?? 0))
  return attempts.map((attempt, index) => {
    const row = attemptRow(call, attempt, index, startMs, usage)
    startMs += Math.round(attempt.durationMs)
    return row
  })
}

function attemptRow(
  call: SampleCall,
  { target, failure, durationMs }: SampleAttempt,
  index: number,
  ts: number,
  usage: SampleUsage | null,
): AttemptRow {
  const isLast = index === call.attempts.length - 1
  const hasLeft = isLast && call.error === "client-closed"
  return {
    ...EMPTY_ATTEMPT,
    attempt_index: index,
    ts,
    provider: target.provider,
    model: target.model,
    dialect: target.dialect,
    duration_ms: durationMs,
    status_code: failure === null ? 200 : failure.status,
    error_class: hasLeft ? "client_cancel" : (failure?.class ?? null),
    error_message: hasLeft ? "client-left" : (failure?.reason ?? null),
    retryable: failure === null ? 0 : 1,
    timed_out: failure?.class === "timeout" ? 1 : 0,
    client_canceled: hasLeft ? 1 : 0,
    selected: isLast && failure === null ? 1 : 0,
    fallback_reason: isLast ? null : (failure?.class ?? null),
    request_bytes: BYTES_PER_TOKEN * (usage === null ? 0 : usage.fresh + usage.cached + usage.written),
    response_bytes: isLast && usage !== null ? BYTES_PER_TOKEN * usage.output : 0,
    attempt_timeout_ms: ATTEMPT_TIMEOUT_MS,
    retry_after_ms: failure?.retryAfterMs ?? null,
    reasoning_tokens: isLast ? (usage?.reasoning ?? null) : null,
  }
}

function errorRow({ error, attempts }: SampleCall, usage: UsageRow): ErrorRow | null {
  if (error === null) return null
  const { status, blame, message, retryable } = CATALOGUE[error]
  const failure = attempts.at(-1)?.failure ?? null
  return {
    ...EMPTY_ERROR,
    ts: usage.ts + Math.round(usage.latency_ms),
    code: error,
    status,
    blame,
    error_class: failure?.class ?? null,
    upstream_status: failure?.status ?? null,
    message,
    retryable: retryable ? 1 : 0,
    attempts: attempts.length,
    provider: usage.target_provider,
    model: usage.target_model,
    dialect: usage.target_dialect,
  }
}

function shapeFields({ shaping }: SampleCall): Partial<CallerShapeRow> {
  if (shaping === null) return {}
  return {
    bucket: shaping.bucket,
    decision: shaping.decision,
    cost: 1,
    retry_after_ms: shaping.retryAfterMs,
    queue_wait_ms: shaping.waitMs,
  }
}
