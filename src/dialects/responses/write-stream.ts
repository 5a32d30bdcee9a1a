/** Canonical events as a Responses stream. */

import type { Event } from "../../canonical/event.ts"
import type { JsonObject } from "../../canonical/json.ts"
import { Losses, type Loss } from "../../canonical/loss.ts"
import type { Extra } from "../../canonical/origin.ts"
import type { Failure } from "../../canonical/reply.ts"
import type { Stop } from "../../canonical/stop.ts"
import { updateUsage, type Usage } from "../../canonical/usage.ts"
import type { ReplyOptions, StreamWriter } from "../codec.ts"
import { errorBeside, writeResponseError } from "./failure.ts"
import type { Sink } from "./output-item.ts"
import { Output } from "./output.ts"
import { echoOf, responseHead, responseObject, type ResponseHead, type ResponseState } from "./response-object.ts"
import { writeUsage } from "./usage.ts"
import { declareExtra, finalState } from "./write-reply.ts"

/** Before the response exists a client accepts comments only. */
const COMMENT = ": keep-alive\n\n"

export class ResponsesStreamWriter implements StreamWriter {
  readonly #options: ReplyOptions
  readonly #losses = new Losses()
  readonly #frames = new FrameSink()
  readonly #output: Output
  #head: ResponseHead | null = null
  #echo: JsonObject = {}
  #usage: Usage | null = null
  #tier: string | undefined
  #stop: Stop = { is: "end", raw: null }
  #extra: Extra | undefined
  #ended = false

  constructor(options: ReplyOptions) {
    this.#options = options
    this.#output = new Output(options, this.#frames, this.#losses)
  }

  push(event: Event): string {
    if (this.#ended) return ""
    this.#take(event)
    return this.#frames.take()
  }

  keepAlive(): string {
    if (this.#ended) return ""
    if (this.#head === null) return COMMENT
    this.#frames.event("keepalive", {})
    return this.#frames.take()
  }

  losses(): readonly Loss[] {
    return this.#losses.list()
  }

  #take(event: Event): void {
    switch (event.type) {
      case "start":
        this.#start(event.model, event.created)
        return
      case "open":
        return this.#output.open(event.block)
      case "delta":
        return this.#output.delta(event.delta)
      case "close":
        return this.#output.close()
      case "usage":
        this.#usage = updateUsage(this.#usage, event.usage)
        this.#tier = event.serviceTier ?? this.#tier
        return
      case "stop":
        this.#stop = event.stop
        this.#extra = event.extra
        return
      case "end":
        return this.#end()
      case "fail":
        return this.#fail(event.failure, event.usage)
    }
  }

  #start(model: string, created: number | null): ResponseHead {
    if (this.#head !== null) return this.#head
    this.#head = responseHead(this.#options, model, created)
    this.#echo = echoOf(this.#options.clientBody)
    const response = responseObject(this.#head, this.#echo, IN_PROGRESS)
    this.#frames.event("response.created", { response })
    this.#frames.event("response.in_progress", { response })
    return this.#head
  }

  #end(): void {
    const head = this.#start("", null)
    const ending = { stop: this.#stop, usage: this.#usage, serviceTier: this.#tier }
    const state = finalState(ending, this.#output, this.#options, this.#losses)
    declareExtra(this.#extra === undefined ? {} : { extra: this.#extra }, this.#losses)
    this.#terminal(head, state)
  }

  #fail(failure: Failure, usage: Usage | null): void {
    const head = this.#start("", null)
    const known = usage ?? this.#usage
    const error = writeResponseError(failure)
    const state: ResponseState = {
      status: "failed",
      output: this.#output.end("completed"),
      usage: known === null ? null : writeUsage(known, this.#losses),
      error,
      incompleteReason: null,
      stopDetails: null,
      serviceTier: this.#tier,
      completedAt: null,
    }
    this.#terminal(head, state, { error: errorBeside(error) })
  }

  #terminal(head: ResponseHead, state: ResponseState, beside: JsonObject = {}): void {
    this.#frames.event(`response.${state.status}`, { response: responseObject(head, this.#echo, state), ...beside })
    this.#ended = true
  }
}

const IN_PROGRESS: ResponseState = {
  status: "in_progress",
  output: [],
  usage: null,
  error: null,
  incompleteReason: null,
  stopDetails: null,
  serviceTier: undefined,
  completedAt: null,
}

/** Frames as text, numbered without gaps. */
class FrameSink implements Sink {
  #sequence = 0
  #text = ""
  /** The frame's head up to the delta, which all deltas of one part share. */
  #head = ""
  #headOf: JsonObject | null = null

  event(type: string, fields: JsonObject): void {
    const data = JSON.stringify({ type, sequence_number: this.#sequence, ...fields })
    this.#sequence += 1
    this.#text += `event: ${type}\ndata: ${data}\n\n`
  }

  delta(type: string, place: JsonObject, text: string, logprobs: Parameters<Sink["delta"]>[3]): void {
    if (this.#headOf !== place) {
      this.#headOf = place
      this.#head = `event: ${type}\ndata: ${JSON.stringify({ type, ...place }).slice(0, -1)}`
    }
    const tail =
      logprobs === null ? "" : logprobs.length === 0 ? ',"logprobs":[]' : `,"logprobs":${JSON.stringify(logprobs)}`
    this.#text += `${this.#head},"sequence_number":${this.#sequence},"delta":${JSON.stringify(text)}${tail}}\n\n`
    this.#sequence += 1
  }

  take(): string {
    const text = this.#text
    this.#text = ""
    return text
  }
}
