/**
 * A Chat Completions stream for a client: the role, deltas, one chunk with the finish reason, one with usage where it
 * was asked for, `[DONE]`. What accumulators overwrite instead of append (`annotations`, `reasoning_details`) comes
 * once, whole, before the finish.
 */

import type { Citation, ReasoningPart, Seal } from "../../canonical/block.ts"
import type { Delta, Event, OpenBlock, WholeBlock } from "../../canonical/event.ts"
import { encodeId, REPLY_ID_RULES } from "../../canonical/id-map.ts"
import type { JsonObject, JsonValue } from "../../canonical/json.ts"
import { loseExtra } from "../../canonical/foreign.ts"
import { Losses, type Loss } from "../../canonical/loss.ts"
import type { Extra } from "../../canonical/origin.ts"
import type { Failure, Opening } from "../../canonical/reply.ts"
import { refusalWords, type Stop } from "../../canonical/stop.ts"
import { updateUsage, type Usage } from "../../canonical/usage.ts"
import type { ReplyOptions, StreamWriter } from "../codec.ts"
import { errorObject } from "./failure.ts"
import { MessageSoFar } from "./message-so-far.ts"
import { PART_SEPARATOR } from "./reasoning.ts"
import { finishReason, stopFields, stopLosses } from "./stop.ts"
import { usageLosses, writeUsage } from "./usage.ts"
import { ownFields } from "./wire.ts"
import { imagePart, isLegacy, modelOf, shownBlock, tierOf } from "./write-reply.ts"

const KEEP_ALIVE = ": keep-alive\n\n"
const DONE = "data: [DONE]\n\n"

/** The block that is open. */
interface Growing {
  readonly block: OpenBlock
  readonly path: string
  readonly citations: Citation[]
  /** Of reasoning, for its envelope. */
  readonly parts: { readonly kind: ReasoningPart["kind"]; readonly pieces: string[] }[]
  chars: number
  seal: Seal | null
}

export class ChatStreamWriter implements StreamWriter {
  readonly #options: ReplyOptions
  readonly #legacy: boolean
  readonly #losses = new Losses()
  readonly #soFar = new MessageSoFar(this.#losses)
  /** The fields that all chunks share; null before the first. */
  #shared: JsonObject | null = null
  /** A chunk's text before and behind its delta. */
  #head = ""
  #tail = ""
  #blocks = 0
  #growing: Growing | null = null
  #hasReasoned = false
  #usage: Usage | null = null
  #tier: string | undefined
  #stop: Stop = { is: "end", raw: null }
  #extra: Extra | undefined
  #finished = false

  constructor(options: ReplyOptions) {
    this.#options = options
    this.#legacy = isLegacy(options.clientBody)
  }

  push(event: Event): string {
    if (this.#finished) return ""
    switch (event.type) {
      case "start":
        return this.#begin(event)
      case "open":
        return this.#start() + this.#open(event.block)
      case "delta":
        return this.#growing === null ? "" : this.#grow(this.#growing, event.delta)
      case "close":
        this.#close()
        return ""
      case "usage":
        this.#usage = updateUsage(this.#usage, event.usage)
        this.#tier = event.serviceTier ?? this.#tier
        return ""
      case "stop":
        this.#stop = event.stop
        this.#extra = event.extra
        return ""
      case "end":
        return this.#start() + this.#end()
      case "fail":
        return this.#fail(event.failure)
    }
  }

  keepAlive(): string {
    return this.#finished ? "" : KEEP_ALIVE
  }

  losses(): readonly Loss[] {
    return this.#losses.list()
  }

  #start(): string {
    return this.#shared === null ? this.#begin({ id: "", model: "", created: null }) : ""
  }

  #begin(opening: Opening): string {
    if (this.#shared !== null) return ""
    const { request, mint, now } = this.#options
    this.#shared = {
      id: mint("chatcmpl-"),
      object: "chat.completion.chunk",
      created: opening.created ?? now(),
      model: modelOf(opening.model, this.#options),
    }
    this.#head = `data: ${JSON.stringify(this.#shared).slice(0, -1)},"choices":[{"index":0,"delta":`
    this.#tail = `,"finish_reason":null}]${request.includeUsage ? ',"usage":null' : ""}}\n\n`
    return this.#delta({ role: "assistant" })
  }

