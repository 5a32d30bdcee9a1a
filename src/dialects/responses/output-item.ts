/**
 * One output item while it is written: what of it is sent when, and how it looks at any time. Each event is given to a
 * `Sink`, which a unary answer ignores, so that both answers are made in one place.
 */

import { argumentsObject } from "../../canonical/arguments.ts"
import type { Citation } from "../../canonical/block.ts"
import type { JsonObject, JsonValue } from "../../canonical/json.ts"
import { GrownText } from "./grown-text.ts"
import { dropsDetail, writeCitation } from "./write-content.ts"

export type ItemStatus = "in_progress" | "completed" | "incomplete"

export interface Sink {
  event(type: string, fields: JsonObject): void
  /** `place` names item and part, and is the same for all deltas of one part. */
  delta(type: string, place: JsonObject, text: string, logprobs: readonly JsonValue[] | null): void
  /** As it is to stand in an item and in events. */
  shown(text: GrownText): JsonValue
  /** Items and events may be long from now on. */
  expectLong(): void
}

/** More of them make events long: each comes with its alternatives. */
const MANY_LOGPROBS = 256
/** Characters of an item that came whole, which is shown in three events. */
const LONG_ITEM_CHARS = 1 << 16

/** What an item is told that has something to leave out. */
export type Lose = (code: "reply-citations" | "reply-field" | "reply-reasoning-seal") => void

export interface OutputItem {
  readonly id: string
  /** As it is now. */
  object(status: ItemStatus): JsonObject
}

interface TextPart {
  readonly kind: "text" | "refusal"
  readonly text: GrownText
  readonly citations: Citation[]
  annotations: readonly JsonObject[]
  readonly logprobs: JsonValue[]
}

/** A message: every text or refusal block is one part of its content. */
export class OutputMessage implements OutputItem {
  readonly id: string
  readonly #sink: Sink
  readonly #index: number
  readonly #parts: (TextPart | JsonObject)[] = []
  #open: TextPart | null = null
  #place: JsonObject = {}

  constructor(id: string, index: number, sink: Sink) {
    this.id = id
    this.#index = index
    this.#sink = sink
    sink.event("response.output_item.added", { output_index: index, item: this.object("in_progress") })
  }

  object(status: ItemStatus): JsonObject {
    const content = this.#parts.map((part) => (isTextPart(part) ? this.#object(part) : part))
    return { id: this.id, type: "message", status, role: "assistant", content }
  }

  open(kind: "text" | "refusal"): void {
    this.#place = { item_id: this.id, output_index: this.#index, content_index: this.#parts.length }
    this.#open = { kind, text: new GrownText(), citations: [], annotations: [], logprobs: [] }
    this.#parts.push(this.#open)
    this.#sink.event("response.content_part.added", { ...this.#place, part: this.#object(this.#open) })
  }

  grow(text: string, logprobs: readonly JsonValue[]): void {
    const part = this.#open
    if (part === null) return
    part.text.add(text)
    part.logprobs.push(...logprobs)
    if (part.logprobs.length > MANY_LOGPROBS) this.#sink.expectLong()
    if (part.kind === "text") this.#sink.delta("response.output_text.delta", this.#place, text, logprobs)
    else this.#sink.delta("response.refusal.delta", this.#place, text, null)
  }

  /** Waits for the end of the text, as one without offsets is about all of it. */
  cite(citation: Citation): void {
    this.#open?.citations.push(citation)
  }

  close(lose: Lose): void {
    const part = this.#open
    if (part === null) return
    this.#open = null
    if (part.kind === "refusal") {
      this.#sink.event("response.refusal.done", { ...this.#place, refusal: this.#sink.shown(part.text) })
    } else {
      this.#annotate(part, lose)
      const text = this.#sink.shown(part.text)
      this.#sink.event("response.output_text.done", { ...this.#place, text, logprobs: part.logprobs })
    }
    this.#sink.event("response.content_part.done", { ...this.#place, part: this.#object(part) })
  }

