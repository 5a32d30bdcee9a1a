/** Reads what a target answers, into what the client is to get. */
import { replyMeter } from "../../dialects/output-meter.ts"
import { DIALECTS } from "../../dialects/registry.ts"
import type { Lease } from "../../governance/state.ts"
import { readWhole, type UpstreamAnswer } from "../../upstream/answer.ts"
import type { Failure } from "../../upstream/failure.ts"
import { copyResponseHeaders } from "../../upstream/headers.ts"
import type { AdmittedCall } from "../call.ts"
import type { Attempt } from "../call/attempt.ts"
import { goOn } from "../call/go-on.ts"
import { targetAnswer, type AnswerEnd } from "../call/outcome.ts"
import type { Gateway } from "../gateway.ts"
import { Growth } from "../limits/growth.ts"
import { reserveMore } from "../limits/reserve-more.ts"
import { shownModel } from "../translation/shown-model.ts"
import type { Answer, WholeAnswer } from "./answer.ts"
import { asWhole, isEventStream, type Reshaped } from "./reshape.ts"
import { returnedInReply } from "./returned-state.ts"
import { opened, readUnstreamed } from "./unstreamed.ts"
import { UpstreamStream } from "./upstream-stream.ts"
import { classify } from "./vendor-words.ts"

type Readable = Exclude<Answer, { readonly kind: "relay" }> | Failure

const JSON_HEADERS = { "content-type": "application/json" }
const STREAM_HEADERS = { "content-type": "text/event-stream; charset=utf-8" }

/** Reads an answer of status 2xx: as a whole, or a stream until its first content. */
export function readAnswer(
  answer: UpstreamAnswer,
  tried: Attempt,
  call: AdmittedCall,
  gateway: Gateway,
): Readable | Promise<Readable> {
  return call.facts.stream ? openStream(answer, tried, call, gateway) : wholeReply(answer, tried, call, gateway)
}

function wholeReply(
  answer: UpstreamAnswer,
  tried: Attempt,
  call: AdmittedCall,
  gateway: Gateway,
): Readable | Promise<Readable> {
  const whole = readWhole(answer, call.snapshot.limits.maxResponseBytes)
  return goOn(whole, (bytes) => judgeWhole(bytes, answer, tried, call, gateway))
}

function judgeWhole(
  bytes: Uint8Array,
  answer: UpstreamAnswer,
  tried: Attempt,
  call: AdmittedCall,
  gateway: Gateway,
): Readable {
  tried.responseBytes = bytes.length
  const verdict = DIALECTS[tried.target.dialect].judgeReply(bytes)
  if (verdict.kind === "fault" && isEventStream(bytes)) {
    const reshaped = asWhole(bytes, tried, call, gateway)
    return "class" in reshaped ? reshaped : wholeAnswer({ ...reshaped, headers: JSON_HEADERS }, tried, call, gateway)
  }
  if (verdict.kind === "fault") return classify(verdict.fault, tried, shownModel(call))
  tried.meter = replyMeter(bytes, verdict, DIALECTS[tried.target.dialect])
  if (tried.translation !== null && !call.request.compacts) {
    const translated = tried.translation.reply(bytes)
    if (!(translated instanceof Uint8Array)) return classify(translated, tried, shownModel(call))
    return wholeAnswer({ bytes: translated, headers: JSON_HEADERS, facts: verdict }, tried, call, gateway)
  }
  const headers: Record<string, string> = { ...JSON_HEADERS }
  copyResponseHeaders(answer.headers, tried.target.provider.secrets, headers)
  const storedIds = returnedInReply(bytes, tried, call)
  return wholeAnswer({ bytes, headers, facts: verdict, storedIds }, tried, call, gateway)
}

/** `bytes`: as they go to the client. */
interface Whole extends Reshaped {
  readonly headers: WholeAnswer["headers"]
  /** Ids of stored state in it; none where the router wrote it anew. */
  readonly storedIds?: AnswerEnd["storedIds"]
}

function wholeAnswer(
  { bytes, headers, facts, storedIds = [] }: Whole,
  tried: Attempt,
  call: AdmittedCall,
  gateway: Gateway,
): WholeAnswer {
  const now = gateway.clock.monotonicMs()
  tried.firstContentAt = now
  const end = targetAnswer(tried, { facts, isWhole: true, storedIds }, call, now)
  return { kind: "unary", bytes, headers, end }
}

async function openStream(
  received: UpstreamAnswer,
  tried: Attempt,
  call: AdmittedCall,
  gateway: Gateway,
): Promise<Readable> {
  const { answer, isStream } = await opened(received)
  if (!isStream) {
    const reshaped = await readUnstreamed(answer, tried, call, gateway)
    return "class" in reshaped ? reshaped : wholeAnswer({ ...reshaped, headers: STREAM_HEADERS }, tried, call, gateway)
  }
  const stream = openUpstream(answer, tried, call, gateway)
  const failure = await stream.untilContent()
  if (failure !== null) return failure
  if (tried.translation !== null) return { kind: "stream", stream, headers: STREAM_HEADERS }
  const headers: Record<string, string> = {}
  copyResponseHeaders(answer.headers, tried.target.provider.secrets, headers)
  // some servers label their streams as plain text or not at all
  if (!headers["content-type"]?.includes("text/event-stream")) headers["content-type"] = "text/event-stream"
  return { kind: "stream", stream, headers }
}

function openUpstream(answer: UpstreamAnswer, attempt: Attempt, call: AdmittedCall, gateway: Gateway): UpstreamStream {
  const { hold, life, facts, id } = call
  const { clock, log } = gateway
  const more = (lease: Lease, tokens: number) => reserveMore(call, lease, tokens, gateway)
  return new UpstreamStream({
    answer,
    attempt,
    id,
    facts,
    shown: shownModel(call),
    maxFrameBytes: call.snapshot.limits.maxFrameBytes,
    life,
    clock,
    log,
    grow: hold === null ? null : (meter, stop) => new Growth(meter, hold, more, stop),
  })
}
