/** A finished call as the ledger's rows. */
import type { Loss } from "../canonical/loss.ts"
import type { Target } from "../config/snapshot.ts"
import type { Usage } from "../dialects/dialect.ts"
import type { ErrorCode } from "../errors.ts"
import type { LimitState } from "../governance/state.ts"
import { FIRST_POLL_MS } from "../ledger/background.ts"
import type {
  AttemptRow,
  BackgroundRow,
  CallerShapeRow,
  CallRecord,
  ErrorRow,
  LossRow,
  UsageRow,
} from "../ledger/record.ts"
import { priceCall, type Costs } from "../ledger/price.ts"
import { billed, servedBy } from "./billed.ts"
import type { Attempt, Call, Outcome } from "./call.ts"
import { clientName } from "./client.ts"
import { contractRow } from "./contract-row.ts"
import { decisionRows } from "./decision-rows.ts"
import type { Gateway } from "./gateway.ts"
import { limitAmounts, reservedFor, type Reserved } from "./limit-amounts.ts"
import { backgroundId, isUsagePending, storedRows } from "./returned-state.ts"

export function recordOf(call: Call, gateway: Gateway, outcome: Outcome): CallRecord {
  const now = gateway.clock.monotonicMs()
  const target = call.current?.target
  const pending = target !== undefined && isUsagePending(call) ? reservedFor(call, target, gateway) : null
  return {
    usage: usageRow(call, gateway, outcome, now, pending),
    attempts: call.attempts.map((tried, index) => attemptRow(tried, index, call, now)),
    trace: call.trace,
    losses: lossRows(lossesOf(call)),
    upstreamShapes: call.upstreamShapes ?? NO_UPSTREAM_SHAPES,
    callerShapes: shapeRows(call),
    error: errorRow(call, gateway, outcome),
    stored: storedRows(call),
    background: target === undefined || pending === null ? undefined : backgroundRow(call, target, pending),
    decision: call.decision === null ? null : decisionRows(call.decision, call),
    contract: contractRow(call, servedBy(call), outcome),
  }
}

const NO_UPSTREAM_SHAPES: CallRecord["upstreamShapes"] = []

