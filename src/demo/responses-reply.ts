import type { DemoBlock, DemoContext, DemoReply, DemoUsage } from "./exchange.ts"
import { eventFrame } from "./event-stream.ts"
import type { ResponsesRequest } from "./responses-request.ts"
import { piecesOf, slicesOf } from "./tokens.ts"
import { isRecord } from "./wire-value.ts"

type Json = Readonly<Record<string, unknown>>
type Item = Json & { readonly type: string; readonly id: string }

/** The finished `response` object. */
export function responsesReply(request: ResponsesRequest, reply: DemoReply, context: DemoContext): Json {
  return finished(opening(request, context), itemsOf(request, reply, context), reply)
}

/** The events of a streamed response; ids are the same in all of them. */
export function* responsesStream(request: ResponsesRequest, reply: DemoReply, context: DemoContext): Generator<string> {
  const opened = opening(request, context)
  const items = itemsOf(request, reply, context)
  let sequence = 0
  const frame = (type: string, fields: Json): string => {
    const text = eventFrame({ type, sequence_number: sequence, ...fields })
    sequence += 1
    return text
  }
  yield frame("response.created", { response: opened })
  yield frame("response.in_progress", { response: opened })
  for (const [index, item] of items.entries()) {
    yield frame("response.output_item.added", { output_index: index, item: begun(item) })
    for (const [type, fields] of innerEvents(item))
      yield frame(type, { item_id: item.id, output_index: index, ...fields })
    yield frame("response.output_item.done", { output_index: index, item })
  }
  const last = finished(opened, items, reply)
  yield frame(`response.${String(last["status"])}`, { response: last })
}

function opening(request: ResponsesRequest, context: DemoContext): Json {
  const echo = (name: string, otherwise: unknown): unknown => request.echo[name] ?? otherwise
  return {
    id: context.newId("resp_"),
    object: "response",
    created_at: context.createdS,
    status: "in_progress",
    background: false,
    error: null,
    incomplete_details: null,
    instructions: echo("instructions", null),
    max_output_tokens: request.maxOutputTokens,
    max_tool_calls: echo("max_tool_calls", null),
    model: request.model,
    output: [],
    parallel_tool_calls: request.parallelToolCalls,
    previous_response_id: null,
    prompt_cache_key: echo("prompt_cache_key", null),
    reasoning: { effort: null, summary: null, ...objectIn(request.echo, "reasoning") },
    safety_identifier: echo("safety_identifier", null),
    service_tier: "default",
    store: false,
    temperature: echo("temperature", 1),
    text: { format: { type: "text" }, verbosity: "medium", ...objectIn(request.echo, "text") },
    tool_choice: echo("tool_choice", "auto"),
    tools: echo("tools", []),
    top_logprobs: 0,
    top_p: echo("top_p", 1),
    truncation: echo("truncation", "disabled"),
    usage: null,
    user: null,
    metadata: echo("metadata", {}),
  }
}

function objectIn(body: Json, name: string): Json {
  const value = body[name]
  return isRecord(value) ? value : {}
}

function finished(opened: Json, items: readonly Item[], reply: DemoReply): Json {
  const isCut = reply.stop === "length"
  return {
    ...opened,
    status: isCut ? "incomplete" : "completed",
    incomplete_details: isCut ? { reason: "max_output_tokens" } : null,
    output: items,
    usage: usageOf(reply.usage),
  }
}

function itemsOf(request: ResponsesRequest, reply: DemoReply, context: DemoContext): readonly Item[] {
  const items: Item[] = []
  if (reply.reasoning !== null) {
    const summary = request.summary ? [{ type: "summary_text", text: reply.reasoning }] : []
    const sealed = request.encryptedReasoning
      ? { encrypted_content: Buffer.from(reply.reasoning).toString("base64") }
      : {}
    items.push({ id: context.newId("rs_"), type: "reasoning", summary, ...sealed })
  }
  for (const block of reply.blocks) items.push(itemOf(block, reply, context))
  return items
}

function itemOf(block: DemoBlock, reply: DemoReply, context: DemoContext): Item {
  if (block.is === "text") {
    const status = reply.stop === "length" ? "incomplete" : "completed"
    return { id: context.newId("msg_"), type: "message", status, role: "assistant", content: [textPart(block.text)] }
  }
  const call = { status: "completed", call_id: context.newId("call_"), name: block.name }
  return block.kind === "custom"
    ? { id: context.newId("ctc_"), type: "custom_tool_call", ...call, input: block.input }
    : { id: context.newId("fc_"), type: "function_call", ...call, arguments: block.input }
}

function textPart(text: string): Json {
  return { type: "output_text", annotations: [], logprobs: [], text }
}

/** The item as it stands in `output_item.added`: nothing said yet. */
function begun(item: Item): Item {
  switch (item.type) {
    case "reasoning":
      return { ...item, summary: [] }
    case "message":
      return { ...item, status: "in_progress", content: [] }
    case "custom_tool_call":
      return { ...item, status: "in_progress", input: "" }
    default:
      return { ...item, status: "in_progress", arguments: "" }
  }
}

function* innerEvents(item: Item): Generator<readonly [type: string, fields: Json]> {
  switch (item.type) {
    case "reasoning":
      yield* summaryEvents(item)
      return
    case "message":
      yield* textEvents(item)
      return
    case "custom_tool_call":
      for (const delta of slicesOf(String(item["input"]), 8)) yield ["response.custom_tool_call_input.delta", { delta }]
      yield ["response.custom_tool_call_input.done", { input: item["input"] }]
      return
    default:
      for (const delta of slicesOf(String(item["arguments"]), 8))
        yield ["response.function_call_arguments.delta", { delta }]
      yield ["response.function_call_arguments.done", { name: item["name"], arguments: item["arguments"] }]
  }
}

function* summaryEvents(item: Item): Generator<readonly [string, Json]> {
  const [part] = item["summary"] as readonly Json[]
  if (part === undefined) return
  const text = String(part["text"])
  yield ["response.reasoning_summary_part.added", { summary_index: 0, part: { ...part, text: "" } }]
  for (const delta of piecesOf(text, 3)) yield ["response.reasoning_summary_text.delta", { summary_index: 0, delta }]
  yield ["response.reasoning_summary_text.done", { summary_index: 0, text }]
  yield ["response.reasoning_summary_part.done", { summary_index: 0, part }]
}

function* textEvents(item: Item): Generator<readonly [string, Json]> {
  const [part] = item["content"] as readonly Json[]
  if (part === undefined) return
  const text = String(part["text"])
  yield ["response.content_part.added", { content_index: 0, part: { ...part, text: "" } }]
  for (const delta of piecesOf(text, 3)) yield ["response.output_text.delta", { content_index: 0, delta, logprobs: [] }]
  yield ["response.output_text.done", { content_index: 0, text, logprobs: [] }]
  yield ["response.content_part.done", { content_index: 0, part }]
}

/** Cached input is part of the input, reasoning is part of the output. */
function usageOf(usage: DemoUsage): Json {
  const input = usage.freshInput + usage.cacheRead + usage.cacheWrite
  return {
    input_tokens: input,
    input_tokens_details: { cached_tokens: usage.cacheRead },
    output_tokens: usage.output,
    output_tokens_details: { reasoning_tokens: usage.reasoning },
    total_tokens: input + usage.output,
  }
}
