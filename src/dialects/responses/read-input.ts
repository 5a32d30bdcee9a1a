/** `input` as messages: one item is one message, each part of its content one block. */

import { functionArguments } from "../../canonical/arguments.ts"
import type { Block, ReasoningBlock, ReasoningPart, ToolKind } from "../../canonical/block.ts"
import { isObject, type JsonObject, type JsonValue } from "../../canonical/json.ts"
import type { Losses } from "../../canonical/loss.ts"
import type { Extra } from "../../canonical/origin.ts"
import type { Message, Role } from "../../canonical/request.ts"
import { isEnvelope, openSeal, openSummary } from "../../canonical/seal.ts"
import { invalid, readContent } from "./read-content.ts"
import { rawItem } from "./vendor-items.ts"
import { ITEM_FACTS, itemKind, objectsOf, stringOf, unknownFields } from "./wire.ts"

/** Throws `RouterError`. */
export function readInput(input: JsonValue | undefined, losses: Losses): readonly Message[] {
  if (input === undefined || input === null) return []
  if (typeof input === "string") return [{ role: "user", blocks: readContent(input, "input") }]
  if (!Array.isArray(input)) throw invalid("input", "must be a string or a list of items")
  return input.map((item: JsonValue, index) => {
    const path = `input[${index}]`
    if (typeof item === "string") return { role: "user", blocks: readContent(item, path) }
    if (!isObject(item)) throw invalid(path, "must be an item")
    return readItem(item, path, losses)
  })
}

function readItem(item: JsonObject, path: string, losses: Losses): Message {
  const { type } = item
  if (type === "message" || (type === undefined && item["role"] !== undefined)) return readMessage(item, path)
  if (type === "reasoning") return readReasoningItem(item, path, losses)
  if (type === "function_call" || type === "custom_tool_call") {
    const call = readCall(item, type === "custom_tool_call" ? "custom" : "function")
    return { role: "assistant", blocks: [call ?? rawItem(item)] }
  }
  if (type === "function_call_output" || type === "custom_tool_call_output") {
    const kind = type === "custom_tool_call_output" ? "custom" : "function"
    const result = readResult(item, kind, path)
    return result === null ? rawMessage(item) : { role: "tool", blocks: [result] }
  }
  if (itemKind(item).what === "bound" && isEnvelope(stringOf(item["encrypted_content"]) ?? ""))
    return { role: "user", blocks: [summaryOf(item, path)] }
  const isBareReference = (type === undefined || type === null) && typeof item["id"] === "string"
  return rawMessage(isBareReference ? { ...item, type: "item_reference" } : item)
}

/** What the router sealed, any target may read. @throws RouterError where it cannot be opened */
function summaryOf(item: JsonObject, path: string): Block {
  const summary = openSummary(stringOf(item["encrypted_content"]) ?? "")
  if (summary === null) throw invalid(`${path}.encrypted_content`, "is a summary that this router cannot read")
  return { type: "text", text: `${SUMMARY_FOLLOWS}\n\n${summary}` }
}

const SUMMARY_FOLLOWS =
  "The conversation before this point was compacted. Go on from this summary, which the assistant wrote of it:"

function rawMessage(item: JsonObject): Message {
  return { role: itemKind(item).role, blocks: [rawItem(item)] }
}

const ROLES: readonly JsonValue[] = ["system", "developer", "user", "assistant"] satisfies readonly Role[]

function isRole(value: JsonValue | undefined): value is Role {
  return value !== undefined && ROLES.includes(value)
}

function readMessage(item: JsonObject, path: string): Message {
  const role = item["role"]
  if (!isRole(role)) throw invalid(`${path}.role`, "must be system, developer, user or assistant")
  const blocks = readContent(item["content"], `${path}.content`)
  const extra = extraOf(item, ["role", "content"])
  return { role, blocks, ...(extra === undefined ? {} : { extra }) }
}

