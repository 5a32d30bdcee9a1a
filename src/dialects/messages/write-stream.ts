/** A stream to a client that speaks Messages; its blocks never overlap and their index rises. */

import type { Block, ReasoningPart, Seal } from "../../canonical/block.ts"
import type { Delta, Event, OpenBlock, WholeBlock } from "../../canonical/event.ts"
import { blocksFor } from "../../canonical/foreign.ts"
import { isObject, type JsonObject } from "../../canonical/json.ts"
import { Losses, type Loss } from "../../canonical/loss.ts"
import type { Failure } from "../../canonical/reply.ts"
import { updateUsage, type Usage } from "../../canonical/usage.ts"
import type { ReplyOptions, StreamWriter } from "../codec.ts"
import { writeReplyCitation } from "./citation.ts"
import { writeFailure } from "./failure.ts"
import { writeStop } from "./stop.ts"
import { writeUsage } from "./usage.ts"
import { ownFields, PART_SEPARATOR } from "./wire.ts"
import { ArgumentsWriter } from "./write-arguments.ts"
import { isThinking, sealText } from "./write-reasoning.ts"
import {
  callHead,
  declareCounters,
  isCall,
  messageHead,
  receiver,
  replyFields,
  writeReplyBlock,
} from "./write-reply.ts"

const PING = 'event: ping\ndata: {"type":"ping"}\n\n'

/** Thinking is kept until its block closes: the envelope around it holds its text too. */
interface Reasoning {
  readonly parts: { readonly kind: ReasoningPart["kind"]; text: string }[]
  seal: Seal | null
}

export class MessagesStreamWriter implements StreamWriter {
  readonly #options: ReplyOptions
  readonly #losses = new Losses()
  #started = false
  #finished = false
  #index = -1
  /** Blocks of the reply, the unwritten ones included. */
  #blocks = -1
  #isOpen = false
  #arguments: ArgumentsWriter | null = null
  #reasoning: Reasoning | null = null
  #sawRefusal = false
  #sawCall = false
  #usage: Usage | null = null
  #tier: string | undefined
  #stop: Extract<Event, { type: "stop" }> | null = null

  constructor(options: ReplyOptions) {
    this.#options = options
  }

  push(event: Event): string {
    if (this.#finished) return ""
    switch (event.type) {
      case "start":
        return this.#start(event.model)
      case "open":
        return this.#start("") + this.#open(event.block)
      case "delta":
        return this.#delta(event.delta)
      case "close":
        return this.#close()
      case "usage":
        this.#usage = updateUsage(this.#usage, event.usage)
        this.#tier = event.serviceTier ?? this.#tier
        return ""
      case "stop":
        this.#stop = event
        return ""
      case "end":
        return this.#end()
      case "fail":
        return this.#fail(event.failure)
    }
  }

  keepAlive(): string {
    return this.#finished ? "" : PING
  }

  losses(): readonly Loss[] {
    return this.#losses.list()
  }

  get #path(): string {
    return `blocks[${this.#blocks}]`
  }

