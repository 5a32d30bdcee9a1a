/** A Chat Completions request. https://platform.openai.com/docs/api-reference/chat/create */

import { isRawNumber, type JsonObject, type JsonValue } from "../../canonical/json.ts"
import type { Loss } from "../../canonical/loss.ts"
import type { Identity, OutputCap, OutputFormat, ReasoningWish, Request, Sampling } from "../../canonical/request.ts"
import { readMessage } from "./read-message.ts"
import { readChoice, readTools } from "./read-tools.ts"
import { invalid, isAbsent, isList, numberOf, objectOf, restOf, stringOf, wordsOf } from "./wire.ts"

const KNOWN: ReadonlySet<string> = new Set([
  "model",
  "messages",
  "stream",
  "stream_options",
  "tools",
  "tool_choice",
  "functions",
  "function_call",
  "parallel_tool_calls",
  "response_format",
  "verbosity",
  "stop",
  "max_tokens",
  "max_completion_tokens",
  "temperature",
  "top_p",
  "top_k",
  "min_p",
  "frequency_penalty",
  "presence_penalty",
  "seed",
  "logit_bias",
  "logprobs",
  "top_logprobs",
  "n",
  "reasoning_effort",
  "reasoning",
  "thinking",
  "user",
  "safety_identifier",
  "metadata",
  "prompt_cache_key",
  "prompt_cache_retention",
  "prompt_cache_options",
  "store",
  "service_tier",
])

export function readRequest(value: JsonValue): { readonly request: Request; readonly losses: readonly Loss[] } {
  const body = objectOf(value)
  if (body === undefined) throw invalid("body", "an object")
  const { messages } = body
  if (!isList(messages)) throw invalid("messages", "a list")
  const choice = readChoice(body)
  const parallel = flag(body, "parallel_tool_calls")
  const output = formatOf(body["response_format"])
  const verbosity = word(body, "verbosity")
  const cap = capOf(body)
  const reasoning = reasoningOf(body)
  const store = flag(body, "store")
  const tier = word(body, "service_tier")
  const options = objectOf(body["stream_options"])
  const request: Request = {
    dialect: "chat",
    model: word(body, "model") ?? "",
    instructions: [],
    messages: messages.map((message, index) => readMessage(message, `messages[${index}]`)),
    tools: readTools(body),
    namespaces: [],
    ...(choice === undefined ? {} : { toolChoice: choice }),
    ...(parallel === undefined ? {} : { parallelToolCalls: parallel }),
    ...(output === undefined ? {} : { output }),
    ...(verbosity === undefined ? {} : { verbosity }),
    stopSequences: stopOf(body["stop"]),
    ...(cap === undefined ? {} : { cap }),
    sampling: samplingOf(body),
    ...(reasoning === undefined ? {} : { reasoning }),
    identity: identityOf(body),
    state: store === undefined ? {} : { store },
    ...(tier === undefined ? {} : { serviceTier: tier }),
    stream: flag(body, "stream") ?? false,
    includeUsage: options?.["include_usage"] === true,
    include: [],
    extra: extraFields(body, options),
  }
  return { request, losses: capLosses(body, cap) }
}

const OPTION_KEYS: ReadonlySet<string> = new Set(["include_usage"])
const REASONING_KEYS: ReadonlySet<string> = new Set(["effort", "max_tokens", "enabled"])
const BUDGET_KEYS: ReadonlySet<string> = new Set(["budget_tokens"])
const THINKING_KEYS: ReadonlySet<string> = new Set(["type", ...BUDGET_KEYS])

/** Unknown fields, and what is unknown inside of known ones. */
function extraFields(body: JsonObject, options: JsonObject | undefined): JsonObject {
  const thinking = objectOf(body["thinking"])
  const parts = {
    stream_options: options === undefined ? undefined : restOf(options, OPTION_KEYS),
    reasoning: restIn(body["reasoning"], REASONING_KEYS),
    thinking: restIn(body["thinking"], controlOf(thinking?.["type"]) === undefined ? BUDGET_KEYS : THINKING_KEYS),
  }
  const kept = Object.entries(parts).filter(([, part]) => part !== undefined)
  return { ...restOf(body, KNOWN), ...Object.fromEntries(kept) }
}

function restIn(value: JsonValue | undefined, known: ReadonlySet<string>): JsonValue | undefined {
  const read = objectOf(value)
  if (read !== undefined) return restOf(read, known)
  return isAbsent(value) ? undefined : value
}

function word(body: JsonObject, key: string): string | undefined {
  const value = body[key]
  if (isAbsent(value)) return undefined
  if (typeof value !== "string") throw invalid(key, "a string")
  return value
}

function flag(body: JsonObject, key: string): boolean | undefined {
  const value = body[key]
  if (isAbsent(value)) return undefined
  if (typeof value !== "boolean") throw invalid(key, "true or false")
  return value
}

function number(body: JsonObject, key: string): number | undefined {
  const value = body[key]
  if (isAbsent(value)) return undefined
  const read = numberOf(value)
  if (read === undefined) throw invalid(key, "a number")
  return read
}

