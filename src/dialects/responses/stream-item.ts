/**
 * One output item while it streams. Each kind says to the assembler what its events add; the complete item at the end
 * brings what no delta did, because some upstreams send only parts of the protocol.
 */

import type { Assembler } from "../../canonical/assemble.ts"
import type { JsonObject } from "../../canonical/json.ts"
import type { Losses } from "../../canonical/loss.ts"
import type { ReplyContext } from "../codec.ts"
import { argumentText } from "./read-input.ts"
import { openCall, pieceConverter, sealOf, type PieceConverter } from "./read-reply.ts"
import { rawItem } from "./vendor-items.ts"
import { ReceivedText, textFrom } from "./received-text.ts"
import { numberOf, objectOf, objectsOf, stringOf } from "./wire.ts"

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

interface GrowingPart {
  /** null: not told yet. */
  number: number | null
  readonly text: ReceivedText
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
        return this.#complete("summary", summary, stringOf(event["text"]), textFrom(event))
      case "response.reasoning_text.done":
      case "response.reasoning.done":
        return this.#complete("raw", content, stringOf(event["text"]), textFrom(event))
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
    const part = this.#part(name)
    if (part.number === null || part.number !== this.#count - 1) {
      part.number = this.#count
      this.#count += 1
    }
    part.text.add(text)
    this.#hasRaw ||= kind === "raw"
    this.#scope.assembler.delta(this.#scope.key, { of: "reasoning", text, part: part.number, kind })
  }

  #complete(kind: "summary" | "raw", index: number, final: string | undefined, from = 0): void {
    this.#grow(kind, index, this.#part(`${kind} ${index}`).text.missing(final ?? "", from))
  }

  #part(name: string): GrowingPart {
    const part = this.#parts.get(name) ?? { number: null, text: new ReceivedText() }
    this.#parts.set(name, part)
    return part
  }
}

export class CallItem implements StreamItem {
  readonly type: string
  closed = false
  readonly #scope: ItemScope
  readonly #kind: "function" | "custom"
  #converter: PieceConverter | null = null
  readonly #received = new ReceivedText()

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
        return this.#grow(this.#received.missing(argumentText(event["arguments"]), textFrom(event)))
      case "response.custom_tool_call_input.done":
        return this.#grow(this.#received.missing(argumentText(event["input"]), textFrom(event)))
    }
  }

  finish(item: JsonObject): void {
    if (this.closed) return
    this.#open(item)
    this.#grow(this.#received.missing(argumentText(this.#kind === "custom" ? item["input"] : item["arguments"])))
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
    this.#add(this.#converter.push(this.#received.text))
  }

  #grow(text: string): void {
    this.#received.add(text)
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
