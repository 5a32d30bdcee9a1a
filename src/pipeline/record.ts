/** A finished call as the ledger's rows. */
import type { Loss } from "../canonical/loss.ts"
import type { Snapshot, Target } from "../config/snapshot.ts"
import { FIRST_POLL_MS } from "../ledger/background.ts"
import type { AttemptRow, BackgroundRow, CallRecord, CallerShapeRow, ErrorRow, LossRow } from "../ledger/record.ts"
import { reasonText, saidIn, sayable } from "../upstream/reason.ts"
import { servedBy } from "./billed.ts"
import type { Attempt, Call, Outcome } from "./call.ts"
import { contractRow } from "./contract-row.ts"
import { decisionRows } from "./decision-rows.ts"
import type { Gateway } from "./gateway.ts"
import { reservedFor, type Reserved } from "./limit-amounts.ts"
import { backgroundId, isUsagePending, storedRows } from "./returned-state.ts"
import { shapeRow } from "./shape-row.ts"
import { translationRows } from "./translation-rows.ts"
import { rounded, totalReserved, usageRow, wholeOf } from "./usage-row.ts"

export function recordOf(call: Call, gateway: Gateway, outcome: Outcome): CallRecord {
  const now = gateway.clock.monotonicMs()
  const target = call.current?.target
  const pending = target !== undefined && isUsagePending(call) ? reservedFor(call, target, gateway) : null
  return {
    usage: usageRow(call, gateway, outcome, now, pending),
    attempts: call.attempts.map((tried, index) => attemptRow(tried, index, call, now)),
    trace: call.trace,
    losses: lossRows(lossesOf(call)),
    translations: translationRows(call),
    upstreamShapes: call.upstreamShapes ?? NO_UPSTREAM_SHAPES,
    callerShapes: shapeRows(call),
    error: errorRow(call, gateway, outcome),
    stored: storedRows(call),
    background: target === undefined || pending === null ? undefined : backgroundRow(call, target, pending),
    decision: call.decision === null ? null : decisionRows(call.decision, call),
    shape: shapeBesides(call),
    contract: contractRow(call, servedBy(call), outcome),
  }
}

const NO_UPSTREAM_SHAPES: CallRecord["upstreamShapes"] = []

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

function attemptRow(tried: Attempt, index: number, call: Call, now: number): AttemptRow {
  const { failure, target } = tried
  const words = wordsOf(tried, call.snapshot.upstreamErrors)
  const said = saidIn(words)
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
    error_message: failure === null ? null : reasonText(failure.reason, words),
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
    reasoning_tokens: last && servedBy(call) !== null ? (call.answer.usage?.reasoningTokens ?? null) : null,
    upstream_error_code: said.code,
    upstream_error_type: said.type,
    upstream_error_field: said.field,
  }
}

/** Where no decision holds it. */
function shapeBesides(call: Call): CallRecord["shape"] {
  if (!call.snapshot.traceCalls || (call.decision?.shape ?? null) !== null) return undefined
  return shapeRow(call, false) ?? undefined
}

/** What the upstream's error says in plain words, where that is recorded. */
function wordsOf({ failure, target }: Attempt, rule: Snapshot["upstreamErrors"]): string | null {
  if (failure === null || rule === null) return null
  return sayable(failure.words, target.provider.secrets, rule.maxBytes)
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
    retryable: error.retryable ? 1 : 0,
    attempts: call.attempts.length,
    provider: call.current?.target.provider.name ?? null,
    model: call.current?.target.model ?? null,
    dialect: call.current?.target.dialect ?? null,
  }
}
