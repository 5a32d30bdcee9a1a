/**
 * One output item while it streams. Each kind says to the assembler what its events add; the complete item at the end
 * brings what no delta did, because some upstreams send only parts of the protocol.
 */

import type { Assembler } from "../../canonical/assemble.ts"
import type { JsonObject, JsonValue } from "../../canonical/json.ts"
import type { Losses } from "../../canonical/loss.ts"
import type { ReplyContext } from "../codec.ts"
import { readCitation, readPart } from "./read-content.ts"
import { argumentText } from "./read-input.ts"
import { openCall, pieceConverter, sealOf, type PieceConverter } from "./read-reply.ts"
import { listOf, numberOf, objectOf, objectsOf, PART_MARK, rawItem, stringOf } from "./wire.ts"

export interface ItemScope {
  readonly assembler: Assembler
  readonly context: ReplyContext
  readonly losses: Losses
  /** Unique in the stream. */
  readonly key: string
  /** Where a loss points to. */
  readonly path: string
}

export interface StreamItem {
  readonly type: string
  readonly closed: boolean
  /** An event about this item, other than `output_item.*`. */
  take(event: JsonObject, type: string): void
  /** The complete item. */
  finish(item: JsonObject): void
}

/** What a growing text still lacks of its final form; "" when the two do not agree, as what was sent is sent. */
export function missing(received: string, final: string): string {
  if (final.length <= received.length) return ""
  return received === "" || final.startsWith(received) ? final.slice(received.length) : ""
}

interface TextPart {
  readonly key: string
  readonly kind: "text" | "refusal"
  text: string
  citations: number
  closed: boolean
}

export class MessageItem implements StreamItem {
  readonly type = "message"
  closed = false
  readonly #scope: ItemScope
  readonly #parts = new Map<number, TextPart>()
  readonly #wholes = new Set<number>()
  /** Did the model decline in words? */
  readonly #onRefusal: () => void

  constructor(scope: ItemScope, onRefusal: () => void) {
    this.#scope = scope
    this.#onRefusal = onRefusal
  }

  take(event: JsonObject, type: string): void {
    if (this.closed) return
    const index = numberOf(event["content_index"]) ?? Math.max(0, this.#parts.size - 1)
    switch (type) {
      case "response.content_part.added":
        return this.#begin(index, objectOf(event["part"]))
      case "response.output_text.delta":
        return this.#grow(index, "text", stringOf(event["delta"]) ?? "", listOf(event["logprobs"]))
      case "response.refusal.delta":
        return this.#grow(index, "refusal", stringOf(event["delta"]) ?? "")
      case "response.output_text.done":
        return this.#complete(index, { type: "output_text", text: event["text"], logprobs: event["logprobs"] })
      case "response.refusal.done":
        return this.#complete(index, { type: "refusal", refusal: event["refusal"] })
      case "response.output_text.annotation.added": {
        const annotation = objectOf(event["annotation"])
        if (annotation !== undefined) this.#annotate(index, [annotation])
        return
      }
      case "response.content_part.done":
        return this.#end(index, objectOf(event["part"]))
    }
  }

  finish(item: JsonObject): void {
    if (this.closed) return
    for (const [index, part] of objectsOf(item["content"]).entries()) this.#end(index, part)
    for (const index of this.#parts.keys()) this.#end(index, undefined)
    this.closed = true
  }

  #begin(index: number, part: JsonObject | undefined): void {
    const kind = kindOfPart(part)
    if (kind !== null) this.#part(index, kind)
  }

  #part(index: number, kind: TextPart["kind"]): TextPart | null {
    const known = this.#parts.get(index)
    if (known !== undefined) return known.kind === kind && !known.closed ? known : null
    if (this.#wholes.has(index)) return null
    const part: TextPart = { key: `${this.#scope.key}.${index}`, kind, text: "", citations: 0, closed: false }
    this.#parts.set(index, part)
    this.#scope.assembler.open(part.key, { type: kind })
    return part
  }

  #grow(index: number, kind: TextPart["kind"], text: string, logprobs: readonly JsonValue[] = []): void {
    const part = this.#part(index, kind)
    if (part === null || text === "") return
    part.text += text
    if (kind === "refusal") this.#onRefusal()
    const extra = logprobs.length === 0 ? {} : { logprobs }
    this.#scope.assembler.delta(part.key, { of: "text", text, ...extra })
  }

