/** Judges a unary Chat Completions body. */
import { NO_FAULT, type ReplyVerdict } from "../dialect.ts"
import { asArray, asObject, asToken, parseBytes } from "../loose.ts"
import { bodyFault } from "../openai-error.ts"
import { readChatUsage } from "./usage.ts"

export function judgeReply(bytes: Uint8Array): ReplyVerdict {
  const body = parseBytes(bytes)
  if (body === null) return { kind: "fault", fault: NO_FAULT }
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