  #delta(delta: JsonObject, logprobs?: readonly JsonValue[]): string {
    const content = logprobs === undefined ? "null" : JSON.stringify({ content: logprobs, refusal: null })
    return `${this.#head}${JSON.stringify(delta)},"logprobs":${content}${this.#tail}`
  }

  #open(block: OpenBlock): string {
    const path = `blocks[${this.#blocks}]`
    this.#blocks += 1
    this.#growing = { block, path, citations: [], parts: [], chars: 0, seal: null }
    if (block.type === "whole") return this.#whole(block.block, path)
    if (block.type === "refusal") this.#soFar.refusal(path)
    return block.type === "tool-call" ? this.#call(block, path) : ""
  }

  #call(block: Extract<OpenBlock, { type: "tool-call" }>, path: string): string {
    if (block.extra !== undefined && block.extra.dialect !== "chat") this.#losses.add("reply-field", path)
    const kept = this.#soFar.call(block.id)
    const index = this.#soFar.calls - 1
    if (this.#legacy) {
      if (index === 0) return this.#delta({ function_call: { name: block.name, arguments: "" } })
      this.#losses.add("reply-content", path)
      return ""
    }
    const own = { ...kept, ...ownFields(block.extra), index, id: encodeId(block.id, REPLY_ID_RULES) }
    const call: JsonObject =
      block.kind === "custom"
        ? { ...own, type: "custom", custom: { name: block.name, input: "" } }
        : { ...own, type: "function", function: { name: block.name, arguments: "" } }
    return this.#delta({ tool_calls: [call] })
  }

  #grow(growing: Growing, delta: Delta): string {
    switch (delta.of) {
      case "text":
        return this.#say(growing, delta.text, delta.logprobs)
      case "reasoning":
        return this.#reason(growing, delta)
      case "arguments":
        return this.#argue(growing.block, delta.text)
      case "citation":
        growing.citations.push(delta.citation)
        return ""
      case "seal":
        growing.seal = delta.seal
        return ""
    }
  }

  #say(growing: Growing, text: string, logprobs?: readonly JsonValue[]): string {
    if (growing.block.type === "refusal") return this.#delta({ refusal: text })
    growing.chars += text.length
    this.#soFar.text(text.length, growing.path)
    return this.#delta({ content: text }, logprobs)
  }

  #reason({ parts }: Growing, delta: Extract<Delta, { of: "reasoning" }>): string {
    const isNew = delta.part >= parts.length
    if (isNew) parts.push({ kind: delta.kind, pieces: [delta.text] })
    else parts.at(-1)?.pieces.push(delta.text)
    const separator = isNew && this.#hasReasoned ? PART_SEPARATOR : ""
    this.#hasReasoned = true
    return this.#delta({ reasoning_content: separator + delta.text })
  }

  #argue(block: OpenBlock, text: string): string {
    if (block.type !== "tool-call") return ""
    const index = this.#soFar.calls - 1
    if (this.#legacy) return index === 0 ? this.#delta({ function_call: { arguments: text } }) : ""
    const piece = block.kind === "custom" ? { custom: { input: text } } : { function: { arguments: text } }
    return this.#delta({ tool_calls: [{ index, ...piece }] })
  }

  #whole(block: WholeBlock, path: string): string {
    const shown = shownBlock(block, this.#losses, path)
    switch (shown?.type) {
      case undefined:
        return ""
      case "text":
        this.#soFar.text(shown.text.length, path)
        return this.#delta({ content: shown.text })
      case "image":
        return this.#delta({ images: [imagePart(shown)] })
      case "raw":
        return this.#delta(shown.raw)
      default:
        this.#losses.add("reply-content", path)
        return ""
    }
  }

  #close(): void {
    const growing = this.#growing
    this.#growing = null
    if (growing === null) return
    if (growing.citations.length > 0) this.#soFar.cite(growing.citations, growing.chars, growing.path)
    if (growing.block.type !== "reasoning") return
    const parts = growing.parts.map(({ kind, pieces }) => ({ kind, text: pieces.join("") }))
    this.#soFar.seal({ parts, seal: growing.seal }, growing.path)
  }

  #end(): string {
    this.#finished = true
    const { annotations, details, calls, refused } = this.#soFar
    const shown = { calls: calls > 0, legacy: this.#legacy }
    const isSilent = this.#stop.is === "refusal" && !refused
    this.#losses.addAll(stopLosses(this.#stop))
    loseExtra(this.#extra, "chat", this.#losses)
    const held = {
      ...(isSilent ? { refusal: refusalWords(this.#stop) } : {}),
      ...(annotations.length === 0 ? {} : { annotations }),
      ...(details.length === 0 ? {} : { reasoning_details: details }),
    }
    const last = Object.keys(held).length === 0 ? "" : this.#delta(held)
    return last + this.#finishChunk(finishReason(this.#stop, shown)) + this.#usageChunk() + DONE
  }

  #finishChunk(reason: string): string {
    const choice = { index: 0, delta: {}, logprobs: null, finish_reason: reason, ...stopFields(this.#stop) }
    const usage = this.#options.request.includeUsage ? { usage: null } : {}
    const shared = { ...ownFields(this.#extra), ...this.#shared, ...tierOf(this.#tier) }
    return frame({ ...shared, choices: [choice], ...usage })
  }

  #usageChunk(): string {
    if (this.#usage === null) return ""
    this.#losses.addAll(usageLosses(this.#usage))
    if (!this.#options.request.includeUsage) return ""
    return frame({ ...this.#shared, ...tierOf(this.#tier), choices: [], usage: writeUsage(this.#usage) })
  }

  #fail(failure: Failure): string {
    this.#finished = true
    return frame({ error: errorObject(failure) })
  }
}

function frame(body: JsonObject): string {
  return `data: ${JSON.stringify(body)}\n\n`
}
