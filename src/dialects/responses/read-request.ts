/** A request body as a canonical request. */

import { isObject, type JsonObject, type JsonValue } from "../../canonical/json.ts"
import { Losses, type Loss } from "../../canonical/loss.ts"
import type { Identity, OutputFormat, ReasoningWish, Request, Sampling, State } from "../../canonical/request.ts"
import { invalid, readContent } from "./read-content.ts"
import { readInput } from "./read-input.ts"
import { readChoice, ToolReader, type ReadTools } from "./read-tools.ts"
import {
  booleanOf,
  INCLUDE_LOGPROBS,
  listOf,
  numberOf,
  objectOf,
  objectsOf,
  withoutAbsent,
  stringOf,
  unknownFields,
} from "./wire.ts"

/** Top-level fields with a canonical meaning; all others are `extra`. */
const KNOWN: readonly string[] = [
  "model",
  "input",
  "instructions",
  "tools",
  "tool_choice",
  "parallel_tool_calls",
  "max_output_tokens",
  "temperature",
  "top_p",
  "top_logprobs",
  "frequency_penalty",
  "presence_penalty",
  "text",
  "reasoning",
  "metadata",
  "client_metadata",
  "user",
  "safety_identifier",
  "prompt_cache_key",
  "prompt_cache_retention",
  "prompt_cache_options",
  "previous_response_id",
  "conversation",
  "store",
  "background",
  "service_tier",
  "stream",
  "include",
]

/** Throws `RouterError`. */
export function readRequest(value: JsonValue): { readonly request: Request; readonly losses: readonly Loss[] } {
  if (!isObject(value)) throw invalid("body", "must be an object")
  const body = withoutNulls(value)
  const losses = new Losses()
  const instructions = body["instructions"]
  if (instructions !== undefined && typeof instructions !== "string") throw invalid("instructions", "must be a string")
  const include = listOf(body["include"]).filter((entry) => typeof entry === "string")
  const tokens = numberOf(body["max_output_tokens"])
  const output = readFormat(objectOf(objectOf(body["text"])?.["format"]), losses)
  const request: Request = withoutAbsent({
    dialect: "responses" as const,
    model: stringOf(body["model"]) ?? "",
    instructions: readContent(instructions, "instructions"),
    messages: readInput(body["input"], losses),
    ...readTools(body, losses),
    toolChoice: readChoice(body["tool_choice"]),
    parallelToolCalls: booleanOf(body["parallel_tool_calls"]),
    output,
    verbosity: stringOf(objectOf(body["text"])?.["verbosity"]),
    stopSequences: [],
    cap: tokens === undefined ? undefined : { tokens, field: "max_output_tokens" as const },
    sampling: readSampling(body, include),
    reasoning: readReasoningWish(objectOf(body["reasoning"])),
    identity: readIdentity(body),
    state: readState(body),
    serviceTier: stringOf(body["service_tier"]),
    stream: body["stream"] === true,
    includeUsage: true,
    include,
    extra: readExtra(body),
  })
  return { request, losses: losses.list() }
}

function withoutNulls(body: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null))
}

function readTools(body: JsonObject, losses: Losses): ReadTools {
  const reader = new ToolReader(losses)
  reader.declared(body["tools"])
  for (const item of objectsOf(body["input"])) {
    if (item["type"] === "additional_tools" || item["type"] === "tool_search_output") reader.inline(item)
  }
  return reader.result()
}

const SCHEMA_FIELDS = ["type", "name", "schema", "strict", "description"]

function readFormat(format: JsonObject | undefined, losses: Losses): OutputFormat | undefined {
  if (format === undefined) return undefined
  if (format["type"] === "text") return { kind: "text" }
  if (format["type"] === "json_object") return { kind: "json" }
  const schema = objectOf(format["schema"])
  if (format["type"] !== "json_schema" || schema === undefined) {
    return { kind: "raw", dialect: "responses", raw: format }
  }
  if (unknownFields(format, SCHEMA_FIELDS) !== undefined) losses.add("output-format", "text.format")
  return withoutAbsent({
    kind: "schema" as const,
    schema,
    name: stringOf(format["name"]),
    description: stringOf(format["description"]),
    strict: booleanOf(format["strict"]),
  })
}

function readSampling(body: JsonObject, include: readonly string[]): Sampling {
  return withoutAbsent({
    temperature: numberOf(body["temperature"]),
    topP: numberOf(body["top_p"]),
    frequencyPenalty: numberOf(body["frequency_penalty"]),
    presencePenalty: numberOf(body["presence_penalty"]),
    logprobs: include.includes(INCLUDE_LOGPROBS) ? true : undefined,
    topLogprobs: numberOf(body["top_logprobs"]),
  })
}

const REASONING_FIELDS = ["effort", "summary", "generate_summary"]

/** Undefined when neither an effort nor a summary was asked for. */
function readReasoningWish(reasoning: JsonObject | undefined): ReasoningWish | undefined {
  const effort = stringOf(reasoning?.["effort"])
  const summary = stringOf(reasoning?.["summary"]) ?? stringOf(reasoning?.["generate_summary"])
  return effort === undefined && summary === undefined ? undefined : withoutAbsent({ effort, summary })
}

function readIdentity(body: JsonObject): Identity {
  const metadata = objectOf(body["metadata"])
  const client = objectOf(body["client_metadata"])
  return withoutAbsent({
    user: stringOf(body["user"]),
    safetyIdentifier: stringOf(body["safety_identifier"]),
    metadata: client === undefined ? metadata : { ...metadata, client_metadata: client },
    promptCacheKey: stringOf(body["prompt_cache_key"]),
    promptCacheRetention: body["prompt_cache_retention"],
    promptCacheOptions: objectOf(body["prompt_cache_options"]),
  })
}

function readState(body: JsonObject): State {
  return withoutAbsent({
    previousResponseId: stringOf(body["previous_response_id"]),
    conversation: body["conversation"],
    store: booleanOf(body["store"]),
    background: booleanOf(body["background"]),
  })
}

/** Unknown members of `text` and `reasoning` are kept under those names. */
function readExtra(body: JsonObject): JsonObject {
  const text = unknownFields(objectOf(body["text"]) ?? {}, ["format", "verbosity"])
  const reasoning = unknownFields(objectOf(body["reasoning"]) ?? {}, REASONING_FIELDS)
  return withoutAbsent({ ...unknownFields(body, KNOWN), text, reasoning })
}
