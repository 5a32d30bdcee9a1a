/** What a message for a client holds already, and what waits for its end: the two writers of replies share it. */

import type { Citation, ReasoningBlock } from "../../canonical/block.ts"
import type { JsonObject, JsonValue } from "../../canonical/json.ts"
import type { Losses } from "../../canonical/loss.ts"
import { writeCitation } from "./citations.ts"
import { writeSeal } from "./reasoning.ts"

export class MessageSoFar {
  readonly annotations: JsonObject[] = []
  readonly details: JsonValue[] = []
  readonly #losses: Losses
  readonly #callFields = new Map<string, JsonObject>()
  #textChars = 0
  #refused = false
  #calls = 0
  #envelopes = 0

  constructor(losses: Losses) {
    this.#losses = losses
  }

  get calls(): number {
    return this.#calls
  }

  get refused(): boolean {
    return this.#refused
  }

  /** A block of text began to grow; Chat shows all text before all calls. */
  text(chars: number, path: string): void {
    if (this.#calls > 0) this.#losses.add("reply-order", path)
    this.#textChars += chars
  }

  refusal(path: string): void {
    if (this.#calls > 0) this.#losses.add("reply-order", path)
    this.#refused = true
  }

  /** Returns the fields that its server wants back with the call. */
  call(id: string): JsonObject {
    this.#calls += 1
    return this.#callFields.get(id) ?? {}
  }

  /** The citations of a block of text, which ends here and has `chars`. */
  cite(citations: readonly Citation[], chars: number, path: string): void {
    for (const citation of citations) {
      const written = writeCitation(citation, this.#textChars - chars, chars, this.#losses, path)
      if (written !== null) this.annotations.push(written)
    }
  }

  /** A reasoning block that ends here. */
  seal(block: Pick<ReasoningBlock, "parts" | "seal">, path: string): void {
    const before = (this.#textChars > 0 ? 1 : 0) + (this.#refused ? 1 : 0) + this.#calls + this.#envelopes
    const written = writeSeal(block, before)
    if (written.lost) this.#losses.add("reply-reasoning-seal", path)
    if (written.details.length > 0) this.#envelopes += 1
    for (const detail of written.details) this.details.push(detail)
    for (const [id, fields] of written.callFields) this.#callFields.set(id, fields)
  }
}
