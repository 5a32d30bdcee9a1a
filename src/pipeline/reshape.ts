/**
 * An upstream that answers a streamed request with a whole body, or a unary one with a stream: the answer is good, only its
 * shape is not the one that was asked for. It goes through the canonical form into the client's shape.
 */
import type { AnswerFacts, DialectName } from "../dialects/dialect.ts"
import { MALFORMED, type Failure } from "../upstream/failure.ts"
import type { JudgedReply } from "./apart/judged-answer.ts"
import type { Attempt, Call } from "./call.ts"
import type { Gateway } from "./gateway.ts"
import { eventsInLines } from "./json-lines.ts"
import { judgeStream, turn } from "./read-answer.ts"
import { trace } from "./trace.ts"
import { homeTranslation } from "./translate.ts"
import type { Translation } from "./translation.ts"
import { faulted } from "./vendor-words.ts"

export interface Reshaped {
  readonly bytes: Uint8Array
  readonly facts: AnswerFacts
}

/** A whole body, as the stream that the client asked for. */
export async function asStream(
  bytes: Uint8Array,
  { verdict, meter }: JudgedReply,
  tried: Attempt,
  call: Call,
  gateway: Gateway,
): Promise<Reshaped | Failure> {
  if (verdict.kind === "fault") return faulted(verdict.fault, tried, call)
  const translation = await translationOf(tried, call, gateway)
  if (translation === null) return MALFORMED
  const stream = await turn("unfold", bytes, translation, call, gateway)
  if (!(stream instanceof Uint8Array)) return faulted(stream, tried, call)
  call.meter = meter
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
  call: Call,
  gateway: Gateway,
): Promise<Reshaped | Failure> {
  const { fault, facts, meter } = await judgeStream(bytes, tried, call, gateway)
  if (fault === "unsaid") return MALFORMED
  if (fault !== null) return faulted(fault, tried, call)
  const translation = await translationOf(tried, call, gateway)
  if (translation === null) return MALFORMED
  const body = await turn("fold", bytes, translation, call, gateway)
  if (!(body instanceof Uint8Array)) return faulted(body, tried, call)
  call.meter = meter
  trace("answer_folded", tried.target, null, null, call, gateway)
  return { bytes: body, facts }
}

function translationOf(
  { translation, target }: Attempt,
  call: Call,
  gateway: Gateway,
): Translation | null | Promise<Translation | null> {
  return translation ?? homeTranslation(target, call, gateway)
}
