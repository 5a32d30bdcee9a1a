/** A client's body: https://platform.claude.com/docs/en/api/messages, beta fields included. */

import type { Block } from "../../canonical/block.ts"
import { isObject, type JsonObject, type JsonValue } from "../../canonical/json.ts"
import type { Loss } from "../../canonical/loss.ts"
import type { Message, OutputFormat, ReasoningWish, Request, Role, Sampling } from "../../canonical/request.ts"
import { readBlock, readContent } from "./read-block.ts"
import { invalid, readChoice, readTools } from "./read-tools.ts"
import { cacheOf, DIALECT, extraOf, isAbsent, isList, numberOf, objectField, restOf, textField } from "./wire.ts"

/** Top-level fields with a place in the canonical form; all others are kept as they are. */
const KNOWN: ReadonlySet<string> = new Set([
  "model",
  "messages",
  "system",
  "tools",
  "tool_choice",
  "max_tokens",
  "temperature",
  "top_p",
  "top_k",
  "stop_sequences",
  "stream",
  "metadata",
  "thinking",
  "output_config",
  "output_format",
  "service_tier",
  "cache_control",
  "container",
  "thread",
])
const MESSAGE_KEYS: ReadonlySet<string> = new Set(["role", "content"])
const METADATA_KEYS: ReadonlySet<string> = new Set(["user_id"])
const THINKING_KEYS: ReadonlySet<string> = new Set(["type", "budget_tokens", "display"])
const ROLES: ReadonlySet<unknown> = new Set<Role>(["user", "assistant", "system"])

/** Nothing is ever lost here: what has no place of its own is in an `extra` or a raw block. Throws `RouterError`. */
export function readRequest(body: JsonValue): { readonly request: Request; readonly losses: readonly Loss[] } {
  if (!isObject(body)) throw invalid("", "The body is not a JSON object.")
  const tools = readTools(body["tools"])
  const cap = numberIn(body, "max_tokens")
  const tier = textField(body, "service_tier")
  const wish = reasoningOf(body)
  const format = formatOf(body)
  const request: Request = {
    dialect: DIALECT,
    model: textField(body, "model") ?? "",
    instructions: systemOf(body["system"]),
    messages: messagesOf(body["messages"]),
    tools,
    namespaces: [],
    ...readChoice(body["tool_choice"], tools),
    ...(format.output === undefined ? {} : { output: format.output }),
    stopSequences: stopSequencesOf(body["stop_sequences"]),
    ...(cap === null ? {} : { cap: { tokens: cap, field: "max_tokens" } }),
    sampling: samplingOf(body),
    ...(wish.reasoning === undefined ? {} : { reasoning: wish.reasoning }),
    identity: identityOf(body["metadata"]),
    state: stateOf(body),
    ...cacheOf(body),
    ...(tier === null ? {} : { serviceTier: tier }),
    stream: body["stream"] === true,
    includeUsage: true,
    include: [],
    extra: { ...restOf(body, KNOWN), ...wish.extra, ...format.extra },
  }
  return { request, losses: [] }
}

function systemOf(value: JsonValue | undefined): readonly Block[] {
  if (isAbsent(value)) return []
  return blocksOf(value, "system")
}

function messagesOf(value: JsonValue | undefined): readonly Message[] {
  if (!isList(value)) throw invalid("messages", "`messages` is not a list.")
  return value.map((message, index) => {
    const path = `messages[${index}]`
    if (!isObject(message)) throw invalid(path, "A message is not an object.")
    const role = message["role"]
    if (!isRole(role)) throw invalid(`${path}.role`, "The role of a message is not user, assistant or system.")
    const content = message["content"]
    const blocks = isAbsent(content) ? [] : blocksOf(content, `${path}.content`)
    return { role, blocks, ...extraOf(message, MESSAGE_KEYS) }
  })
}

function isRole(value: unknown): value is Role {
  return ROLES.has(value)
}

function blocksOf(content: JsonValue, path: string): readonly Block[] {
  if (typeof content === "string") return readContent(content)
  if (!isList(content)) throw invalid(path, "Content is neither a text nor a list of blocks.")
  const blocks: Block[] = []
  for (const [index, value] of content.entries()) {
    const block = readBlock(checked(value, path, index), null)
    if (block !== null) blocks.push(block)
  }
  return blocks
}

