/** The row of `request_usage` that a finished call leaves. */
import type { ErrorCode } from "../../error-catalogue.ts"
import { outputCost } from "../../governance/measure.ts"
import type { LimitState } from "../../governance/state.ts"
import type { CostUnknownReason, UsageRow } from "../../ledger/record.ts"
import type { Call } from "../call.ts"
import type { Estimate, Hold } from "../call/hold.ts"
import { servedBy, type Outcome } from "../call/outcome.ts"
import type { Gateway } from "../gateway.ts"
import { clientName } from "../intake/client-name.ts"
import { limitAmounts, type Reserved } from "../limits/limit-amounts.ts"
import { billOf } from "./billed.ts"
import { cacheColumns } from "./cache-columns.ts"
import { allInput, nanoUsdOf, partColumns } from "./costs.ts"

/** Written out, because spreading one object into another costs more than the rest of the row. */
// oxlint-disable-next-line max-lines-per-function -- one line for each column
export function usageRow(
  call: Call,
  gateway: Gateway,
  outcome: Outcome,
  now: number,
  pending: Reserved | null,
): UsageRow {
  const { credential, group, facts, snapshot } = call
  const lease = call.hold?.lease ?? null
  const estimate = call.hold?.estimate ?? null
  const throttling = call.hold?.throttling ?? null
  const { answer } = outcome
  const { attempt, firstContentAt } = answer
  const bill = billOf(call, outcome, gateway)
  const { usage, source, target: served, costs } = bill
  // who reads errors by provider needs the one that failed
  const named = served ?? attempt?.target ?? null
  const images = call.imageCount
  const parts = partColumns(usage?.parts ?? null)
  const inputTokens = usage === null ? null : allInput(usage)
  const limited = limitAmounts(call, bill, pending)
  const { redaction } = call.notes
  const cached = cacheColumns(call, answer, gateway)
  return {
    request_id: call.id,
    ts: call.ts,
    caller_id: credential?.caller.id ?? "",
    caller_user: credential?.caller.user ?? "",
    caller_project: credential?.caller.project ?? "",
    caller_environment: credential?.caller.environment ?? "",
    caller_ip: call.address,
    token_id: credential?.tokenId ?? "",
    client: clientName(call.incoming.headers.get("user-agent")),
    inbound_dialect: call.dialect.name,
    requested_model: group === null ? "" : (facts.model ?? group.name),
    resolved_group: group?.name ?? "",
    strategy: group?.strategy ?? "",
    target_provider: named?.provider.name ?? null,
    target_model: named?.model ?? null,
    target_dialect: named?.dialect ?? null,
    target_region: named?.region ?? null,
    stream: facts.stream ? 1 : 0,
    cache: cached.cache,
    status: outcome.status,
    attempts: call.attempts.length,
    fallback_used: call.attempts.length > 1 ? 1 : 0,
    latency_ms: roundMs(now - call.startedAt),
    ttfb_ms: firstContentAt === null ? null : roundMs(firstContentAt - call.startedAt),
    upstream_duration_ms: attempt === null ? null : roundMs((attempt.endedAt ?? now) - attempt.startedAt),
    downstream_duration_ms: firstContentAt === null ? null : roundMs(now - firstContentAt),
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
    stop_reason: answer.facts.stopReason,
    service_tier: answer.facts.serviceTier,
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
    upstream_reported_total_cost_nano_usd: nanoUsdOf(usage?.reportedCostUsd),
    pricing_source: served?.pricingSource ?? null,
    pricing_updated_at: served?.pricingUpdatedAt ?? null,
    upstream_request_id: attempt?.upstreamRequestId ?? null,
    router_version: gateway.version,
    routing_config_fingerprint: snapshot.routingFingerprint,
    pricing_catalog_fingerprint: snapshot.pricingFingerprint,
    error: outcome.error?.code ?? null,
    quota_state: stateOf(lease?.quotaState ?? null, outcome, "quota-exhausted", "spend-exhausted"),
    key_state: stateOf(lease?.keyState ?? null, outcome, "key-exhausted"),
    traffic_shape_applied: throttling === null ? 0 : 1,
    traffic_shape_decision: throttling?.decision ?? null,
    traffic_shape_scope: throttling?.scope ?? null,
    traffic_shape_bucket: throttling?.bucket ?? null,
    traffic_shape_retry_after_ms: wholeOf(throttling?.retryAfterMs),
    traffic_shape_queue_wait_ms: wholeOf(throttling?.queueWaitMs),
    traffic_shape_estimated_input_tokens: throttling === null ? null : (estimate?.inputTokens ?? null),
    traffic_shape_reserved_output_tokens: throttling === null ? null : (estimate?.outputTokens ?? null),
    traffic_shape_total_reserved_tokens: throttling === null ? null : totalReserved(estimate),
    estimated_input_tokens: estimate?.inputTokens ?? null,
    limit_tokens: limited.tokens,
    limit_nano_usd: limited.nanoUsd,
    books_request_id: null,
    input_image_tokens: parts.input_image_tokens,
    input_audio_tokens: parts.input_audio_tokens,
    output_image_tokens: parts.output_image_tokens,
    output_audio_tokens: parts.output_audio_tokens,
    image_input_price_nano_usd_per_million: costs.image_input_price_nano_usd_per_million,
    image_input_price_nano_usd_per_image: costs.image_input_price_nano_usd_per_image,
    audio_input_price_nano_usd_per_million: costs.audio_input_price_nano_usd_per_million,
    image_output_price_nano_usd_per_million: costs.image_output_price_nano_usd_per_million,
    audio_output_price_nano_usd_per_million: costs.audio_output_price_nano_usd_per_million,
    hosted_tool_uses: parts.hosted_tool_uses,
    hosted_tool_cost_nano_usd: costs.hosted_tool_cost_nano_usd,
    speed: parts.speed,
    inference_geo: parts.inference_geo,
    upstream_reported_input_cost_nano_usd: parts.upstream_reported_input_cost_nano_usd,
    upstream_reported_output_cost_nano_usd: parts.upstream_reported_output_cost_nano_usd,
    cost_unknown_reason: usage === null ? withoutUsage(outcome) : costs.cost_unknown_reason,
    end_user: endUserOf(call),
    model_group_config_fingerprint: group?.fingerprints.config ?? null,
    routing_policy_fingerprint: group?.fingerprints.policy ?? null,
    reserved_output_tokens: estimate?.outputTokens ?? null,
    reserved_nano_usd: reservedNanoUsd(call.hold),
    router_overhead_us: overheadUs(call, now),
    pii_filter_applied: redaction === null ? 0 : 1,
    pii_filter_mode: redaction?.filter.mode ?? null,
    pii_filter_replacements: redaction?.replacements ?? null,
    pii_filter_rule_count: redaction?.filter.rules.length ?? null,
    cache_reason: cached.cache_reason,
    cache_enabled: cached.cache_enabled,
    cache_items: cached.cache_items,
    cache_bytes: cached.cache_bytes,
    cache_max_bytes: cached.cache_max_bytes,
    cache_occupancy_pct: cached.cache_occupancy_pct,
    cache_age_s: cached.cache_age_s,
    cache_saved_input_tokens: cached.cache_saved_input_tokens,
    cache_saved_output_tokens: cached.cache_saved_output_tokens,
    cache_saved_nano_usd: cached.cache_saved_nano_usd,
  }
}

