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
import { choiceError, decisiveStop } from "./choices.ts"
import { errorIn, protocolFailure, readFailure } from "./failure.ts"
import { CallReader } from "./read-calls.ts"
import { thinkingText } from "./read-part.ts"
import { ANSWER_FIELDS, audioOf, messageFields, openingOf, replyPart } from "./read-reply.ts"
import { reasoningField, visibleReasoning } from "./reasoning.ts"
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
  /** The first choice to come: the only one that is shown where several were asked for. */
  #choice: number | undefined
  /** Of one answer in several choices: which one's words, and which one's thinking, are shown. */
  #speaker: number | undefined
  #thinker: number | undefined
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
  /** The last finish of each choice. */
  readonly #finish = new Map<number, JsonObject>()
  readonly #context: ReplyContext

  constructor(context: ReplyContext) {
    this.#context = context
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
    if (this.#finish.size > 0) this.#complete()
    else this.#fail(CUT_OFF)
    return this.#assembler.take()
  }

  losses(): readonly Loss[] {
    return this.#losses.list()
  }

  /** Some servers never give a finish reason, which is an end like any but inside of a call; no choice is no answer. */
  #done(): void {
    if (this.#finish.size === 0 && this.#calls.isUnfinished) this.#fail(CUT_OFF)
    else if (this.#choice !== undefined) this.#complete()
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
      const index = numberOf(choice?.["index"]) ?? 0
      if (choice === undefined || !this.#isShown(index)) continue
      this.#start(chunk)
      const broken = choiceError(choice)
      if (broken !== undefined) return this.#fail(readFailure(broken))
      this.#readChoice(choice, index)
    }
  }

  /** Not before a choice: Azure's first chunk has neither id nor model. */
  #start(chunk: JsonObject): void {
    if (this.#started) return
    this.#started = true
    this.#assembler.start(openingOf(chunk))
  }

  #isShown(index: number): boolean {
    this.#choice ??= index
    if (index === this.#choice || this.#context.severalChoices !== true) return true
    this.#losses.add("reply-choices", "choices")
    return false
  }

  #readChoice(choice: JsonObject, index: number): void {
    const delta = objectOf(choice["delta"]) ?? objectOf(choice["message"])
    if (delta !== undefined) this.#readDelta(delta, choice, index)
    if (wordsOf(choice["finish_reason"]) !== undefined) this.#finish.set(index, choice)
  }

  #readDelta(delta: JsonObject, choice: JsonObject, index: number): void {
    if (this.#thinker === undefined && thinks(delta)) this.#thinker = index
    if (this.#speaker === undefined && speaks(delta)) this.#speaker = index
    if (this.#isOwn(this.#thinker, index)) this.#readReasoning(delta)
    else if (thinks(delta)) this.#losses.add("reply-choices", "choices")
    if (this.#isOwn(this.#speaker, index)) this.#readWords(delta, choice)
    else if (speaks(delta)) this.#losses.add("reply-choices", "choices")
    this.#calls.read(listOf(delta["tool_calls"]), index)
    const legacy = objectOf(delta["function_call"])
    if (legacy !== undefined) this.#calls.read([{ index: LEGACY_INDEX, function: legacy }], index)
  }

  #isOwn(owner: number | undefined, index: number): boolean {
    return owner === undefined || owner === index
  }

  #readWords(delta: JsonObject, choice: JsonObject): void {
    for (const step of listOf(delta["executed_tools"])) this.#steps.set(objectOf(step)?.["index"], step)
    this.#readContent(delta["content"], listOf(objectOf(choice["logprobs"])?.["content"]))
    for (const annotation of listOf(delta["annotations"])) this.#turns.citation(annotation)
    for (const image of listOf(delta["images"])) this.#showPart(image)
    const audio = objectOf(delta["audio"])
    if (audio !== undefined) this.#readAudio(audio)
    this.#turns.refusal(stringOf(delta["refusal"]) ?? "")
  }

  #readReasoning(delta: JsonObject): void {
    let isShown = false
    for (const detail of listOf(delta["reasoning_details"])) isShown = this.#turns.detail(detail) || isShown
    if (!isShown) this.#turns.reasoning(visibleReasoning(delta) ?? "", reasoningField(delta))
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
    const stop = decisiveStop([...this.#finish.values()].map((choice) => readStop(choice, this.#turns.refused)))
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

const CUT_OFF = protocolFailure("The upstream's stream ended before its answer was complete.")

/** Beyond any index of a `tool_calls` entry. */
const LEGACY_INDEX = 2 ** 19

function speaks({ content, refusal }: JsonObject): boolean {
  return isList(content) ? content.length > 0 : wordsOf(content) !== undefined || wordsOf(refusal) !== undefined
}

function thinks(delta: JsonObject): boolean {
  return visibleReasoning(delta) !== undefined || listOf(delta["reasoning_details"]).length > 0
}

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
