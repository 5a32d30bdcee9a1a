/** Reads what a target answers, into what the client is to get. */
import type { Lease } from "../../governance/state.ts"
import { readWhole, type UpstreamAnswer } from "../../upstream/answer.ts"
import type { AttemptFailure } from "../../upstream/failure.ts"
import { copyResponseHeaders } from "../../upstream/headers.ts"
import type { JudgedReply } from "../apart/judged-answer.ts"
import type { AdmittedCall } from "../call.ts"
import type { Attempt } from "../call/attempt.ts"
import { goOn } from "../call/go-on.ts"
import { targetAnswer, type AnswerEnd } from "../call/outcome.ts"
import type { Gateway } from "../gateway.ts"
import { Growth } from "../limits/growth.ts"
import { reserveMore } from "../limits/reserve-more.ts"
import { compactsAtVendor } from "../targets/target-below.ts"
import { renameReply, shownModel } from "../translation/shown-model.ts"
import type { Answer, WholeAnswer } from "./answer.ts"
import { judgeReply, turn } from "./judge-answer.ts"
import { asWhole, eventsIn, type Reshaped } from "./reshape.ts"
import { openUnstreamed, readUnstreamed, understand } from "./unstreamed.ts"
import { UpstreamStream } from "./upstream-stream.ts"
import { classify } from "./vendor-words.ts"

type Readable = Exclude<Answer, { readonly kind: "relay" }> | AttemptFailure

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

/** At once where the answer is here as a whole, and small. */
function wholeReply(
  answer: UpstreamAnswer,
  tried: Attempt,
  call: AdmittedCall,
  gateway: Gateway,
): Readable | Promise<Readable> {
  return goOn(readWhole(answer, call.snapshot.limits.maxResponseBytes), (bytes) => {
    tried.responseBytes = bytes.length
    return goOn(judgeReply(bytes, tried, call, gateway), (judged) =>
      replyFrom(bytes, judged, answer, tried, call, gateway),
    )
  })
}

function replyFrom(
  bytes: Uint8Array,
  { verdict, returned, meter }: JudgedReply,
  answer: UpstreamAnswer,
  tried: Attempt,
  call: AdmittedCall,
  gateway: Gateway,
): Readable | Promise<Readable> {
  const shown = shownModel(call)
  const events = verdict.kind === "answer" ? null : eventsIn(bytes, tried.target.dialect)
  if (events !== null)
    return asWhole(events, tried, call, gateway).then((reshaped) =>
      "class" in reshaped ? reshaped : wholeAnswer({ ...reshaped, headers: JSON_HEADERS }, tried, call, gateway),
    )
  if (verdict.kind === "fault") return classify(verdict.fault, tried, shown)
  tried.meter = meter
  if (tried.translation !== null && !compactsAtVendor(tried.target, call.request))
    return goOn(turn("reply", bytes, tried.translation, call, gateway), (translated) =>
      translated instanceof Uint8Array
        ? wholeAnswer({ bytes: translated, headers: JSON_HEADERS, facts: verdict, told: bytes }, tried, call, gateway)
        : classify(translated, tried, shown),
    )
  const headers: Record<string, string> = { ...JSON_HEADERS }
  copyResponseHeaders(answer.headers, tried.target.provider.secrets, headers)
  return goOn(renameReply(bytes, shown, call.credential.caller.id, gateway), (renamed) =>
    wholeAnswer({ bytes: renamed, headers, facts: verdict, storedIds: returned, told: bytes }, tried, call, gateway),
  )
}

/** `bytes`: as they go to the client. */
interface Whole extends Reshaped {
  readonly headers: WholeAnswer["headers"]
  /** Ids of stored state in it; none where the router wrote it anew. */
  readonly storedIds?: AnswerEnd["storedIds"]
  readonly told?: WholeAnswer["told"]
}

function wholeAnswer(
  { bytes, headers, facts, storedIds = [], told = null }: Whole,
  tried: Attempt,
  call: AdmittedCall,
  gateway: Gateway,
): WholeAnswer {
  const now = gateway.clock.monotonicMs()
  tried.firstContentAt = now
  const end = targetAnswer(tried, { facts, isWhole: true, storedIds }, call, now)
  return { kind: "unary", bytes, headers, told, end }
}

async function openStream(
  received: UpstreamAnswer,
  tried: Attempt,
  call: AdmittedCall,
  gateway: Gateway,
): Promise<Readable> {
  const { answer, isStream } = await openUnstreamed(received)
  if (isStream) return beginStream(answer, tried, call, gateway)
  return mend(await readUnstreamed(answer, tried, call, gateway), tried, call, gateway)
}

/** What came in another form than that of a stream. */
function mend(
  result: Reshaped | AttemptFailure | UpstreamAnswer,
  tried: Attempt,
  call: AdmittedCall,
  gateway: Gateway,
): Readable | Promise<Readable> {
  if ("class" in result) return result
  if ("bytes" in result) return wholeAnswer({ ...result, headers: STREAM_HEADERS }, tried, call, gateway)
  return beginStream(result, tried, call, gateway)
}

async function beginStream(
  answer: UpstreamAnswer,
  tried: Attempt,
  call: AdmittedCall,
  gateway: Gateway,
): Promise<Readable> {
  const stream = openUpstream(answer, tried, call, gateway)
  const failure = await stream.untilContent()
  if (stream.unframed !== null)
    return mend(await understand(stream.unframed, answer, tried, call, gateway), tried, call, gateway)
  if (failure !== null) return failure
  if (tried.translation !== null) return { kind: "stream", stream, headers: STREAM_HEADERS }
  const headers: Record<string, string> = {}
  copyResponseHeaders(answer.headers, tried.target.provider.secrets, headers)
  // some servers label their streams as plain text or not at all
  if (!headers["content-type"]?.includes("text/event-stream")) headers["content-type"] = "text/event-stream"
  return { kind: "stream", stream, headers }
}

function openUpstream(answer: UpstreamAnswer, attempt: Attempt, call: AdmittedCall, gateway: Gateway): UpstreamStream {
  const { hold, life, facts, id, credential } = call
  const { clock, log, loop, apart } = gateway
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
    loop,
    apart,
    callerId: credential.caller.id,
    copy: call.caching?.copy ?? null,
    grow: hold === null ? null : (meter, stop) => new Growth(meter, hold, more, stop),
  })
}
