/**
 * An upstream that answers a streamed request with a whole body, or a unary one with a stream: the answer is good, only its
 * shape is not the one that was asked for. It goes through the canonical form into the client's shape.
 */
import { FRAME, NO_REQUEST_FACTS, type AnswerFacts, type DialectName } from "../dialects/dialect.ts"
import { DIALECTS } from "../dialects/registry.ts"
import { replyMeter } from "../dialects/output-meter.ts"
import { FrameSplitter } from "../sse/frames.ts"
import { MALFORMED, type Failure } from "../upstream/failure.ts"
import type { Attempt, Call } from "./call.ts"
import type { Gateway } from "./gateway.ts"
import { eventsInLines } from "./json-lines.ts"
import { trace } from "./trace.ts"
import { homeTranslation } from "./translate.ts"
import { faulted } from "./vendor-words.ts"

export interface Reshaped {
  readonly bytes: Uint8Array
  readonly facts: AnswerFacts
}

const WITH_USAGE = { ...NO_REQUEST_FACTS, stream: true }
const encoder = new TextEncoder()

/** A whole body, as the stream that the client asked for. */
export function asStream(bytes: Uint8Array, tried: Attempt, call: Call, gateway: Gateway): Reshaped | Failure {
  const verdict = DIALECTS[tried.target.dialect].judgeReply(bytes)
  if (verdict.kind === "fault") return faulted(verdict.fault, tried, call)
  const text = translated(tried, call, gateway)?.unfolded(bytes) ?? null
  if (text === null) return MALFORMED
  if (typeof text !== "string") return faulted(text, tried, call)
  call.meter = replyMeter(bytes, verdict, DIALECTS[tried.target.dialect])
  trace("answer_unfolded", tried.target, null, null, call, gateway)
  return { bytes: encoder.encode(text), facts: verdict }
}

/** Is this the stream that nobody asked for? */
export function isEventStream(bytes: Uint8Array): boolean {
  return /^\uFEFF?\s*(?:data|event|id|retry)?:/.test(Buffer.from(bytes.subarray(0, 64)).toString())
}

/** The events of a stream that nobody asked for; null where the bytes are none. */
export function eventsIn(bytes: Uint8Array, dialect: DialectName): Uint8Array | null {
  return isEventStream(bytes) ? bytes : eventsInLines(bytes, dialect)
}

/** A stream that has come to its end, as the whole body that the client asked for. */
export function asWhole(bytes: Uint8Array, tried: Attempt, call: Call, gateway: Gateway): Reshaped | Failure {
  const observer = DIALECTS[tried.target.dialect].createObserver(WITH_USAGE)
  const splitter = new FrameSplitter(Infinity)
  splitter.push(bytes)
  while (splitter.next())
    if ((observer.frame(splitter.bytes, splitter.start, splitter.end) & FRAME.fault) !== 0)
      return observer.fault === null ? MALFORMED : faulted(observer.fault, tried, call)
  const body = translated(tried, call, gateway)?.folded(bytes) ?? null
  if (body === null) return MALFORMED
  if (!(body instanceof Uint8Array)) return faulted(body, tried, call)
  call.meter = observer.meter
  trace("answer_folded", tried.target, null, null, call, gateway)
  return { bytes: body, facts: observer.facts() }
}

function translated(tried: Attempt, call: Call, gateway: Gateway): ReturnType<typeof homeTranslation> {
  return tried.translation ?? homeTranslation(tried.target, call, gateway)
}
