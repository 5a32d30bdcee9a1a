/** Step 7: try the targets in order until one answers; decide what each failure means. */
import type { Target } from "../config/snapshot.ts"
import { passthroughBody } from "../dialects/passthrough.ts"
import { INTERNAL, type AttemptFailure } from "../upstream/failure.ts"
import { asksForBeta, forwardedHeaders } from "../upstream/headers.ts"
import type { StaleRule } from "../upstream/send.ts"
import type { Answer } from "./answer/answer.ts"
import { exhaustionOf } from "./answer/exhausted.ts"
import { readAnswer } from "./answer/read-answer.ts"
import { meaningOf } from "./answer/refusal-meaning.ts"
import { relay, vendorRefusal } from "./answer/vendor-words.ts"
import type { AdmittedCall } from "./call.ts"
import { newAttempt, type Attempt } from "./call/attempt.ts"
import { goOn } from "./call/go-on.ts"
import type { Plan, Rejection } from "./call/plan.ts"
import { trace } from "./call/trace.ts"
import type { Gateway } from "./gateway.ts"
import { ruleOf } from "./keep.ts"
import { refuseTargets } from "./shortlist.ts"
import { rememberTarget } from "./targets/affinity.ts"
import { governParts, type Parts } from "./targets/body-edits.ts"
import { exchange, isFailure, isRefused } from "./targets/exchange.ts"
import { governHostedTools } from "./targets/hosted-tools.ts"
import { AttemptPatience } from "./targets/patience.ts"
import { capacityThrottled, claimCapacity } from "./targets/shared-capacity.ts"
import { COMPACT, compactsAtVendor, targetBelow } from "./targets/target-below.ts"
import { blame, isProbedByAnother, judge, probe } from "./targets/target-health.ts"
import { grantedCapFor } from "./targets/target-wishes.ts"
import { attemptTraceParent } from "../telemetry/call-trace.ts"
import { grantedCapOf, isRejection, translate } from "./translation/translate.ts"
import type { Translation } from "./translation/translation.ts"

const NONE: readonly number[] = []

/** @throws RouterError when no target answers, or none can */
export async function attempt(plan: Plan, call: AdmittedCall, gateway: Gateway): Promise<Answer> {
  const { life, attempts } = call
  if (call.group.hostedTools !== "pass") await governHostedTools(call, gateway)
  let { order, missing: passedOver } = plan
  let throttledMs: readonly number[] = NONE
  for (let turn = 0; turn < order.length; turn++) {
    const target = order[turn]
    if (target === undefined || life.clientLeft || life.stopped !== null) break
    if (turn < plan.order.length - 1 && isProbedByAnother(target, call, gateway)) {
      order = [...order, target]
      continue
    }
    const translating = translate(target, plan.affinity, call, gateway)
    const translation = translating instanceof Promise ? await translating : translating
    // the client may have left meanwhile
    if (translating instanceof Promise && (life.clientLeft || life.stopped !== null)) break
    if (isRejection(translation)) {
      passedOver = [...passedOver, translation]
      notePassedOver(translation, call, gateway)
      continue
    }
    const waitMs = claimCapacity(target, call, gateway)
    if (waitMs !== null) {
      throttledMs = [...throttledMs, waitMs]
      continue
    }
    const hasWayOut = turn < order.length - 1
    let result = await tryOnce({ target, translation, hasWayOut, stale: "tell" }, call, gateway)
    if (isStale(result)) result = await tryOnce({ target, translation, hasWayOut, stale: "new" }, call, gateway)
    if (!isFailure(result)) {
      if (result.kind !== "relay") rememberTarget(target, plan, call, gateway)
      return result
    }
    if (!result.failover) break
  }
  if (life.clientLeft) throw exhaustionOf(attempts)
  if (attempts.length === 0 && throttledMs.length > 0) throw capacityThrottled(throttledMs)
  if (attempts.length === 0 && passedOver.length > 0) throw refuseTargets(passedOver, call)
  throw vendorRefusal(attempts) ?? exhaustionOf(attempts)
}

