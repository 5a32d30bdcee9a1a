/** One answer, as each vendor would give it: whole and as a stream. Written by hand after the vendors' documents. */
import type { Dialect } from "./samples.ts"

export interface Scenario {
  readonly reasoning?: string
  readonly text?: string
  /** Streamed in pieces; where a dialect can, those of all calls interleaved. */
  readonly calls?: readonly { readonly id: string; readonly name: string; readonly arguments: string }[]
  readonly stop: "end" | "length" | "tool-calls" | "filtered"
}

/** What every scenario reports: 4 of 11 input tokens came from a cache, 3 of 7 output tokens were reasoning. */
export const SCENARIO_USAGE = { input: 11, cached: 4, output: 7 } as const

/** What the vendor seals its reasoning with. */
export const SEALS: Readonly<Record<Dialect, string>> = {
  chat: "",
  responses: "gAAAA-encrypted-by-responses",
  messages: "EqQB-signed-by-messages",
}

type Json = Readonly<Record<string, unknown>>

export function wholeAnswer(dialect: Dialect, scenario: Scenario): string {
  return JSON.stringify(WHOLE[dialect](scenario))
}

/** Frame by frame; the last is the terminal event. */
export function streamedAnswer(dialect: Dialect, scenario: Scenario): readonly string[] {
  return STREAMED[dialect](scenario)
}

/** How many frames of `streamedAnswer` stand before the first with content. */
export const FRAMES_BEFORE_CONTENT: Readonly<Record<Dialect, number>> = { chat: 1, responses: 4, messages: 2 }

const WHOLE: Readonly<Record<Dialect, (scenario: Scenario) => Json>> = {
  chat: chatBody,
  responses: (scenario) => response(scenario, outputItems(scenario)),
  messages: messageBody,
}

const STREAMED: Readonly<Record<Dialect, (scenario: Scenario) => readonly string[]>> = {
  chat: chatFrames,
  responses: responsesFrames,
  messages: messagesFrames,
}

function halves(text: string): readonly string[] {
  const middle = Math.ceil(text.length / 2)
  return [text.slice(0, middle), text.slice(middle)].filter((piece) => piece !== "")
}

function data(value: unknown): string {
  return `data: ${JSON.stringify(value)}\n\n`
}

function named(value: Json): string {
  return `event: ${String(value["type"])}\n${data(value)}`
}

// Chat Completions

const CHAT_HEAD = { id: "chatcmpl-9", created: 1, model: "vendor-model" }
const CHAT_USAGE = {
  prompt_tokens: 11,
  completion_tokens: 7,
  total_tokens: 18,
  prompt_tokens_details: { cached_tokens: 4 },
  completion_tokens_details: { reasoning_tokens: 3 },
}
const CHAT_STOPS = { end: "stop", length: "length", "tool-calls": "tool_calls", filtered: "content_filter" } as const

function chatBody({ reasoning, text, calls = [], stop }: Scenario): Json {
  const toolCalls = calls.map(({ id, name, arguments: args }) => ({
    id,
    type: "function",
    function: { name, arguments: args },
  }))
  const message = {
    role: "assistant",
    content: text ?? null,
    ...(reasoning === undefined ? {} : { reasoning_content: reasoning }),
    ...(calls.length === 0 ? {} : { tool_calls: toolCalls }),
  }
  const choices = [{ index: 0, message, finish_reason: CHAT_STOPS[stop] }]
  return { ...CHAT_HEAD, object: "chat.completion", choices, usage: CHAT_USAGE }
}

function chatFrames({ reasoning = "", text = "", calls = [], stop }: Scenario): readonly string[] {
  const chunk = (delta: unknown, finish: string | null = null): string =>
    data({
      ...CHAT_HEAD,
      object: "chat.completion.chunk",
      choices: [{ index: 0, delta, finish_reason: finish }],
      usage: null,
    })
  const pieces = calls.flatMap((call, index) =>
    halves(call.arguments).map((piece, place) => ({ place, index, delta: { index, function: { arguments: piece } } })),
  )
  const interleaved = pieces.toSorted((left, right) => left.place - right.place || left.index - right.index)
  return [
    chunk({ role: "assistant", content: "" }),
    ...halves(reasoning).map((piece) => chunk({ reasoning_content: piece })),
    ...halves(text).map((content) => chunk({ content })),
    ...calls.map(({ id, name }, index) =>
      chunk({ tool_calls: [{ index, id, type: "function", function: { name, arguments: "" } }] }),
    ),
    ...interleaved.map(({ delta }) => chunk({ tool_calls: [delta] })),
    chunk({}, CHAT_STOPS[stop]),
    data({ ...CHAT_HEAD, object: "chat.completion.chunk", choices: [], usage: CHAT_USAGE }),
    "data: [DONE]\n\n",
  ]
}

// Responses

const RESPONSES_USAGE = {
  input_tokens: 11,
  input_tokens_details: { cached_tokens: 4 },
  output_tokens: 7,
  output_tokens_details: { reasoning_tokens: 3 },
  total_tokens: 18,
}

function outputItems({ reasoning, text, calls = [] }: Scenario): readonly Json[] {
  const summary = [{ type: "summary_text", text: reasoning }]
  const part = { type: "output_text", text, annotations: [], logprobs: [] }
  return [
    ...(reasoning === undefined
      ? []
      : [{ id: "rs_1", type: "reasoning", summary, encrypted_content: SEALS.responses, status: "completed" }]),
    ...(text === undefined
      ? []
      : [{ id: "msg_1", type: "message", role: "assistant", status: "completed", content: [part] }]),
    ...calls.map(({ id, name, arguments: args }, index) => ({
      id: `fc_${index}`,
      type: "function_call",
      call_id: id,
      name,
      arguments: args,
      status: "completed",
    })),
  ]
}

