/**
 * How many output tokens have come, told from the text that was delivered. What is never sent (hidden reasoning) cannot be
 * seen here.
 */
import type { BilledUsage } from "../canonical/billed-usage.ts"
import { latin1 } from "../text.ts"
import type { Dialect, ReplyVerdict } from "./dialect.ts"
import { parseBytes } from "./loose.ts"
import { TextScan } from "./text-tokens.ts"

/** What is known of the tokens that a vendor's models write. */
export interface TokenFacts {
  /** Tokens of these models for one of a tokenizer with 200,000 entries. */
  readonly scale: number
  /** What a tool call takes beside its arguments: name, id and the marks around them. */
  readonly callTokens: number
}

/** `bench/meter.ts` compares both with what vendors have reported. */
export const OPENAI_TOKENS: TokenFacts = { scale: 1, callTokens: 11 }
export const CLAUDE_TOKENS: TokenFacts = { scale: 1.2, callTokens: 34 }

/** Frames that hold about a token each hold exactly one: the estimate of a text is that far from the truth. */
const SINGLE_BELOW = 1.25
/** A frame that cannot be read: what it is longer than the envelope of any delta is text. */
const LARGEST_ENVELOPE = 400
const BYTES_PER_TOKEN = 4

/** Frames with text, tokens of text before they are scaled, tool calls. */
export interface MeterCounts {
  readonly frames: number
  readonly text: number
  readonly calls: number
  readonly showsReasoning: boolean
}

const NOTHING_COUNTED: MeterCounts = { frames: 0, text: 0, calls: 0, showsReasoning: false }

export class OutputMeter {
  /** Some of the text was reasoning that the vendor shows as it is. */
  showsReasoning: boolean
  readonly scan: TextScan = new TextScan()
  readonly #facts: TokenFacts
  #frames: number
  #text: number
  #calls: number

  /** `counted`: by another meter, of which this one is a copy. */
  constructor(facts: TokenFacts, counted: MeterCounts = NOTHING_COUNTED) {
    this.#facts = facts
    this.#frames = counted.frames
    this.#text = counted.text
    this.#calls = counted.calls
    this.showsReasoning = counted.showsReasoning
  }

  /** What another meter needs to be a copy of this one. */
  get counts(): MeterCounts {
    return { frames: this.#frames, text: this.#text, calls: this.#calls, showsReasoning: this.showsReasoning }
  }

  /** Goes on from there, as the meter that counted it would. */
  recount(counted: MeterCounts): void {
    this.#frames = counted.frames
    this.#text = counted.text
    this.#calls = counted.calls
    this.showsReasoning = counted.showsReasoning
  }

  /** All that came so far. May fall by a few where later frames show that earlier ones were taken for more. */
  get tokens(): number {
    const { scale, callTokens } = this.#facts
    const isSingle = this.#text < this.#frames * SINGLE_BELOW
    return Math.round((isSingle ? this.#frames : this.#text * scale) + this.#calls * callTokens)
  }

  /** What of a report can be seen in a stream; null: reasoning that was not shown is in it. */
  comparable({ outputTokens, reasoningTokens }: Pick<BilledUsage, "outputTokens" | "reasoningTokens">): number | null {
    return (reasoningTokens ?? 0) > 0 && !this.showsReasoning ? null : outputTokens
  }

  /** A frame brought so many tokens of text, as `TextScan` counts them. */
  add(tokens: number): void {
    if (tokens === 0) return
    this.#frames++
    this.#text += tokens
  }

  /** A tool call has begun. */
  call(): void {
    this.#calls++
  }

  /** A frame whose form is not known. */
  addUnread(frameBytes: number): void {
    this.add(Math.max(1, (frameBytes - LARGEST_ENVELOPE) / BYTES_PER_TOKEN))
  }

  /** A block or item that came at once: every text inside that the model wrote. */
  addWhole(value: unknown): void {
    const json = Buffer.from(JSON.stringify(value) ?? "")
    this.add(this.scan.members(latin1(json, 0, json.length), 0, json.length, WRITTEN))
  }

  /** A text that came at once. */
  addText(text: string): void {
    const json = Buffer.from(JSON.stringify(text))
    if (text !== "" && text !== "{}") this.add(this.scan.string(latin1(json, 0, json.length), 0))
  }
}

/** Of a whole answer; null: its vendor has reported its output. */
export function replyMeter(bytes: Uint8Array, verdict: ReplyVerdict, dialect: Dialect): OutputMeter | null {
  const usage = verdict.kind === "answer" ? verdict.usage : null
  if (usage !== null && usage.unreported !== "output") return null
  const meter = new OutputMeter(dialect.tokens)
  const body = parseBytes(bytes)
  meter.addWhole(body?.["choices"] ?? body?.["output"] ?? body?.["content"])
  return meter
}

/** What models write, by the names that the dialects give it. */
const WRITTEN: ReadonlySet<string> = new Set([
  "content",
  "text",
  "thinking",
  "reasoning",
  "reasoning_content",
  "refusal",
  "arguments",
  "code",
  "input",
  "query",
  "name",
])
