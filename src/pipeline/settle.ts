/** Step 9: exactly once: write the call's rows; only then may its last byte go. */
import { RouterError } from "../errors.ts"
import type { CallRecord, UsageRow } from "../ledger/record.ts"
import type { FeedbackOutcome } from "../routing/policy/feedback.ts"
import { endDrain } from "./answer/drain.ts"
import type { Call } from "./call.ts"
import type { Outcome } from "./call/outcome.ts"
import { leaveEntry } from "./enter.ts"
import type { Gateway } from "./gateway.ts"
import { closeLease } from "./limits/close-lease.ts"
import { recordOf } from "./rows/record.ts"
import { judgeLast } from "./targets/target-health.ts"

/**
 * Resolves when the call is durable. A second settlement of the same call does nothing.
 * @throws RouterError `usage-store-unavailable` when the rows can stand nowhere
 */
export async function settle(call: Call, gateway: Gateway, outcome: Outcome): Promise<void> {
  const { life } = call
  if (life.isOver) return
  life.isOver = true
  call.caching?.close()
  try {
    await close(call, gateway, outcome)
  } finally {
    // whoever stops the router waits for rows that are on their way
    gateway.active--
  }
}

async function close(call: Call, gateway: Gateway, outcome: Outcome): Promise<void> {
  const { life, hold, notes } = call
  gateway.watchdog.forget(life)
  gateway.intake.release(life)
  if (hold !== null) leaveEntry(hold, gateway)
  judgeLast(call, outcome, gateway)
  endDrain(life, gateway)
  const record = recordOf(call, gateway, outcome)
  const endedAt = gateway.clock.monotonicMs()
  if (notes.feedback !== null) gateway.feedback.report(notes.feedback, feedbackOf(record.usage))
  // calls without a known caller are logged, but cannot fill the ledger
  if (call.credential === null) return publish(record, call, outcome, endedAt, gateway)
  try {
    await gateway.ledger.record(record)
    if (record.stored !== undefined) gateway.storedStates.remember(record.stored)
    if (record.background !== undefined) gateway.background.begun(call.id)
    if (hold !== null && hold.lease !== null) gateway.governance.journal?.close(call.id)
    publish(record, call, outcome, endedAt, gateway)
  } catch (cause) {
    publish(unrecorded(record), call, outcome, endedAt, gateway)
    throw cause instanceof RouterError ? cause : new RouterError("usage-store-unavailable", { cause })
  } finally {
    // behind the row: what is counted as used stands in the ledger, whenever the process is killed
    closeLease(call, outcome, record.usage, gateway)
  }
}

/** Publishes how the call ended for its client to metrics, request log and traces. */
function publish(record: CallRecord, call: Call, { answer }: Outcome, endedAt: number, gateway: Gateway): void {
  gateway.metrics.count(call, answer.attempt, record, gateway.clock.monotonicMs() - endedAt)
  gateway.requestLog.write(record)
  if (call.tracing !== null) gateway.telemetry.ended(call, record)
}

function feedbackOf(row: UsageRow): FeedbackOutcome {
  return {
    requestId: row.request_id,
    status: row.status,
    error: row.error,
    provider: row.target_provider,
    model: row.target_model,
    attempts: row.attempts,
    fallbackUsed: row.fallback_used === 1,
    stream: row.stream === 1,
    latencyMs: row.latency_ms,
    ttfbMs: row.ttfb_ms,
    inputTokens: row.input_tokens,
    cachedInputTokens: row.cached_input_tokens,
    outputTokens: row.output_tokens,
    reasoningTokens: row.reasoning_tokens,
    costNanoUsd: row.total_cost_nano_usd,
    stopReason: row.stop_reason,
  }
}

/** What the log says of a call that the ledger did not take: the client did not get its end. */
function unrecorded(record: CallRecord): CallRecord {
  return { ...record, usage: { ...record.usage, status: 503, error: "usage-store-unavailable" } }
}
