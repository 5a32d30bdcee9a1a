/** Arguments of a call on their way to a client, piece by piece. */

import { RAW_ARGUMENTS_KEY } from "../../canonical/arguments.ts"
import type { ToolKind } from "../../canonical/block.ts"
import { ObjectEnd } from "../../canonical/object-end.ts"

/**
 * Messages arguments are one JSON object. Text that begins as one passes as it comes, up to the brace that closes it;
 * text that does not is wrapped, as is everything that a custom tool gets.
 */
export class ArgumentsWriter {
  readonly #isCustom: boolean
  #state: "head" | "object" | "wrapped"
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
    if (this.#state === "wrapped") return quoted(piece)
    if (this.#state !== "head") return this.#pushObject(piece, 0)
    const start = piece.search(/\S/)
    if (start === -1) return ""
    if (piece[start] === "{") {
      this.#state = "object"
      return this.#pushObject(piece, start)
    }
    this.#state = "wrapped"
    this.#isDirty = true
    return `{"${RAW_ARGUMENTS_KEY}":"${quoted(piece.slice(start))}`
  }

  /** What is still to be sent: "{}" where there were no arguments. */
  end(): string {
    if (this.#isCustom) return this.#state === "head" ? '{"input":""}' : '"}'
    if (this.#state === "head") return "{}"
    return this.#state === "wrapped" ? '"}' : ""
  }

  #pushCustom(piece: string): string {
    const open = this.#state === "head" ? '{"input":"' : ""
    this.#state = "object"
    return open + quoted(piece)
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

/** As it stands in JSON, without the quotes. */
function quoted(text: string): string {
  return JSON.stringify(text).slice(1, -1)
}
