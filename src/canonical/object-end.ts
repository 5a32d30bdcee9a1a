/** Finds where the JSON object ends that a text begins with, piece by piece and without parsing it. */
export class ObjectEnd {
  #state: "head" | "object" | "closed" | "none" = "head"
  #depth = 0
  #inString = false
  #escaped = false
  #isEmpty = true

  /** The object is whole. */
  get closed(): boolean {
    return this.#state === "closed"
  }

  /** The object has no members. */
  get isEmpty(): boolean {
    return this.#isEmpty
  }

  /** An object began, and its end has not come. */
  get isOpen(): boolean {
    return this.#state === "object"
  }

  /** Index behind the brace that closes the object, where it stands in this piece (from `from` on); else -1. */
  read(piece: string, from = 0): number {
    let index = from
    if (this.#state === "head") {
      while (index < piece.length && BLANK.has(piece.charCodeAt(index))) index += 1
      if (index === piece.length) return -1
      this.#state = piece.charCodeAt(index) === OPEN_BRACE ? "object" : "none"
    }
    if (this.#state !== "object") return -1
    for (; index < piece.length; index += 1) {
      this.#step(piece.charCodeAt(index))
      if (this.#depth > 0) continue
      this.#state = "closed"
      return index + 1
    }
    return -1
  }

  #step(code: number): void {
    if (this.#inString) {
      if (this.#escaped) this.#escaped = false
      else if (code === BACKSLASH) this.#escaped = true
      else if (code === QUOTE) this.#inString = false
    } else if (code === QUOTE) {
      this.#inString = true
      this.#isEmpty = false
    } else if (code === OPEN_BRACE || code === OPEN_BRACKET) this.#depth += 1
    else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) this.#depth -= 1
  }
}

const BLANK: ReadonlySet<number> = new Set([0x20, 0x09, 0x0a, 0x0d])
const QUOTE = 0x22
const BACKSLASH = 0x5c
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d
