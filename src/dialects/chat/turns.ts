/**
 * What is said in one stream: text, reasoning and refusals come in turns, and each turn is a block until another kind
 * comes between.
 */

import type { Assembler } from "../../canonical/assemble.ts"
import type { JsonObject, JsonValue } from "../../canonical/json.ts"
import type { Losses } from "../../canonical/loss.ts"
import type { Issuer } from "../../canonical/origin.ts"
import { readCitation } from "./citations.ts"
import { callFieldsDetail, detailsSeal, fieldSeal, mergedDetails, partOfDetail } from "./reasoning.ts"
import { numberOf, objectOf } from "./wire.ts"

type Kind = "text" | "reasoning" | "refusal"

interface Turn {
  readonly kind: Kind
  readonly key: string
  /** Length of all text before this turn. */
  readonly base: number
  filled: boolean
  part: number
  /** What tells the present part of reasoning from the one before. */
  partIs: string | undefined
}

export class Turns {
  readonly #assembler: Assembler
  readonly #issuer: Issuer
  readonly #losses: Losses
  /** Reasoning was said as plain text: details that repeat it only seal. */
  #isPlain = false
  #field: "reasoning_content" | "reasoning" | undefined
  #turn: Turn | null = null
  #count = 0
  #textChars = 0
  #refused = false
  /** Native reasoning details that no block has sealed yet. */
  #details: JsonValue[] = []
  #citations: JsonValue[] = []
  #logprobs: JsonValue[] = []

  constructor(assembler: Assembler, issuer: Issuer, losses: Losses) {
    this.#assembler = assembler
    this.#issuer = issuer
    this.#losses = losses
  }

  get refused(): boolean {
    return this.#refused
  }

  /** Log probabilities of a piece without text wait for the next one. */
  text(text: string, logprobs: readonly JsonValue[]): void {
    this.#logprobs.push(...logprobs)
    if (text === "") return
    const turn = this.#take("text")
    const held = this.#logprobs
    this.#logprobs = []
    this.#assembler.delta(turn.key, { of: "text", text, ...(held.length === 0 ? {} : { logprobs: held }) })
    this.#textChars += text.length
    turn.filled = true
    this.#cite(turn)
  }

  refusal(text: string): void {
    if (text === "") return
    this.#refused = true
    this.#assembler.delta(this.#take("refusal").key, { of: "text", text })
  }

  /** Plain reasoning without details, and the field in which it came; it may come as a part of the content instead. */
  reasoning(text: string, field?: "reasoning_content" | "reasoning"): void {
    this.#isPlain ||= text !== ""
    this.#field = field ?? this.#field
    this.#reason(text, "raw", "plain")
  }

  /** Returns true if it showed something, so that the plain text beside it is not said twice. */
  detail(value: JsonValue): boolean {
    const detail = objectOf(value)
    if (detail === undefined) return false
    const part = this.#isPlain ? null : partOfDetail(detail)
    if (part !== null) this.#reason(part.text, part.kind, `${part.kind} ${numberOf(detail["index"]) ?? ""}`)
    this.#details.push(value)
    return part !== null
  }

  /** Sealed with the reasoning before the call. */
  keepCallFields(callId: string, fields: JsonObject): void {
    this.#details.push(callFieldsDetail(callId, fields))
  }

  /** Servers may name a source before, between and behind the text that it belongs to. */
  citation(value: JsonValue): void {
    this.#citations.push(value)
    if (this.#turn?.kind === "text" && this.#turn.filled) this.#cite(this.#turn)
  }

  /** Another block begins, or the stream ends. Details that came too late for their block get one of their own. */
  close(): void {
    const turn = this.#turn
    this.#turn = null
    if (turn?.kind === "reasoning") this.#seal(turn.key)
    if (turn !== null) this.#assembler.close(turn.key)
    if (this.#details.length === 0) return
    const late = this.#open("reasoning")
    this.#seal(late.key)
    this.#assembler.close(late.key)
  }

  end(): void {
    this.close()
    if (this.#citations.length > 0) this.#losses.add("reply-citations", "annotations")
    if (this.#logprobs.length > 0) this.#losses.add("reply-logprobs", "logprobs")
  }

  #take(kind: Kind): Turn {
    if (this.#turn?.kind === kind) return this.#turn
    // Details that show nothing may come while text is said; the next reasoning is where they belong.
    if (this.#turn?.kind === "reasoning" || kind !== "reasoning") this.close()
    else if (this.#turn !== null) this.#assembler.close(this.#turn.key)
    this.#turn = this.#open(kind)
    return this.#turn
  }

  #open(kind: Kind): Turn {
    this.#count += 1
    const key = `${kind} ${this.#count}`
    this.#assembler.open(key, { type: kind })
    return { kind, key, base: this.#textChars, filled: false, part: -1, partIs: undefined }
  }

  #reason(text: string, kind: "summary" | "raw", partIs: string): void {
    if (text === "") return
    const turn = this.#take("reasoning")
    if (turn.partIs !== partIs) {
      turn.part += 1
      turn.partIs = partIs
    }
    this.#assembler.delta(turn.key, { of: "reasoning", text, part: turn.part, kind })
  }

  #seal(key: string): void {
    if (this.#details.length === 0) {
      if (this.#field !== undefined)
        this.#assembler.delta(key, { of: "seal", seal: fieldSeal(this.#field, this.#issuer) })
      return
    }
    const seal = detailsSeal(mergedDetails(this.#details), this.#issuer)
    this.#details = []
    this.#assembler.delta(key, { of: "seal", seal })
  }

  #cite(turn: Turn): void {
    if (this.#citations.length === 0) return
    for (const value of this.#citations) {
      const citation = readCitation(value, turn.base)
      if (citation !== null) this.#assembler.delta(turn.key, { of: "citation", citation })
    }
    this.#citations = []
  }
}