/** The target's turn has come, and it turns out that it cannot serve this call. */
function notePassedOver(rejection: Rejection, call: AdmittedCall, gateway: Gateway): void {
  ;(call.notes.passedOver ??= []).push(rejection)
  trace("target_rejected", rejection.target, rejection.reason, null, call, gateway)
}

function isStale(result: Answer | AttemptFailure): boolean {
  return isFailure(result) && result.class === "stale_connection"
}

interface Try {
  readonly target: Target
  readonly translation: Translation | null
  /** Other targets follow. */
  readonly hasWayOut: boolean
  readonly stale: StaleRule
}

/** One attempt, its end judged where it failed. */
async function tryOnce(one: Try, call: AdmittedCall, gateway: Gateway): Promise<Answer | AttemptFailure> {
  const tried = begin(one, call, gateway)
  probe(tried, one.hasWayOut, call, gateway)
  const result = await tryTarget(tried, one.stale, call, gateway)
  if (!isFailure(result)) return result
  tried.failure = blame(result, call.life)
  tried.endedAt = gateway.clock.monotonicMs()
  tried.cancel()
  judge(tried, null, call, gateway)
  return tried.failure
}

function begin({ target, translation }: Try, call: AdmittedCall, gateway: Gateway): Attempt {
  const tried = newAttempt(target, translation, call.request.bodyBytes, gateway)
  call.attempts.push(tried)
  gateway.live.begin(target)
  return tried
}

/** One target, under its deadlines. Rejects with faults of the router's own, and with nothing else. */
async function tryTarget(
  tried: Attempt,
  stale: StaleRule,
  call: AdmittedCall,
  gateway: Gateway,
): Promise<Answer | AttemptFailure> {
  const { target } = tried
  const { request } = call
  try {
    const isHome = target.dialect === call.dialect.name
    const beta = isHome && call.dialect.wire.betaHeader !== null && asksForBeta(call.incoming.target)
    const at = compactsAtVendor(target, request) ? (targetBelow(target, COMPACT) ?? target) : target
    const governing = govern(tried, call, gateway)
    const { headers, body } = governing instanceof Promise ? await governing : governing
    const patience = new AttemptPatience(tried, call, gateway.clock)
    const result = await exchange(
      { target: at, stale, beta, headers, body, onConnection: patience.onConnection },
      patience,
      {
        upstream: gateway.upstream,
        maxBytes: call.snapshot.limits.maxResponseBytes,
        meaning: (status, fault, bytes) => meaningOf(status, fault, bytes, body, target, request),
      },
      (answer) => readAnswer(answer, tried, call, gateway),
    )
    if (!isRefused(result)) return result
    if (ruleOf(call)?.upstreamErrors === true) tried.refusal = result.bytes
    return relay(result, tried, call, gateway)
  } catch (error) {
    tried.failure = INTERNAL
    throw error
  }
}

/** Of the client's trace only the place of this attempt in it goes upstream. */
function headersFor(target: Target, call: AdmittedCall): Parts["headers"] {
  const { tracing, request, attempts } = call
  const headers = forwardedHeaders(request.headers, call.dialect.name, target, call.credential.caller.id)
  if (tracing === null || call.snapshot.exports?.traces === null) return headers
  return { ...headers, traceparent: attemptTraceParent(tracing, attempts.length - 1) }
}

function partsFor({ target, translation }: Attempt, call: AdmittedCall): Parts {
  const { request } = call
  const headers = headersFor(target, call)
  if (translation !== null) return { headers, body: translation.body }
  const body = passthroughBody(request.body, request.facts, target.dialect, target.modelJson, {
    cap: grantedCapFor(target, grantedCapOf(target, call)),
    asksUsage: target.facts.streamUsage,
    neverStores: target.limits.neverStores && !compactsAtVendor(target, request),
  })
  return { headers, body }
}

/** The parts of the request, as the target's configuration leaves them. */
function govern(tried: Attempt, call: AdmittedCall, gateway: Gateway): Parts | Promise<Parts> {
  const { target } = tried
  const parts = partsFor(tried, call)
  if (target.betas === null && target.edits === null) return parts
  return goOn(governParts(target, parts, call, gateway), ({ losses, ...others }) => {
    tried.losses = losses
    return others
  })
}
