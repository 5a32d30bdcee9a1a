/** A text that came in pieces and is repeated in several events. */

/** Characters that are quoted in one step. */
const CHUNK_CHARS = 1 << 15
/** From here on events hold a text in pieces. */
const LONG_CHARS = 1 << 16

export class GrownText {
  readonly #chunks: string[] = []
  #last = ""
  #length = 0

  constructor(text = "") {
    this.add(text)
  }

  /** In UTF-16 units. */
  get length(): number {
    return this.#length
  }

  get isLong(): boolean {
    return this.#length > LONG_CHARS
  }

  add(text: string): void {
    this.#last += text
    this.#length += text.length
    if (this.#last.length < CHUNK_CHARS) return
    this.#chunks.push(this.#last)
    this.#last = ""
  }

  toString(): string {
    return this.#chunks.length === 0 ? this.#last : this.#chunks.join("") + this.#last
  }

  /** As it stands in JSON. */
  *quoted(): Generator<string> {
    yield '"'
    for (const chunk of [...this.#chunks, this.#last]) yield* quotedPieces(chunk)
    yield '"'
  }
}

/** A text in JSON, without its quotes. A pair that is cut comes as two escapes, which read as the pair. */
export function* quotedPieces(text: string): Generator<string> {
  for (let from = 0; from < text.length; from += CHUNK_CHARS)
    yield JSON.stringify(text.slice(from, from + CHUNK_CHARS)).slice(1, -1)
}
