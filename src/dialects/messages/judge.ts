/** Judges a unary Messages body. */
import type { ReplyVerdict } from "../dialect.ts"
import { asObject, asString, asToken, parseBytes } from "../loose.ts"
import { bodyFault, listedFault } from "../error-words.ts"
import { readMessagesUsage } from "./usage.ts"

export function judgeReply(bytes: Uint8Array): ReplyVerdict {
  const body = parseBytes(bytes)
  if (body === null) return { kind: "fault", fault: listedFault(bytes) }
  const hasContent = Array.isArray(body["content"]) || typeof body["content"] === "string"
  if (body["type"] === "error" || !hasContent) return { kind: "fault", fault: bodyFault(body) }
  return {
    kind: "answer",
    usage: readMessagesUsage(body["usage"], asString(body["model"])),
    stopReason: asToken(body["stop_reason"]),
    serviceTier: asToken(asObject(body["usage"])?.["service_tier"]),
  }
}
