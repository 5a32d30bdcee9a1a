/** Judges a unary Responses body. */
import type { ReplyVerdict } from "../dialect.ts"
import { asObject, asToken, parseBytes, type Loose } from "../loose.ts"
import { bodyFault, faultOf, listedFault } from "../error-words.ts"
import { readResponsesUsage } from "./usage.ts"

export function judgeReply(bytes: Uint8Array): ReplyVerdict {
  const body = parseBytes(bytes)
  if (body === null) return { kind: "fault", fault: listedFault(bytes) }
  if (!Array.isArray(body["output"])) return { kind: "fault", fault: bodyFault(body) }
  if (isProviderFailure(body)) return { kind: "fault", fault: faultOf(body["error"]) }
  return {
    kind: "answer",
    usage: readResponsesUsage(body["usage"], body),
    stopReason: stopReasonOf(body),
    serviceTier: asToken(body["service_tier"]),
  }
}

/** `incomplete_details.reason` says more than the status `incomplete`. */
export function stopReasonOf(response: Loose): string | null {
  return asToken(asObject(response["incomplete_details"])?.["reason"]) ?? asToken(response["status"])
}

/** Failures that are the caller's own stand in the answer as they are, because agents heal themselves by them. */
const CALLER_FAULTS: ReadonlySet<string> = new Set([
  "context_length_exceeded",
  "invalid_prompt",
  "cyber_policy",
  "invalid_image",
  "invalid_image_format",
  "invalid_base64_image",
  "invalid_image_url",
  "image_too_large",
  "image_too_small",
  "image_parse_error",
  "image_content_policy_violation",
  "invalid_image_mode",
  "image_file_too_large",
  "unsupported_image_media_type",
  "empty_image_file",
  "failed_to_download_image",
  "image_file_not_found",
])

/** Did the response fail through a fault that another target could cure? */
export function isProviderFailure(response: Loose): boolean {
  return response["status"] === "failed" && !CALLER_FAULTS.has(faultOf(response["error"]).code ?? "")
}
