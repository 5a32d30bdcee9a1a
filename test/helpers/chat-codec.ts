/** What the tests of the Chat codec share: contexts, frames of a stream's text, and events of its frames. */
import type { Event } from "../../src/canonical/event.ts"
import type { Request } from "../../src/canonical/request.ts"
import { emptyRequest } from "./empty-request.ts"
import type { JsonObject } from "../../src/canonical/json.ts"
import { buildNameTable, COMMON_NAME_RULES } from "../../src/canonical/name-map.ts"
import type { Issuer } from "../../src/canonical/origin.ts"
import type { Block } from "../../src/canonical/block.ts"
import { defaultFacts, type TargetFacts } from "../../src/canonical/target.ts"
import type { Tool } from "../../src/canonical/tool.ts"
import { chatCodec } from "../../src/dialects/chat/codec.ts"
import type { Frame, Mint, ReplyContext, ReplyOptions, StreamReader } from "../../src/dialects/codec.ts"

export const CHAT_ISSUER: Issuer = { dialect: "chat", label: "one" }

export function counter(): Mint {
  let count = 0
  return (prefix) => {
    count += 1
    return `${prefix}${String(count).padStart(6, "0")}`
  }
}

export function chatFacts(own: Partial<TargetFacts> = {}): TargetFacts {
  return { ...defaultFacts(CHAT_ISSUER, "upstream-model"), ...own }
}

/** The context in which the answer to a request with these tools is read. */
export function chatContext(tools: readonly Tool[] = [], customTools = true): ReplyContext {
  const names = buildNameTable(tools, [], { rules: COMMON_NAME_RULES, customTools })
  return { names, issuer: CHAT_ISSUER, mint: counter() }
}

export function chatOptions(request: Partial<Request> = {}, clientBody: JsonObject = {}): ReplyOptions {
  return {
    request: { ...emptyRequest("chat", "group"), ...request },
    clientBody,
    model: null,
    mint: counter(),
    now: () => 1_700_000_000,
    estimatedUsage: null,
  }
}

/** The frames of a stream's text. Comments are none. */
export function framesOf(text: string): readonly Frame[] {
  return text.split(/\r?\n\r?\n/).flatMap((block) => {
    const lines = block.split(/\r?\n/)
    const data = lines.filter((line) => line.startsWith("data:")).map((line) => line.slice(5).replace(/^ /, ""))
    if (data.length === 0) return []
    const event = lines
      .find((line) => line.startsWith("event:"))
      ?.slice(6)
      .trim()
    return [event === undefined ? { data: data.join("\n") } : { event, data: data.join("\n") }]
  })
}

export function eventsFrom(frames: readonly Frame[], reader: StreamReader): readonly Event[] {
  return [...frames.flatMap((frame) => reader.push(frame)), ...reader.end()]
}

export function readText(text: string, context: ReplyContext = chatContext()): readonly Event[] {
  return eventsFrom(framesOf(text), chatCodec.createStreamReader(context))
}

/** A data line for each value, and `[DONE]`. */
export function streamOf(...chunks: readonly unknown[]): string {
  return [...chunks.map((chunk) => JSON.stringify(chunk)), "[DONE]"].map((data) => `data: ${data}\n\n`).join("")
}

/** A chunk of one choice. */
export function delta(fields: unknown, finish: string | null = null): unknown {
  return { id: "c", created: 5, model: "m", choices: [{ index: 0, delta: fields, finish_reason: finish }] }
}

export function writeEvents(events: Iterable<Event>, options: ReplyOptions = chatOptions()): string {
  const writer = chatCodec.createStreamWriter(options)
  return [...events].map((event) => writer.push(event)).join("")
}

/** The blocks without the name of the field in which plain reasoning came: clients get all of it as `reasoning_content`. */
export function withoutFields(blocks: readonly Block[]): readonly Block[] {
  return blocks.map((block) =>
    block.type === "reasoning" && block.seal?.form === "field"
      ? { ...block, seal: { ...block.seal, form: "none", payload: "" } }
      : block,
  )
}
