/** Writes down what the router decided, mostly about a target, for calls that are traced. */
import type { Target } from "../../config/snapshot.ts"
import type { Call } from "../call.ts"
import type { Gateway } from "../gateway.ts"

export type TraceEvent =
  /** The first of the strategy's order; `value`: how many there are. */
  | "routing_decision"
  /** A script or service has run; `value`: milliseconds. */
  | "policy_execution"
  /** The configuration does not say whether targets have what the call needs; `value`: how many such needs. */
  | "capability_unknown"
  /** The upstream answered in the other shape than was asked for. */
  | "answer_folded"
  | "answer_unfolded"
  /** It cannot serve the call. */
  | "target_rejected"
  /** With `activation: required` it could not serve the call. */
  | "activation_observed"
  /** The conversation stays there; `value`: the place that the strategy had given it. */
  | "affinity_pin"
  /** Tried after the others; `value`: milliseconds until its hindrance ends. */
  | "target_deferred"
  /** This call finds out whether the target has recovered. */
  | "target_probed"
  /** Passed over by shared capacity; `value`: milliseconds until it could have been taken. */
  | "target_throttled"
  | "breaker_opened"
  | "breaker_closed"

export function trace(
  event: TraceEvent,
  target: Target | undefined,
  reason: string | null,
  value: number | null,
  call: Call,
  gateway: Gateway,
): void {
  if (!call.snapshot.traceCalls) return
  const rows = call.notes.trace
  const tried = call.lastAttempt
  const isAboutIt = tried !== null && tried.target === target
  rows.push({
    seq: rows.length,
    ts: gateway.clock.now(),
    event,
    target_provider: target?.provider.name ?? null,
    target_model: target?.model ?? null,
    reason,
    value,
    dialect: target?.dialect ?? null,
    attempt_index: tried === null ? null : call.attempts.length - 1,
    status_code: isAboutIt ? tried.status : null,
    duration_ms: isAboutIt ? gateway.clock.monotonicMs() - tried.startedAt : null,
  })
}
