/**
 * A Chat Completions stream. Usage and the stop are held until `[DONE]` or the end: either may come twice, early or
 * late. Calls stay open to the end, because their pieces may be interleaved.
 */

import { Assembler } from "../../canonical/assemble.ts"
import type { Event } from "../../canonical/event.ts"
import { parseExact, type JsonObject, type JsonValue } from "../../canonical/json.ts"
import { Losses, type Loss } from "../../canonical/loss.ts"
import type { Failure } from "../../canonical/reply.ts"
import { reviseUsage, type Usage } from "../../canonical/usage.ts"
import type { Frame, ReplyContext, StreamReader } from "../codec.ts"
import { errorIn, protocolFailure, readFailure } from "./failure.ts"
import { CallReader } from "./read-calls.ts"
import { thinkingText } from "./read-part.ts"
import { ANSWER_FIELDS, audioOf, choiceError, messageFields, openingOf, replyPart } from "./read-reply.ts"
import { visibleReasoning } from "./reasoning.ts"
import { readStop } from "./stop.ts"
import { Turns } from "./turns.ts"
import { readCanonicalUsage } from "./usage.ts"
import { isAbsent, isList, listOf, numberOf, objectOf, stringOf, wordsOf } from "./wire.ts"

const DONE = "[DONE]"

