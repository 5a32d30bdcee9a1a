/** A stream was asked for and a plain body came: an error, or an answer of a server that cannot stream. */
import { DIALECTS } from "../dialects/registry.ts"
import { readWhole, type UpstreamAnswer } from "../upstream/answer.ts"
import { EMPTY_STREAM, type Failure } from "../upstream/failure.ts"
import type { Attempt, Call } from "./call.ts"
import type { Gateway } from "./gateway.ts"
import { asStream, type Reshaped } from "./reshape.ts"
import { faulted } from "./vendor-words.ts"

export function isUnstreamed({ headers }: UpstreamAnswer): boolean {
  const type = headers.get("content-type") ?? ""
  const encoding = headers.get("content-encoding") ?? "identity"
  return encoding !== "identity" || (/json|html/i.test(type) && !type.includes("event-stream"))
}

/** The plain body as the client's stream, or what it means. @throws RangeError when it is larger than the bound of unary bodies */
export async function readUnstreamed(
  answer: UpstreamAnswer,
  tried: Attempt,
  call: Call,
  gateway: Gateway,
): Promise<Reshaped | Failure> {
  const bytes = await readWhole(answer, call.snapshot.limits.maxResponseBytes)
  tried.responseBytes = bytes.length
  if (bytes.length === 0) return EMPTY_STREAM
  const verdict = DIALECTS[tried.target.dialect].judgeReply(bytes)
  return verdict.kind === "answer" ? asStream(bytes, tried, call, gateway) : faulted(verdict.fault, tried, call)
}
