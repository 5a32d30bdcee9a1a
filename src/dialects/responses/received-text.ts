/** A text as it came so far, and what its final form adds. */
import type { JsonObject } from "../../canonical/json.ts"
import { numberOf } from "./wire.ts"

/** So many characters come together before they are added: a text of very many pieces is slow to read. */
const CHUNK_CHARS = 1 << 15

export class ReceivedText {
  #text = ""
  #last = ""
  #agrees = true

  get text(): string {
    return this.#text + this.#last
  }

  /** In UTF-16 units. */
  get length(): number {
    return this.#text.length + this.#last.length
  }

  add(text: string): void {
    this.#last += text
    if (this.#last.length >= CHUNK_CHARS) this.#join()
  }

  #join(): void {
    if (this.#last === "") return
    // a look into a text joins its pieces
    this.#last.charCodeAt(0)
    this.#text += this.#last
    this.#last = ""
  }

  /**
   * What a piece of the final text, which stands there at `from`, adds to what came. "" when the final text does not agree, here or
   * in a piece before: what was sent is sent.
   */
  missing(piece: string, from = 0): string {
    if (from === 0) this.#agrees = true
    if (!this.#agrees) return ""
    const overlap = Math.min(piece.length, this.length - from)
    // nothing of it came before
    if (overlap === 0) return piece
    this.#join()
    this.#agrees = overlap > 0 && this.#text.startsWith(piece.slice(0, overlap), from)
    return this.#agrees ? piece.slice(overlap) : ""
  }
}

/** Where in the final text an event's text stands: 0, but for the pieces of a large event. */
export function textFrom(event: JsonObject): number {
  return numberOf(event["text_from"]) ?? 0
}
