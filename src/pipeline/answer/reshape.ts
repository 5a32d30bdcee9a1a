/**
 * An upstream that answers a streamed request with a whole body, or a unary one with a stream: the answer is good, only its
 * shape is not the one that was asked for. It goes through the canonical form into the client's shape.
 */
import type { AnswerFacts } from "../../dialects/dialect.ts"
import type { DialectName } from "../../dialects/name.ts"
import { MALFORMED, type AttemptFailure } from "../../upstream/failure.ts"
import type { JudgedReply } from "../apart/judged-answer.ts"
import type { AdmittedCall } from "../call.ts"
import type { Attempt } from "../call/attempt.ts"
import { trace } from "../call/trace.ts"
import type { Gateway } from "../gateway.ts"
import { shownModel } from "../translation/shown-model.ts"
import { homeTranslation } from "../translation/translate.ts"
import type { Translation } from "../translation/translation.ts"
import { eventsInLines } from "./json-lines.ts"
import { judgeStream, turn } from "./judge-answer.ts"
import { classify } from "./vendor-words.ts"

export interface Reshaped {
  readonly bytes: Uint8Array
  readonly facts: AnswerFacts
}

/** A whole body, as the stream that the client asked for. */
export async function asStream(
  bytes: Uint8Array,
  { verdict, meter }: JudgedReply,
  tried: Attempt,
  call: AdmittedCall,
  gateway: Gateway,
): Promise<Reshaped | AttemptFailure> {
  if (verdict.kind === "fault") return classify(verdict.fault, tried, shownModel(call))
  const translation = await translationOf(tried, call, gateway)
  if (translation === null) return MALFORMED
  const stream = await turn("unfold", bytes, translation, call, gateway)
  if (!(stream instanceof Uint8Array)) return classify(stream, tried, shownModel(call))
  tried.meter = meter
  trace("answer_unfolded", tried.target, null, null, call, gateway)
  return { bytes: stream, facts: verdict }
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
export async function asWhole(
  bytes: Uint8Array,
  tried: Attempt,
  call: AdmittedCall,
  gateway: Gateway,
): Promise<Reshaped | AttemptFailure> {
  const { fault, facts, meter } = await judgeStream(bytes, tried, call, gateway)
  if (fault === "unsaid") return MALFORMED
  if (fault !== null) return classify(fault, tried, shownModel(call))
  const translation = await translationOf(tried, call, gateway)
  if (translation === null) return MALFORMED
  const body = await turn("fold", bytes, translation, call, gateway)
  if (!(body instanceof Uint8Array)) return classify(body, tried, shownModel(call))
  tried.meter = meter
  trace("answer_folded", tried.target, null, null, call, gateway)
  return { bytes: body, facts }
}

function translationOf(
  { translation, target }: Attempt,
  call: AdmittedCall,
  gateway: Gateway,
): Translation | null | Promise<Translation | null> {
  return translation ?? homeTranslation(target, call, gateway)
}