/** Written out, because spreading one object into another costs more than the rest of the row. */
// oxlint-disable-next-line max-lines-per-function -- one line for each column
function usageRow(call: Call, gateway: Gateway, outcome: Outcome, now: number, pending: Reserved | null): UsageRow {
  const { credential, group, facts, snapshot, current } = call
  const { usage, source, target: served } = billed(call, gateway, outcome)
  const images = call.imageCount
  const costs = costsOf(served, usage, call.answer.serviceTier, images)
  const inputTokens = usage === null ? null : allInput(usage)
  const limited = limitAmounts(call, usage, costs, pending)
  return {
    request_id: call.id,
    ts: call.ts,
    caller_id: credential?.caller.id ?? "",
    caller_user: credential?.caller.user ?? "",
    caller_project: credential?.caller.project ?? "",
    caller_environment: credential?.caller.environment ?? "",
    caller_ip: call.address,
    token_id: credential?.tokenId ?? "",
    client: clientName(call.request.headers.get("user-agent")),
    inbound_dialect: call.dialect.name,
    requested_model: group === null ? "" : (facts.model ?? group.name),
    resolved_group: group?.name ?? "",
    strategy: group?.strategy ?? "",
    target_provider: served?.provider.name ?? null,
    target_model: served?.model ?? null,
    target_dialect: served?.dialect ?? null,
    target_region: served?.region ?? null,
    stream: facts.stream ? 1 : 0,
    cache: "off",
    status: outcome.status,
    attempts: call.attempts.length,
    fallback_used: call.attempts.length > 1 ? 1 : 0,
    latency_ms: rounded(now - call.startedAt),
    ttfb_ms: call.firstContentAt === null ? null : rounded(call.firstContentAt - call.startedAt),
    upstream_duration_ms: current === undefined ? null : rounded((call.upstreamEndedAt ?? now) - current.startedAt),
    downstream_duration_ms: call.firstContentAt === null ? null : rounded(now - call.firstContentAt),
    input_tokens: inputTokens,
    fresh_input_tokens: usage?.freshInputTokens ?? null,
    cached_input_tokens: usage?.cachedInputTokens ?? null,
    cache_write_5m_tokens: usage?.cacheWrite5mTokens ?? null,
    cache_write_1h_tokens: usage?.cacheWrite1hTokens ?? null,
    output_tokens: usage?.outputTokens ?? null,
    reasoning_tokens: usage?.reasoningTokens ?? null,
    total_tokens: usage === null || inputTokens === null ? null : inputTokens + usage.outputTokens,
    usage_source: source,
    input_has_image: images === null ? null : images > 0 ? 1 : 0,
    input_image_count: images,
    stop_reason: call.answer.stopReason,
    service_tier: call.answer.serviceTier,
    input_price_nano_usd_per_million: costs.input_price_nano_usd_per_million,
    cached_input_price_nano_usd_per_million: costs.cached_input_price_nano_usd_per_million,
    cache_write_price_nano_usd_per_million: costs.cache_write_price_nano_usd_per_million,
    cache_write_1h_price_nano_usd_per_million: costs.cache_write_1h_price_nano_usd_per_million,
    output_price_nano_usd_per_million: costs.output_price_nano_usd_per_million,
    input_cost_nano_usd: costs.input_cost_nano_usd,
    cached_input_cost_nano_usd: costs.cached_input_cost_nano_usd,
    cache_write_cost_nano_usd: costs.cache_write_cost_nano_usd,
    output_cost_nano_usd: costs.output_cost_nano_usd,
    image_cost_nano_usd: costs.image_cost_nano_usd,
    total_cost_nano_usd: costs.total_cost_nano_usd,
    upstream_reported_total_cost_nano_usd: reportedNanoUsd(usage),
    pricing_source: served?.pricingSource ?? null,
    pricing_updated_at: served?.pricingUpdatedAt ?? null,
    upstream_request_id: current?.upstreamRequestId ?? null,
    router_version: gateway.version,
    routing_config_fingerprint: snapshot.routingFingerprint,
    pricing_catalog_fingerprint: snapshot.pricingFingerprint,
    error: outcome.error?.code ?? null,
    quota_state: stateOf(call.lease?.quotaState ?? null, outcome, "quota-exhausted", "spend-exhausted"),
    key_state: stateOf(call.lease?.keyState ?? null, outcome, "key-exhausted"),
    traffic_shape_applied: call.shaped === null ? 0 : 1,
    traffic_shape_decision: call.shaped?.decision ?? null,
    traffic_shape_scope: call.shaped?.scope ?? null,
    traffic_shape_bucket: call.shaped?.bucket ?? null,
    traffic_shape_retry_after_ms: wholeOf(call.shaped?.retryAfterMs),
    traffic_shape_queue_wait_ms: wholeOf(call.shaped?.queueWaitMs),
    traffic_shape_estimated_input_tokens: call.shaped === null ? null : (call.estimate?.inputTokens ?? null),
    traffic_shape_reserved_output_tokens: call.shaped === null ? null : (call.estimate?.outputTokens ?? null),
    traffic_shape_total_reserved_tokens: call.shaped === null ? null : totalReserved(call),
    estimated_input_tokens: call.estimate?.inputTokens ?? null,
    limit_tokens: limited.tokens,
    limit_nano_usd: limited.nanoUsd,
    books_request_id: null,
  }
}

/** So that somebody asks what became of the answer. */
function backgroundRow(call: Call, target: Target, reserved: Reserved): BackgroundRow | undefined {
  const { credential, group, facts } = call
  const responseId = backgroundId(call)
  if (credential === null || group === null || responseId === null) return undefined
  const { caller, tokenId } = credential
  return {
    request_id: call.id,
    ts: call.ts,
    response_id: responseId,
    caller_id: caller.id,
    caller_user: caller.user,
    caller_project: caller.project,
    caller_environment: caller.environment,
    token_id: tokenId,
    requested_model: facts.model ?? group.name,
    resolved_group: group.name,
    strategy: group.strategy,
    provider: target.provider.name,
    model: target.model,
    dialect: target.dialect,
    input_tokens: reserved.inputTokens,
    output_tokens: reserved.outputTokens,
    nano_usd: reserved.nanoUsd,
    image_count: call.imageCount,
    next_poll_at: call.ts + FIRST_POLL_MS,
  }
}

function stateOf(admitted: LimitState | null, { error }: Outcome, ...refusals: readonly ErrorCode[]): string | null {
  if (error === null || !refusals.includes(error.code)) return admitted
  return error.retryable ? "warning" : "exhausted"
}

function wholeOf(ms: number | null | undefined): number | null {
  return ms === null || ms === undefined ? null : Math.ceil(ms)
}

function totalReserved({ estimate }: Call): number | null {
  return estimate === null ? null : estimate.inputTokens + estimate.outputTokens
}