/** Whom the client serves, by a hash: reports tell users apart, and nobody reads from them who they are. */
function endUserOf({ request, snapshot, credential }: Call): string | null {
  const name = request?.shape.endUser ?? null
  return name === null ? null : snapshot.pseudonymOf(JSON.stringify([credential?.caller.project ?? "", name]))
}

/** The latency without what the call waited for: its body, its limits, its targets. */
function overheadUs(call: Call, now: number): number {
  let waitedMs = call.bodyWaitMs + (call.hold?.throttling?.queueWaitMs ?? 0)
  for (const tried of call.attempts) waitedMs += (tried.endedAt ?? now) - tried.startedAt
  return Math.max(0, Math.round((now - call.startedAt - waitedMs) * 1000))
}

function reservedNanoUsd(hold: Hold | null): number | null {
  if (hold === null || hold.estimate === null || !hold.limits.countsMoney) return null
  const { inputNanoUsd, outputTokens, outputNanoUsdPerMillion } = hold.estimate
  return inputNanoUsd + outputCost(outputTokens, outputNanoUsdPerMillion)
}

/** An answer without usage has an unknown cost. A call that failed has used nothing that its provider bills. */
function withoutUsage({ error, answer }: Outcome): CostUnknownReason | null {
  return servedBy(answer) !== null && error === null ? "usage" : null
}

function stateOf(admitted: LimitState | null, { error }: Outcome, ...refusals: readonly ErrorCode[]): string | null {
  if (error === null || !refusals.includes(error.code)) return admitted
  const { larger_than_limit, router_quota_state, router_key_state } = error.detail.details ?? {}
  if (larger_than_limit === true) return String(router_quota_state ?? router_key_state)
  return error.retryable ? "warning" : "exhausted"
}

export function wholeOf(ms: number | null | undefined): number | null {
  return ms === null || ms === undefined ? null : Math.ceil(ms)
}

export function totalReserved(estimate: Estimate | null): number | null {
  return estimate === null ? null : estimate.inputTokens + estimate.outputTokens
}

export function roundMs(ms: number): number {
  return Math.round(ms * 1000) / 1000
}