function object(body: JsonObject, key: string): JsonObject | undefined {
  const value = body[key]
  if (isAbsent(value)) return undefined
  const read = objectOf(value)
  if (read === undefined) throw invalid(key, "an object")
  return read
}

function stopOf(stop: JsonValue | undefined): readonly string[] {
  if (isAbsent(stop)) return []
  const list = isList(stop) ? stop : [stop]
  return list.map((one) => {
    if (typeof one !== "string") throw invalid("stop", "a string or a list of strings")
    return one
  })
}

/** The newer name counts where both are there. */
function capOf(body: JsonObject): OutputCap | undefined {
  const newer = number(body, "max_completion_tokens")
  const older = number(body, "max_tokens")
  if (newer !== undefined) return { tokens: newer, field: "max_completion_tokens" }
  return older === undefined ? undefined : { tokens: older, field: "max_tokens" }
}

function capLosses(body: JsonObject, cap: OutputCap | undefined): readonly Loss[] {
  const older = numberOf(body["max_tokens"])
  const isLost = older !== undefined && cap?.field === "max_completion_tokens" && cap.tokens !== older
  return isLost ? [{ code: "output-cap", path: "max_tokens" }] : []
}

const SAMPLING_NUMBERS = {
  temperature: "temperature",
  top_p: "topP",
  top_k: "topK",
  min_p: "minP",
  frequency_penalty: "frequencyPenalty",
  presence_penalty: "presencePenalty",
  top_logprobs: "topLogprobs",
  n: "choices",
} as const satisfies Readonly<Record<string, keyof Sampling>>

function samplingOf(body: JsonObject): Sampling {
  const numbers = Object.entries(SAMPLING_NUMBERS)
    .map(([key, name]) => [name, number(body, key)] as const)
    .filter(([, value]) => value !== undefined)
  const { seed } = body
  const bias = object(body, "logit_bias")
  const logprobs = flag(body, "logprobs")
  if (!isAbsent(seed) && numberOf(seed) === undefined) throw invalid("seed", "a number")
  return {
    ...(Object.fromEntries(numbers) as Sampling),
    ...(typeof seed === "number" || isRawNumber(seed) ? { seed } : {}),
    ...(bias === undefined ? {} : { logitBias: bias }),
    ...(logprobs === undefined ? {} : { logprobs }),
  }
}

/** `reasoning_effort`, OpenRouter's `reasoning`, and `thinking` as DeepSeek, Z.ai and Anthropic-like servers have it. */
function reasoningOf(body: JsonObject): ReasoningWish | undefined {
  const { effort, max_tokens: tokens, enabled } = objectOf(body["reasoning"]) ?? {}
  const { type, budget_tokens: budget } = objectOf(body["thinking"]) ?? {}
  const said = word(body, "reasoning_effort") ?? wordsOf(effort)
  const budgetTokens = numberOf(tokens) ?? numberOf(budget)
  const control = controlOf(type) ?? (typeof enabled === "boolean" ? (enabled ? "enabled" : "disabled") : undefined)
  if (said === undefined && budgetTokens === undefined && control === undefined) return undefined
  return {
    ...(control === undefined ? {} : { control }),
    ...(said === undefined ? {} : { effort: said }),
    ...(budgetTokens === undefined ? {} : { budgetTokens }),
  }
}

function controlOf(type: JsonValue | undefined): ReasoningWish["control"] {
  return type === "enabled" || type === "adaptive" || type === "disabled" ? type : undefined
}

function formatOf(value: JsonValue | undefined): OutputFormat | undefined {
  if (isAbsent(value)) return undefined
  const format = objectOf(value)
  if (format === undefined) throw invalid("response_format", "an object")
  if (format["type"] === "text") return { kind: "text" }
  if (format["type"] === "json_object") return { kind: "json" }
  const declared = objectOf(format["json_schema"])
  const schema = objectOf(declared?.["schema"])
  if (format["type"] !== "json_schema" || declared === undefined || schema === undefined) {
    return { kind: "raw", dialect: "chat", raw: format }
  }
  const name = stringOf(declared["name"])
  const description = stringOf(declared["description"])
  const { strict } = declared
  return {
    kind: "schema",
    schema,
    ...(name === undefined ? {} : { name }),
    ...(description === undefined ? {} : { description }),
    ...(typeof strict === "boolean" ? { strict } : {}),
  }
}

function identityOf(body: JsonObject): Identity {
  const user = word(body, "user")
  const safetyIdentifier = word(body, "safety_identifier")
  const metadata = object(body, "metadata")
  const promptCacheKey = word(body, "prompt_cache_key")
  const promptCacheOptions = object(body, "prompt_cache_options")
  const { prompt_cache_retention: retention } = body
  return {
    ...(user === undefined ? {} : { user }),
    ...(safetyIdentifier === undefined ? {} : { safetyIdentifier }),
    ...(metadata === undefined ? {} : { metadata }),
    ...(promptCacheKey === undefined ? {} : { promptCacheKey }),
    ...(isAbsent(retention) ? {} : { promptCacheRetention: retention }),
    ...(promptCacheOptions === undefined ? {} : { promptCacheOptions }),
  }
}