/** What happened at the token buckets of the caller; null: nothing worth a row. */
function shapeRows(call: Call): readonly CallerShapeRow[] {
  const { shaped, estimate } = call
  if (shaped === null || shaped.decision === "admitted") return NO_SHAPES
  return [
    {
      seq: 0,
      scope: shaped.scope ?? "caller",
      bucket: shaped.bucket ?? "",
      decision: shaped.decision,
      cost: totalReserved(call) ?? 1,
      retry_after_ms: wholeOf(shaped.retryAfterMs),
      queue_wait_ms: wholeOf(shaped.queueWaitMs),
      estimated_input_tokens: estimate?.inputTokens ?? null,
      reserved_output_tokens: estimate?.outputTokens ?? null,
      total_reserved_tokens: totalReserved(call),
    },
  ]
}

const NO_SHAPES: readonly CallerShapeRow[] = []

export function allInput(usage: Usage): number {
  return usage.freshInputTokens + usage.cachedInputTokens + usage.cacheWrite5mTokens + usage.cacheWrite1hTokens
}

export const NO_COSTS: Costs = {
  input_price_nano_usd_per_million: null,
  cached_input_price_nano_usd_per_million: null,
  cache_write_price_nano_usd_per_million: null,
  cache_write_1h_price_nano_usd_per_million: null,
  output_price_nano_usd_per_million: null,
  input_cost_nano_usd: null,
  cached_input_cost_nano_usd: null,
  cache_write_cost_nano_usd: null,
  output_cost_nano_usd: null,
  image_cost_nano_usd: null,
  total_cost_nano_usd: null,
}

/** Unknown where tokens are unknown, or where another model than the priced one used a part of them. */
export function costsOf(
  served: Target | null,
  usage: Usage | null,
  serviceTier: string | null,
  imageCount: number | null,
): Costs {
  if (served === null || usage === null || usage.mixedModels) return NO_COSTS
  return priceCall(served.prices, usage, serviceTier, imageCount)
}

function reportedNanoUsd(usage: Usage | null): number | null {
  const nanoUsd = Math.round((usage?.reportedCostUsd ?? Number.NaN) * 1e9)
  return Number.isSafeInteger(nanoUsd) && nanoUsd >= 0 ? nanoUsd : null
}

function attemptRow(tried: Attempt, index: number, call: Call, now: number): AttemptRow {
  const { failure, target } = tried
  const last = index === call.attempts.length - 1
  return {
    attempt_index: index,
    ts: tried.ts,
    provider: target.provider.name,
    model: target.model,
    dialect: target.dialect,
    key_id: target.provider.keyId,
    duration_ms: rounded(tried.durationMs > 0 ? tried.durationMs : (call.upstreamEndedAt ?? now) - tried.startedAt),
    status_code: tried.status,
    error_class: failure?.class ?? null,
    error_message: null,
    retryable: failure?.failover === true ? 1 : 0,
    timed_out: failure?.class === "timeout" ? 1 : 0,
    client_canceled: last && call.clientLeft ? 1 : 0,
    selected: last && servedBy(call) !== null ? 1 : 0,
    fallback_reason: last ? null : (failure?.class ?? null),
    request_bytes: tried.requestBytes,
    response_bytes: tried.responseBytes,
    attempt_timeout_ms: target.attemptTimeoutMs,
    retry_after_ms: tried.retryAfterMs,
    upstream_request_id: tried.upstreamRequestId,
  }
}

const NO_LOSSES: readonly never[] = []
/** A long conversation can lose the same thing in every message. */
const ROWS_PER_CODE = 8
/** Names of top-level fields are the client's own text, so only what looks like a name is written down. */
const NAME_LIKE = /^[\w.[\]-]{1,128}$/

/** All that the call lost until now. */
export function lossesOf(call: Call): readonly Loss[] {
  const { current } = call
  const translated = current?.translation?.losses() ?? NO_LOSSES
  if (call.losses.length === 0 && (current?.losses.length ?? 0) === 0) return translated
  return [...call.losses, ...(current?.losses ?? NO_LOSSES), ...translated]
}

function lossRows(losses: readonly Loss[] | undefined): readonly LossRow[] {
  if (losses === undefined || losses.length === 0) return NO_LOSSES
  const counts = new Map<string, number>()
  const kept = losses.filter(({ code }) => {
    const count = (counts.get(code) ?? 0) + 1
    counts.set(code, count)
    return count <= ROWS_PER_CODE
  })
  return kept.map(({ code, path }, seq) => ({ seq, code, path: NAME_LIKE.test(path) ? path : "other" }))
}

function errorRow(call: Call, gateway: Gateway, { error, status }: Outcome): ErrorRow | null {
  if (error === null) return null
  return {
    ts: gateway.clock.now(),
    code: error.code,
    status,
    blame: error.blame,
    error_class: call.current?.failure?.class ?? null,
    upstream_status: call.current?.status ?? null,
    message: error.message,
    param: error.detail.param ?? null,
  }
}

function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000
}
