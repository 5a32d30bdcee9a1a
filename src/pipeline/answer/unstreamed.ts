/** A stream was asked for and a plain body came: an error, or an answer of a server that cannot stream. */
import { readWhole, type UpstreamAnswer } from "../../upstream/answer.ts"
import { canDecode, DecodedAnswer, encodingOf } from "../../upstream/decoded-answer.ts"
import { EMPTY_STREAM, type AttemptFailure } from "../../upstream/failure.ts"
import type { AdmittedCall } from "../call.ts"
import type { Attempt } from "../call/attempt.ts"
import type { Gateway } from "../gateway.ts"
import { eventsInLines } from "./json-lines.ts"
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

/**
 * The plain body as the client's stream, or what it means; a stream in lines of JSON as the answer that it is.
 * @throws RangeError when it is larger than the bound of unary bodies
 */
export async function readUnstreamed(
  answer: UpstreamAnswer,
  tried: Attempt,
  call: AdmittedCall,
  gateway: Gateway,
): Promise<Reshaped | AttemptFailure | UpstreamAnswer> {
  const bytes = await readWhole(answer, call.snapshot.limits.maxResponseBytes)
  tried.responseBytes = bytes.length
  return bytes.length === 0 ? EMPTY_STREAM : understand(bytes, answer, tried, call, gateway)
}

/** The same of bytes that came under the label of a stream. */
export async function understand(
  bytes: Uint8Array,
  answer: UpstreamAnswer,
  tried: Attempt,
  call: AdmittedCall,
  gateway: Gateway,
): Promise<Reshaped | AttemptFailure | UpstreamAnswer> {
  const judged = await judgeReply(bytes, tried, call, gateway)
  const events = judged.verdict.kind === "fault" ? eventsInLines(bytes, tried.target.dialect) : null
  return events === null ? asStream(bytes, judged, tried, call, gateway) : inMemory(events, answer)
}

function inMemory(bytes: Uint8Array, { status, headers }: UpstreamAnswer): UpstreamAnswer {
  let rest: readonly Uint8Array[] | null = [bytes]
  const take = (): readonly Uint8Array[] => {
    const pieces = rest ?? []
    rest = null
    return pieces
  }
  return {
    status,
    headers,
    complete: true,
    take,
    read: async () => (rest === null ? null : take()),
    flow: async (taken) => rest !== null && taken(take()),
  }
}
