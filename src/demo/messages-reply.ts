import type { DemoContext, DemoReply, DemoStop, DemoUsage } from "./exchange.ts"
import { eventFrame } from "./event-stream.ts"
import type { MessagesRequest } from "./messages-request.ts"
import { piecesOf, slicesOf } from "./tokens.ts"

type Json = Readonly<Record<string, unknown>>
type Block = Json & { readonly type: string }

const STOP_REASON: Readonly<Record<DemoStop, string>> = {
  end: "end_turn",
  length: "max_tokens",
  "tool-call": "tool_use",
  "stop-sequence": "stop_sequence",
}

/** The finished `message` object. */
export function messagesReply(request: MessagesRequest, reply: DemoReply, context: DemoContext): Json {
  return {
    ...opening(request, reply, context),
    content: blocksOf(request, reply, context),
    ...stopOf(reply),
    usage: { ...inputUsage(reply.usage), ...outputUsage(reply.usage) },
  }
}

/** The events of a streamed message. */
export function* messagesStream(request: MessagesRequest, reply: DemoReply, context: DemoContext): Generator<string> {
  yield eventFrame({ type: "message_start", message: opening(request, reply, context) })
  for (const [index, block] of blocksOf(request, reply, context).entries()) {
    yield eventFrame({ type: "content_block_start", index, content_block: begun(block) })
    if (index === 0) yield eventFrame({ type: "ping" })
    for (const delta of deltasOf(block)) yield eventFrame({ type: "content_block_delta", index, delta })
    yield eventFrame({ type: "content_block_stop", index })
  }
  const { input_tokens, cache_creation_input_tokens, cache_read_input_tokens } = inputUsage(reply.usage)
  const input = { input_tokens, cache_creation_input_tokens, cache_read_input_tokens }
  yield eventFrame({ type: "message_delta", delta: stopOf(reply), usage: { ...input, ...outputUsage(reply.usage) } })
  yield eventFrame({ type: "message_stop" })
}

function opening(request: MessagesRequest, reply: DemoReply, context: DemoContext): Json {
  return {
    id: context.newId("msg_"),
    type: "message",
    role: "assistant",
    model: request.model,
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage: { ...inputUsage(reply.usage), output_tokens: 1 },
  }
}

function stopOf(reply: DemoReply): Json {
  return { stop_reason: STOP_REASON[reply.stop], stop_sequence: reply.stopSequence }
}

function blocksOf(request: MessagesRequest, reply: DemoReply, context: DemoContext): readonly Block[] {
  const blocks: Block[] = []
  if (reply.reasoning !== null) {
    const thinking = request.showThinking ? reply.reasoning : ""
    blocks.push({ type: "thinking", thinking, signature: Buffer.from(reply.reasoning).toString("base64") })
  }
  for (const block of reply.blocks) {
    if (block.is === "tool-call") {
      const input = JSON.parse(block.input) as Json
      blocks.push({ type: "tool_use", id: context.newId("toolu_"), name: block.name, input })
    } else if (block.text !== "") blocks.push({ type: "text", text: block.text })
  }
  return blocks
}

function begun(block: Block): Block {
  switch (block.type) {
    case "thinking":
      return { ...block, thinking: "", signature: "" }
    case "tool_use":
      return { ...block, input: {} }
    default:
      return { ...block, text: "" }
  }
}

function* deltasOf(block: Block): Generator<Json> {
  switch (block.type) {
    case "thinking":
      for (const thinking of piecesOf(String(block["thinking"]), 3)) yield { type: "thinking_delta", thinking }
      yield { type: "signature_delta", signature: block["signature"] }
      return
    case "tool_use":
      yield { type: "input_json_delta", partial_json: "" }
      for (const partial of slicesOf(JSON.stringify(block["input"]), 8))
        yield { type: "input_json_delta", partial_json: partial }
      return
    default:
      for (const text of piecesOf(String(block["text"]), 3)) yield { type: "text_delta", text }
  }
}

/** Disjoint: `input_tokens` is what was neither read from nor written to the cache. */
function inputUsage(usage: DemoUsage): Readonly<Record<string, unknown>> {
  return {
    input_tokens: usage.freshInput,
    cache_creation_input_tokens: usage.cacheWrite,
    cache_read_input_tokens: usage.cacheRead,
    cache_creation: { ephemeral_5m_input_tokens: usage.cacheWrite, ephemeral_1h_input_tokens: 0 },
    service_tier: "standard",
  }
}

function outputUsage(usage: DemoUsage): Json {
  return { output_tokens: usage.output, output_tokens_details: { thinking_tokens: usage.reasoning } }
}
