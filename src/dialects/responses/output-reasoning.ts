/** An item of reasoning while it is written. */
import type { ReasoningPart, Seal } from "../../canonical/block.ts"
import type { JsonObject, JsonValue } from "../../canonical/json.ts"
import { wrapReasoning } from "../../canonical/seal.ts"
import { GrownText } from "./grown-text.ts"
import type { ItemStatus, Lose, OutputItem, Sink } from "./output-item.ts"

/**
 * Reasoning. Raw thinking stands in `content`; for a client that asked for summaries in `summary`, where it looks.
 * The envelope holds every part as it was.
 */
export class OutputReasoning implements OutputItem {
  readonly id: string
  readonly #sink: Sink
  readonly #index: number
  readonly #rawAsSummary: boolean
  readonly #parts: { readonly kind: ReasoningPart["kind"]; readonly text: GrownText }[] = []
  readonly #shown: { summary: number; raw: number } = { summary: 0, raw: 0 }
  #place: JsonObject = {}
  #encrypted: GrownText | null = null

  constructor(id: string, index: number, sink: Sink, rawAsSummary: boolean) {
    this.id = id
    this.#index = index
    this.#sink = sink
    this.#rawAsSummary = rawAsSummary
    sink.event("response.output_item.added", { output_index: index, item: this.object("in_progress") })
  }

  object(status: ItemStatus): JsonObject {
    const texts = (kind: ReasoningPart["kind"]): JsonValue[] =>
      this.#parts.filter((part) => this.#slot(part.kind) === kind).map((part) => this.#sink.shown(part.text))
    const content = texts("raw").map((text) => ({ type: "reasoning_text", text }))
    return {
      id: this.id,
      type: "reasoning",
      status,
      summary: texts("summary").map((text) => ({ type: "summary_text", text })),
      ...(content.length === 0 ? {} : { content }),
      ...(this.#encrypted === null ? {} : { encrypted_content: this.#sink.shown(this.#encrypted) }),
    }
  }

  grow(text: string, number: number, kind: ReasoningPart["kind"]): void {
    const slot = this.#slot(kind)
    if (number >= this.#parts.length) {
      this.#endPart()
      this.#parts.push({ kind, text: new GrownText() })
      this.#beginPart(slot)
    }
    this.#parts.at(-1)?.text.add(text)
    this.#sink.delta(`response.${TEXT_EVENT[slot]}.delta`, this.#place, text, null)
  }

  seal(seal: Seal, lose: Lose): void {
    const envelope = wrapReasoning({ parts: this.#parts, seal })
    if (envelope === null) lose("reply-reasoning-seal")
    else this.#encrypted = new GrownText(envelope)
  }

  close(): void {
    this.#endPart()
  }

  #slot(kind: ReasoningPart["kind"]): ReasoningPart["kind"] {
    return this.#rawAsSummary ? "summary" : kind
  }

  #beginPart(slot: ReasoningPart["kind"]): void {
    const number = this.#shown[slot]
    this.#shown[slot] += 1
    const base = { item_id: this.id, output_index: this.#index }
    this.#place = slot === "summary" ? { ...base, summary_index: number } : { ...base, content_index: number }
    this.#sink.event(`response.${PART_EVENT[slot]}.added`, {
      ...this.#place,
      part: { type: PART_TYPE[slot], text: "" },
    })
  }

  #endPart(): void {
    const part = this.#parts.at(-1)
    if (part === undefined) return
    const slot = this.#slot(part.kind)
    const text = this.#sink.shown(part.text)
    this.#sink.event(`response.${TEXT_EVENT[slot]}.done`, { ...this.#place, text })
    const done = { type: PART_TYPE[slot], text }
    this.#sink.event(`response.${PART_EVENT[slot]}.done`, { ...this.#place, part: done })
  }
}

const TEXT_EVENT = { summary: "reasoning_summary_text", raw: "reasoning_text" } as const
const PART_EVENT = { summary: "reasoning_summary_part", raw: "content_part" } as const
const PART_TYPE = { summary: "summary_text", raw: "reasoning_text" } as const