  /** A part of a kind that only this dialect has. */
  whole(raw: JsonObject): void {
    const place = { item_id: this.id, output_index: this.#index, content_index: this.#parts.length }
    this.#parts.push(raw)
    this.#sink.event("response.content_part.added", { ...place, part: raw })
    this.#sink.event("response.content_part.done", { ...place, part: raw })
  }

  #annotate(part: TextPart, lose: Lose): void {
    const annotations: JsonObject[] = []
    for (const citation of part.citations) {
      const annotation = writeCitation(citation, part.text.length)
      if (dropsDetail(citation)) lose("reply-field")
      if (annotation === null) {
        lose("reply-citations")
        continue
      }
      const fields = { ...this.#place, annotation_index: annotations.length, annotation }
      this.#sink.event("response.output_text.annotation.added", fields)
      annotations.push(annotation)
    }
    part.annotations = annotations
  }

  #object({ kind, text, annotations, logprobs }: TextPart): JsonObject {
    const shown = this.#sink.shown(text)
    if (kind === "refusal") return { type: "refusal", refusal: shown }
    return { type: "output_text", annotations, logprobs: [...logprobs], text: shown }
  }
}

function isTextPart(part: TextPart | JsonObject): part is TextPart {
  return Array.isArray((part as TextPart).citations)
}

export interface CallFields {
  /** `search`: the client's own search for tools, which is an item of its own kind. */
  readonly kind: "function" | "custom" | "search"
  readonly call_id: string
  readonly name: string
  readonly namespace: string | null
  readonly extra: JsonObject
}

export class OutputCall implements OutputItem {
  readonly id: string
  readonly #sink: Sink
  readonly #fields: CallFields
  readonly #place: JsonObject
  readonly #text = new GrownText()

  constructor(id: string, index: number, sink: Sink, fields: CallFields) {
    this.id = id
    this.#sink = sink
    this.#fields = fields
    this.#place = { item_id: id, output_index: index }
    sink.event("response.output_item.added", { output_index: index, item: this.object("in_progress") })
  }

  object(status: ItemStatus): JsonObject {
    const { kind, call_id, name, namespace, extra } = this.#fields
    if (kind === "search") {
      const args = argumentsObject(String(this.#text)).object
      return { id: this.id, type: "tool_search_call", status, call_id, execution: "client", arguments: args, ...extra }
    }
    return {
      id: this.id,
      type: kind === "custom" ? "custom_tool_call" : "function_call",
      status,
      call_id,
      name,
      ...(namespace === null ? {} : { namespace }),
      [kind === "custom" ? "input" : "arguments"]: this.#sink.shown(this.#text),
      ...extra,
    }
  }

  grow(text: string): void {
    this.#text.add(text)
    if (this.#fields.kind === "search") return
    const type = this.#fields.kind === "custom" ? "custom_tool_call_input" : "function_call_arguments"
    this.#sink.delta(`response.${type}.delta`, this.#place, text, null)
  }

  close(): void {
    if (this.#fields.kind === "search") return
    if (this.#fields.kind === "custom") {
      this.#sink.event("response.custom_tool_call_input.done", { ...this.#place, input: this.#sink.shown(this.#text) })
      return
    }
    if (this.#text.length === 0) this.grow("{}")
    this.#sink.event("response.function_call_arguments.done", {
      ...this.#place,
      arguments: this.#sink.shown(this.#text),
    })
  }
}

/** An item that came whole and is given as it is. */
export class OutputWhole implements OutputItem {
  readonly id: string
  readonly #raw: JsonObject

  constructor(id: string, index: number, sink: Sink, raw: JsonObject) {
    this.id = id
    this.#raw = { ...raw, id }
    if (charsIn(raw) > LONG_ITEM_CHARS) sink.expectLong()
    sink.event("response.output_item.added", { output_index: index, item: this.#raw })
  }

  object(): JsonObject {
    return this.#raw
  }
}

/** About how long a value is as JSON. */
function charsIn(value: JsonValue | undefined): number {
  if (typeof value === "string") return value.length
  if (typeof value !== "object" || value === null) return 4
  let chars = 0
  for (const inner of Object.values(value)) chars += 4 + charsIn(inner as JsonValue)
  return chars
}
