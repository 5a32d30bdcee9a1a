/**
 * What an answer says, read a second time in the plainest way: whole bodies and streams of all dialects come out alike.
 * Reasoning is its visible text; the stop reason is in the canonical form's words.
 */
import type { Dialect } from "./samples.ts"
import { at, framesOf, jsonOf } from "./streams.ts"

export interface ToolCall {
  readonly id: unknown
  readonly name: unknown
  /** Parsed where it is JSON, the text otherwise. */
  readonly arguments: unknown
}

export interface Meaning {
  readonly text: string
  readonly refusal: string
  readonly reasoning: string
  readonly calls: readonly ToolCall[]
  /** `end`, `length`, `tool-calls`, `filtered`; what else the vendor said otherwise. */
  readonly stop: unknown
}

/** Of a whole body, as sent or as an accumulator made it. */
export function meaningOfBody(dialect: Dialect, body: unknown): Meaning {
  return READERS[dialect]([body])
}

export function meaningOfStream(dialect: Dialect, stream: string): Meaning {
  return READERS[dialect](framesOf(stream).map(jsonOf))
}

const READERS: Readonly<Record<Dialect, (objects: readonly unknown[]) => Meaning>> = {
  chat: chatMeaning,
  responses: responsesMeaning,
  messages: messagesMeaning,
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? (value as readonly unknown[]) : []
}

function string(value: unknown): string {
  return typeof value === "string" ? value : ""
}

function parsed(text: string): unknown {
  if (text.trim() === "") return {}
  try {
    return JSON.parse(text) as unknown
  } catch {
    return text
  }
}

interface Growing {
  id: unknown
  name: string
  text: string
}

function grown(calls: Iterable<Growing>): readonly ToolCall[] {
  return [...calls].map(({ id, name, text }) => ({ id, name, arguments: parsed(text) }))
}

function chatMeaning(chunks: readonly unknown[]): Meaning {
  const calls = new Map<unknown, Growing>()
  const meaning = { text: "", refusal: "", reasoning: "", stop: undefined as unknown }
  for (const choice of chunks.map((chunk) => at(chunk, "choices", 0))) {
    const delta = at(choice, "delta") ?? at(choice, "message")
    const content = at(delta, "content")
    meaning.text += string(content) + texts(content, "text") + string(at(delta, "audio", "transcript"))
    meaning.refusal += string(at(delta, "refusal"))
    meaning.reasoning += chatReasoning(delta)
    for (const [place, call] of list(at(delta, "tool_calls")).entries()) growChat(calls, call, place)
    meaning.stop = string(at(choice, "finish_reason")) || meaning.stop
  }
  const stop = CHAT_STOPS[String(meaning.stop)] ?? meaning.stop
  // some servers say `stop` although there are calls
  return { ...meaning, calls: grown(calls.values()), stop: stop === "end" && calls.size > 0 ? "tool-calls" : stop }
}

/** Under one of its many names; the first that holds something. */
function chatReasoning(delta: unknown): string {
  const thinking = list(at(delta, "content")).map((part) => texts(at(part, "thinking"), "text"))
  const details = at(delta, "reasoning_details")
  return (
    string(at(delta, "reasoning_content")) ||
    string(at(delta, "reasoning")) ||
    thinking.filter((text) => text !== "").join("\n\n") ||
    texts(details, "text") + texts(details, "summary")
  )
}

const CHAT_STOPS: Readonly<Record<string, string>> = {
  stop: "end",
  length: "length",
  tool_calls: "tool-calls",
  function_call: "tool-calls",
  content_filter: "filtered",
}

function growChat(calls: Map<unknown, Growing>, call: unknown, place: number): void {
  const key = at(call, "index") ?? place
  const known = calls.get(key)
  const args = at(call, "function", "arguments") ?? at(call, "custom", "input")
  const text = typeof args === "object" && args !== null ? JSON.stringify(args) : string(args)
  if (known === undefined)
    calls.set(key, {
      id: at(call, "id"),
      name: string(at(call, "function", "name") ?? at(call, "custom", "name")),
      text,
    })
  else known.text += text
}

function texts(parts: unknown, field: string): string {
  return list(parts)
    .map((part) => string(at(part, field)))
    .join("")
}

function responsesMeaning(objects: readonly unknown[]): Meaning {
  const final = objects
    .map((object) => at(object, "response") ?? object)
    .findLast((object) => at(object, "output") !== undefined)
  const done = objects
    .filter((object) => at(object, "type") === "response.output_item.done")
    .map((event) => at(event, "item"))
  const items = list(at(final, "output")).length > 0 ? list(at(final, "output")) : done
  const parts = items.filter((item) => at(item, "type") === "message").flatMap((item) => list(at(item, "content")))
  const calls = items
    .filter((item) => ["function_call", "custom_tool_call"].includes(string(at(item, "type"))))
    .map((item) => ({
      id: at(item, "call_id"),
      name: at(item, "name"),
      arguments: at(item, "type") === "custom_tool_call" ? at(item, "input") : parsed(string(at(item, "arguments"))),
    }))
  const reasons = items.filter((item) => at(item, "type") === "reasoning")
  const said = reasons.flatMap((item) => [...list(at(item, "summary")), ...list(at(item, "content"))])
  const incomplete = at(final, "incomplete_details", "reason")
  const refusal = texts(parts, "refusal")
  const word = incomplete === "max_output_tokens" ? "length" : incomplete === "content_filter" ? "filtered" : "end"
  return {
    text: texts(parts, "text"),
    refusal,
    reasoning: said.map((part) => string(at(part, "text"))).join("\n\n"),
    calls,
    stop: word === "end" && calls.length > 0 ? "tool-calls" : word === "end" && refusal !== "" ? "filtered" : word,
  }
}

interface Block {
  readonly start: unknown
  text: string
}

function messagesMeaning(objects: readonly unknown[]): Meaning {
  const blocks = new Map<unknown, Block>()
  let stop: unknown
  for (const object of objects) {
    const message = at(object, "message") ?? object
    for (const [index, block] of list(at(message, "content")).entries()) blocks.set(index, { start: block, text: "" })
    const index = at(object, "index")
    const started = at(object, "content_block")
    if (started !== undefined && !blocks.has(index)) blocks.set(index, { start: started, text: "" })
    const block = blocks.get(index)
    const delta = at(object, "delta")
    if (block !== undefined)
      block.text += string(at(delta, "text")) + string(at(delta, "thinking")) + string(at(delta, "partial_json"))
    stop = at(delta, "stop_reason") ?? at(message, "stop_reason") ?? stop
  }
  const all = [...blocks.values()]
  const of = (type: string): Block[] => all.filter(({ start }) => at(start, "type") === type)
  const calls = of("tool_use").map(({ start, text }) => ({
    id: at(start, "id"),
    name: at(start, "name"),
    arguments: text === "" ? at(start, "input") : parsed(text),
  }))
  const word = MESSAGES_STOPS[String(stop)] ?? stop
  return {
    text: of("text")
      .map(({ start, text }) => string(at(start, "text")) + text)
      .join(""),
    refusal: "",
    reasoning: of("thinking")
      .map(({ start, text }) => string(at(start, "thinking")) + text)
      .filter((text) => text !== "")
      .join("\n\n"),
    calls,
    stop: word === "end" && calls.length > 0 ? "tool-calls" : word,
  }
}

const MESSAGES_STOPS: Readonly<Record<string, string>> = {
  end_turn: "end",
  stop_sequence: "end",
  max_tokens: "length",
  model_context_window_exceeded: "length",
  tool_use: "tool-calls",
  refusal: "filtered",
}
