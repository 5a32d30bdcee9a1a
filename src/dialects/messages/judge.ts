/** Judges a unary Messages body. */
import { NO_FAULT, type ReplyVerdict } from "../dialect.ts"
import { asObject, asString, asToken, parseBytes } from "../loose.ts"
import { bodyFault } from "../openai-error.ts"
import { readMessagesUsage } from "./usage.ts"

export function judgeReply(bytes: Uint8Array): ReplyVerdict {
  const body = parseBytes(bytes)
  if (body === null) return { kind: "fault", fault: NO_FAULT }
  if (body["type"] === "error" || !Array.isArray(body["content"])) return { kind: "fault", fault: bodyFault(body) }
  return {
    kind: "answer",
    usage: readMessagesUsage(body["usage"], asString(body["model"])),
    stopReason: asToken(body["stop_reason"]),
    serviceTier: asToken(asObject(body["usage"])?.["service_tier"]),
  }
}
