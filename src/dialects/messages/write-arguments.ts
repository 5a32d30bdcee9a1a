/** Arguments of a call on their way to a client, piece by piece. */

import { RAW_ARGUMENTS_KEY } from "../../canonical/arguments.ts"
import type { ToolKind } from "../../canonical/block.ts"
import { ObjectEnd } from "../../canonical/object-end.ts"

/**
 * Messages arguments are one JSON object. Text that begins as one passes as it comes, up to the brace that closes it;
 * text that does not is held back and wrapped at the end, as is everything that a custom tool gets.
 */
export class ArgumentsWriter {
  readonly #isCustom: boolean
  #state: "head" | "object" | "held"
  #held: string[] = []
  readonly #object = new ObjectEnd()
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
    if (this.#object.closed) {
      if (piece.trim() !== "") this.#isDirty = true
      return ""
    }
    const end = this.#object.read(piece, from)
    if (end === -1) return piece.slice(from)
    if (piece.slice(end).trim() !== "") this.#isDirty = true
    return piece.slice(from, end)
  }
}
