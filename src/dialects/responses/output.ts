/** The `output` of a response, built from canonical events. */

import type { Block } from "../../canonical/block.ts"
import type { Delta, OpenBlock, WholeBlock } from "../../canonical/event.ts"
import { blocksFor } from "../../canonical/foreign.ts"
import { encodeId, REPLY_ID_RULES } from "../../canonical/id-map.ts"
import type { JsonObject } from "../../canonical/json.ts"
import { Losses } from "../../canonical/loss.ts"
import type { Extra } from "../../canonical/origin.ts"
import type { ReplyOptions } from "../codec.ts"
import {
  OutputCall,
  OutputMessage,
  OutputWhole,
  type ItemStatus,
  type Lose,
  type OutputItem,
  type Sink,
} from "./output-item.ts"
import { OutputReasoning } from "./output-reasoning.ts"
import { SEARCH_TOOL } from "./vendor-items.ts"
import { ID_PREFIX, PART_MARK, stringOf } from "./wire.ts"

const NO_MEDIA = { images: false, documents: false, audio: false } as const

/**
 * Neighbouring text and refusal blocks are parts of one message item. The last item stays open until it is known what
 * follows, because its status tells whether the answer was cut off in it.
 */
export class Output {
  readonly #options: ReplyOptions
  readonly #sink: Sink
  readonly #losses: Losses
  readonly #finished: JsonObject[] = []
  readonly #rawAsSummary: boolean
  /** The client searches for tools itself, in a tool of the vendor's own kind. */
  readonly #searches: boolean
  /** The item that is being written, or that is whole but for its status. */
  #item: OutputItem | null = null
  #blocks = 0
  /** Is a block of that item being written? */
  #growing = false
  #holdsRefusal = false

  constructor(options: ReplyOptions, sink: Sink, losses: Losses) {
    this.#options = options
    this.#sink = sink
    this.#losses = losses
    this.#searches = options.request.tools.some((tool) => tool.type === "raw" && tool.as?.name === SEARCH_TOOL)
    this.#rawAsSummary = (options.request.reasoning?.summary ?? "none") !== "none"
  }

  get holdsRefusal(): boolean {
    return this.#holdsRefusal
  }

  open(block: OpenBlock): void {
    this.#growing = block.type !== "whole"
    switch (block.type) {
      case "text":
      case "refusal":
        this.#holdsRefusal ||= block.type === "refusal"
        this.#message().open(block.type)
        return
      case "reasoning":
        this.#begin((index) => {
          const id = this.#options.mint(ID_PREFIX.reasoning)
          return new OutputReasoning(id, index, this.#sink, this.#rawAsSummary)
        })
        return
      case "tool-call":
        this.#openCall(block)
        return
      default:
        this.#whole(block.block)
    }
  }

  delta(delta: Delta): void {
    const item = this.#growing ? this.#item : null
    if (item instanceof OutputMessage) {
      if (delta.of === "text") item.grow(delta.text, delta.logprobs ?? [])
      else if (delta.of === "citation") item.cite(delta.citation)
    } else if (item instanceof OutputReasoning) {
      if (delta.of === "reasoning") item.grow(delta.text, delta.part, delta.kind)
      else if (delta.of === "seal") item.seal(delta.seal, this.#lose)
    } else if (item instanceof OutputCall && delta.of === "arguments") {
      item.grow(delta.text)
    }
  }

  close(): void {
    const item = this.#growing ? this.#item : null
    if (item instanceof OutputMessage) item.close(this.#lose)
    else if (item instanceof OutputReasoning || item instanceof OutputCall) item.close()
    this.#growing = false
    this.#blocks += 1
  }

  /** A refusal in words, behind all that was said. */
  refuse(words: string): void {
    this.close()
    this.open({ type: "refusal" })
    this.delta({ of: "text", text: words })
    this.close()
  }

  /** Nothing follows; the status of the last item. An item that is not whole gets no `done`: nobody may act on it. */
  end(status: ItemStatus): readonly JsonObject[] {
    if (this.#item !== null && this.#growing) {
      this.#finished.push(this.#item.object("incomplete"))
      this.#item = null
    }
    this.#finish(status)
    return this.#finished
  }

  readonly #lose: Lose = (code) => {
    this.#losses.add(code, this.#path())
  }

  #path(): string {
    return `blocks[${this.#blocks}]`
  }

  #begin<T extends OutputItem>(make: (index: number) => T): T {
    this.#finish("completed")
    const item = make(this.#finished.length)
    this.#item = item
    return item
  }

  #finish(status: ItemStatus): void {
    if (this.#item === null) return
    const item = this.#item.object(status)
    this.#sink.event("response.output_item.done", { output_index: this.#finished.length, item })
    this.#finished.push(item)
    this.#item = null
  }

  #message(): OutputMessage {
    if (this.#item instanceof OutputMessage) return this.#item
    return this.#begin((index) => new OutputMessage(this.#options.mint(ID_PREFIX.message), index, this.#sink))
  }

  #openCall(block: Extract<OpenBlock, { type: "tool-call" }>): void {
    const { name, namespace } = block
    const isSearch = namespace === null && this.#searches && name === SEARCH_TOOL
    const kind = isSearch ? ("search" as const) : block.kind
    const id = this.#options.mint(ID_PREFIX[kind])
    const fields = { kind, call_id: encodeId(block.id, REPLY_ID_RULES), name, namespace, extra: this.#own(block.extra) }
    this.#begin((index) => new OutputCall(id, index, this.#sink, fields))
  }

  #own(extra: Extra | undefined): JsonObject {
    if (extra === undefined) return {}
    if (extra.dialect === "responses") return extra.fields
    this.#lose("reply-field")
    return {}
  }

  /** What of the block this dialect has; undefined: nothing. */
  #received(block: WholeBlock): Block | undefined {
    const losses = new Losses()
    const receiver = { dialect: "responses", losses, side: "reply", takes: NO_MEDIA } as const
    const [own] = blocksFor([block], receiver, "")
    for (const { code } of losses.list()) this.#losses.add(code, this.#path())
    return own
  }

  #whole(block: WholeBlock): void {
    const own = this.#received(block)
    if (own === undefined) return
    if (own.type === "text") {
      const message = this.#message()
      message.open("text")
      message.grow(own.text, [])
      message.close(this.#lose)
      return
    }
    if (own.type !== "raw") {
      this.#losses.add("reply-content", this.#path())
      return
    }
    if (own.extra?.fields[PART_MARK] === true) return this.#message().whole(own.raw)
    const id = stringOf(own.raw["id"]) ?? ""
    const given = id === "" ? this.#options.mint(ID_PREFIX.raw) : id
    this.#begin((index) => new OutputWhole(given, index, this.#sink, own.raw))
  }
}
