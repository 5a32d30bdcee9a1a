/** The messages of a request. */

import { functionArguments } from "../../canonical/arguments.ts"
import type { Block, ToolCallBlock } from "../../canonical/block.ts"
import type { JsonObject, JsonValue } from "../../canonical/json.ts"
import type { Message, Role } from "../../canonical/request.ts"
import { readContent } from "./read-part.ts"
import { withReasoning } from "./reasoning.ts"
import { extraOf, invalid, isAbsent, isList, objectOf, restOf, stringOf, wordsOf } from "./wire.ts"

export function readMessage(value: JsonValue, param: string): Message {
  const message = objectOf(value)
  if (message === undefined) throw invalid(param, "an object")
  const { role } = message
  switch (role) {
    case "system":
    case "developer":
    case "user":
      return plainMessage(message, role, param)
    case "assistant":
      return assistantMessage(message, param)
    case "tool":
      return toolMessage(message, param)
    case "function":
      return functionMessage(message, param)
    default:
      throw invalid(`${param}.role`, "system, developer, user, assistant, tool or function")
  }
}

const PLAIN_KEYS: ReadonlySet<string> = new Set(["role", "content", "name"])
const ASSISTANT_KEYS: ReadonlySet<string> = new Set([
  "role",
  "content",
  "name",
  "refusal",
  "tool_calls",
  "function_call",
  "reasoning_content",
  "reasoning",
  "reasoning_details",
])
const TOOL_KEYS: ReadonlySet<string> = new Set(["role", "content", "name", "tool_call_id"])

function nameOf(message: JsonObject): { readonly name?: string } {
  const name = wordsOf(message["name"])
  return name === undefined ? {} : { name }
}

/** What servers' libraries write into every message carries nothing: Mistral's `prefix: false`, empty lists. */
function fieldsOf(message: JsonObject, known: ReadonlySet<string>): JsonObject | undefined {
  const rest = restOf(message, known)
  if (rest === undefined) return undefined
  const kept = Object.entries(rest).filter(([key, value]) => !(key === "prefix" && value === false) && !isEmpty(value))
  return kept.length === 0 ? undefined : Object.fromEntries(kept)
}

function isEmpty(value: JsonValue | undefined): boolean {
  return isList(value) && value.length === 0
}

function plainMessage(message: JsonObject, role: Role, param: string): Message {
  return {
    role,
    blocks: readContent(message["content"], `${param}.content`),
    ...nameOf(message),
    ...extraOf(fieldsOf(message, PLAIN_KEYS)),
  }
}

/** Reasoning, text, refusal, calls, in this order, but for reasoning that knows its place. */
function assistantMessage(message: JsonObject, param: string): Message {
  const refusal = wordsOf(message["refusal"])
  const others: readonly Block[] = [
    ...readContent(message["content"], `${param}.content`),
    ...(refusal === undefined ? [] : [{ type: "refusal", text: refusal } as const]),
    ...callsOf(message, param),
  ]
  return {
    role: "assistant",
    blocks: withReasoning(message, others),
    ...nameOf(message),
    ...extraOf(fieldsOf(message, ASSISTANT_KEYS)),
  }
}

function callsOf(message: JsonObject, param: string): readonly ToolCallBlock[] {
  const { tool_calls: calls } = message
  if (!isAbsent(calls) && !isList(calls)) throw invalid(`${param}.tool_calls`, "a list")
  const read = (calls ?? []).map((call, index) => readCall(call, `${param}.tool_calls[${index}]`))
  const legacy = objectOf(message["function_call"])
  const name = wordsOf(legacy?.["name"])
  if (legacy === undefined || name === undefined) return read
  return [...read, functionCall(name, name, legacy["arguments"])]
}

const CALL_KEYS: ReadonlySet<string> = new Set(["id", "type", "index", "function", "custom"])
const FUNCTION_KEYS: ReadonlySet<string> = new Set(["name", "arguments"])
const CUSTOM_KEYS: ReadonlySet<string> = new Set(["name", "input"])

function readCall(value: JsonValue, param: string): ToolCallBlock {
  const call = objectOf(value)
  const id = stringOf(call?.["id"])
  if (call === undefined || id === undefined) throw invalid(`${param}.id`, "a string")
  const custom = objectOf(call["custom"])
  const isCustom = custom !== undefined && (call["type"] === "custom" || objectOf(call["function"]) === undefined)
  const inner = isCustom ? custom : objectOf(call["function"])
  const place = isCustom ? "custom" : "function"
  const name = wordsOf(inner?.["name"])
  if (inner === undefined || name === undefined) throw invalid(`${param}.${place}.name`, "a string that is not empty")
  const extra = extraOf(callFields(call, isCustom))
  if (isCustom) {
    const args = stringOf(inner["input"]) ?? ""
    return { type: "tool-call", id, name, namespace: null, kind: "custom", arguments: args, ...extra }
  }
  return { ...functionCall(id, name, inner["arguments"]), ...extra }
}

/** The unknown fields of a call; those of its inner object stand under that object's name. */
function callFields(call: JsonObject, isCustom: boolean): JsonObject | undefined {
  const place = isCustom ? "custom" : "function"
  const rest = restOf(call, CALL_KEYS)
  const inner = objectOf(call[place])
  const innerRest = inner === undefined ? undefined : restOf(inner, isCustom ? CUSTOM_KEYS : FUNCTION_KEYS)
  return innerRest === undefined ? rest : { ...rest, [place]: innerRest }
}

function functionCall(id: string, name: string, args: JsonValue | undefined): ToolCallBlock {
  return { type: "tool-call", id, name, namespace: null, kind: "function", arguments: readArguments(args) }
}

/** The text as it came, `{}` where it says nothing; an object (Ollama's form) is printed. */
export function readArguments(value: JsonValue | undefined): string {
  if (typeof value === "string") return functionArguments(value)
  return isAbsent(value) ? "{}" : JSON.stringify(value)
}

function toolMessage(message: JsonObject, param: string): Message {
  const id = stringOf(message["tool_call_id"])
  if (id === undefined) throw invalid(`${param}.tool_call_id`, "a string")
  return resultMessage(message, id, param)
}

function functionMessage(message: JsonObject, param: string): Message {
  const name = stringOf(message["name"])
  if (name === undefined) throw invalid(`${param}.name`, "a string")
  const { name: _name, ...rest } = message
  return resultMessage(rest, name, param)
}

/** Unknown fields belong to the one result that the message holds. */
function resultMessage(message: JsonObject, callId: string, param: string): Message {
  const content = readContent(message["content"], `${param}.content`)
  const extra = extraOf(fieldsOf(message, TOOL_KEYS))
  return {
    role: "tool",
    blocks: [{ type: "tool-result", callId, kind: "function", isError: false, content, ...extra }],
    ...nameOf(message),
  }
}
