/**
 * What breakers and pauses mean for a call. They only reorder: hindered targets come last, and a call whose targets are
 * all hindered tries them all the same.
 */
import type { Target } from "../../config/snapshot.ts"
import { CLIENT_LEFT, STOPPED, type AttemptFailure } from "../../upstream/failure.ts"
import type { Hindrance, TargetHealth } from "../../upstream/health.ts"
import { reasonText, sayable } from "../../upstream/reason.ts"
import type { Call } from "../call.ts"
import type { Attempt } from "../call/attempt.ts"
import type { Life } from "../call/life.ts"
import type { AnswerEnd, Outcome } from "../call/outcome.ts"
import { trace } from "../call/trace.ts"
import type { Gateway } from "../gateway.ts"
import { noteEvidence } from "./activation.ts"
import { observe } from "./observe.ts"
import { noteShape } from "./shape-events.ts"

interface Hindered {
  readonly target: Target
  readonly hindrance: Hindrance
}

/** The strategy's order, with hindered targets behind the others: first the one whose hindrance ends first. */
export function orderByHealth(order: readonly Target[], call: Call, gateway: Gateway): readonly Target[] {
  if (gateway.health.isQuiet(call.startedAt)) return order
  const now = gateway.clock.monotonicMs()
  const sound: Target[] = []
  const hindered: Hindered[] = []
  for (const target of order) {
    const { hindrance } = gateway.health.standing(target, now)
    if (hindrance === null) sound.push(target)
    else hindered.push({ target, hindrance })
  }
  if (hindered.length === 0) return order
  for (const entry of hindered) noteDeferred(entry, now, call, gateway)
  hindered.sort((left, right) => left.hindrance.until - right.hindrance.until)
  return [...sound, ...hindered.map(({ target }) => target)]
}

function noteDeferred({ target, hindrance }: Hindered, now: number, call: Call, gateway: Gateway): void {
  const waitMs = Math.max(0, Math.ceil(hindrance.until - now))
  const { decision } = call.notes
  if (decision !== null) (decision.hindered ??= new Map()).set(target, { reason: hindrance.reason, waitMs })
  trace("target_deferred", target, hindrance.reason, waitMs, call, gateway)
  if (hindrance.scope === null) return
  const backoffReason = hindrance.reason === "rate-limited" ? "rate_limited" : "quota_exhausted"
  const event = { bucket: "adaptive_backoff", decision: "deferred", retryAfterMs: waitMs, backoffReason } as const
  noteShape({ ...event, scope: hindrance.scope, demand: null }, target, call, gateway)
}

/** Another call has begun to probe the target since this one was ranked: the others first. */
export function isProbedByAnother(target: Target, call: Call, gateway: Gateway): boolean {
  if (gateway.health.isQuiet(call.startedAt)) return false
  const { breaker, isProbed } = gateway.health.standing(target, gateway.clock.monotonicMs())
  return breaker === "half-open" && isProbed
}

/**
 * The attempt is the one probe of its target, where that is half-open. A probe that has a way out does not wait for
 * first content as long as other attempts: somebody's call is behind it.
 */
export function probe(tried: Attempt, hasWayOut: boolean, call: Call, gateway: Gateway): void {
  if (gateway.health.isQuiet(call.startedAt)) return
  const { breaker } = tried.health
  if (!breaker.claimProbe(tried.startedAt)) return
  tried.isProbe = true
  if (hasWayOut) tried.patienceMs = breaker.patienceMs
  trace("target_probed", tried.target, null, null, call, gateway)
}

/** The time until first content of a stream, or the whole of a unary answer; 0: no bound. */
export function attemptTimeoutMs({ target, patienceMs }: Attempt): number {
  const { attemptTimeoutMs: limitMs } = target
  return patienceMs === 0 ? limitMs : limitMs === 0 ? patienceMs : Math.min(limitMs, patienceMs)
}

