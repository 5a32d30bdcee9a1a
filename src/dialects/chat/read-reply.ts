/** A Chat Completion. https://platform.openai.com/docs/api-reference/chat/object */

import type { Block, Citation, ReasoningBlock, TextBlock, ToolCallBlock } from "../../canonical/block.ts"
import { unwrapInput } from "../../canonical/arguments.ts"
import { decodeId } from "../../canonical/id-map.ts"
import type { JsonObject, JsonValue } from "../../canonical/json.ts"
import { Losses } from "../../canonical/loss.ts"
import type { Issuer } from "../../canonical/origin.ts"
import type { Reply } from "../../canonical/reply.ts"
import { sealed } from "../../canonical/seal.ts"
import { settleStop } from "../../canonical/stop.ts"
import type { ReadReply, ReplyContext } from "../codec.ts"
import { readCitation } from "./citations.ts"
import { errorIn, protocolFailure, readFailure } from "./failure.ts"
import { readArguments } from "./read-message.ts"
import { readPart } from "./read-part.ts"
import { callFieldsDetail, detailsBlock, visibleReasoning } from "./reasoning.ts"
import { readStop } from "./stop.ts"
import { readCanonicalUsage } from "./usage.ts"
import { isAbsent, isList, listOf, numberOf, objectOf, stringOf, wordsOf } from "./wire.ts"

export function readReply(value: JsonValue | undefined, context: ReplyContext): ReadReply {
  const body = objectOf(value)
  if (body === undefined) return { failure: protocolFailure("The upstream's answer is no JSON object.") }
  const choices = listOf(body["choices"])
  const choice = firstChoice(choices)
  const error = choiceError(choice) ?? (isAbsent(body["error"]) ? undefined : body["error"])
  if (error !== undefined) return { failure: readFailure(error) }
  if (body["object"] === "error") return { failure: readFailure(errorIn(body)) }
  const message = objectOf(choice?.["message"]) ?? objectOf(choice?.["delta"])
  if (choice === undefined || message === undefined) {
    return { failure: protocolFailure("The upstream's answer is no chat completion.") }
  }
  const losses = new Losses()
  if (choices.length > 1) losses.add("reply-choices", "choices")
  return { reply: replyOf(body, choice, message, context, losses), losses: losses.list() }
}

/** The first by number; some servers leave the number out. */
function firstChoice(choices: readonly JsonValue[]): JsonObject | undefined {
  return objectOf(choices.find((one) => objectOf(one)?.["index"] === 0) ?? choices[0])
}

/** OpenRouter puts an error into the choice that it broke off. */
export function choiceError(choice: JsonObject | undefined): JsonValue | undefined {
  const error = choice?.["error"]
  if (!isAbsent(error)) return error
  return choice?.["finish_reason"] === "error" ? { message: "The upstream broke off its answer." } : undefined
}

/** Top-level fields that belong to the answer: sources of search models (Perplexity), OpenAI's moderation verdicts. */
export const ANSWER_FIELDS: readonly string[] = ["citations", "search_results", "moderation"]

function replyOf(
  body: JsonObject,
  choice: JsonObject,
  message: JsonObject,
  context: ReplyContext,
  losses: Losses,
): Reply {
  const blocks = blocksOf(choice, message, context, losses)
  const tier = wordsOf(body["service_tier"])
  const fields = ANSWER_FIELDS.filter((key) => !isAbsent(body[key])).map((key) => [key, body[key]] as const)
  const refused = blocks.some((block) => block.type === "refusal")
  const called = blocks.some((block) => block.type === "tool-call")
  return {
    ...openingOf(body),
    blocks,
    stop: settleStop(readStop(choice, refused), called),
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
  return blocks.map((block) => (block.type === "reasoning" ? sealed(block, context.issuer) : block))
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
  if (visible === undefined) return []
  return [{ type: "reasoning", parts: [{ kind: "raw", text: visible }], seal: null }]
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

interface ReadCalls {
  readonly calls: readonly ToolCallBlock[]
  /** Fields that the server wants back with a call, for the sealed payload. */
  readonly kept: readonly JsonObject[]
}

function callsOf(message: JsonObject, context: ReplyContext): ReadCalls {
  const calls: ToolCallBlock[] = []
  const kept: JsonObject[] = []
  for (const one of listOf(message["tool_calls"])) {
    const call = objectOf(one)
    const block = call === undefined ? null : readCall(call, context)
    if (call === undefined || block === null) continue
    calls.push(block)
    const own = returnable(call)
    if (own !== undefined) kept.push(callFieldsDetail(block.id, own))
  }
  const legacy = objectOf(message["function_call"])
  const block = legacy === undefined ? null : readCall({ function: legacy }, context)
  return { calls: block === null ? calls : [...calls, block], kept }
}

/** Gemini's thought signature and its like. Other unknown fields of calls are facts about serving, or placeholders. */
const RETURNED_FIELD = "extra_content"

export function returnable(call: JsonObject): JsonObject | undefined {
  const value = call[RETURNED_FIELD]
  return isAbsent(value) ? undefined : { [RETURNED_FIELD]: value }
}

/** Some servers send an empty `custom` beside every function. */
export function isCustomCall(call: JsonObject): boolean {
  if (call["type"] === "custom") return true
  return isAbsent(call["function"]) && objectOf(call["custom"]) !== undefined
}

/** null for a placeholder without a name. */
function readCall(call: JsonObject, context: ReplyContext): ToolCallBlock | null {
  const isCustom = isCustomCall(call)
  const inner = objectOf(isCustom ? call["custom"] : call["function"])
  const wire = wordsOf(inner?.["name"])
  if (inner === undefined || wire === undefined) return null
  const tool = context.names.named(wire)
  const id = wordsOf(call["id"])
  const head = {
    type: "tool-call",
    id: id === undefined ? context.mint("call_") : decodeId(id),
    name: tool.name,
    namespace: tool.namespace,
  } as const
  if (isCustom) return { ...head, kind: "custom", arguments: stringOf(inner["input"]) ?? "" }
  if (tool.wrapped) {
    const text = stringOf(inner["arguments"]) ?? readArguments(inner["arguments"])
    return { ...head, kind: "custom", arguments: text === "" ? "" : unwrapInput(text) }
  }
  return { ...head, kind: "function", arguments: readArguments(inner["arguments"]) }
}