export class ChatStreamReader implements StreamReader {
  readonly #assembler: Assembler
  readonly #turns: Turns
  readonly #calls: CallReader
  readonly #losses = new Losses()
  #started = false
  /** Which of several choices is shown. */
  #choice: number | undefined
  /** Steps of tools that the provider executed, by their number; a later report replaces an earlier one. */
  readonly #steps = new Map<JsonValue | undefined, JsonValue>()
  readonly #audio: { readonly data: string[]; readonly transcript: string[]; fields: JsonObject } = {
    data: [],
    transcript: [],
    fields: {},
  }
  #said = ""
  readonly #extra: Record<string, JsonValue> = {}
  #usage: Usage | null = null
  #tier: string | undefined
  /** The last choice with a finish reason. */
  #finish: JsonObject | undefined

  constructor(context: ReplyContext) {
    this.#assembler = new Assembler(context.issuer)
    this.#turns = new Turns(this.#assembler, context.issuer, this.#losses)
    this.#calls = new CallReader(this.#assembler, context, {
      beforeCall: () => {
        this.#turns.close()
        this.#showSteps()
      },
      keepFields: (callId, fields) => this.#turns.keepCallFields(callId, fields),
    })
  }

  push(frame: Frame): readonly Event[] {
    if (this.#assembler.finished) return []
    if (frame.data.trim() === DONE) this.#done()
    else this.#read(frame)
    return this.#assembler.take()
  }

  end(): readonly Event[] {
    if (this.#assembler.finished) return []
    if (this.#finish !== undefined) this.#complete()
    else this.#fail(protocolFailure("The upstream's stream ended before its answer was complete."))
    return this.#assembler.take()
  }

  losses(): readonly Loss[] {
    return this.#losses.list()
  }

  /** Some servers never give a finish reason; an answer without a single choice is none. */
  #done(): void {
    if (this.#choice !== undefined) this.#complete()
    else this.#fail(protocolFailure("The upstream's stream held no answer."))
  }

  #read(frame: Frame): void {
    const chunk = parsed(frame.data)
    if (frame.event === "error") {
      const error = objectOf(chunk) === undefined ? frame.data : errorIn(chunk)
      this.#fail(readFailure(error))
      return
    }
    const object = objectOf(chunk)
    if (object !== undefined) this.#readChunk(object)
  }

  #readChunk(chunk: JsonObject): void {
    const { error } = chunk
    const usage = readCanonicalUsage([chunk["usage"], objectOf(chunk["x_groq"])?.["usage"]].find(isCounted))
    if (usage !== null) this.#usage = reviseUsage(this.#usage, usage)
    this.#tier = wordsOf(chunk["service_tier"]) ?? this.#tier
    if (!isAbsent(error) || chunk["object"] === "error") return this.#fail(readFailure(errorIn(chunk)))
    for (const key of ANSWER_FIELDS) {
      const value = chunk[key]
      if (!isAbsent(value)) this.#extra[key] = value
    }
    for (const one of listOf(chunk["choices"])) {
      const choice = objectOf(one)
      if (choice === undefined || !this.#isShown(choice)) continue
      this.#start(chunk)
      const broken = choiceError(choice)
      if (broken !== undefined) return this.#fail(readFailure(broken))
      this.#readChoice(choice)
    }
  }

  /** Not before a choice: Azure's first chunk has neither id nor model. */
  #start(chunk: JsonObject): void {
    if (this.#started) return
    this.#started = true
    this.#assembler.start(openingOf(chunk))
  }

  #isShown(choice: JsonObject): boolean {
    const index = numberOf(choice["index"]) ?? 0
    this.#choice ??= index
    if (index === this.#choice) return true
    this.#losses.add("reply-choices", "choices")
    return false
  }

  #readChoice(choice: JsonObject): void {
    const delta = objectOf(choice["delta"]) ?? objectOf(choice["message"])
    if (delta !== undefined) this.#readDelta(delta, choice)
    if (wordsOf(choice["finish_reason"]) !== undefined) this.#finish = choice
  }

  #readDelta(delta: JsonObject, choice: JsonObject): void {
    this.#readReasoning(delta)
    for (const step of listOf(delta["executed_tools"])) this.#steps.set(objectOf(step)?.["index"], step)
    this.#readContent(delta["content"], listOf(objectOf(choice["logprobs"])?.["content"]))
    for (const annotation of listOf(delta["annotations"])) this.#turns.citation(annotation)
    for (const image of listOf(delta["images"])) this.#showPart(image)
    const audio = objectOf(delta["audio"])
    if (audio !== undefined) this.#readAudio(audio)
    this.#turns.refusal(stringOf(delta["refusal"]) ?? "")
    this.#calls.read(listOf(delta["tool_calls"]))
    const legacy = objectOf(delta["function_call"])
    if (legacy !== undefined) this.#calls.read([{ index: LEGACY_INDEX, function: legacy }])
  }

  #readReasoning(delta: JsonObject): void {
    let isShown = false
    for (const detail of listOf(delta["reasoning_details"])) isShown = this.#turns.detail(detail) || isShown
    if (!isShown) this.#turns.reasoning(visibleReasoning(delta) ?? "")
  }

  #readContent(content: JsonValue | undefined, logprobs: readonly JsonValue[]): void {
    if (!isList(content)) return this.#say(stringOf(content) ?? "", logprobs)
    for (const one of content) {
      const part = objectOf(one)
      if (part?.["type"] === "thinking") this.#turns.reasoning(thinkingText(part))
      else this.#showPart(one)
    }
  }

  #say(text: string, logprobs: readonly JsonValue[]): void {
    if (text !== "") this.#showSteps()
    this.#said += text
    this.#turns.text(text, logprobs)
  }

  #showPart(value: JsonValue): void {
    for (const block of replyPart(value)) {
      if (block.type === "text") this.#say(block.text, [])
      else if (block.type === "refusal") this.#turns.refusal(block.text)
      else if (block.type === "image" || block.type === "raw") {
        this.#turns.close()
        this.#assembler.whole(block)
      }
    }
  }

  #readAudio({ data, transcript, ...fields }: JsonObject): void {
    this.#audio.data.push(stringOf(data) ?? "")
    this.#audio.transcript.push(stringOf(transcript) ?? "")
    this.#audio.fields = { ...this.#audio.fields, ...fields }
  }

  #showSteps(): void {
    if (this.#steps.size === 0) return
    this.#turns.close()
    const steps = [...this.#steps.values()]
    this.#steps.clear()
    for (const block of messageFields({ executed_tools: steps }, ["executed_tools"], "hosted-call")) {
      if (block.type === "raw") this.#assembler.whole(block)
    }
  }

  #showAudio(): void {
    const { data, transcript, fields } = this.#audio
    const whole = { ...fields, data: data.join(""), transcript: transcript.join("") }
    for (const block of audioOf(whole, this.#said)) if (block.type === "raw") this.#assembler.whole(block)
  }

  #complete(): void {
    this.#calls.end()
    this.#turns.end()
    this.#showSteps()
    this.#showAudio()
    this.#report()
    const stop = this.#finish === undefined ? null : readStop(this.#finish, this.#turns.refused)
    const extra = Object.keys(this.#extra).length === 0 ? undefined : { dialect: "chat" as const, fields: this.#extra }
    if (stop !== null || extra !== undefined) this.#assembler.stop(stop ?? { is: "end", raw: null }, extra)
    this.#assembler.end()
  }

  #fail(failure: Failure): void {
    this.#report()
    this.#assembler.fail(failure)
  }

  #report(): void {
    if (this.#usage !== null) this.#assembler.usage(this.#usage, this.#tier)
  }
}

/** Beyond any index of a `tool_calls` entry. */
const LEGACY_INDEX = -1

/** Does it count anything? Some servers send empty objects until the end. */
function isCounted(usage: JsonValue | undefined): boolean {
  const object = objectOf(usage)
  return numberOf(object?.["prompt_tokens"]) !== undefined || numberOf(object?.["completion_tokens"]) !== undefined
}

function parsed(text: string): JsonValue | undefined {
  try {
    return parseExact(text)
  } catch {
    return undefined
  }
}
