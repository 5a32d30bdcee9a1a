/** The response object around the output, the same in all events of one answer but for its state. */

import { setOwn, type JsonObject, type JsonValue } from "../../canonical/json.ts"
import type { ReplyOptions } from "../codec.ts"
import { booleanOf, ID_PREFIX, numberOf, objectOf, objectsOf, stringOf } from "./wire.ts"

/** Minted once per answer. */
export interface ResponseHead {
  readonly id: string
  readonly model: string
  readonly created: number
}

export interface ResponseState {
  readonly status: "in_progress" | "completed" | "incomplete" | "failed"
  readonly output: readonly JsonObject[]
  readonly usage: JsonObject | null
  readonly error: JsonObject | null
  readonly incompleteReason: string | null
  /** Messages' `stop_details`. */
  readonly stopDetails: JsonObject | null
  readonly serviceTier: string | undefined
  /** Unix seconds; null: it was not completed. */
  readonly completedAt: number | null
}

export function responseHead(options: ReplyOptions, model: string, created: number | null): ResponseHead {
  const shown = options.model ?? (model === "" ? options.request.model : model)
  return { id: options.mint(ID_PREFIX.response), model: shown, created: created ?? options.now() }
}

/** All fields that published schemas demand; `echo` comes from `echoOf`. */
export function responseObject(head: ResponseHead, echo: JsonObject, state: ResponseState): JsonObject {
  return {
    id: head.id,
    object: "response",
    created_at: head.created,
    status: state.status,
    completed_at: state.completedAt,
    error: state.error,
    incomplete_details: state.incompleteReason === null ? null : { reason: state.incompleteReason },
    ...(state.stopDetails === null ? {} : { stop_details: state.stopDetails }),
    model: head.model,
    output: state.output,
    usage: state.usage,
    ...echo,
    service_tier: wireTier(state.serviceTier) ?? echo["service_tier"],
  }
}

const TIERS: readonly string[] = ["auto", "default", "flex", "scale", "priority", "fast", "ultrafast"]

/** Undefined: not said, or a word that this dialect lacks. */
export function wireTier(tier: string | undefined): string | undefined {
  if (tier === "standard") return "default"
  return tier !== undefined && TIERS.includes(tier) ? tier : undefined
}

/**
 * What the vendor repeats of the request, with its defaults. Nothing was stored, whatever was asked for: an echo that
 * promised it would lead the client to `previous_response_id`.
 */
export function echoOf(body: JsonObject): JsonObject {
  return {
    background: false,
    frequency_penalty: numberOf(body["frequency_penalty"]) ?? 0,
    instructions: body["instructions"] ?? null,
    max_output_tokens: numberOf(body["max_output_tokens"]) ?? null,
    max_tool_calls: numberOf(body["max_tool_calls"]) ?? null,
    metadata: objectOf(body["metadata"]) ?? {},
    parallel_tool_calls: booleanOf(body["parallel_tool_calls"]) ?? true,
    presence_penalty: numberOf(body["presence_penalty"]) ?? 0,
    previous_response_id: null,
    prompt_cache_key: stringOf(body["prompt_cache_key"]) ?? null,
    reasoning: { effort: null, summary: null, ...objectOf(body["reasoning"]) },
    safety_identifier: stringOf(body["safety_identifier"]) ?? null,
    service_tier: wireTier(stringOf(body["service_tier"])) ?? "default",
    store: false,
    temperature: numberOf(body["temperature"]) ?? 1,
    text: { format: { type: "text" }, ...withoutNulls(objectOf(body["text"])) },
    tool_choice: body["tool_choice"] ?? "auto",
    tools: objectsOf(body["tools"]).map(echoTool),
    top_logprobs: numberOf(body["top_logprobs"]) ?? 0,
    top_p: numberOf(body["top_p"]) ?? 1,
    truncation: body["truncation"] ?? "disabled",
    user: stringOf(body["user"]) ?? null,
  }
}

/** Absent `strict` means true. */
function echoTool(tool: JsonObject): JsonObject {
  if (tool["type"] !== "function") return tool
  return { type: "function", description: null, parameters: null, strict: true, ...tool }
}

function withoutNulls(object: JsonObject | undefined): Readonly<Record<string, JsonValue>> {
  const kept: Record<string, JsonValue> = {}
  for (const [key, value] of Object.entries(object ?? {}))
    if (value !== null && value !== undefined) setOwn(kept, key, value)
  return kept
}
