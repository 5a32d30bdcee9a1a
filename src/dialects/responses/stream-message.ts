/** A message while it streams: each part of its content is a block of its own. */

import type { JsonObject, JsonValue } from "../../canonical/json.ts"
import { partsOf, readCitation, readPart } from "./read-content.ts"
import { missing, type ItemScope, type StreamItem } from "./stream-item.ts"
import { listOf, numberOf, objectOf, objectsOf, PART_MARK, stringOf } from "./wire.ts"

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
    for (const [index, part] of partsOf(item["content"]).entries()) this.#end(index, part)
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
