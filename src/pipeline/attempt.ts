/** Step 7: try the targets in order until one answers; decide what each failure means. */
import type { Loss } from "../canonical/loss.ts"
import { passthroughBody } from "../dialects/passthrough.ts"
import type { Target } from "../config/snapshot.ts"
import { replyMeter } from "../dialects/output-meter.ts"
import { DIALECTS } from "../dialects/registry.ts"
import { RouterError } from "../errors.ts"
import { INTERNAL, type Failure } from "../upstream/failure.ts"
import { readWhole, upstreamFault, type UpstreamAnswer } from "../upstream/answer.ts"
import { asksForBeta, copyResponseHeaders, forwardedHeaders, upstreamRequestId } from "../upstream/headers.ts"
import type { StaleRule } from "../upstream/send.ts"
import { rememberTarget } from "./affinity.ts"
import type { Parts } from "./betas.ts"
import { governParts } from "./body-edits.ts"
import type { Attempt, Call } from "./call.ts"
import { exhausted } from "./exhausted.ts"
import type { Gateway } from "./gateway.ts"
import { governHostedTools } from "./hosted-tools.ts"
import { AttemptPatience } from "./patience.ts"
import { returnedInReply } from "./returned-state.ts"
import { capacityThrottled, isThrottled } from "./shared-capacity.ts"
import { refusal, type Rejection } from "./shortlist.ts"
import { grantedCapFor } from "./target-wishes.ts"
import { blamed, isProbedByAnother, judge, probe } from "./target-health.ts"
import { COMPACT, compactsAtVendor, targetBelow } from "./target-below.ts"
import { trace } from "./trace.ts"
import { isRejection, translate } from "./translate.ts"
import type { Translation } from "./translation.ts"
import { asWhole, eventsIn, type Reshaped } from "./reshape.ts"
import { opened, readUnstreamed, understood } from "./unstreamed.ts"
import { UpstreamStream } from "./upstream-stream.ts"
import { faulted, refused, vendorRefusal, type Relay } from "./vendor-words.ts"

/** What the client is to get. */
export type Answer =
  | { readonly kind: "unary"; readonly bytes: Uint8Array; readonly headers: Readonly<Record<string, string>> }
  | { readonly kind: "stream"; readonly stream: UpstreamStream; readonly headers: Readonly<Record<string, string>> }
  | Relay

const NO_LOSSES: readonly Loss[] = []
const JSON_HEADERS = { "content-type": "application/json" }
const STREAM_HEADERS = { "content-type": "text/event-stream; charset=utf-8" }

/** @throws RouterError when no target answers, or none can */
export async function attempt(ranked: readonly Target[], call: Call, gateway: Gateway): Promise<Answer> {
  if (call.group?.hostedTools !== "pass") governHostedTools(call)
  let order = ranked
  for (let turn = 0; turn < order.length; turn++) {
    const target = order[turn]
    if (target === undefined || call.clientLeft || call.stopped !== null) break
    if (turn < ranked.length - 1 && isProbedByAnother(target, call, gateway)) {
      order = [...order, target]
      continue
    }
    const translation = translate(target, call, gateway)
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
  const parts = governed(tried, {
    headers: forwardedHeaders(call.request.headers, call.dialect.name, target, call.callerId),
    body:
      translation?.body ??
      passthroughBody(call.body, call.facts, target.dialect, target.modelJson, {
        cap: grantedCapFor(target, call),
        asksUsage: target.facts.streamUsage,
        neverStores: target.limits.neverStores && !compactsAtVendor(target, call),
      }),
  })
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

function governed(tried: Attempt, parts: Parts): Parts {
  if (tried.target.betas === null && tried.target.edits === null) return parts
  const { headers, body, losses } = governParts(tried.target, parts)
  tried.losses = losses
  return { headers, body }
}

function wholeReply(
  answer: UpstreamAnswer,
  tried: Attempt,
  call: Call,
  gateway: Gateway,
): Answer | Failure | Promise<Answer | Failure> {
  const whole = readWhole(answer, call.snapshot.limits.maxResponseBytes)
  if (whole instanceof Uint8Array) return judged(whole, answer, tried, call, gateway)
  return whole.then((bytes) => judged(bytes, answer, tried, call, gateway))
}

function judged(
  bytes: Uint8Array,
  answer: UpstreamAnswer,
  tried: Attempt,
  call: Call,
  gateway: Gateway,
): Answer | Failure {
  tried.responseBytes = bytes.length
  const verdict = DIALECTS[tried.target.dialect].judgeReply(bytes)
  const events = verdict.kind === "answer" ? null : eventsIn(bytes, tried.target.dialect)
  if (events !== null) {
    const reshaped = asWhole(events, tried, call, gateway)
    return "class" in reshaped ? reshaped : wholeAnswer(reshaped, call, JSON_HEADERS)
  }
  if (verdict.kind === "fault") return faulted(verdict.fault, tried, call)
  call.returnedIds = returnedInReply(bytes, call)
  call.meter = replyMeter(bytes, verdict, DIALECTS[tried.target.dialect])
  if (tried.translation !== null && !compactsAtVendor(tried.target, call)) {
    const translated = tried.translation.reply(bytes)
    if (!(translated instanceof Uint8Array)) return faulted(translated, tried, call)
    call.answer = verdict
    return { kind: "unary", bytes: translated, headers: JSON_HEADERS }
  }
  call.answer = verdict
  const headers: Record<string, string> = { ...JSON_HEADERS }
  copyResponseHeaders(answer.headers, tried.target.provider.secrets, headers)
  return { kind: "unary", bytes, headers }
}

/** An answer that had to be brought into the shape that was asked for. */
function wholeAnswer({ bytes, facts }: Reshaped, call: Call, headers: Readonly<Record<string, string>>): Answer {
  call.answer = facts
  return { kind: "unary", bytes, headers }
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
    return mended(understood(stream.unframed, answer, tried, call, gateway), tried, call, gateway)
  if (failure !== null) return failure
  if (tried.translation !== null) return { kind: "stream", stream, headers: STREAM_HEADERS }
  const headers: Record<string, string> = {}
  copyResponseHeaders(answer.headers, tried.target.provider.secrets, headers)
  // some servers label their streams as plain text or not at all
  if (!headers["content-type"]?.includes("text/event-stream")) headers["content-type"] = "text/event-stream"
  return { kind: "stream", stream, headers }
}