  #complete(index: number, final: JsonObject): void {
    const kind = kindOfPart(final)
    if (kind === null) return
    const part = this.#part(index, kind)
    if (part === null) return
    const text = missing(part.text, stringOf(final[kind === "refusal" ? "refusal" : "text"]) ?? "")
    this.#grow(index, kind, text, part.text === "" ? listOf(final["logprobs"]) : [])
  }

  /** Before any text they wait for the complete part. */
  #annotate(index: number, annotations: readonly JsonObject[]): void {
    const part = this.#part(index, "text")
    if (part === null || part.text === "") return
    part.citations += annotations.length
    for (const annotation of annotations) {
      this.#scope.assembler.delta(part.key, { of: "citation", citation: readCitation(annotation) })
    }
  }

  /** `final` undefined: the part is closed as it is. A part of another kind is taken whole. */
  #end(index: number, final: JsonObject | undefined): void {
    if (final !== undefined && kindOfPart(final) === null) return this.#whole(index, final)
    if (final !== undefined) {
      this.#complete(index, final)
      this.#annotate(index, objectsOf(final["annotations"]).slice(this.#parts.get(index)?.citations ?? 0))
    }
    const part = this.#parts.get(index)
    if (part === undefined || part.closed) return
    part.closed = true
    this.#scope.assembler.close(part.key)
  }

  #whole(index: number, final: JsonObject): void {
    if (this.#wholes.has(index) || this.#parts.has(index)) return
    this.#wholes.add(index)
    const block = readPart(final)
    if (block?.type === "raw" && block.extra?.fields[PART_MARK] === true) this.#scope.assembler.whole(block)
  }
}

function kindOfPart(part: JsonObject | undefined): TextPart["kind"] | null {
  if (part?.["type"] === "refusal") return "refusal"
  return part?.["type"] === "output_text" || part?.["type"] === "text" ? "text" : null
}

interface GrowingPart {
  /** null: not told yet. */
  number: number | null
  text: string
}

export class ReasoningItem implements StreamItem {
  readonly type = "reasoning"
  closed = false
  readonly #scope: ItemScope
  readonly #parts = new Map<string, GrowingPart>()
  /** Numbers given so far; the last one is where text is added without a new part. */
  #count = 0
  #mayBeSealed: boolean
  #hasRaw = false

  constructor(scope: ItemScope, item: JsonObject) {
    this.#scope = scope
    this.#mayBeSealed = typeof item["encrypted_content"] === "string"
    scope.assembler.open(scope.key, { type: "reasoning" })
  }

  take(event: JsonObject, type: string): void {
    if (this.closed) return
    const content = numberOf(event["content_index"]) ?? 0
    const summary = numberOf(event["summary_index"]) ?? 0
    switch (type) {
      case "response.reasoning_summary_text.delta":
        return this.#grow("summary", summary, stringOf(event["delta"]) ?? "")
      case "response.reasoning_text.delta":
      case "response.reasoning.delta":
        return this.#grow("raw", content, stringOf(event["delta"]) ?? "")
      case "response.reasoning_summary_text.done":
        return this.#complete("summary", summary, stringOf(event["text"]))
      case "response.reasoning_text.done":
      case "response.reasoning.done":
        return this.#complete("raw", content, stringOf(event["text"]))
      case "response.reasoning_summary_part.done":
        return this.#complete("summary", summary, stringOf(objectOf(event["part"])?.["text"]))
      case "response.content_part.done":
        return this.#complete("raw", content, stringOf(objectOf(event["part"])?.["text"]))
    }
  }

