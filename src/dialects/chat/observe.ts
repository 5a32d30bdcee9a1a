/** Watches a Chat Completions stream. */
import type { BilledUsage } from "../../canonical/billed-usage.ts"
import type { RouterError } from "../../errors.ts"
import { latin1 } from "../../text.ts"
import { readFields, startsWith } from "../../sse/fields.ts"
import { FRAME, type AnswerFacts, type RequestFacts, type StreamObserver, type UpstreamFault } from "../dialect.ts"
import { laterUsage } from "../inclusive-usage.ts"
import { meterFrame } from "../delta-text.ts"
import { OPENAI_TOKENS, OutputMeter } from "../output-meter.ts"
import { asArray, asCount, asObject, asString, asToken, parseBytes, parseObject, type Loose } from "../loose.ts"
import { bodyFault, faultOf } from "../error-words.ts"
import { streamFailure } from "../stream-failure.ts"
import { renderError } from "./failure.ts"
import { readChatUsage } from "./usage.ts"

const DATA = Buffer.from("data:")
const COMMENT = 58
const COLON = 58
const SPACE = 32
const NULL = 110
/** Chat answers hand out no ids that outlive them. */
const NOTHING: Loose = {}
/** One for each answer. */
const MOST_SOUNDS = 128

export class ChatObserver implements StreamObserver {
  fault: UpstreamFault | null = null
  readonly meter: OutputMeter = new OutputMeter(OPENAI_TOKENS)
  private readonly hideUsage: boolean
  /** Several answers were asked for, and each has an end of its own: which of them have begun, and ended. Null: one. */
  private readonly choices: { readonly most: number; readonly begun: Set<number>; readonly ended: Set<number> } | null
  private anyEnd = false
  private usage: BilledUsage | null = null
  private stopReason: string | null = null
  private serviceTier: string | null = null
  private contentSeen = false
  private anyChoice = false
  /** Ids of sound that the answer holds. */
  private readonly sounds = new Set<string>()

  constructor(request: RequestFacts) {
    this.hideUsage = !request.includeUsage
    const { choices } = request
    this.choices = choices > 1 ? { most: choices, begun: new Set(), ended: new Set() } : null
  }

  /** Of several answers the last to be seen ends the stream. */
  get finished(): boolean {
    return this.anyEnd && this.choices?.begun.size === this.choices?.ended.size
  }

  frame(bytes: Uint8Array, start: number, end: number): number {
    if (bytes[start] === COMMENT) return FRAME.plain
    if (this.contentSeen && this.choices === null && startsWith(bytes, start, end, DATA)) {
      // searching a string is many times faster than searching bytes for a string
      const frame = latin1(bytes, start, end)
      if (isBareDelta(frame)) {
        meterFrame(frame, this.meter)
        return FRAME.content
      }
    }
    const { data, event } = readFields(bytes, start, end)
    if (data === null) return FRAME.plain
    // an end of nothing is no answer
    if (data.trim() === "[DONE]") return this.anyChoice ? FRAME.terminal : FRAME.fault
    const chunk = parseObject(data)
    if (chunk === null) return FRAME.plain
    if (chunk["error"] !== undefined && chunk["error"] !== null) return this.failed(faultOf(chunk["error"]))
    if (event === "error" || chunk["object"] === "error") return this.failed(bodyFault(chunk))
    const verdict = this.chunk(chunk)
    if (verdict === FRAME.content) meterFrame(latin1(bytes, start, end), this.meter)
    return verdict
  }

  facts(): AnswerFacts {
    return { usage: this.usage, stopReason: this.stopReason, serviceTier: this.serviceTier }
  }

  answer(): Loose {
    if (this.sounds.size === 0) return NOTHING
    return { choices: [...this.sounds].map((id) => ({ message: { audio: { id } } })) }
  }

  renderFailure(error: RouterError, requestId: string): string {
    return `data: ${renderError(error, requestId, null, streamFailure(error, requestId))}\n\n`
  }

  renderRefusal(_status: number, bytes: Uint8Array): string {
    const body = parseBytes(bytes) ?? { message: Buffer.from(bytes).toString() }
    return `data: ${JSON.stringify(body["error"] === undefined ? { error: body } : body)}\n\n`
  }

  /** A comment: clients take every data line for a chunk. */
  keepAlive(): string {
    return ": keep-alive\n\n"
  }

  lastWord(): string {
    return "data: [DONE]\n\n"
  }

  private failed(fault: UpstreamFault): number {
    this.fault = fault
    return FRAME.fault
  }

  private chunk(chunk: Loose): number {
    this.serviceTier = asToken(chunk["service_tier"]) ?? this.serviceTier
    // Groq's place is an object of its own
    const usage = readChatUsage(chunk["usage"]) ?? readChatUsage(asObject(chunk["x_groq"])?.["usage"])
    if (usage !== null) this.usage = laterUsage(this.usage, usage)
    const choices = asArray(chunk["choices"])
    if (choices.length === 0) return usage !== null && this.hideUsage ? FRAME.drop : FRAME.plain
    this.anyChoice = true
    let verdict: number = FRAME.plain
    for (const entry of choices) {
      const choice = asObject(entry)
      const reason = choice?.["finish_reason"]
      // some servers send "" for "not yet", and some send the reason twice
      const isEnd = typeof reason === "string" && reason !== ""
      if (isEnd) {
        this.stopReason = asToken(reason)
        this.anyEnd = true
      }
      this.saw(asCount(choice?.["index"]) ?? 0, isEnd)
      const delta = asObject(choice?.["delta"]) ?? asObject(choice?.["message"])
      const sound = asString(asObject(delta?.["audio"])?.["id"])
      if (sound !== null && this.sounds.size < MOST_SOUNDS) this.sounds.add(sound)
      if (holdsContent(delta)) verdict = FRAME.content
    }
    if (verdict === FRAME.content) this.contentSeen = true
    return verdict
  }

  private saw(index: number, isEnd: boolean): void {
    const { choices } = this
    if (choices === null || index >= choices.most) return
    choices.begun.add(index)
    if (isEnd) choices.ended.add(index)
  }
}

/** Any member of a delta but the role that is not empty: text, reasoning under its several names, refusal, tool calls, audio. */
function holdsContent(delta: Loose | null): boolean {
  if (delta === null) return false
  for (const key in delta) {
    const value = delta[key]
    if (key === "role" || value === null || value === "") continue
    if (Array.isArray(value) ? value.length > 0 : typeof value === "string" || asObject(value) !== null) return true
  }
  return false
}

/**
 * A one-line frame that can change nothing that is watched: no usage, no finish reason, no error, not the end.
 * Decided on the bytes, because this is nearly every frame of a stream; what looks unusual is parsed.
 */
function isBareDelta(frame: string): boolean {
  if (!frame.includes('"choices":[{')) return false
  return (
    isNullOrAbsent(frame, '"finish_reason"') && isNullOrAbsent(frame, '"usage"') && isNullOrAbsent(frame, '"error"')
  )
}

function isNullOrAbsent(frame: string, key: string): boolean {
  for (let at = frame.indexOf(key); at >= 0; at = frame.indexOf(key, at)) {
    at += key.length
    while (frame.charCodeAt(at) === SPACE || frame.charCodeAt(at) === COLON) at++
    if (frame.charCodeAt(at) !== NULL) return false
  }
  return true
}
