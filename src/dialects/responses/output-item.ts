/**
 * One output item while it is written: what of it is sent when, and how it looks at any time. Each event is given to a
 * `Sink`, which a unary answer ignores, so that both answers are made in one place.
 */

import { argumentsObject } from "../../canonical/arguments.ts"
import type { Citation, ReasoningPart, Seal } from "../../canonical/block.ts"
import type { JsonObject, JsonValue } from "../../canonical/json.ts"
import { wrapReasoning } from "../../canonical/seal.ts"
import { dropsDetail, writeCitation } from "./write-content.ts"

export type ItemStatus = "in_progress" | "completed" | "incomplete"

export interface Sink {
  event(type: string, fields: JsonObject): void
  /** `place` names item and part, and is the same for all deltas of one part. */
  delta(type: string, place: JsonObject, text: string, logprobs: readonly JsonValue[] | null): void
}

/** What an item is told that has something to leave out. */
export type Lose = (code: "reply-citations" | "reply-field" | "reply-reasoning-seal") => void

export interface OutputItem {
  readonly id: string
  /** As it is now. */
  object(status: ItemStatus): JsonObject
}

interface TextPart {
  readonly kind: "text" | "refusal"
  text: string
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
    const content = this.#parts.map((part) => (isTextPart(part) ? partObject(part) : part))
    return { id: this.id, type: "message", status, role: "assistant", content }
  }

  open(kind: "text" | "refusal"): void {
    this.#place = { item_id: this.id, output_index: this.#index, content_index: this.#parts.length }
    this.#open = { kind, text: "", citations: [], annotations: [], logprobs: [] }
    this.#parts.push(this.#open)
    this.#sink.event("response.content_part.added", { ...this.#place, part: partObject(this.#open) })
  }

  grow(text: string, logprobs: readonly JsonValue[]): void {
    const part = this.#open
    if (part === null) return
    part.text += text
    part.logprobs.push(...logprobs)
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
      this.#sink.event("response.refusal.done", { ...this.#place, refusal: part.text })
    } else {
      this.#annotate(part, lose)
      this.#sink.event("response.output_text.done", { ...this.#place, text: part.text, logprobs: part.logprobs })
    }
    this.#sink.event("response.content_part.done", { ...this.#place, part: partObject(part) })
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
}

function isTextPart(part: TextPart | JsonObject): part is TextPart {
  return Array.isArray((part as TextPart).citations)
}

function partObject(part: TextPart): JsonObject {
  if (part.kind === "refusal") return { type: "refusal", refusal: part.text }
  return { type: "output_text", annotations: part.annotations, logprobs: [...part.logprobs], text: part.text }
}

/**
 * Reasoning. Raw thinking stands in `content`; for a client that asked for summaries in `summary`, where it looks.
 * The envelope holds every part as it was.
 */
export class OutputReasoning implements OutputItem {
  readonly id: string
  readonly #sink: Sink
  readonly #index: number
  readonly #rawAsSummary: boolean
  readonly #parts: { readonly kind: ReasoningPart["kind"]; text: string }[] = []
  readonly #shown: { summary: number; raw: number } = { summary: 0, raw: 0 }
  #place: JsonObject = {}
  #encrypted: string | null = null

  constructor(id: string, index: number, sink: Sink, rawAsSummary: boolean) {
    this.id = id
    this.#index = index
    this.#sink = sink
    this.#rawAsSummary = rawAsSummary
    sink.event("response.output_item.added", { output_index: index, item: this.object("in_progress") })
  }

  object(status: ItemStatus): JsonObject {
    const texts = (kind: ReasoningPart["kind"]): string[] =>
      this.#parts.filter((part) => this.#slot(part.kind) === kind).map((part) => part.text)
    const content = texts("raw").map((text) => ({ type: "reasoning_text", text }))
    return {
      id: this.id,
      type: "reasoning",
      status,
      summary: texts("summary").map((text) => ({ type: "summary_text", text })),
      ...(content.length === 0 ? {} : { content }),
      ...(this.#encrypted === null ? {} : { encrypted_content: this.#encrypted }),
    }
  }

  grow(text: string, number: number, kind: ReasoningPart["kind"]): void {
    const slot = this.#slot(kind)
    if (number >= this.#parts.length) {
      this.#endPart()
      this.#parts.push({ kind, text: "" })
      this.#beginPart(slot)
    }
    const part = this.#parts.at(-1)
    if (part !== undefined) part.text += text
    this.#sink.delta(`response.${TEXT_EVENT[slot]}.delta`, this.#place, text, null)
  }

  seal(seal: Seal, lose: Lose): void {
    this.#encrypted = wrapReasoning({ parts: this.#parts, seal })
    if (this.#encrypted === null) lose("reply-reasoning-seal")
  }

  close(): void {
    this.#endPart()
  }

  #slot(kind: ReasoningPart["kind"]): ReasoningPart["kind"] {
    return this.#rawAsSummary ? "summary" : kind
  }

  #beginPart(slot: ReasoningPart["kind"]): void {
    const number = this.#shown[slot]
    this.#shown[slot] += 1
    const base = { item_id: this.id, output_index: this.#index }
    this.#place = slot === "summary" ? { ...base, summary_index: number } : { ...base, content_index: number }
    this.#sink.event(`response.${PART_EVENT[slot]}.added`, {
      ...this.#place,
      part: { type: PART_TYPE[slot], text: "" },
    })
  }

  #endPart(): void {
    const part = this.#parts.at(-1)
    if (part === undefined) return
    const slot = this.#slot(part.kind)
    this.#sink.event(`response.${TEXT_EVENT[slot]}.done`, { ...this.#place, text: part.text })
    const done = { type: PART_TYPE[slot], text: part.text }
    this.#sink.event(`response.${PART_EVENT[slot]}.done`, { ...this.#place, part: done })
  }
}

const TEXT_EVENT = { summary: "reasoning_summary_text", raw: "reasoning_text" } as const
const PART_EVENT = { summary: "reasoning_summary_part", raw: "content_part" } as const
const PART_TYPE = { summary: "summary_text", raw: "reasoning_text" } as const

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
  #text = ""

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
      const args = argumentsObject(this.#text).object
      return { id: this.id, type: "tool_search_call", status, call_id, execution: "client", arguments: args, ...extra }
    }
    return {
      id: this.id,
      type: kind === "custom" ? "custom_tool_call" : "function_call",
      status,
      call_id,
      name,
      ...(namespace === null ? {} : { namespace }),
      [kind === "custom" ? "input" : "arguments"]: this.#text,
      ...extra,
    }
  }

  grow(text: string): void {
    this.#text += text
    if (this.#fields.kind === "search") return
    const type = this.#fields.kind === "custom" ? "custom_tool_call_input" : "function_call_arguments"
    this.#sink.delta(`response.${type}.delta`, this.#place, text, null)
  }

  close(): void {
    if (this.#fields.kind === "search") return
    if (this.#fields.kind === "custom") {
      this.#sink.event("response.custom_tool_call_input.done", { ...this.#place, input: this.#text })
      return
    }
    if (this.#text === "") this.grow("{}")
    this.#sink.event("response.function_call_arguments.done", { ...this.#place, arguments: this.#text })
  }
}

/** An item that came whole and is given as it is. */
export class OutputWhole implements OutputItem {
  readonly id: string
  readonly #raw: JsonObject

  constructor(id: string, index: number, sink: Sink, raw: JsonObject) {
    this.id = id
    this.#raw = { ...raw, id }
    sink.event("response.output_item.added", { output_index: index, item: this.#raw })
  }

  object(): JsonObject {
    return this.#raw
  }
}
