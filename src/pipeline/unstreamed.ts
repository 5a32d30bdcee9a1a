/** A stream was asked for and a plain body came: an error, or a server that cannot stream. */
import { DIALECTS } from "../dialects/registry.ts"
import { readWhole, type UpstreamAnswer } from "../upstream/answer.ts"
import { EMPTY_STREAM, MALFORMED, classifyFault, type Failure } from "../upstream/failure.ts"
import type { Attempt } from "./call.ts"

export function isUnstreamed({ headers }: UpstreamAnswer): boolean {
  const type = headers.get("content-type") ?? ""
  const encoding = headers.get("content-encoding") ?? "identity"
  return encoding !== "identity" || (/json|html/i.test(type) && !type.includes("event-stream"))
}

/** What the plain body means. @throws RangeError when it is larger than `maxBytes` */
export async function judgeUnstreamed(answer: UpstreamAnswer, tried: Attempt, maxBytes: number): Promise<Failure> {
  const bytes = await readWhole(answer, maxBytes)
  tried.responseBytes = bytes.length
  if (bytes.length === 0) return EMPTY_STREAM
  const fault = DIALECTS[tried.target.dialect].readFault(bytes)
  return fault === null ? MALFORMED : classifyFault(fault)
}