/** While a call is read on without its client, the upstream is to blame; where the router ended the call, neither is. */
export function blame(failure: AttemptFailure, { stopped, clientLeft, drainTimer }: Life): AttemptFailure {
  if (stopped !== null) return STOPPED
  return clientLeft && drainTimer === null ? CLIENT_LEFT : failure
}

/** The last attempt's end, once the call's outcome is known. */
export function judgeLast(call: Call, { error, answer }: Outcome, gateway: Gateway): void {
  if (answer.attempt !== null) judge(answer.attempt, error === null ? answer : null, call, gateway)
}

/** What the end of an attempt says about its target; counted once. `answer`: see `observe`. Nobody's departure and no refusal of a request counts. */
export function judge(tried: Attempt, answer: AnswerEnd | null, call: Call, gateway: Gateway): void {
  if (tried.isJudged) return
  tried.isJudged = true
  if (tried.target.observed !== null) observe(tried, answer, call, gateway)
  if (call.group !== null && call.group.activation !== null) noteEvidence(tried, answer, call, gateway)
  const { health, failure } = tried
  const now = gateway.clock.monotonicMs()
  if (tried.isProbe) health.breaker.releaseProbe(failure?.class === "timeout")
  if (failure !== null) tell(tried, failure, now, gateway)
  else if (answer !== null) health.told.worked()
  if (failure === null) {
    if (answer !== null && gateway.health.succeeded(health, tried.startedAt, now)) noteClosed(tried, call, gateway)
  } else if (failure.counts) {
    if (gateway.health.failed(health, tried.startedAt, now)) noteOpened(tried, failure.class, call, gateway)
  } else if (failure.class === "rate_limited" || failure.class === "quota_exhausted") {
    pause(tried, failure.class, now, call, gateway)
  }
}

/** So that an operator need not search for why a target fails. Of what a caller causes nothing is told. */
function tell({ target, health, status }: Attempt, failure: AttemptFailure, now: number, gateway: Gateway): void {
  if ((!failure.failover || failure.relay) && failure.reason !== "field-refused") return
  if (!health.told.failed(failure.reason, now)) return
  gateway.log.warn("a target has failed", {
    ...nameOf(target, health),
    error_class: failure.class,
    status,
    reason: reasonText(failure.reason, sayable(failure.words, target.provider.secrets)),
  })
}

/** The provider says when enough is enough: each scope of the target that is told to listen does. */
function pause(
  tried: Attempt,
  reason: "rate_limited" | "quota_exhausted",
  now: number,
  call: Call,
  gateway: Gateway,
): void {
  const { health, target } = tried
  for (const scope of health.scopes) {
    const backoff = reason === "rate_limited" ? scope.rateLimited : scope.quotaExhausted
    if (backoff === null) continue
    const isFirst = now >= backoff.until
    const pauseMs = backoff.failed(tried.startedAt, tried.retryAfterMs, now)
    gateway.health.paused(scope, reason, backoff)
    const event = { bucket: "adaptive_backoff", decision: "backoff", retryAfterMs: pauseMs } as const
    noteShape({ ...event, scope: scope.kind, backoffReason: reason, demand: null }, target, call, gateway)
    if (isFirst)
      gateway.log.warn("a provider asks for a pause", {
        ...nameOf(target, health),
        scope: scope.kind,
        reason,
        pause_ms: pauseMs,
      })
  }
}

function noteOpened({ target, health }: Attempt, errorClass: string, call: Call, gateway: Gateway): void {
  trace("breaker_opened", target, errorClass, null, call, gateway)
  gateway.log.warn("the breaker of a target has opened", { ...nameOf(target, health), error_class: errorClass })
}

function noteClosed({ target, health }: Attempt, call: Call, gateway: Gateway): void {
  trace("breaker_closed", target, null, null, call, gateway)
  gateway.log.info("the breaker of a target has closed", nameOf(target, health))
}

function nameOf(target: Target, { group }: TargetHealth): Readonly<Record<string, unknown>> {
  return { group, target: target.index, provider: target.provider.name, model: target.model }
}
