/** A Chat Completion for a client. https://platform.openai.com/docs/api-reference/chat/object */

import type { Block, ImageBlock, ToolCallBlock } from "../../canonical/block.ts"
import { loseExtra, blocksFor } from "../../canonical/foreign.ts"
import { encodeId, REPLY_ID_RULES } from "../../canonical/id-map.ts"
import type { JsonObject } from "../../canonical/json.ts"
import { Losses } from "../../canonical/loss.ts"
import type { Reply } from "../../canonical/reply.ts"
import { refusalWords } from "../../canonical/stop.ts"
import type { ReplyOptions, WrittenReply } from "../codec.ts"
import { MessageSoFar } from "./message-so-far.ts"
import { PART_SEPARATOR } from "./reasoning.ts"
import { finishReason, stopFields, stopLosses } from "./stop.ts"
import { usageLosses, writeUsage } from "./usage.ts"
import { dataUrl, ownFields } from "./wire.ts"

export function writeReply(reply: Reply, options: ReplyOptions): WrittenReply {
  const losses = new Losses()
  const { blocks } = reply
  const legacy = isLegacy(options.clientBody)
  const soFar = new MessageSoFar(losses)
  const said = messageOf(blocks, soFar, legacy, losses)
  const isSilent = reply.stop.is === "refusal" && !soFar.refused
  const message = isSilent ? { ...said, refusal: refusalWords(reply.stop) } : said
  const shown = { calls: soFar.calls > 0, legacy }
  const choice = { index: 0, message, logprobs: logprobsOf(blocks), finish_reason: finishReason(reply.stop, shown) }
  losses.addAll(stopLosses(reply.stop))
  losses.addAll(reply.usage === null ? [] : usageLosses(reply.usage))
  loseExtra(reply.extra, "chat", losses)
  const body: JsonObject = {
    ...ownFields(reply.extra),
    id: options.mint("chatcmpl-"),
    object: "chat.completion",
    created: reply.created ?? options.now(),
    model: modelOf(reply.model, options),
    choices: [{ ...choice, ...stopFields(reply.stop) }],
    ...(reply.usage === null ? {} : { usage: writeUsage(reply.usage) }),
    ...tierOf(reply.serviceTier),
  }
  return { body, losses: losses.list() }
}

/** A client that declares `functions` reads `function_call`, and nothing of tools. */
export function isLegacy(clientBody: JsonObject): boolean {
  return Array.isArray(clientBody["functions"]) && !Array.isArray(clientBody["tools"])
}

export function modelOf(named: string, { model, request }: ReplyOptions): string {
  return model ?? (named === "" ? request.model : named)
}

/** The tiers of the vendor's schema; other vendors' words are left out. */
const TIERS: ReadonlySet<string> = new Set(["auto", "default", "flex", "scale", "priority", "fast"])

export function tierOf(tier: string | undefined): JsonObject {
  return tier !== undefined && TIERS.has(tier) ? { service_tier: tier } : {}
}

/**
 * What a Chat client can be shown of a block, if anything. Raw ones of this dialect are fields of a message, or parts of
 * content with a type, which only a few servers' own clients take: OpenAI's must have a text.
 */
export function shownBlock(block: Block, losses: Losses, path: string): Block | null {
  const takes = { images: true, documents: false, audio: false }
  const own = new Losses()
  const [kept] = blocksFor([block], { dialect: "chat", losses: own, side: "reply", takes }, "")
  for (const loss of own.list()) losses.add(loss.code, loss.path.replace("[0]", path))
  if (kept === undefined) return null
  if (kept.type !== "raw" || kept.raw["type"] === undefined) return kept
  losses.add("reply-content", path)
  return kept.text === null || kept.text === "" ? null : { type: "text", text: kept.text }
}

interface Parts {
  readonly soFar: MessageSoFar
  readonly losses: Losses
  readonly legacy: boolean
  readonly texts: string[]
  readonly refusals: string[]
  readonly calls: JsonObject[]
  readonly images: JsonObject[]
  readonly visible: string[]
  /** Fields that only this dialect has. */
  fields: JsonObject
}

function messageOf(blocks: readonly Block[], soFar: MessageSoFar, legacy: boolean, losses: Losses): JsonObject {
  const parts: Parts = {
    soFar,
    losses,
    legacy,
    texts: [],
    refusals: [],
    calls: [],
    images: [],
    visible: [],
    fields: {},
  }
  for (const [index, block] of blocks.entries()) {
    const path = `blocks[${index}]`
    const shown = shownBlock(block, losses, path)
    if (shown !== null) addBlock(parts, shown, path)
  }
  const { annotations, details } = soFar
  return {
    role: "assistant",
    content: parts.texts.length === 0 ? null : parts.texts.join(""),
    refusal: parts.refusals.length === 0 ? null : parts.refusals.join(""),
    ...(annotations.length === 0 ? {} : { annotations }),
    ...(parts.visible.length === 0 ? {} : { reasoning_content: parts.visible.join(PART_SEPARATOR) }),
    ...(details.length === 0 ? {} : { reasoning_details: details }),
    ...(parts.images.length === 0 ? {} : { images: parts.images }),
    ...parts.fields,
    ...(parts.calls.length === 0 ? {} : { tool_calls: parts.calls }),
  }
}

function addBlock(parts: Parts, block: Block, path: string): void {
  const { soFar } = parts
  switch (block.type) {
    case "text":
      soFar.text(block.text.length, path)
      soFar.cite(block.citations ?? [], block.text.length, path)
      parts.texts.push(block.text)
      break
    case "refusal":
      soFar.refusal(path)
      parts.refusals.push(block.text)
      break
    case "reasoning":
      parts.visible.push(...block.parts.map((part) => part.text))
      soFar.seal(block, path)
      break
    case "tool-call":
      addCall(parts, block, path)
      break
    case "image":
      parts.images.push(imagePart(block))
      break
    case "raw":
      parts.fields = { ...parts.fields, ...block.raw }
      break
    default:
      parts.losses.add("reply-content", path)
  }
}

function addCall(parts: Parts, block: ToolCallBlock, path: string): void {
  const kept = parts.soFar.call(block.id)
  if (!parts.legacy) parts.calls.push(callOf(block, kept))
  else if (parts.soFar.calls === 1) {
    parts.fields = { ...parts.fields, function_call: { name: block.name, arguments: block.arguments } }
  } else parts.losses.add("reply-content", path)
}

/** OpenRouter's place for images of an answer. */
export function imagePart({ source }: ImageBlock): JsonObject {
  if (source.kind === "file") return { type: "file", file: { file_id: source.id } }
  const url = source.kind === "url" ? source.url : dataUrl(source.mediaType, source.data)
  return { type: "image_url", image_url: { url } }
}

function callOf(call: ToolCallBlock, kept: JsonObject): JsonObject {
  const own = { ...kept, ...ownFields(call.extra), id: encodeId(call.id, REPLY_ID_RULES) }
  if (call.kind === "custom") return { ...own, type: "custom", custom: { name: call.name, input: call.arguments } }
  return { ...own, type: "function", function: { name: call.name, arguments: call.arguments } }
}

function logprobsOf(blocks: readonly Block[]): JsonObject | null {
  const content = blocks.flatMap((block) => (block.type === "text" ? (block.logprobs ?? []) : []))
  return content.length === 0 ? null : { content, refusal: null }
}