/** Fields without which a block means nothing. */
const DEMANDED: ReadonlyMap<JsonValue | undefined, readonly string[]> = new Map([
  ["text", ["text"]],
  ["tool_use", ["id", "name"]],
  ["tool_result", ["tool_use_id"]],
])

function checked(value: JsonValue, path: string, index: number): JsonObject {
  if (!isObject(value) || typeof value["type"] !== "string") {
    throw invalid(`${path}[${index}]`, "A content block is not an object with a type.")
  }
  for (const key of DEMANDED.get(value["type"]) ?? []) {
    const isEmpty = value[key] === "" && key !== "text"
    if (typeof value[key] === "string" && !isEmpty) continue
    throw invalid(`${path}[${index}].${key}`, `A ${value["type"]} block has no ${key}.`)
  }
  return value
}

function numberIn(body: JsonObject, key: string): number | null {
  if (isAbsent(body[key])) return null
  const number = numberOf(body[key])
  if (number === null) throw invalid(key, `\`${key}\` is not a number.`)
  return number
}

function samplingOf(body: JsonObject): Sampling {
  const temperature = numberIn(body, "temperature")
  const topP = numberIn(body, "top_p")
  const topK = numberIn(body, "top_k")
  return {
    ...(temperature === null ? {} : { temperature }),
    ...(topP === null ? {} : { topP }),
    ...(topK === null ? {} : { topK }),
  }
}

function stopSequencesOf(value: JsonValue | undefined): readonly string[] {
  if (isAbsent(value)) return []
  if (!isList(value)) throw invalid("stop_sequences", "`stop_sequences` is not a list.")
  return value.map((sequence, index) => {
    if (typeof sequence !== "string") throw invalid(`stop_sequences[${index}]`, "A stop sequence is not a text.")
    return sequence
  })
}

function identityOf(value: JsonValue | undefined): Request["identity"] {
  if (isAbsent(value)) return {}
  if (!isObject(value)) throw invalid("metadata", "`metadata` is not an object.")
  const user = textField(value, "user_id")
  const metadata = restOf(value, METADATA_KEYS)
  return { ...(user === null ? {} : { user }), ...(Object.keys(metadata).length === 0 ? {} : { metadata }) }
}

function stateOf(body: JsonObject): Request["state"] {
  const thread = objectField(body, "thread")
  const container = body["container"]
  return { ...(thread === null ? {} : { thread }), ...(isAbsent(container) ? {} : { container }) }
}

/** `thinking` and `output_config.effort`; what they hold beyond the canonical wish stays under their names. */
function reasoningOf(body: JsonObject): { readonly reasoning?: ReasoningWish; readonly extra: JsonObject } {
  const thinking = objectField(body, "thinking") ?? {}
  const effort = textField(objectField(body, "output_config") ?? {}, "effort")
  const type = thinking["type"]
  const control = type === "enabled" || type === "adaptive" || type === "disabled" ? type : null
  const budget = numberOf(thinking["budget_tokens"])
  const display = textField(thinking, "display")
  const reasoning: ReasoningWish = {
    ...(control === null ? {} : { control }),
    ...(effort === null ? {} : { effort }),
    ...(budget === null ? {} : { budgetTokens: budget }),
    ...(display === null ? {} : { display }),
  }
  const rest = { ...(control === null && !isAbsent(type) ? { type } : {}), ...restOf(thinking, THINKING_KEYS) }
  return {
    ...(Object.keys(reasoning).length === 0 ? {} : { reasoning }),
    extra: Object.keys(rest).length === 0 ? {} : { thinking: rest },
  }
}

/** `output_config.format`, or `output_format` of an earlier beta. */
function formatOf(body: JsonObject): { readonly output?: OutputFormat; readonly extra: JsonObject } {
  const { effort: _effort, format, ...rest } = objectField(body, "output_config") ?? {}
  const wire = isObject(format) ? format : objectField(body, "output_format")
  const said = restOf(rest, new Set())
  const extra = Object.keys(said).length === 0 ? {} : { output_config: said }
  if (wire === null) return { extra }
  const isSchema = wire["type"] === "json_schema" && isObject(wire["schema"])
  if (!isSchema || Object.keys(wire).length !== 2) {
    return { output: { kind: "raw", dialect: DIALECT, raw: wire }, extra }
  }
  return { output: { kind: "schema", schema: objectField(wire, "schema") ?? {} }, extra }
}
