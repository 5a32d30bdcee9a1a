/** Step 7: try the targets in order until one answers; decide what each failure means. */
import type { Loss } from "../canonical/loss.ts"
import { passthroughBody } from "../dialects/passthrough.ts"
import type { Target } from "../config/snapshot.ts"
import { RouterError } from "../errors.ts"
import { INTERNAL, type Failure } from "../upstream/failure.ts"
import { upstreamFault, type UpstreamAnswer } from "../upstream/answer.ts"
import { asksForBeta, copyResponseHeaders, forwardedHeaders, upstreamRequestId } from "../upstream/headers.ts"
import type { StaleRule } from "../upstream/send.ts"
import { rememberTarget } from "./affinity.ts"
import { governParts, type Parts } from "./body-edits.ts"
import type { Attempt, Call } from "./call.ts"
import { exhausted } from "./exhausted.ts"
import type { Gateway } from "./gateway.ts"
import { governHostedTools } from "./hosted-tools.ts"
import { AttemptPatience } from "./patience.ts"
import { capacityThrottled, isThrottled } from "./shared-capacity.ts"
import { refusal, type Rejection } from "./shortlist.ts"
import { grantedCapFor } from "./target-wishes.ts"
import { blamed, isProbedByAnother, judge, probe } from "./target-health.ts"
import { after } from "./read-answer.ts"
import { COMPACT, compactsAtVendor, targetBelow } from "./target-below.ts"
import { trace } from "./trace.ts"
import { isRejection, translate } from "./translate.ts"
import type { Translation } from "./translation.ts"
import type { Reshaped } from "./reshape.ts"
import { opened, readUnstreamed, understood } from "./unstreamed.ts"
import { UpstreamStream } from "./upstream-stream.ts"
import { refused, vendorRefusal, type Relay } from "./vendor-words.ts"
import { wholeAnswer, wholeReply, type WholeAnswer } from "./whole-reply.ts"

/** What the client is to get. */
export type Answer =
  | WholeAnswer
  | { readonly kind: "stream"; readonly stream: UpstreamStream; readonly headers: Readonly<Record<string, string>> }
  | Relay

const NO_LOSSES: readonly Loss[] = []
const STREAM_HEADERS = { "content-type": "text/event-stream; charset=utf-8" }

/** @throws RouterError when no target answers, or none can */
export async function attempt(ranked: readonly Target[], call: Call, gateway: Gateway): Promise<Answer> {
  if (call.group?.hostedTools !== "pass") await governHostedTools(call, gateway)
  let order = ranked
  for (let turn = 0; turn < order.length; turn++) {
    const target = order[turn]
    if (target === undefined || call.clientLeft || call.stopped !== null) break
    if (turn < ranked.length - 1 && isProbedByAnother(target, call, gateway)) {
      order = [...order, target]
      continue
    }
    const translating = translate(target, call, gateway)
    const translation = translating instanceof Promise ? await translating : translating
    // the client may have left meanwhile
    if (translating instanceof Promise && (call.clientLeft || call.stopped !== null)) break
    if (isRejection(translation)) {
      passOver(translation, call, gateway)
      continue
    }
    if (isThrottled(target, call, gateway)) continue
    const hasWayOut = turn < order.length - 1
    let result = await tryOnce({ target, translation, hasWayOut, stale: "tell" }, call, gateway)
    if (isStale(result)) result = await tryOnce({ target, translation, hasWayOut, stale: "new" }, call, gateway)
    if (!isFailure(result)) {
      if (result.kind !== "relay") rememberTarget(target, order, call, gateway)
      return result
    }
    if (!result.failover) break
  }
  if (call.attempts.length === 0 && call.throttledMs !== null && !call.clientLeft)
    throw capacityThrottled(call.throttledMs)
  if (call.attempts.length === 0 && call.rejected !== null && call.group !== null && !call.clientLeft)
    throw refusal(call.group, call, call.rejected)
  throw (call.clientLeft ? null : vendorRefusal(call.attempts)) ?? exhausted(call.attempts)
}

/** The target's turn has come, and it turns out that it cannot serve this call. */
function passOver(rejection: Rejection, call: Call, gateway: Gateway): void {
  call.rejected = [...(call.rejected ?? []), rejection]
  trace("target_rejected", rejection.target, rejection.reason, null, call, gateway)
}

function isFailure(result: Answer | Failure): result is Failure {
  return "class" in result
}

