/** A finished call as the ledger's rows. */
import type { Loss } from "../../canonical/loss.ts"
import type { Snapshot, Target } from "../../config/snapshot.ts"
import { FIRST_POLL_MS } from "../../ledger/background.ts"
import type { AttemptRow, BackgroundRow, CallRecord, CallerShapeRow, ErrorRow, LossRow } from "../../ledger/record.ts"
import { reasonText, saidIn, sayable } from "../../upstream/reason.ts"
import { backgroundId, isUsagePending, storedRows } from "../answer/returned-state.ts"
import { isAdmitted, isReceived, type AdmittedCall, type Call } from "../call.ts"
import type { Attempt } from "../call/attempt.ts"
import type { Hold } from "../call/hold.ts"
import type { AnswerEnd, Outcome } from "../call/outcome.ts"
import type { Gateway } from "../gateway.ts"
import { reservedFor, type Reserved } from "../limits/limit-amounts.ts"
import { contractRow } from "./contract-row.ts"
import { decisionRows } from "./decision-rows.ts"
import { shapeRow } from "./shape-row.ts"
import { translationRows } from "./translation-rows.ts"
import { roundMs, totalReserved, usageRow, wholeOf } from "./usage-row.ts"

export function recordOf(call: Call, gateway: Gateway, outcome: Outcome): CallRecord {
  const now = gateway.clock.monotonicMs()
  const { answer } = outcome
  const admitted = isAdmitted(call) ? call : null
  const target = answer.attempt?.target ?? null
  const isPending = admitted !== null && target !== null && isUsagePending(admitted, answer)
  const pending = isPending ? reservedFor(admitted, target, gateway) : null
  const { trace, upstreamShapes, decision } = call.notes
  return {
    usage: usageRow(call, gateway, outcome, now, pending),
    attempts: call.attempts.map((tried, index) => attemptRow(tried, index, call, answer, now)),
    trace,
    losses: lossRows(answer.losses),
    translations: translationRows(call),
    upstreamShapes: upstreamShapes ?? NO_UPSTREAM_SHAPES,
    callerShapes: shapeRows(call.hold),
    error: errorRow(call, outcome, gateway.clock.now()),
    stored: admitted === null ? undefined : storedRows(admitted, answer),
    background: pending === null || !isPending ? undefined : backgroundRow(admitted, answer, target, pending),
    decision: decision === null || admitted === null ? null : decisionRows(decision, admitted),
    shape: shapeBesides(call),
    contract: contractRow(call, outcome),
  }
}

const NO_UPSTREAM_SHAPES: CallRecord["upstreamShapes"] = []

/** So that somebody asks what became of the answer. */
function backgroundRow(
  call: AdmittedCall,
  answer: AnswerEnd,
  target: Target,
  reserved: Reserved,
): BackgroundRow | undefined {
  const { credential, group, facts } = call
  const responseId = backgroundId(answer)
  if (responseId === null) return undefined
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
function shapeRows(hold: Hold | null): readonly CallerShapeRow[] {
  const throttling = hold?.throttling ?? null
  if (hold === null || throttling === null || throttling.decision === "admitted") return NO_SHAPES
  const { estimate } = hold
  return [
    {
      seq: 0,
      scope: throttling.scope ?? "caller",
      bucket: throttling.bucket ?? "",
      decision: throttling.decision,
      cost: totalReserved(estimate) ?? 1,
      retry_after_ms: wholeOf(throttling.retryAfterMs),
      queue_wait_ms: wholeOf(throttling.queueWaitMs),
      estimated_input_tokens: estimate?.inputTokens ?? null,
      reserved_output_tokens: estimate?.outputTokens ?? null,
      total_reserved_tokens: totalReserved(estimate),
    },
  ]
}

const NO_SHAPES: readonly CallerShapeRow[] = []

function attemptRow(tried: Attempt, index: number, call: Call, answer: AnswerEnd, now: number): AttemptRow {
  const { failure, target } = tried
  const words = wordsOf(tried, call.snapshot.upstreamErrors)
  const said = saidIn(words)
  const isSelected = answer.source === "target" && answer.attempt === tried
  const last = index === call.attempts.length - 1
  return {
    attempt_index: index,
    ts: tried.ts,
    provider: target.provider.name,
    model: target.model,
    dialect: target.dialect,
    key_id: target.provider.keyId,
    duration_ms: roundMs((tried.endedAt ?? now) - tried.startedAt),
    status_code: tried.status,
    error_class: failure?.class ?? null,
    error_message: failure === null ? null : reasonText(failure.reason, words),
    retryable: failure?.failover === true ? 1 : 0,
    timed_out: failure?.class === "timeout" ? 1 : 0,
    client_canceled: last && call.life.clientLeft ? 1 : 0,
    selected: isSelected ? 1 : 0,
    fallback_reason: last ? null : (failure?.class ?? null),
    request_bytes: tried.requestBytes,
    response_bytes: tried.responseBytes,
    attempt_timeout_ms: target.attemptTimeoutMs,
    retry_after_ms: tried.retryAfterMs,
    upstream_request_id: tried.upstreamRequestId,
    reasoning_tokens: isSelected ? (answer.facts.usage?.reasoningTokens ?? null) : null,
    upstream_error_code: said.code,
    upstream_error_type: said.type,
    upstream_error_field: said.field,
  }
}

/** The shape of a traced call where no decision holds it. */
function shapeBesides(call: Call): CallRecord["shape"] {
  if (!call.snapshot.traceCalls || (call.notes.decision?.shape ?? null) !== null) return undefined
  return isReceived(call) ? shapeRow(call, false) : undefined
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

function lossRows(losses: readonly Loss[]): readonly LossRow[] {
  if (losses.length === 0) return NO_LOSSES
  const counts = new Map<string, number>()
  const kept = losses.filter(({ code }) => {
    const count = (counts.get(code) ?? 0) + 1
    counts.set(code, count)
    return count <= ROWS_PER_CODE
  })
  return kept.map(({ code, path }, seq) => ({ seq, code, path: NAME_LIKE.test(path) ? path : "other" }))
}

function errorRow({ attempts }: Call, { error, status, answer }: Outcome, ts: number): ErrorRow | null {
  if (error === null) return null
  return {
    ts,
    code: error.code,
    status,
    blame: error.blame,
    error_class: answer.attempt?.failure?.class ?? null,
    upstream_status: answer.attempt?.status ?? null,
    message: error.message,
    param: error.detail.param ?? null,
    retryable: error.retryable ? 1 : 0,
    attempts: attempts.length,
    provider: answer.attempt?.target.provider.name ?? null,
    model: answer.attempt?.target.model ?? null,
    dialect: answer.attempt?.target.dialect ?? null,
  }
}
