import type { ChatRequest } from "./chat-request.ts"
import type { DemoBlock, DemoContext, DemoReply, DemoStop, DemoUsage } from "./exchange.ts"
import { dataFrame } from "./event-stream.ts"
import { piecesOf, slicesOf } from "./tokens.ts"

type Json = Readonly<Record<string, unknown>>

const FINISH: Readonly<Record<DemoStop, string>> = {
  end: "stop",
  length: "length",
  "tool-call": "tool_calls",
  "stop-sequence": "stop",
}

/** The `chat.completion` object. */
export function chatReply(request: ChatRequest, reply: DemoReply, context: DemoContext): Json {
  return {
    ...head(request, context, "chat.completion"),
    choices: Array.from({ length: request.choices }, (_, index) => ({
      index,
      message: messageOf(reply, context),
      logprobs: null,
      finish_reason: FINISH[reply.stop],
    })),
    usage: usageOf(reply.usage, request.choices),
  }
}

/** The `chat.completion.chunk` frames: role, deltas, finish reason, usage if asked for, `[DONE]`. */
export function* chatStream(request: ChatRequest, reply: DemoReply, context: DemoContext): Generator<string> {
  const common = head(request, context, "chat.completion.chunk")
  const chunk = (index: number, delta: Json, finish: string | null = null): string =>
    dataFrame({
      ...common,
      choices: [{ index, delta, logprobs: null, finish_reason: finish }],
      ...(request.includeUsage ? { usage: null } : {}),
    })
  for (let index = 0; index < request.choices; index += 1) {
    yield chunk(index, { role: "assistant", content: textIn(reply) === null ? null : "", refusal: null })
    for (const piece of piecesOf(textIn(reply) ?? "", 3)) yield chunk(index, { content: piece })
    for (const delta of toolDeltas(reply, context)) yield chunk(index, { tool_calls: [delta] })
    yield chunk(index, {}, FINISH[reply.stop])
  }
  if (request.includeUsage) yield dataFrame({ ...common, choices: [], usage: usageOf(reply.usage, request.choices) })
  yield "data: [DONE]\n\n"
}

function head(request: ChatRequest, context: DemoContext, object: string): Json {
  return {
    id: context.newId("chatcmpl-"),
    object,
    created: context.createdS,
    model: request.model,
    service_tier: "default",
    system_fingerprint: "fp_smart_router_demo",
  }
}

function callsIn(reply: DemoReply): readonly Extract<DemoBlock, { is: "tool-call" }>[] {
  return reply.blocks.filter((block) => block.is === "tool-call")
}

/** Null where the message only calls tools; a reply that was cut before its first word is an empty text. */
function textIn(reply: DemoReply): string | null {
  if (callsIn(reply).length > 0) return null
  return reply.blocks.map((block) => (block.is === "text" ? block.text : "")).join("")
}

function messageOf(reply: DemoReply, context: DemoContext): Json {
  const calls = callsIn(reply).map((call) => ({
    id: context.newId("call_"),
    type: "function",
    function: { name: call.name, arguments: call.input },
  }))
  const toolCalls = calls.length === 0 ? {} : { tool_calls: calls }
  return { role: "assistant", content: textIn(reply), refusal: null, annotations: [], ...toolCalls }
}

function* toolDeltas(reply: DemoReply, context: DemoContext): Generator<Json> {
  for (const [index, call] of callsIn(reply).entries()) {
    yield { index, id: context.newId("call_"), type: "function", function: { name: call.name, arguments: "" } }
    for (const piece of slicesOf(call.input, 8)) yield { index, function: { arguments: piece } }
  }
}

/** Cached input is part of the prompt, reasoning is part of the completion; the prompt counts once for all choices. */
function usageOf(usage: DemoUsage, choices: number): Json {
  const prompt = usage.freshInput + usage.cacheRead + usage.cacheWrite
  const completion = usage.output * choices
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    prompt_tokens_details: { cached_tokens: usage.cacheRead, audio_tokens: 0 },
    completion_tokens_details: {
      reasoning_tokens: usage.reasoning * choices,
      audio_tokens: 0,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
    },
  }
}