  #start(model: string): string {
    if (this.#started) return ""
    this.#started = true
    const message = {
      ...messageHead(model, this.#options),
      content: [],
      stop_reason: null,
      stop_sequence: null,
      stop_details: null,
      usage: writeUsage(this.#options.estimatedUsage),
    }
    return frame("message_start", { message })
  }

  #open(block: OpenBlock): string {
    this.#blocks += 1
    switch (block.type) {
      case "refusal":
        this.#sawRefusal = true
        this.#losses.add("reply-refusal", this.#path)
        return this.#begin({ type: "text", text: "" })
      case "text":
        return this.#begin({ type: "text", text: "" })
      case "reasoning":
        this.#reasoning = { parts: [], seal: null }
        return ""
      case "tool-call":
        this.#arguments = new ArgumentsWriter(block.kind)
        return this.#begin({ ...callHead(block), input: {}, ...ownFields(block.extra) })
      case "whole":
        return this.#whole(block.block)
    }
  }

  #delta(delta: Delta): string {
    switch (delta.of) {
      case "text":
        if (delta.logprobs !== undefined) this.#losses.add("reply-logprobs", this.#path)
        return this.#grow({ type: "text_delta", text: delta.text })
      case "citation": {
        const citation = writeReplyCitation(delta.citation, this.#losses, this.#path)
        return citation === null ? "" : this.#grow({ type: "citations_delta", citation })
      }
      case "arguments":
        return this.#input(this.#arguments?.push(delta.text) ?? "")
      case "seal":
        if (this.#reasoning !== null) this.#reasoning.seal = delta.seal
        return ""
      case "reasoning":
        return this.#think(delta)
    }
  }

  #think(delta: Extract<Delta, { of: "reasoning" }>): string {
    const reasoning = this.#reasoning
    if (reasoning === null) return ""
    const begun = this.#isOpen ? "" : this.#begin(EMPTY_THINKING)
    const part = reasoning.parts[delta.part]
    const separator = part === undefined && reasoning.parts.length > 0 ? PART_SEPARATOR : ""
    if (part === undefined) reasoning.parts.push({ kind: delta.kind, text: delta.text })
    else part.text += delta.text
    return begun + this.#grow({ type: "thinking_delta", thinking: separator + delta.text })
  }

  #close(): string {
    let text = ""
    if (this.#arguments !== null) {
      text = this.#input(this.#arguments.end())
      if (this.#arguments.changed) this.#losses.add("reply-arguments-wrapped", this.#path)
    }
    if (this.#reasoning !== null) text = this.#seal(this.#reasoning)
    this.#arguments = null
    this.#reasoning = null
    if (!this.#isOpen) return text
    this.#isOpen = false
    return text + frame("content_block_stop", { index: this.#index })
  }

  #seal(reasoning: Reasoning): string {
    const sealed = sealText(reasoning, this.#losses, this.#path)
    if (!isThinking(reasoning)) return sealed === "" ? "" : this.#begin({ type: "redacted_thinking", data: sealed })
    const begun = this.#isOpen ? "" : this.#begin(EMPTY_THINKING)
    return sealed === "" ? begun : begun + this.#grow({ type: "signature_delta", signature: sealed })
  }

  #whole(block: WholeBlock): string {
    const [own] = blocksFor([block], receiver(this.#losses), "blocks")
    const wire = own === undefined ? null : writeReplyBlock(own, this.#losses, this.#path)
    if (own === undefined || wire === null) return ""
    return this.#wholeFrames(own, wire)
  }

  /** What Anthropic itself streams as a delta is one here too. */
  #wholeFrames(block: Block, wire: JsonObject): string {
    const { type, input } = wire
    if (block.type === "text") {
      return this.#begin({ type: "text", text: "" }) + this.#grow({ type: "text_delta", text: block.text })
    }
    if (isObject(input)) return this.#begin({ ...wire, input: {} }) + this.#input(JSON.stringify(input))
    if (type === "compaction") {
      const { type: _type, ...fields } = wire
      return this.#begin({ ...wire, content: null }) + this.#grow({ type: "compaction_delta", ...fields })
    }
    return this.#begin(wire)
  }

  #begin(block: JsonObject): string {
    this.#index += 1
    this.#isOpen = true
    this.#sawCall ||= isCall(block)
    return frame("content_block_start", { index: this.#index, content_block: block })
  }

  #input(text: string): string {
    return text === "" ? "" : this.#grow({ type: "input_json_delta", partial_json: text })
  }

  #grow(delta: JsonObject): string {
    return this.#isOpen ? frame("content_block_delta", { index: this.#index, delta }) : ""
  }

  #end(): string {
    const begun = this.#start("")
    this.#finished = true
    declareCounters(this.#usage, this.#losses)
    const { container, ...fields } = replyFields(this.#stop?.extra, this.#losses)
    const shown = { refusal: this.#sawRefusal, calls: this.#sawCall }
    const stop = writeStop(this.#stop?.stop ?? { is: "end", raw: null }, shown, this.#losses)
    const delta = { ...stop, ...(container === undefined ? {} : { container }) }
    const usage = writeUsage(this.#usage ?? this.#options.estimatedUsage, this.#tier)
    return begun + frame("message_delta", { delta, usage, ...fields }) + frame("message_stop", {})
  }

  #fail(failure: Failure): string {
    this.#finished = true
    return `event: error\ndata: ${JSON.stringify(writeFailure(failure, null))}\n\n`
  }
}

const EMPTY_THINKING: JsonObject = { type: "thinking", thinking: "", signature: "" }

function frame(type: string, fields: JsonObject): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`
}
