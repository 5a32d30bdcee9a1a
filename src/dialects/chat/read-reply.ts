/** A Chat Completion. https://platform.openai.com/docs/api-reference/chat/object */

import type { Block, Citation, ReasoningBlock, TextBlock } from "../../canonical/block.ts"
import type { JsonObject, JsonValue } from "../../canonical/json.ts"
import { Losses } from "../../canonical/loss.ts"
import type { Issuer } from "../../canonical/origin.ts"
import type { Reply } from "../../canonical/reply.ts"
import { sealReasoning } from "../../canonical/seal.ts"
import { isClientCall, settleStop } from "../../canonical/stop.ts"
import type { ReadReply, ReplyContext } from "../codec.ts"
import { choiceError, choicesOf, decisiveStop, isAnswer, joinChoices, messageOf } from "./choices.ts"
import { readCitation } from "./citations.ts"
import { errorIn, protocolFailure, readFailure } from "./failure.ts"
import { callsOf } from "./read-reply-calls.ts"
import { readPart } from "./read-part.ts"
import { detailsBlock, fieldSeal, reasoningField, visibleReasoning } from "./reasoning.ts"
import { readStop } from "./stop.ts"
import { readCanonicalUsage } from "./usage.ts"
import { isAbsent, isList, listOf, numberOf, objectOf, stringOf, wordsOf } from "./wire.ts"

export function readReply(value: JsonValue | undefined, context: ReplyContext): ReadReply {
  const body = objectOf(value)
  if (body === undefined) return { failure: protocolFailure("The upstream's answer is no JSON object.") }
  const choices = choicesOf(body)
  const broken = choices.map(choiceError).find((one) => one !== undefined)
  const error = broken ?? (isAbsent(body["error"]) ? undefined : body["error"])
  if (error !== undefined) return { failure: readFailure(error) }
  if (body["object"] === "error") return { failure: readFailure(errorIn(body)) }
  if (!choices.some(isAnswer)) return { failure: protocolFailure("The upstream's answer is no chat completion.") }
  const losses = new Losses()
  const shown = context.severalChoices === true ? choices.slice(0, 1) : choices
  if (shown.length < choices.length) losses.add("reply-choices", "choices")
  return { reply: replyOf(body, shown, context, losses), losses: losses.list() }
}

/** Top-level fields that belong to the answer: sources of search models (Perplexity), OpenAI's moderation verdicts. */
export const ANSWER_FIELDS: readonly string[] = ["citations", "search_results", "moderation"]

function replyOf(body: JsonObject, choices: readonly JsonObject[], context: ReplyContext, losses: Losses): Reply {
  const blocks = joinChoices(
    choices.map((choice) => blocksOf(choice, messageOf(choice) ?? {}, context, losses)),
    losses,
  )
  const tier = wordsOf(body["service_tier"])
  const fields = ANSWER_FIELDS.filter((key) => !isAbsent(body[key])).map((key) => [key, body[key]] as const)
  const refused = blocks.some((block) => block.type === "refusal")
  const stop = decisiveStop(choices.map((choice) => readStop(choice, refused)))
  return {
    ...openingOf(body),
    blocks,
    stop: settleStop(stop, blocks.some(isClientCall)),
    usage: readCanonicalUsage(body["usage"]),
    ...(tier === undefined ? {} : { serviceTier: tier }),
    ...(fields.length === 0 ? {} : { extra: { dialect: "chat", fields: Object.fromEntries(fields) } }),
  }
}

/** Some servers send "" and 0 for what they do not know. */
export function openingOf(body: JsonObject): Pick<Reply, "id" | "model" | "created"> {
  const created = numberOf(body["created"])
  return {
    id: stringOf(body["id"]) ?? "",
    model: stringOf(body["model"]) ?? "",
    created: created === undefined || created <= 0 ? null : Math.floor(created),
  }
}

function blocksOf(choice: JsonObject, message: JsonObject, context: ReplyContext, losses: Losses): readonly Block[] {
  const { calls, kept } = callsOf(message, context)
  const refusal = wordsOf(message["refusal"])
  const said = contentOf(message["content"])
  const blocks: readonly Block[] = [
    ...reasoningOf(message, kept, context.issuer),
    ...messageFields(message, ["executed_tools"], "hosted-call"),
    ...withLogprobs(withCitations(said, listOf(message["annotations"]), losses), choice, losses),
    ...listOf(message["images"]).flatMap(replyPart),
    ...audioOf(message["audio"], textOf(said)),
    ...(refusal === undefined ? [] : [{ type: "refusal", text: refusal } as const]),
    ...calls,
  ]
  return blocks.map((block) => (block.type === "reasoning" ? sealReasoning(block, context.issuer) : block))
}

