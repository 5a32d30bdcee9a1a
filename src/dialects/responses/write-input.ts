/** Arranged messages as `input` items. */

import type { Block, ReasoningBlock, ToolCallBlock, ToolKind, ToolResultBlock } from "../../canonical/block.ts"
import { encodeId } from "../../canonical/id-map.ts"
import { isObject, parseExact, type JsonObject } from "../../canonical/json.ts"
import { wrapInput } from "../../canonical/arguments.ts"
import type { NameTable } from "../../canonical/name-map.ts"
import type { Message, Role } from "../../canonical/request.ts"
import { sealFor } from "../../canonical/seal.ts"
import type { TargetFacts } from "../../canonical/target.ts"
import { isPart, simplifyContent, writeParts, type ContentWriter } from "./write-content.ts"

export interface InputWriter extends ContentWriter {
  readonly facts: TargetFacts
  readonly names: NameTable
}

export function writeInput(messages: readonly Message[], writer: InputWriter): readonly JsonObject[] {
  const calls = new Map<string, ToolKind>()
  return messages.flatMap((message, index) => writeMessage(message, writer, calls, `messages[${index}]`))
}

/** Parts that stand next to each other share a message item; its `extra` goes to the first. */
function writeMessage(
  message: Message,
  writer: InputWriter,
  calls: Map<string, ToolKind>,
  path: string,
): readonly JsonObject[] {
  const items: JsonObject[] = []
  const role = wireRole(message.role, writer.facts)
  const side = role === "assistant" ? "output" : "input"
  let parts: JsonObject[] = []
  let extra = message.extra?.fields
  const flush = (): void => {
    if (parts.length === 0) return
    items.push({ type: "message", role, content: simplifyContent(parts), ...extra })
    extra = undefined
    parts = []
  }
  for (const [index, block] of message.blocks.entries()) {
    const place = `${path}.blocks[${index}]`
    if (isPart(block)) {
      parts.push(...writeParts(block, side, writer, place))
      continue
    }
    const item = writeItem(block, writer, calls, place)
    if (item === null) continue
    flush()
    items.push(item)
  }
  flush()
  return items
}

function wireRole(role: Role, facts: TargetFacts): Role {
  if (role === "developer" && !facts.developerRole) return "system"
  return role === "tool" ? "user" : role
}

function writeItem(block: Block, writer: InputWriter, calls: Map<string, ToolKind>, path: string): JsonObject | null {
  if (block.type === "raw") return block.raw
  if (block.type === "reasoning") return writeReasoning(block, writer, path)
  if (block.type === "tool-call") return writeCall(block, writer, calls, path)
  return block.type === "tool-result" ? writeResult(block, writer, calls, path) : null
}

function writeReasoning(block: ReasoningBlock, writer: InputWriter, path: string): JsonObject | null {
  const seal = sealFor(block, writer.facts.issuer)
  const { id, encrypted } = opened(seal?.payload ?? "")
  // with nothing in it the item would be no more than its id, which may name what another project has stored
  if (encrypted === "") {
    writer.losses.add("reasoning-history", path)
    return null
  }
  const texts = (kind: "summary" | "raw"): string[] =>
    block.parts.filter((part) => part.kind === kind).map((part) => part.text)
  const content = texts("raw").map((text) => ({ type: "reasoning_text", text }))
  return {
    type: "reasoning",
    ...(id === null ? {} : { id }),
    summary: texts("summary").map((text) => ({ type: "summary_text", text })),
    ...(content.length === 0 ? {} : { content }),
    encrypted_content: encrypted,
    ...block.extra?.fields,
  }
}

/** A payload that is not our JSON was made up by the client: it goes as it is, and the issuer is the one to refuse it. */
function opened(payload: string): { readonly id: string | null; readonly encrypted: string } {
  try {
    const value = parseExact(payload)
    if (isObject(value) && typeof value["encrypted_content"] === "string") {
      const { id } = value
      return { id: typeof id === "string" ? id : null, encrypted: value["encrypted_content"] }
    }
  } catch {
    // not JSON
  }
  return { id: null, encrypted: payload }
}

function writeCall(block: ToolCallBlock, writer: InputWriter, calls: Map<string, ToolKind>, path: string): JsonObject {
  const { facts, names } = writer
  if (block.cache !== undefined) writer.losses.add("cache-mark", path)
  const isWrapped = block.kind === "custom" && (names.declared(block)?.wrapped ?? !facts.customTools)
  const kind = isWrapped ? "function" : block.kind
  calls.set(block.id, kind)
  const namespace = facts.nameRules.namespaces ? block.namespace : null
  const target = {
    call_id: encodeId(block.id, facts.idRules),
    name: names.wire(block),
    ...(namespace === null ? {} : { namespace }),
  }
  if (kind === "custom") {
    return { type: "custom_tool_call", ...target, input: block.arguments, ...block.extra?.fields }
  }
  const text = isWrapped ? wrapInput(block.arguments) : block.arguments
  return { type: "function_call", ...target, arguments: text, ...block.extra?.fields }
}

/** A result is of the kind of its call; only where the call is not here its own kind counts. */
function writeResult(
  block: ToolResultBlock,
  writer: InputWriter,
  calls: ReadonlyMap<string, ToolKind>,
  path: string,
): JsonObject {
  if (block.cache !== undefined) writer.losses.add("cache-mark", path)
  const kind = calls.get(block.callId) ?? (writer.facts.customTools ? block.kind : "function")
  const parts = block.content.flatMap((one, index) => writeParts(one, "input", writer, `${path}.content[${index}]`))
  return {
    type: kind === "custom" ? "custom_tool_call_output" : "function_call_output",
    call_id: encodeId(block.callId, writer.facts.idRules),
    output: simplifyContent(parts),
    ...block.extra?.fields,
  }
}
