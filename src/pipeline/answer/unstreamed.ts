/** A stream was asked for and a plain body came: an error, or an answer of a server that cannot stream. */
import { readWhole, type UpstreamAnswer } from "../../upstream/answer.ts"
import { canDecode, DecodedAnswer, encodingOf } from "../../upstream/decoded-answer.ts"
import { EMPTY_STREAM, type Failure } from "../../upstream/failure.ts"
import type { AdmittedCall } from "../call.ts"
import type { Attempt } from "../call/attempt.ts"
import type { Gateway } from "../gateway.ts"
import { judgeReply } from "./judge-answer.ts"
import { asStream, isEventStream, type Reshaped } from "./reshape.ts"

function isUnstreamed(answer: UpstreamAnswer): boolean {
  return encodingOf(answer) !== "identity" || !isLabelled(answer)
}

/** Servers label their streams as plain text, or not at all; other labels speak of a whole body. */
function isLabelled({ headers }: UpstreamAnswer): boolean {
  const type = headers.get("content-type") ?? ""
  return type.includes("event-stream") || !/json|html/i.test(type)
}

/**
 * The answer as a stream, decoded where it was compressed without being asked, also where its label speaks of a whole
 * body; or the same answer to be read as a whole. Rejects where it breaks off.
 */
export async function opened(
  answer: UpstreamAnswer,
): Promise<{ readonly answer: UpstreamAnswer; readonly isStream: boolean }> {
  if (!isUnstreamed(answer)) return { answer, isStream: true }
  if (!canDecode(answer)) return { answer, isStream: false }
  const decoded = new DecodedAnswer(answer)
  return { answer: decoded, isStream: isEventStream(await decoded.head()) }
}

/** The plain body as the client's stream, or what it means. @throws RangeError when it is larger than the bound of unary bodies */
export async function readUnstreamed(
  answer: UpstreamAnswer,
  tried: Attempt,
  call: AdmittedCall,
  gateway: Gateway,
): Promise<Reshaped | Failure> {
  const bytes = await readWhole(answer, call.snapshot.limits.maxResponseBytes)
  tried.responseBytes = bytes.length
  if (bytes.length === 0) return EMPTY_STREAM
  return asStream(bytes, await judgeReply(bytes, tried, call, gateway), tried, call, gateway)
}