  /** What follows has begun, and this is thinking of a kind that nobody seals: it need not hold that back. */
  letGo(): void {
    if (this.#hasRaw && !this.#mayBeSealed) this.#close()
  }

  finish(item: JsonObject): void {
    const seal = sealOf(item, this.#scope.context.issuer)
    if (this.closed) {
      if (seal !== null) this.#scope.losses.add("reply-reasoning-seal", this.#scope.path)
      return
    }
    for (const [index, part] of objectsOf(item["summary"]).entries()) {
      this.#complete("summary", index, stringOf(part["text"]))
    }
    for (const [index, part] of objectsOf(item["content"]).entries()) {
      this.#complete("raw", index, stringOf(part["text"]))
    }
    if (seal !== null) this.#scope.assembler.delta(this.#scope.key, { of: "seal", seal })
    this.#close()
  }

  #close(): void {
    if (this.closed) return
    this.closed = true
    this.#scope.assembler.close(this.#scope.key)
  }

  /** Parts never go back: text for an earlier one becomes a part of its own. */
  #grow(kind: "summary" | "raw", index: number, text: string): void {
    if (text === "") return
    const name = `${kind} ${index}`
    const part = this.#parts.get(name) ?? { number: null, text: "" }
    this.#parts.set(name, part)
    if (part.number === null || part.number !== this.#count - 1) {
      part.number = this.#count
      this.#count += 1
    }
    part.text += text
    this.#hasRaw ||= kind === "raw"
    this.#scope.assembler.delta(this.#scope.key, { of: "reasoning", text, part: part.number, kind })
  }

  #complete(kind: "summary" | "raw", index: number, final: string | undefined): void {
    const received = this.#parts.get(`${kind} ${index}`)?.text ?? ""
    this.#grow(kind, index, missing(received, final ?? ""))
  }
}

export class CallItem implements StreamItem {
  readonly type: string
  closed = false
  readonly #scope: ItemScope
  readonly #kind: "function" | "custom"
  #converter: PieceConverter | null = null
  #received = ""

  constructor(scope: ItemScope, item: JsonObject, type: "function_call" | "custom_tool_call") {
    this.#scope = scope
    this.type = type
    this.#kind = type === "custom_tool_call" ? "custom" : "function"
    if (typeof item["call_id"] === "string" && item["call_id"] !== "") this.#open(item)
  }

  take(event: JsonObject, type: string): void {
    if (this.closed) return
    switch (type) {
      case "response.function_call_arguments.delta":
      case "response.custom_tool_call_input.delta":
        return this.#grow(stringOf(event["delta"]) ?? "")
      case "response.function_call_arguments.done":
        return this.#grow(missing(this.#received, argumentText(event["arguments"])))
      case "response.custom_tool_call_input.done":
        return this.#grow(missing(this.#received, argumentText(event["input"])))
    }
  }

  finish(item: JsonObject): void {
    if (this.closed) return
    this.#open(item)
    this.#grow(missing(this.#received, argumentText(this.#kind === "custom" ? item["input"] : item["arguments"])))
    this.closed = true
    if (this.#converter === null) return
    this.#add(this.#converter.end())
    this.#scope.assembler.close(this.#scope.key)
  }

  /** Without a name there is no call yet; what came of the arguments waits. */
  #open(item: JsonObject): void {
    if (this.#converter !== null) return
    const opened = openCall(item, this.#kind, this.#scope.context)
    if (opened === null) return
    this.#scope.assembler.open(this.#scope.key, opened.block)
    this.#converter = pieceConverter(opened.convert)
    this.#add(this.#converter.push(this.#received))
  }

  #grow(text: string): void {
    this.#received += text
    if (this.#converter !== null) this.#add(this.#converter.push(text))
  }

  #add(text: string): void {
    if (text !== "") this.#scope.assembler.delta(this.#scope.key, { of: "arguments", text })
  }
}

/** Everything else is taken when it is complete. */
export class WholeItem implements StreamItem {
  readonly type: string
  closed = false
  readonly #scope: ItemScope

  constructor(scope: ItemScope, type: string) {
    this.#scope = scope
    this.type = type
  }

  take(): void {
    // Its progress is not told.
  }

  finish(item: JsonObject): void {
    if (this.closed) return
    this.closed = true
    this.#scope.assembler.whole(rawItem(item))
  }
}
