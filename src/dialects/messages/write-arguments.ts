/** Arguments of a call on their way to a client, piece by piece. */

import { RAW_ARGUMENTS_KEY } from "../../canonical/arguments.ts"
import type { ToolKind } from "../../canonical/block.ts"

/**
 * Messages arguments are one JSON object. Text that begins as one passes as it comes, up to the brace that closes it;
 * text that does not is held back and wrapped at the end, as is everything that a custom tool gets.
 */
export class ArgumentsWriter {
  readonly #isCustom: boolean
  #state: "head" | "object" | "done" | "held"
  #held: string[] = []
  #depth = 0
  #inString = false
  #escaped = false
  #isDirty = false

  constructor(kind: ToolKind) {
    this.#isCustom = kind === "custom"
    this.#state = "head"
  }

  /** True where the client did not get the arguments as they were. */
  get changed(): boolean {
    return this.#isDirty
  }

  push(piece: string): string {
    if (this.#isCustom) return this.#pushCustom(piece)
    if (this.#state === "held") {
      this.#held.push(piece)
      return ""
    }
    if (this.#state !== "head") return this.#pushObject(piece, 0)
    const start = piece.search(/\S/)
    if (start === -1) return ""
    if (piece[start] === "{") {
      this.#state = "object"
      return this.#pushObject(piece, start)
    }
    this.#state = "held"
    this.#held.push(piece.slice(start))
    return ""
  }

  /** What is still to be sent: "{}" where there were no arguments. */
  end(): string {
    if (this.#isCustom) return this.#state === "head" ? '{"input":""}' : '"}'
    if (this.#state === "head") return "{}"
    if (this.#state !== "held") return ""
    this.#isDirty = true
    return JSON.stringify({ [RAW_ARGUMENTS_KEY]: this.#held.join("") })
  }

  #pushCustom(piece: string): string {
    const open = this.#state === "head" ? '{"input":"' : ""
    this.#state = "object"
    return open + JSON.stringify(piece).slice(1, -1)
  }

  #pushObject(piece: string, from: number): string {
    for (let index = from; index < piece.length; index += 1) {
      if (this.#state === "done") {
        if (piece.slice(index).trim() !== "") this.#isDirty = true
        return piece.slice(from, index)
      }
      this.#read(piece.charCodeAt(index))
    }
    return piece.slice(from)
  }

  #read(code: number): void {
    if (this.#inString) {
      if (this.#escaped) this.#escaped = false
      else if (code === BACKSLASH) this.#escaped = true
      else if (code === QUOTE) this.#inString = false
    } else if (code === QUOTE) this.#inString = true
    else if (code === OPEN_BRACE || code === OPEN_BRACKET) this.#depth += 1
    else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) {
      this.#depth -= 1
      if (this.#depth === 0) this.#state = "done"
    }
  }
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d