function response({ stop }: Scenario, output: readonly Json[], status?: string): Json {
  const reason = stop === "length" ? "max_output_tokens" : stop === "filtered" ? "content_filter" : null
  return {
    id: "resp_9",
    object: "response",
    created_at: 1,
    status: status ?? (reason === null ? "completed" : "incomplete"),
    error: null,
    incomplete_details: reason === null || status !== undefined ? null : { reason },
    model: "vendor-model",
    output,
    usage: status === undefined ? RESPONSES_USAGE : null,
  }
}

function responsesFrames(scenario: Scenario): readonly string[] {
  const items = outputItems(scenario)
  const running = { response: response(scenario, [], "in_progress") }
  const final = response(scenario, items)
  const events: Json[] = [
    { type: "response.created", ...running },
    { type: "response.in_progress", ...running },
    ...items.flatMap((item, index) => itemEvents(item, index)),
    { type: `response.${String(final["status"])}`, response: final },
  ]
  return events.map((event, sequence_number) => named({ ...event, sequence_number }))
}

function itemEvents(item: Json, output_index: number): readonly Json[] {
  const at = { item_id: item["id"], output_index }
  const done = { type: "response.output_item.done", output_index, item }
  const added = (bare: Json): Json => ({ type: "response.output_item.added", output_index, item: { ...item, ...bare } })
  if (item["type"] === "function_call") {
    const text = String(item["arguments"])
    const deltas = halves(text).map((delta) => ({ type: "response.function_call_arguments.delta", ...at, delta }))
    const last = { type: "response.function_call_arguments.done", ...at, arguments: text }
    return [added({ arguments: "", status: "in_progress" }), ...deltas, last, done]
  }
  const isReasoning = item["type"] === "reasoning"
  const place = { ...at, [isReasoning ? "summary_index" : "content_index"]: 0 }
  const [part] = (isReasoning ? item["summary"] : item["content"]) as readonly Json[]
  const text = String(part?.["text"])
  const parts = isReasoning ? "response.reasoning_summary_part" : "response.content_part"
  const texts = isReasoning ? "response.reasoning_summary_text" : "response.output_text"
  return [
    added(isReasoning ? { summary: [], encrypted_content: null } : { content: [], status: "in_progress" }),
    { type: `${parts}.added`, ...place, part: { ...part, text: "" } },
    ...halves(text).map((delta) => ({ type: `${texts}.delta`, ...place, delta })),
    { type: `${texts}.done`, ...place, text },
    { type: `${parts}.done`, ...place, part },
    done,
  ]
}

// Messages

const MESSAGE_HEAD = { id: "msg_9", type: "message", role: "assistant", model: "vendor-model" }
const MESSAGES_USAGE = {
  input_tokens: 7,
  cache_read_input_tokens: 4,
  cache_creation_input_tokens: 0,
  output_tokens: 7,
  output_tokens_details: { thinking_tokens: 3 },
}
const MESSAGES_STOPS = { end: "end_turn", length: "max_tokens", "tool-calls": "tool_use", filtered: "refusal" } as const

function messageBody({ reasoning, text, calls = [], stop }: Scenario): Json {
  const content = [
    ...(reasoning === undefined ? [] : [{ type: "thinking", thinking: reasoning, signature: SEALS.messages }]),
    ...(text === undefined ? [] : [{ type: "text", text }]),
    ...calls.map(({ id, name, arguments: args }) => ({
      type: "tool_use",
      id,
      name,
      input: JSON.parse(args) as unknown,
    })),
  ]
  return { ...MESSAGE_HEAD, content, stop_reason: MESSAGES_STOPS[stop], stop_sequence: null, usage: MESSAGES_USAGE }
}

function messagesFrames({ reasoning, text, calls = [], stop }: Scenario): readonly string[] {
  const blocks = [
    ...(reasoning === undefined ? [] : [thinkingEvents(reasoning)]),
    ...(text === undefined ? [] : [textEvents(text)]),
    ...calls.map(({ id, name, arguments: args }) => callEvents(id, name, args)),
  ]
  const usage = { ...MESSAGES_USAGE, output_tokens: 1 }
  const message = { ...MESSAGE_HEAD, content: [], stop_reason: null, stop_sequence: null, usage }
  const delta = { stop_reason: MESSAGES_STOPS[stop], stop_sequence: null }
  return [
    named({ type: "message_start", message }),
    ...blocks.flatMap((events, index) => events.map((event) => named({ ...event, index }))),
    named({ type: "message_delta", delta, usage: MESSAGES_USAGE }),
    named({ type: "message_stop" }),
  ]
}

const STOP = { type: "content_block_stop" }

function grow(delta: Json): Json {
  return { type: "content_block_delta", delta }
}

function thinkingEvents(thinking: string): readonly Json[] {
  return [
    { type: "content_block_start", content_block: { type: "thinking", thinking: "", signature: "" } },
    ...halves(thinking).map((piece) => grow({ type: "thinking_delta", thinking: piece })),
    grow({ type: "signature_delta", signature: SEALS.messages }),
    STOP,
  ]
}

function textEvents(text: string): readonly Json[] {
  const deltas = halves(text).map((piece) => grow({ type: "text_delta", text: piece }))
  return [{ type: "content_block_start", content_block: { type: "text", text: "" } }, ...deltas, STOP]
}

function callEvents(id: string, name: string, args: string): readonly Json[] {
  const deltas = halves(args).map((piece) => grow({ type: "input_json_delta", partial_json: piece }))
  return [{ type: "content_block_start", content_block: { type: "tool_use", id, name, input: {} } }, ...deltas, STOP]
}
