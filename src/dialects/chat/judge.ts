/** Judges a unary Chat Completions body. */
import type { ReplyVerdict } from "../dialect.ts"
import { asArray, asObject, asToken, parseBytes } from "../loose.ts"
import { bodyFault, listedFault } from "../error-words.ts"
import { readChatUsage } from "./usage.ts"

export function judgeReply(bytes: Uint8Array): ReplyVerdict {
  const body = parseBytes(bytes)
  if (body === null) return { kind: "fault", fault: listedFault(bytes) }
  const choices = asArray(body["choices"])
  // an answer of nothing is none
  if (choices.length === 0) return { kind: "fault", fault: bodyFault(body) }
  return {
    kind: "answer",
    usage: readChatUsage(body["usage"]),
    // some servers write "" for none
    stopReason: asToken(asObject(choices[0])?.["finish_reason"] || null),
    serviceTier: asToken(body["service_tier"]),
  }
}
