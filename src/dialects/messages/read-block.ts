/** Content blocks as they stand in requests and replies. */

import { argumentsText } from "../../canonical/arguments.ts"
import { unwrapInput } from "../../canonical/input-reader.ts"
import type { Block, RawBlock, ReasoningBlock, ReasoningPart, Seal, ToolCallBlock } from "../../canonical/block.ts"
import { decodeId } from "../../canonical/id-map.ts"
import { isObject, type JsonObject, type JsonValue } from "../../canonical/json.ts"
import { openSeal, sealReasoning } from "../../canonical/seal.ts"
import type { ReplyContext } from "../codec.ts"
import { readCitations } from "./citation.ts"
import { readDocument, readImage } from "./media.ts"
import { cacheOf, DIALECT, extraOf, isAbsent, isList, listField, textField } from "./wire.ts"

const TEXT_KEYS: ReadonlySet<string> = new Set(["type", "text", "citations", "cache_control"])
const CALL_KEYS: ReadonlySet<string> = new Set(["type", "id", "name", "input", "cache_control"])
const RESULT_KEYS: ReadonlySet<string> = new Set(["type", "tool_use_id", "content", "is_error", "cache_control"])
const REASONING_KEYS: ReadonlySet<string> = new Set(["type", "thinking", "signature", "data", "cache_control"])

/**
 * null: nothing stands there (empty text, thinking without text and signature). `context`: of the request that this is
 * the answer to; null where a client's request is read. What lacks its name or id is a raw block.
 */
export function readBlock(value: JsonObject, context: ReplyContext | null): Block | null {
  switch (value["type"]) {
    case "text":
      return textOf(value)
    case "thinking":
      return reasoningOf(textField(value, "thinking") ?? "", textField(value, "signature") ?? "", value, context)
    case "redacted_thinking":
      return reasoningOf("", textField(value, "data") ?? "", value, context)
    case "tool_use":
      return callOf(value, context) ?? rawOf(value)
    case "tool_result":
      return resultOf(value) ?? rawOf(value)
    case "image":
      return readImage(value) ?? rawOf(value)
    case "document":
      return readDocument(value, readContent) ?? rawOf(value)
    default:
      return rawOf(value)
  }
}

/** A string is one text block, anything else but a list is nothing. */
export function readContent(content: JsonValue | undefined): readonly Block[] {
  if (typeof content === "string") return content === "" ? [] : [{ type: "text", text: content }]
  if (!isList(content)) return []
  return content.filter(isObject).flatMap((value) => readBlock(value, null) ?? [])
}

function textOf(value: JsonObject): Block | null {
  const text = textField(value, "text") ?? ""
  if (text === "") return null
  const citations = readCitations(listField(value, "citations"))
  return {
    type: "text",
    text,
    ...(citations.length === 0 ? {} : { citations }),
    ...cacheOf(value),
    ...extraOf(value, TEXT_KEYS),
  }
}

function reasoningOf(
  text: string,
  payload: string,
  value: JsonObject,
  context: ReplyContext | null,
): ReasoningBlock | null {
  const form = value["type"] === "thinking" ? "signature" : "redacted"
  const parts: readonly ReasoningPart[] = text === "" ? [] : [{ kind: "raw", text }]
  const extra = extraOf(value, REASONING_KEYS)
  if (context === null) {
    const block = openSeal(payload, parts, { dialect: DIALECT, form })
    return block.parts.length === 0 && block.seal === null ? null : { ...block, ...extra }
  }
  if (parts.length === 0 && payload === "") return null
  const seal: Seal | null = payload === "" ? null : { issuer: context.issuer, form, payload }
  return sealReasoning({ type: "reasoning", parts, seal, ...extra }, context.issuer)
}

/** `caller` says that the model itself called, which is what happens anyway, unless it names a tool. */
export function callExtra(value: JsonObject): ReturnType<typeof extraOf> {
  const { caller, ...rest } = value
  const isDirect = isObject(caller) && caller["type"] === "direct"
  return extraOf(isDirect ? rest : value, CALL_KEYS)
}

/** The id of a call; a reply's call without one gets one. */
export function callId(value: JsonObject, context: ReplyContext | null): string {
  const id = textField(value, "id") ?? ""
  if (context === null) return id
  return id === "" ? context.mint("call_") : decodeId(id)
}

function callOf(value: JsonObject, context: ReplyContext | null): ToolCallBlock | null {
  const wire = textField(value, "name") ?? ""
  const id = callId(value, context)
  if (wire === "" || id === "") return null
  const text = argumentsText(value["input"])
  const tool = context?.names.named(wire) ?? { name: wire, namespace: null, kind: "function", wrapped: false }
  return {
    type: "tool-call",
    id,
    name: tool.name,
    namespace: tool.namespace,
    kind: tool.kind,
    arguments: tool.wrapped ? unwrapInput(isEmpty(value["input"]) ? "" : text) : text,
    ...cacheOf(value),
    ...callExtra(value),
  }
}

/** No input at all: what a free-text tool gets when it is called with nothing. */
export function isEmpty(input: JsonValue | undefined): boolean {
  return isAbsent(input) || (isObject(input) && Object.keys(input).length === 0)
}

function resultOf(value: JsonObject): Block | null {
  const id = textField(value, "tool_use_id") ?? ""
  if (id === "") return null
  return {
    type: "tool-result",
    callId: id,
    kind: "function",
    isError: value["is_error"] === true,
    content: readContent(value["content"]),
    ...cacheOf(value),
    ...extraOf(value, RESULT_KEYS),
  }
}

/** Everything that only Messages has; the JSON stays as it is, cache mark included. */
export function rawOf(value: JsonObject): RawBlock {
  const type = textField(value, "type") ?? ""
  const text = substituteOf(type, value)
  const isSealed = type === "compaction" && text === null && (textField(value, "encrypted_content") ?? "") !== ""
  return { type: "raw", dialect: DIALECT, what: isSealed ? "bound" : whatOf(type), raw: value, text }
}

const NOTICES: ReadonlySet<string> = new Set([
  "compaction",
  "fallback",
  "tool_addition",
  "tool_removal",
  "mcp_tool_listing",
])

function whatOf(type: string): RawBlock["what"] {
  if (type.endsWith("tool_use")) return "hosted-call"
  if (type.endsWith("tool_result")) return "hosted-result"
  if (type === "container_upload") return "reference"
  return NOTICES.has(type) ? "notice" : "content"
}

function substituteOf(type: string, value: JsonObject): string | null {
  const said = type === "compaction" ? textField(value, "content") : textField(value, "text")
  if (said !== null && said !== "") return said
  if (type === "tool_reference") return `[tool available: ${textField(value, "tool_name") ?? ""}]`
  if (type !== "search_result") return null
  const texts = listField(value, "content").flatMap((part) => (isObject(part) ? (textField(part, "text") ?? []) : []))
  return [textField(value, "title") ?? "", textField(value, "source") ?? "", ...texts].filter(Boolean).join("\n")
}