function isStale(result: Answer | Failure): boolean {
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
async function tryOnce(
  { target, translation, hasWayOut, stale }: Try,
  call: Call,
  gateway: Gateway,
): Promise<Answer | Failure> {
  const tried = beginAttempt(call, target, translation, gateway)
  probe(tried, hasWayOut, call, gateway)
  const result = await tryTarget(tried, stale, call, gateway)
  if (!isFailure(result)) return result
  tried.failure = blamed(result, call)
  tried.durationMs = gateway.clock.monotonicMs() - tried.startedAt
  tried.cancel()
  judge(tried, false, call, gateway)
  return tried.failure
}

export function beginAttempt(call: Call, target: Target, translation: Translation | null, gateway: Gateway): Attempt {
  const tried: Attempt = {
    target,
    translation,
    startedAt: gateway.clock.monotonicMs(),
    ts: gateway.clock.now(),
    requestBytes: translation?.requestBytes ?? call.body?.bytes.length ?? 0,
    losses: NO_LOSSES,
    responseBytes: 0,
    status: null,
    durationMs: 0,
    failure: null,
    words: null,
    retryAfterMs: null,
    upstreamRequestId: null,
    health: gateway.health.of(target),
    isProbe: false,
    patienceMs: 0,
    isJudged: false,
    cancel: () => {},
  }
  call.attempts.push(tried)
  gateway.live.begin(target)
  return tried
}

/** One target, under its deadlines. Rejects with faults of the router's own, and with nothing else. */
async function tryTarget(tried: Attempt, stale: StaleRule, call: Call, gateway: Gateway): Promise<Answer | Failure> {
  const patience = new AttemptPatience(tried, call, gateway.clock)
  try {
    const result = await exchange(tried, stale, patience, call, gateway)
    return patience.over !== null && isFailure(result) ? patience.over : result
  } catch (error) {
    if (patience.over !== null) return patience.over
    const failure = upstreamFault(error)
    if (failure !== null) return failure
    tried.failure = INTERNAL
    tried.cancel()
    throw error
  } finally {
    patience.end()
  }
}

async function exchange(
  tried: Attempt,
  stale: StaleRule,
  patience: AttemptPatience,
  call: Call,
  gateway: Gateway,
): Promise<Answer | Failure> {
  const { target, translation } = tried
  if (call.body === null) throw new RouterError("internal-error")
  const isHome = target.dialect === call.dialect.name
  const governing = governed(tried, call, gateway, {
    headers: forwardedHeaders(call.request.headers, call.dialect.name, target, call.callerId),
    body:
      translation?.body ??
      passthroughBody(call.body, call.facts, target.dialect, target.modelJson, {
        cap: grantedCapFor(target, call),
        asksUsage: target.facts.streamUsage,
        neverStores: target.limits.neverStores && !compactsAtVendor(target, call),
      }),
  })
  const parts = governing instanceof Promise ? await governing : governing
  const sent = gateway.upstream.send({
    target: compactsAtVendor(target, call) ? (targetBelow(target, COMPACT) ?? target) : target,
    stale,
    beta: isHome && target.dialect === "anthropic" && asksForBeta(call.request.target),
    ...parts,
    onConnection: patience.onConnection,
  })
  tried.cancel = sent.cancel
  const answer = await sent.answer
  patience.headed()
  tried.status = answer.status
  tried.upstreamRequestId = upstreamRequestId(answer.headers)
  if (answer.status < 200 || answer.status > 299) return refused(answer, parts.body, tried, call, gateway)
  return call.facts.stream ? openStream(answer, tried, call, gateway) : wholeReply(answer, tried, call, gateway)
}

function governed(tried: Attempt, call: Call, gateway: Gateway, parts: Parts): Parts | Promise<Parts> {
  if (tried.target.betas === null && tried.target.edits === null) return parts
  return after(governParts(tried.target, parts, call, gateway), ({ losses, ...others }) => {
    tried.losses = losses
    return others
  })
}

async function openStream(
  received: UpstreamAnswer,
  tried: Attempt,
  call: Call,
  gateway: Gateway,
): Promise<Answer | Failure> {
  const { answer, isStream } = await opened(received)
  return isStream
    ? begun(answer, tried, call, gateway)
    : mended(await readUnstreamed(answer, tried, call, gateway), tried, call, gateway)
}

/** What came in another form than that of a stream. */
function mended(
  result: Reshaped | Failure | UpstreamAnswer,
  tried: Attempt,
  call: Call,
  gateway: Gateway,
): Answer | Failure | Promise<Answer | Failure> {
  if ("class" in result) return result
  return "bytes" in result ? wholeAnswer(result, call, STREAM_HEADERS) : begun(result, tried, call, gateway)
}

async function begun(answer: UpstreamAnswer, tried: Attempt, call: Call, gateway: Gateway): Promise<Answer | Failure> {
  const stream = new UpstreamStream(answer, tried, call, gateway)
  const failure = await stream.untilContent()
  if (stream.unframed !== null)
    return mended(await understood(stream.unframed, answer, tried, call, gateway), tried, call, gateway)
  if (failure !== null) return failure
  if (tried.translation !== null) return { kind: "stream", stream, headers: STREAM_HEADERS }
  const headers: Record<string, string> = {}
  copyResponseHeaders(answer.headers, tried.target.provider.secrets, headers)
  // some servers label their streams as plain text or not at all
  if (!headers["content-type"]?.includes("text/event-stream")) headers["content-type"] = "text/event-stream"
  return { kind: "stream", stream, headers }
}
