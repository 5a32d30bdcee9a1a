/**
 * An upstream that answers a streamed request with a whole body, or a unary one with a stream: the answer is good, only its
 * shape is not the one that was asked for. It goes through the canonical form into the client's shape.
 */
import { FRAME, NO_REQUEST_FACTS, type AnswerFacts } from "../../dialects/dialect.ts"
import { replyMeter } from "../../dialects/output-meter.ts"
import { DIALECTS } from "../../dialects/registry.ts"
import { FrameSplitter } from "../../sse/frames.ts"
import { MALFORMED, type Failure } from "../../upstream/failure.ts"
import type { AdmittedCall } from "../call.ts"
import type { Attempt } from "../call/attempt.ts"
import { trace } from "../call/trace.ts"
import type { Gateway } from "../gateway.ts"
import { shownModel } from "../translation/shown-model.ts"
import { homeTranslation } from "../translation/translate.ts"
import { classify } from "./vendor-words.ts"

export interface Reshaped {
  readonly bytes: Uint8Array
  readonly facts: AnswerFacts
}

const WITH_USAGE = { ...NO_REQUEST_FACTS, stream: true }
const encoder = new TextEncoder()

/** A whole body, as the stream that the client asked for. */
export function asStream(bytes: Uint8Array, tried: Attempt, call: AdmittedCall, gateway: Gateway): Reshaped | Failure {
  const verdict = DIALECTS[tried.target.dialect].judgeReply(bytes)
  if (verdict.kind === "fault") return classify(verdict.fault, tried, shownModel(call))
  const text = translated(tried, call, gateway)?.unfolded(bytes) ?? null
  if (text === null) return MALFORMED
  if (typeof text !== "string") return classify(text, tried, shownModel(call))
  tried.meter = replyMeter(bytes, verdict, DIALECTS[tried.target.dialect])
  trace("answer_unfolded", tried.target, null, null, call, gateway)
  return { bytes: encoder.encode(text), facts: verdict }
}

/** Is this the stream that nobody asked for? */
export function isEventStream(bytes: Uint8Array): boolean {
  return /^\uFEFF?\s*(?:data|event|id|retry)?:/.test(Buffer.from(bytes.subarray(0, 64)).toString())
}

/** A stream that has come to its end, as the whole body that the client asked for. */
export function asWhole(bytes: Uint8Array, tried: Attempt, call: AdmittedCall, gateway: Gateway): Reshaped | Failure {
  const observer = DIALECTS[tried.target.dialect].createObserver(WITH_USAGE)
  const splitter = new FrameSplitter(Infinity)
  splitter.push(bytes)
  while (splitter.next())
    if ((observer.frame(splitter.bytes, splitter.start, splitter.end) & FRAME.fault) !== 0)
      return observer.fault === null ? MALFORMED : classify(observer.fault, tried, shownModel(call))
  const body = translated(tried, call, gateway)?.folded(bytes) ?? null
  if (body === null) return MALFORMED
  if (!(body instanceof Uint8Array)) return classify(body, tried, shownModel(call))
  tried.meter = observer.meter
  trace("answer_folded", tried.target, null, null, call, gateway)
  return { bytes: body, facts: observer.facts() }
}

function translated(tried: Attempt, call: AdmittedCall, gateway: Gateway): ReturnType<typeof homeTranslation> {
  return tried.translation ?? homeTranslation(tried.target, call, gateway)
}