function contentOf(content: JsonValue | undefined): readonly Block[] {
  if (isList(content)) return content.flatMap(replyPart)
  const text = wordsOf(content)
  return text === undefined ? [] : [{ type: "text", text }]
}

/** As in a request, but that a reply's text holds nothing but text, and media other than images stay as they came. */
export function replyPart(value: JsonValue): readonly Block[] {
  return readPart(value).flatMap((block): readonly Block[] => {
    const part = objectOf(value)
    if (block.type === "text") return [{ type: "text", text: block.text }]
    if (part === undefined || (block.type !== "document" && block.type !== "audio")) return [block]
    return [{ type: "raw", dialect: "chat", what: "content", raw: part, text: null }]
  })
}

function reasoningOf(
  message: JsonObject,
  callDetails: readonly JsonObject[],
  issuer: Issuer,
): readonly ReasoningBlock[] {
  const details = [...listOf(message["reasoning_details"]), ...callDetails]
  const visible = visibleReasoning(message)
  if (details.length > 0) return [detailsBlock(details, visible, issuer)]
  const field = reasoningField(message)
  if (visible === undefined || field === undefined) return []
  return [{ type: "reasoning", parts: [{ kind: "raw", text: visible }], seal: fieldSeal(field, issuer) }]
}

/** A field of the message that only this dialect can show, as one raw block. */
export function messageFields(
  message: JsonObject,
  keys: readonly string[],
  what: "hosted-call" | "content",
  text: string | null = null,
): readonly Block[] {
  return keys.flatMap((key): readonly Block[] => {
    const value = message[key]
    if (isAbsent(value) || (isList(value) && value.length === 0)) return []
    return [{ type: "raw", dialect: "chat", what, raw: { [key]: value }, text }]
  })
}

function textOf(blocks: readonly Block[]): string {
  return blocks.map((block) => (block.type === "text" ? block.text : "")).join("")
}

/**
 * Spoken answers have their words beside the sound; some servers send an empty object for none. Words that are `said`
 * in writing too are not said again.
 */
export function audioOf(value: JsonValue | undefined, said: string): readonly Block[] {
  const audio = objectOf(value)
  const transcript = wordsOf(audio?.["transcript"])
  if (audio === undefined || (transcript === undefined && wordsOf(audio["data"]) === undefined)) return []
  return messageFields({ audio }, ["audio"], "content", transcript === said ? null : (transcript ?? null))
}

/** Each citation to the text that it begins in. */
function withCitations(blocks: readonly Block[], annotations: readonly JsonValue[], losses: Losses): readonly Block[] {
  if (annotations.length === 0) return blocks
  const texts = locate(blocks.filter((block) => block.type === "text"))
  const [first] = texts
  if (first === undefined) {
    losses.add("reply-citations", "annotations")
    return blocks
  }
  const found = new Map<TextBlock, Citation[]>()
  for (const annotation of annotations) {
    const start = numberOf(objectOf(objectOf(annotation)?.["url_citation"])?.["start_index"]) ?? 0
    const { block, base } = texts.findLast((one) => one.base <= start) ?? first
    const citation = readCitation(annotation, base)
    if (citation === null) continue
    const list = found.get(block)
    if (list === undefined) found.set(block, [citation])
    else list.push(citation)
  }
  return blocks.map((block) => {
    const citations = block.type === "text" ? found.get(block) : undefined
    return block.type === "text" && citations !== undefined ? { ...block, citations } : block
  })
}

interface Located {
  readonly block: TextBlock
  /** Length of the text before it. */
  readonly base: number
}

function locate(texts: readonly TextBlock[]): readonly Located[] {
  let base = 0
  return texts.map((block) => {
    const located = { block, base }
    base += block.text.length
    return located
  })
}

function withLogprobs(blocks: readonly Block[], choice: JsonObject, losses: Losses): readonly Block[] {
  const logprobs = listOf(objectOf(choice["logprobs"])?.["content"])
  if (logprobs.length === 0) return blocks
  const first = blocks.findIndex((block) => block.type === "text")
  if (first === -1) losses.add("reply-logprobs", "logprobs")
  return blocks.map((block, index) => (block.type === "text" && index === first ? { ...block, logprobs } : block))
}
