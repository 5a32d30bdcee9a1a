/** Tool calls of a whole answer. */

import { argumentObjects, functionArguments } from "../../canonical/arguments.ts"
import { unwrapInput } from "../../canonical/input-reader.ts"
import type { ToolCallBlock } from "../../canonical/block.ts"
import { decodeId } from "../../canonical/id-map.ts"
import type { JsonObject } from "../../canonical/json.ts"
import type { ReplyContext } from "../codec.ts"
import { readArguments } from "./read-message.ts"
import { callFieldsDetail } from "./reasoning.ts"
import { isAbsent, listOf, objectOf, stringOf, wordsOf } from "./wire.ts"

interface ReadCalls {
  readonly calls: readonly ToolCallBlock[]
  /** Fields that the server wants back with a call, for the sealed payload. */
  readonly kept: readonly JsonObject[]
}

export function callsOf(message: JsonObject, context: ReplyContext): ReadCalls {
  const calls: ToolCallBlock[] = []
  const kept: JsonObject[] = []
  for (const one of listOf(message["tool_calls"])) {
    const call = objectOf(one)
    const blocks = call === undefined ? [] : readCall(call, context)
    const [first] = blocks
    if (call === undefined || first === undefined) continue
    calls.push(...blocks)
    const own = returnable(call)
    if (own !== undefined) kept.push(callFieldsDetail(first.id, own))
  }
  const legacy = objectOf(message["function_call"])
  if (legacy !== undefined) calls.push(...readCall({ function: legacy }, context))
  return { calls, kept }
}

/** Gemini's thought signature and its like. Other unknown fields of calls are facts about serving, or placeholders. */
const RETURNED_FIELD = "extra_content"

export function returnable(call: JsonObject): JsonObject | undefined {
  const value = call[RETURNED_FIELD]
  return isAbsent(value) ? undefined : { [RETURNED_FIELD]: value }
}

/** Some servers send an empty `custom` beside every function. */
export function isCustomCall(call: JsonObject): boolean {
  if (call["type"] === "custom") return true
  return isAbsent(call["function"]) && objectOf(call["custom"]) !== undefined
}

/** None for a placeholder without a name; several where their arguments came as one. */
function readCall(call: JsonObject, context: ReplyContext): readonly ToolCallBlock[] {
  const isCustom = isCustomCall(call)
  const inner = objectOf(isCustom ? call["custom"] : call["function"])
  const wire = wordsOf(inner?.["name"])
  if (inner === undefined || wire === undefined) return []
  const tool = context.names.named(wire)
  const id = wordsOf(call["id"])
  const head = {
    type: "tool-call",
    id: id === undefined ? context.mint("call_") : decodeId(id),
    name: tool.name,
    namespace: tool.namespace,
  } as const
  if (isCustom) return [{ ...head, kind: "custom", arguments: stringOf(inner["input"]) ?? "" }]
  const text = stringOf(inner["arguments"]) ?? readArguments(inner["arguments"])
  return argumentObjects(text).map((one, index) => ({
    ...head,
    id: index === 0 ? head.id : context.mint("call_"),
    kind: tool.wrapped ? "custom" : "function",
    arguments: !tool.wrapped ? functionArguments(one) : one === "" ? "" : unwrapInput(one),
  }))
}