function extraOf(item: JsonObject, known: readonly string[]): Extra | undefined {
  const fields = unknownFields(item, [...ITEM_FACTS, ...known])
  return fields === undefined ? undefined : { dialect: "responses", fields }
}

/** A reasoning item that only points at stored state says nothing here. */
function readReasoningItem(item: JsonObject, path: string, losses: Losses): Message {
  const block = readReasoning(item)
  if (block.parts.length > 0 || block.seal !== null) return { role: "assistant", blocks: [block] }
  losses.add("reasoning-history", path)
  return { role: "assistant", blocks: [] }
}

/** The visible parts of a reasoning item: what was written for the reader, then the thinking itself. */
export function reasoningParts(item: JsonObject): readonly ReasoningPart[] {
  const texts = (field: string, kind: ReasoningPart["kind"]): ReasoningPart[] =>
    objectsOf(item[field]).flatMap((part) => {
      const text = stringOf(part["text"]) ?? ""
      return text === "" ? [] : [{ kind, text }]
    })
  return [...texts("summary", "summary"), ...texts("content", "raw")]
}

/** The payload of a seal of form `encrypted`. */
export function encryptedPayload(item: JsonObject): string {
  const [id, encrypted] = [stringOf(item["id"]), stringOf(item["encrypted_content"])]
  return JSON.stringify({ ...(id === undefined ? {} : { id }), encrypted_content: encrypted })
}

function readReasoning(item: JsonObject): ReasoningBlock {
  const native = { dialect: "responses", form: "encrypted", payload: encryptedPayload(item) } as const
  const block = openSeal(stringOf(item["encrypted_content"]) ?? "", reasoningParts(item), native)
  const extra = extraOf(item, ["summary", "content", "encrypted_content"])
  return extra === undefined ? block : { ...block, extra }
}

/** Argument text as it stands; an object, which some clients send, is printed. */
export function argumentText(value: JsonValue | undefined): string {
  if (value === undefined || value === null) return ""
  return typeof value === "string" ? value : JSON.stringify(value)
}

const CALL_FIELDS = ["call_id", "name", "namespace", "arguments", "input", "parsed_arguments"]

/** null: nothing to pair it by, or no name. `caller` of kind `direct` is what every call has. */
function readCall(item: JsonObject, kind: ToolKind): Extract<Block, { type: "tool-call" }> | null {
  const [id, name] = [stringOf(item["call_id"]) ?? "", stringOf(item["name"]) ?? ""]
  if (id === "" || name === "") return null
  const text = argumentText(kind === "custom" ? item["input"] : item["arguments"])
  const extra = callExtra(item)
  return {
    type: "tool-call",
    id,
    name,
    namespace: stringOf(item["namespace"]) ?? null,
    kind,
    arguments: kind === "function" ? functionArguments(text) : text,
    ...(extra === undefined ? {} : { extra }),
  }
}

/** Fields of a call that only this dialect knows. */
export function callExtra(item: JsonObject): Extra | undefined {
  const caller = item["caller"]
  const isDirect = isObject(caller) && caller["type"] === "direct"
  return extraOf(item, isDirect ? [...CALL_FIELDS, "caller"] : CALL_FIELDS)
}

function readResult(item: JsonObject, kind: ToolKind, path: string): Extract<Block, { type: "tool-result" }> | null {
  const id = stringOf(item["call_id"]) ?? ""
  if (id === "") return null
  const { output } = item
  const isContent = typeof output === "string" || Array.isArray(output) || output === undefined || output === null
  const content = readContent(isContent ? output : JSON.stringify(output), `${path}.output`)
  const caller = item["caller"]
  const isDirect = isObject(caller) && caller["type"] === "direct"
  const extra = extraOf(item, isDirect ? ["call_id", "output", "caller"] : ["call_id", "output"])
  return {
    type: "tool-result",
    callId: id,
    kind,
    isError: false,
    content,
    ...(extra === undefined ? {} : { extra }),
  }
}
