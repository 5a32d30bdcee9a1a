/**
 * An upstream's stream: https://platform.claude.com/docs/en/build-with-claude/streaming
 * Tolerated: pings, unknown events and blocks, lost, doubled and late frames, an index that is missing or used again, all
 * content in `message_start`, no `message_delta`, no `message_stop` after a stop reason. Not tolerated: a second answer
 * inside of the first, which proxies make that retry into an open stream; its blocks would be a conversation that
 * nobody had, and its signatures would be refused in the next request (vercel/ai#18331).
 */

import { Assembler } from "../../canonical/assemble.ts"
import type { Event } from "../../canonical/event.ts"
import { isObject, parseExact, type JsonObject, type JsonValue } from "../../canonical/json.ts"
import type { Loss } from "../../canonical/loss.ts"
import type { Stop } from "../../canonical/stop.ts"
import type { Frame, ReplyContext, StreamReader } from "../codec.ts"
import { readFailure } from "./failure.ts"
import { replyExtra } from "./read-reply.ts"
import { readStop } from "./stop.ts"
import { openBlock, typeOfDelta, type StreamBlock } from "./stream-block.ts"
import { readCanonicalUsage, takeUsage } from "./usage.ts"
import { listField, numberOf, objectField, textField } from "./wire.ts"

interface Slot {
  readonly block: StreamBlock
  closed: boolean
}

export class MessagesStreamReader implements StreamReader {
  readonly #context: ReplyContext
  readonly #assembler: Assembler
  /** The newest block of each index. */
  readonly #slots = new Map<number, Slot>()
  #blocks = 0
  #last = -1
  /** So many blocks stood in `message_start`: what is streamed under their indexes repeats them. */
  #wholeBlocks = 0
  #messageId: string | null = null
  #model: string | null = null
  /** The newest value of each usage field. */
  #usage: Record<string, JsonValue> = {}
  #sawDelta = false
  #stop: Stop | null = null
  #extra: JsonObject = {}

  constructor(context: ReplyContext) {
    this.#context = context
    this.#assembler = new Assembler(context.issuer)
  }

  push(frame: Frame): readonly Event[] {
    if (this.#assembler.finished) return []
    const body = parsed(frame.data)
    if (frame.event === "error" || body?.["type"] === "error")
      this.#assembler.fail(readFailure(null, body ?? undefined))
    else if (body !== null) this.#take(textField(body, "type") ?? frame.event ?? "", body)
    return this.#assembler.take()
  }

  end(): readonly Event[] {
    if (this.#assembler.finished) return []
    if (this.#stop !== null) this.#finish()
    else {
      const message = "The upstream's stream ended before its terminal event."
      this.#assembler.fail({ kind: "protocol", status: null, message })
    }
    return this.#assembler.take()
  }

  losses(): readonly Loss[] {
    return []
  }

  #take(type: string, body: JsonObject): void {
    if (type === "content_block_delta") this.#delta(body)
    else if (type === "content_block_start") this.#open(body)
    else if (type === "content_block_stop") this.#close(this.#indexOf(body, this.#last))
    else if (type === "message_start") this.#start(objectField(body, "message") ?? {})
    else if (type === "message_delta") this.#revise(body)
    else if (type === "message_stop") this.#finish()
  }

  #start(message: JsonObject): void {
    const id = textField(message, "id") ?? ""
    if (this.#messageId !== null) return this.#startAgain(id)
    this.#messageId = id
    this.#model = textField(message, "model")
    this.#assembler.start({ id, model: this.#model ?? "", created: null })
    this.#note(message, message)
    const content = listField(message, "content").filter(isObject)
    for (const [index, block] of content.entries()) {
      this.#open({ index, content_block: block })
      this.#close(index)
    }
    this.#wholeBlocks = content.length
  }

  #startAgain(id: string): void {
    if (id === this.#messageId || id === "" || this.#blocks === 0) return
    const message = "The upstream began a second answer inside of the first."
    this.#assembler.fail({ kind: "protocol", status: null, message })
  }

  #open(body: JsonObject): void {
    const block = objectField(body, "content_block")
    const index = this.#indexOf(body, this.#last + 1)
    if (block === null || index < this.#wholeBlocks) return
    const slot = this.#slots.get(index)
    if (slot !== undefined && !slot.closed) {
      const isSame = slot.block.type === block["type"] && slot.block.id === textField(block, "id")
      if (isSame) return
      this.#close(index)
    }
    this.#add(index, block)
  }

  #add(index: number, block: JsonObject): Slot {
    this.#blocks += 1
    const place = { assembler: this.#assembler, context: this.#context, key: this.#blocks }
    const slot = { block: openBlock(block, place), closed: false }
    this.#slots.set(index, slot)
    this.#last = index
    return slot
  }

  #delta(body: JsonObject): void {
    const delta = objectField(body, "delta")
    const index = this.#indexOf(body, this.#last)
    if (delta === null || index < this.#wholeBlocks) return
    const slot = this.#slots.get(index) ?? this.#startOf(delta, index)
    if (slot !== null && !slot.closed) slot.block.delta(delta)
  }

  /** A block whose start was lost. */
  #startOf(delta: JsonObject, index: number): Slot | null {
    const type = typeOfDelta(delta)
    return type === null ? null : this.#add(index, { type })
  }

  #close(index: number): void {
    const slot = this.#slots.get(index)
    if (slot === undefined || slot.closed) return
    slot.closed = true
    slot.block.close()
  }

  #revise(body: JsonObject): void {
    this.#sawDelta = true
    this.#note(body, objectField(body, "delta") ?? {})
  }

  /** `holder` has the usage, `answer` the stop reason. */
  #note(holder: JsonObject, answer: JsonObject): void {
    takeUsage(this.#usage, objectField(holder, "usage"), this.#blocks > 0)
    this.#report(this.#sawDelta)
    this.#extra = { ...this.#extra, ...replyExtra(holder, answer).extra?.fields }
    this.#stop = readStop(answer) ?? this.#stop
  }

  #report(isFinal: boolean): void {
    const usage = readCanonicalUsage(this.#usage, this.#model, isFinal ? "provider" : "partial")
    const tier = this.#usage["service_tier"]
    if (usage !== null) this.#assembler.usage(usage, typeof tier === "string" ? tier : undefined)
  }

  #finish(): void {
    for (const index of this.#slots.keys()) this.#close(index)
    this.#report(true)
    const { extra } = replyExtra(this.#extra)
    if (this.#stop !== null || extra !== undefined) this.#assembler.stop(this.#stop ?? { is: "end", raw: null }, extra)
    this.#assembler.end()
  }

  #indexOf(body: JsonObject, otherwise: number): number {
    return numberOf(body["index"]) ?? otherwise
  }
}

function parsed(data: string): JsonObject | null {
  try {
    const value = parseExact(data)
    return isObject(value) ? value : null
  } catch {
    return null
  }
}
