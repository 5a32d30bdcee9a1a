/** Stop reasons: https://platform.claude.com/docs/en/api/messages */

import type { JsonObject } from "../../canonical/json.ts"
import type { Losses } from "../../canonical/loss.ts"
import type { Stop, StopIs } from "../../canonical/stop.ts"
import { objectField, textField } from "./wire.ts"

const IS: ReadonlyMap<string, StopIs> = new Map([
  ["end_turn", "end"],
  ["stop_sequence", "stop-sequence"],
  ["max_tokens", "length"],
  ["model_context_window_exceeded", "context-length"],
  ["tool_use", "tool-calls"],
  ["refusal", "refusal"],
  ["pause_turn", "pause"],
  ["compaction", "compaction"],
])

const WIRE: Readonly<Record<StopIs, string>> = {
  end: "end_turn",
  "stop-sequence": "stop_sequence",
  length: "max_tokens",
  "context-length": "model_context_window_exceeded",
  "tool-calls": "tool_use",
  refusal: "refusal",
  "content-filter": "refusal",
  pause: "pause_turn",
  compaction: "compaction",
  other: "end_turn",
}

/** `holder` is a message or the `delta` of a `message_delta`; null without a reason. */
export function readStop(holder: JsonObject): Stop | null {
  const raw = textField(holder, "stop_reason")
  if (raw === null) return null
  const sequence = textField(holder, "stop_sequence")
  const details = objectField(holder, "stop_details")
  return {
    is: IS.get(raw) ?? "other",
    raw,
    ...(sequence === null ? {} : { sequence }),
    ...(details === null ? {} : { details }),
  }
}

/** What of the answer's blocks reached the client. */
export interface Shown {
  readonly refusal: boolean
  readonly calls: boolean
}

/**
 * The three stop fields. A reply that refused in words and then ended says so: Messages has no other place for it. Clients
 * that are told of a call look for one.
 */
export function writeStop(stop: Stop, shown: Shown, losses: Losses): JsonObject {
  if (stop.is === "other") losses.add("reply-stop", "stop")
  const is = stop.is === "tool-calls" && !shown.calls ? "end" : stop.is
  const reason = is === "end" && shown.refusal ? "refusal" : WIRE[is]
  return { stop_reason: reason, stop_sequence: stop.sequence ?? null, stop_details: stop.details ?? null }
}
