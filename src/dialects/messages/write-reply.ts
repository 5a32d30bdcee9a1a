/** A whole answer for a client that speaks Messages. */

import { argumentsObject } from "../../canonical/arguments.ts"
import type { Block, ReasoningBlock, TextBlock, ToolCallBlock } from "../../canonical/block.ts"
import { loseExtra, blocksFor, type Receiver } from "../../canonical/foreign.ts"
import { encodeId, REPLY_ID_RULES } from "../../canonical/id-map.ts"
import type { JsonObject } from "../../canonical/json.ts"
import { Losses } from "../../canonical/loss.ts"
import type { Extra } from "../../canonical/origin.ts"
import type { Reply } from "../../canonical/reply.ts"
import type { Usage } from "../../canonical/usage.ts"
import type { ReplyOptions, WrittenReply } from "../codec.ts"
import { writeReplyCitation } from "./citation.ts"
import { writeStop } from "./stop.ts"
import { writeUsage } from "./usage.ts"
import { DIALECT, ownFields, PART_SEPARATOR } from "./wire.ts"
import { isThinking, sealText } from "./write-reasoning.ts"

export function writeReply(reply: Reply, options: ReplyOptions): WrittenReply {
  const losses = new Losses()
  const content: JsonObject[] = []
  for (const [index, block] of blocksFor(reply.blocks, receiver(losses), "blocks").entries()) {
    const wire = writeReplyBlock(block, losses, `blocks[${index}]`)
    if (wire !== null) content.push(wire)
  }
  const refusal = reply.blocks.some((block) => block.type === "refusal")
  const calls = content.some(isCall)
  declareCounters(reply.usage, losses)
  const body = {
    ...messageHead(reply.model, options),
    content,
    ...writeStop(reply.stop, { refusal, calls }, losses),
    ...replyFields(reply.extra, losses),
    usage: writeUsage(reply.usage, reply.serviceTier),
  }
  return { body, losses: losses.list() }
}

/** A call that the client executes, those of its vendor's own tools too. */
export function isCall(block: JsonObject): boolean {
  return block["type"] === "tool_use"
}

/** What blocks of a reply must get through before they are written. */
export function receiver(losses: Losses): Receiver {
  return { dialect: DIALECT, losses, side: "reply", takes: { images: false, documents: false, audio: false } }
}

export function messageHead(model: string, options: ReplyOptions): JsonObject {
  const shown = options.model ?? (model === "" ? options.request.model : model)
  return { id: options.mint("msg_"), type: "message", role: "assistant", model: shown }
}

/** `container` and `context_management`, where the upstream was an Anthropic too. */
export function replyFields(extra: Extra | undefined, losses: Losses): JsonObject {
  loseExtra(extra, DIALECT, losses)
  return ownFields(extra)
}

const UNSHOWN = [
  "inputAudioTokens",
  "inputImageTokens",
  "outputAudioTokens",
  "outputImageTokens",
  "acceptedPredictionTokens",
  "rejectedPredictionTokens",
] as const satisfies readonly (keyof Usage)[]

export function declareCounters(usage: Usage | null, losses: Losses): void {
  for (const counter of UNSHOWN) if ((usage?.[counter] ?? 0) > 0) losses.add("reply-usage", `usage.${counter}`)
}

/** null: nothing is left of it. */
export function writeReplyBlock(block: Block, losses: Losses, path: string): JsonObject | null {
  switch (block.type) {
    case "text":
      return textBlock(block, losses, path)
    case "refusal":
      losses.add("reply-refusal", path)
      return { type: "text", text: block.text }
    case "reasoning":
      return reasoningBlock(block, losses, path)
    case "tool-call":
      return callBlock(block, losses, path)
    case "raw":
      return block.dialect === DIALECT ? block.raw : null
    case "tool-result":
    case "image":
    case "document":
    case "audio":
      losses.add("reply-content", path)
      return null
  }
}

function textBlock(block: TextBlock, losses: Losses, path: string): JsonObject {
  if (block.logprobs !== undefined) losses.add("reply-logprobs", path)
  const citations = (block.citations ?? [])
    .map((citation) => writeReplyCitation(citation, losses, path))
    .filter((citation) => citation !== null)
  const cited = citations.length === 0 ? {} : { citations }
  return { type: "text", text: block.text, ...cited, ...ownFields(block.extra) }
}

function reasoningBlock(block: ReasoningBlock, losses: Losses, path: string): JsonObject | null {
  const sealed = sealText(block, losses, path)
  const own = ownFields(block.extra)
  if (isThinking(block)) {
    const thinking = block.parts.map((part) => part.text).join(PART_SEPARATOR)
    return { type: "thinking", thinking, signature: sealed, ...own }
  }
  return sealed === "" ? null : { type: "redacted_thinking", data: sealed, ...own }
}

function callBlock(block: ToolCallBlock, losses: Losses, path: string): JsonObject {
  const isCustom = block.kind === "custom"
  const { object, wrapped } = isCustom
    ? { object: { input: block.arguments }, wrapped: false }
    : argumentsObject(block.arguments)
  if (wrapped) losses.add("reply-arguments-wrapped", path)
  return { ...callHead(block), input: object, ...ownFields(block.extra) }
}

export function callHead(block: Omit<ToolCallBlock, "arguments" | "cache">): JsonObject {
  return { type: "tool_use", id: encodeId(block.id, REPLY_ID_RULES), name: block.name }
}
