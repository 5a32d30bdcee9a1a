/** The messages of a request, from the arranged conversation. */

import type { Block, ReasoningBlock, ToolCallBlock, ToolResultBlock } from "../../canonical/block.ts"
import { wrapInput } from "../../canonical/arguments.ts"
import { encodeId } from "../../canonical/id-map.ts"
import type { JsonObject, JsonValue } from "../../canonical/json.ts"
import type { NameTable } from "../../canonical/name-map.ts"
import { placesIn, type PlaceOf } from "../../canonical/place.ts"
import type { Message } from "../../canonical/request.ts"
import { sameIssuer } from "../../canonical/origin.ts"
import { sealFor } from "../../canonical/seal.ts"
import { isReasoningField, mergedDetails, nativeDetails, PART_SEPARATOR, splitDetails } from "./reasoning.ts"
import { writeContent, type PartWriter } from "./write-part.ts"
import { objectOf, ownFields } from "./wire.ts"

export interface MessageWriter extends PartWriter {
  readonly names: NameTable
}

/** `path`: of the message's blocks. Nothing where all that an assistant said was left out; a message for each result of a `tool` message. */
export function writeMessage(message: Message, writer: MessageWriter, path: string): readonly JsonObject[] {
  const placeOf = placesIn(message.blocks, path)
  if (message.role === "tool") {
    return message.blocks.flatMap((block) =>
      block.type === "tool-result" ? [resultMessage(block, writer, placeOf)] : [],
    )
  }
  if (message.role === "assistant") return assistantMessages(message, writer, placeOf)
  const role = message.role === "developer" && !writer.facts.developerRole ? "system" : message.role
  return [{ ...head(message, role), content: writeContent(message.blocks, writer, placeOf) }]
}

function head(message: Message, role: string): JsonObject {
  const name = message.name === undefined ? {} : { name: message.name }
  return { ...ownFields(message.extra), role, ...name }
}

function resultMessage(block: ToolResultBlock, writer: MessageWriter, placeOf: PlaceOf): JsonObject {
  if (block.cache !== undefined) writer.losses.add("cache-mark", placeOf(block))
  return {
    ...ownFields(block.extra),
    role: "tool",
    tool_call_id: encodeId(block.callId, writer.facts.idRules),
    content: writeContent(block.content, writer, () => placeOf(block)),
  }
}

interface Parts {
  readonly reasoning: ReasoningBlock[]
  readonly content: Block[]
  readonly refusals: Block[]
  readonly calls: ToolCallBlock[]
}

function assistantMessages(message: Message, writer: MessageWriter, placeOf: PlaceOf): readonly JsonObject[] {
  const parts = sorted(message, writer, placeOf)
  const reasoning = writeReasoning(parts.reasoning, parts.calls.length > 0, writer, placeOf)
  const calls = parts.calls.map((call) => writeCall(call, reasoning.callFields.get(call.id), writer, placeOf))
  const [refusal, ...more] = parts.refusals
  const isOne = refusal?.type === "refusal" && more.length === 0
  const said = isOne ? parts.content : [...parts.content, ...parts.refusals]
  const hasContent = said.length > 0 || calls.length > 0 || isOne
  if (!hasContent && Object.keys(reasoning.fields).length === 0 && message.extra === undefined) return []
  const content = said.length > 0 ? writeContent(said, writer, placeOf) : hasContent ? null : ""
  return [
    {
      ...head(message, "assistant"),
      ...reasoning.fields,
      content,
      ...(isOne ? { refusal: refusal.text } : {}),
      ...(calls.length === 0 ? {} : { tool_calls: calls }),
    },
  ]
}

/** Chat has a place for each kind, and no order between them. */
function sorted(message: Message, writer: MessageWriter, placeOf: PlaceOf): Parts {
  const parts: Parts = { reasoning: [], content: [], refusals: [], calls: [] }
  for (const block of message.blocks) {
    if (block.type === "reasoning") parts.reasoning.push(block)
    else if (block.type === "tool-call") parts.calls.push(block)
    else {
      if (parts.calls.length > 0) writer.losses.add("block-order", placeOf(block))
      if (block.type === "refusal") parts.refusals.push(block)
      else parts.content.push(block)
    }
  }
  return parts
}

interface WrittenReasoning {
  readonly fields: JsonObject
  readonly callFields: ReadonlyMap<string, JsonObject>
}

/** The sealed details of this issuer; else its visible text, where the target has a field for it. */
function writeReasoning(
  blocks: readonly ReasoningBlock[],
  hasCalls: boolean,
  writer: MessageWriter,
  placeOf: PlaceOf,
): WrittenReasoning {
  const { issuer, reasoningBesideCalls } = writer.facts
  const details: JsonValue[] = []
  const visible: { readonly field: string; readonly texts: string[] }[] = []
  for (const block of blocks) {
    const seal = sealFor(block, issuer)
    const native = seal === null ? null : nativeDetails(seal)
    const field = fieldFor(block, writer)
    const known = visible.find((one) => one.field === field)
    const texts = block.parts.map((part) => part.text)
    if (native !== null) details.push(...native)
    else if (field === null || texts.length === 0) writer.losses.add("reasoning-history", placeOf(block))
    else if (known === undefined) visible.push({ field, texts })
    else known.texts.push(...texts)
  }
  const split = splitDetails(details)
  const besideCalls = hasCalls && reasoningBesideCalls !== null ? { [reasoningBesideCalls]: "" } : {}
  return {
    fields: {
      ...(visible.length === 0 && details.length === 0 ? besideCalls : {}),
      // details hold the visible text too
      ...(split.details.length > 0
        ? {}
        : Object.fromEntries(visible.map(({ field, texts }) => [field, texts.join(PART_SEPARATOR)]))),
      ...(split.details.length === 0 ? {} : { reasoning_details: mergedDetails(split.details) }),
    },
    callFields: split.callFields,
  }
}

/** Null: the text does not go back. Without a seal only clients of this dialect are believed that it came from here. */
function fieldFor({ seal }: ReasoningBlock, { facts, isHome }: MessageWriter): string | null {
  const { issuer, reasoningHistory } = facts
  if (seal === null && !isHome) return null
  if (seal === null) return reasoningHistory === "issued" ? "reasoning_content" : reasoningHistory
  if (!sameIssuer(seal.issuer, issuer)) return null
  if (reasoningHistory !== "issued") return reasoningHistory
  return seal.form === "field" && isReasoningField(seal.payload) ? seal.payload : null
}

function writeCall(
  call: ToolCallBlock,
  kept: JsonObject | undefined,
  writer: MessageWriter,
  placeOf: PlaceOf,
): JsonObject {
  if (call.cache !== undefined) writer.losses.add("cache-mark", placeOf(call))
  const id = encodeId(call.id, writer.facts.idRules)
  const name = writer.names.wire(call)
  const own = { ...kept, ...ownFields(call.extra) }
  if (call.kind === "custom" && writer.facts.customTools) {
    return { ...own, id, type: "custom", custom: { ...objectOf(own["custom"]), name, input: call.arguments } }
  }
  const text = call.kind === "custom" ? wrapInput(call.arguments) : call.arguments
  return { ...own, id, type: "function", function: { ...objectOf(own["function"]), name, arguments: text } }
}
