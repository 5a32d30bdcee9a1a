/** One content block of an upstream's stream, from its start to its stop. */

import { argumentsObject, argumentsText } from "../../canonical/arguments.ts"
import { InputReader } from "../../canonical/input-reader.ts"
import type { Assembler, Key } from "../../canonical/assemble.ts"
import type { Citation } from "../../canonical/block.ts"
import { isObject, type JsonObject, type JsonValue } from "../../canonical/json.ts"
import type { ReplyContext } from "../codec.ts"
import { readCitation } from "./citation.ts"
import { callExtra, callId, isEmpty, rawOf } from "./read-block.ts"
import { listField, textField } from "./wire.ts"

export interface StreamBlock {
  /** By these two a repeated start is known. */
  readonly type: string
  readonly id: string | null
  delta(delta: JsonObject): void
  /** Once. */
  close(): void
}

export interface Place {
  readonly assembler: Assembler
  readonly context: ReplyContext
  /** Never used twice. */
  readonly key: Key
}

export function openBlock(value: JsonObject, place: Place): StreamBlock {
  const type = textField(value, "type") ?? ""
  if (type === "text") return textBlock(value, place)
  if (type === "thinking" || type === "redacted_thinking") return reasoningBlock(value, type, place)
  if (type === "tool_use" && textField(value, "name")) return callBlock(value, place)
  return rawBlock(value, type, place)
}

/** The type of the block that a delta without a start belongs to; null where it cannot be told. */
export function typeOfDelta(delta: JsonObject): string | null {
  const type = delta["type"]
  if (type === "text_delta") return "text"
  return type === "thinking_delta" || type === "signature_delta" ? "thinking" : null
}

/** Citations wait for the text that they belong to. */
function textBlock(value: JsonObject, { assembler, key }: Place): StreamBlock {
  const waiting: Citation[] = []
  let filled = false
  const cite = (citation: JsonValue | undefined): void => {
    if (!isObject(citation)) return
    if (filled) assembler.delta(key, { of: "citation", citation: readCitation(citation) })
    else waiting.push(readCitation(citation))
  }
  const add = (text: string | null): void => {
    if (text === null || text === "") return
    assembler.delta(key, { of: "text", text })
    filled = true
    for (const citation of waiting.splice(0)) assembler.delta(key, { of: "citation", citation })
  }
  assembler.open(key, { type: "text" })
  for (const citation of listField(value, "citations")) cite(citation)
  add(textField(value, "text"))
  return {
    type: "text",
    id: null,
    delta(delta) {
      if (delta["type"] === "text_delta") add(textField(delta, "text"))
      else if (delta["type"] === "citations_delta") cite(delta["citation"])
    },
    close: () => assembler.close(key),
  }
}

/** The seal is the last that was said before the stop: a later signature replaces an earlier one. */
function reasoningBlock(value: JsonObject, type: "thinking" | "redacted_thinking", place: Place): StreamBlock {
  const { assembler, context, key } = place
  const form = type === "thinking" ? "signature" : "redacted"
  let payload = textField(value, type === "thinking" ? "signature" : "data") ?? ""
  const add = (text: string | null): void => {
    if (text !== null) assembler.delta(key, { of: "reasoning", text, part: 0, kind: "raw" })
  }
  assembler.open(key, { type: "reasoning" })
  if (type === "thinking") add(textField(value, "thinking"))
  return {
    type,
    id: null,
    delta(delta) {
      if (delta["type"] === "thinking_delta") add(textField(delta, "thinking"))
      else if (delta["type"] === "signature_delta") payload = textField(delta, "signature") ?? payload
    },
    close() {
      if (payload !== "") assembler.delta(key, { of: "seal", seal: { issuer: context.issuer, form, payload } })
      assembler.close(key)
    },
  }
}

/** `input` of the start counts only where no delta follows it. */
function callBlock(value: JsonObject, { assembler, context, key }: Place): StreamBlock {
  const tool = context.names.named(textField(value, "name") ?? "")
  const { name, namespace, kind, wrapped } = tool
  const input = wrapped ? new InputReader() : null
  let filled = false
  const add = (piece: string): void => {
    const text = input === null ? piece : input.push(piece)
    assembler.delta(key, { of: "arguments", text })
    filled ||= piece !== ""
  }
  assembler.open(key, { type: "tool-call", id: callId(value, context), name, namespace, kind, ...callExtra(value) })
  return {
    type: "tool_use",
    id: textField(value, "id"),
    delta(delta) {
      if (delta["type"] === "input_json_delta") add(textField(delta, "partial_json") ?? "")
    },
    close() {
      if (!filled && !(wrapped && isEmpty(value["input"]))) add(argumentsText(value["input"]))
      if (input !== null) assembler.delta(key, { of: "arguments", text: input.end() })
      assembler.close(key)
    },
  }
}

/** What only Messages has is given on whole, when it stopped. A compaction says its final value in one delta. */
function rawBlock(value: JsonObject, type: string, { assembler }: Place): StreamBlock {
  const fields = new Map(Object.entries(value))
  const pieces: string[] = []
  const add = (name: string, part: JsonValue | undefined): void => {
    const before = fields.get(name)
    const grows = type !== "compaction" && typeof before === "string" && typeof part === "string"
    fields.set(name, grows ? before + part : part)
  }
  return {
    type,
    id: textField(value, "id"),
    delta(delta) {
      if (delta["type"] === "input_json_delta") pieces.push(textField(delta, "partial_json") ?? "")
      else for (const [name, part] of Object.entries(delta)) if (name !== "type") add(name, part)
    },
    close() {
      const text = pieces.join("")
      if (text !== "") fields.set("input", argumentsObject(text).object)
      assembler.whole(rawOf(Object.fromEntries(fields)))
    },
  }
}
