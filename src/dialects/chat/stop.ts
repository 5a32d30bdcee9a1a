/** Finish reasons. https://platform.openai.com/docs/api-reference/chat/object */

import type { JsonObject } from "../../canonical/json.ts"
import type { Loss } from "../../canonical/loss.ts"
import type { Stop, StopIs } from "../../canonical/stop.ts"
import { objectOf, wordsOf } from "./wire.ts"

/** OpenAI's words first, then those of Mistral, Z.ai, Hugging Face and servers that pass on their model's own. */
const MEANINGS: Readonly<Record<string, StopIs>> = {
  stop: "end",
  length: "length",
  tool_calls: "tool-calls",
  function_call: "tool-calls",
  content_filter: "content-filter",
  model_length: "context-length",
  model_context_window_exceeded: "context-length",
  eos: "end",
  eos_token: "end",
  end_turn: "end",
  stop_sequence: "stop-sequence",
  max_tokens: "length",
  tool_use: "tool-calls",
  refusal: "refusal",
}

/**
 * The stop of a choice; null for none, "" included. vLLM (`stop_reason`) and SGLang (`matched_stop`) name the stop
 * sequence; a number there is a token of the model's own.
 */
export function readStop(choice: JsonObject, refused: boolean): Stop | null {
  const raw = wordsOf(choice["finish_reason"])
  const details = objectOf(choice["stop_details"])
  if (raw === undefined) return null
  return { ...meaningOf(raw, choice, refused), ...(details === undefined ? {} : { details }) }
}

function meaningOf(raw: string, choice: JsonObject, refused: boolean): Stop {
  const is = Object.hasOwn(MEANINGS, raw) ? (MEANINGS[raw] ?? "other") : "other"
  if (is === "end" && refused) return { is: "refusal", raw }
  const sequence = wordsOf(choice["stop_reason"]) ?? wordsOf(choice["matched_stop"])
  return is === "end" && sequence !== undefined ? { is: "stop-sequence", raw, sequence } : { is, raw }
}

const WORDS: Readonly<Record<StopIs, string>> = {
  end: "stop",
  "stop-sequence": "stop",
  length: "length",
  "context-length": "length",
  "tool-calls": "tool_calls",
  refusal: "stop",
  "content-filter": "content_filter",
  pause: "stop",
  compaction: "stop",
  other: "stop",
}

const REDUCED: ReadonlySet<StopIs> = new Set<StopIs>(["context-length", "pause", "compaction", "other"])

/** What of the answer's blocks reached the client. */
export interface Shown {
  readonly calls: boolean
  /** The client speaks of functions, not tools. */
  readonly legacy: boolean
}

export function finishReason(stop: Stop, shown: Shown): string {
  if (stop.is === "tool-calls") return shown.calls ? (shown.legacy ? "function_call" : "tool_calls") : "stop"
  return WORDS[stop.is]
}

export function stopLosses(stop: Stop): readonly Loss[] {
  const isReduced = REDUCED.has(stop.is) || stop.sequence !== undefined
  return isReduced ? [{ code: "reply-stop", path: "stop" }] : []
}

/** Beside the finish reason, which has no word for it. */
export function stopFields({ details }: Stop): JsonObject {
  return details === undefined ? {} : { stop_details: details }
}
