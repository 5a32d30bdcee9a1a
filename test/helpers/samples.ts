/** Small requests and answers of each dialect, written by hand after the vendors' documents. */

export type Dialect = "chat" | "responses" | "messages"
export const DIALECTS: readonly Dialect[] = ["chat", "responses", "messages"]

export interface RequestOptions {
  readonly model?: string
  readonly stream?: boolean
  /** Text of the user's message; tests put their marker here. */
  readonly text?: string
  /** Further top-level members. */
  readonly extra?: Readonly<Record<string, unknown>>
}

export interface VendorError {
  readonly type?: string
  readonly code?: string
  readonly param?: string
}

export interface Sample {
  readonly dialect: Dialect
  /** The name in the configuration. */
  readonly configName: "openai-chat" | "openai-responses" | "anthropic"
  readonly path: string
  request(options?: RequestOptions): string
  unary(text?: string): string
  /** A whole stream, frame by frame; the last frame is the terminal event. */
  frames(texts?: readonly string[]): readonly string[]
  /** How many of `frames()` stand before the first one with content. */
  readonly framesBeforeContent: number
  /** The vendor's error as a JSON body. */
  readonly errorBody: (message: string, options?: VendorError) => string
  /** The vendor's error as an event inside a stream. */
  readonly errorFrame: string
  /** Token counts of `unary()` and `frames()`: input, output. */
  readonly usage: { readonly input: number; readonly output: number }
}

const CHAT_USAGE = { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18 }
const RESPONSES_USAGE = {
  input_tokens: 11,
  input_tokens_details: { cached_tokens: 0 },
  output_tokens: 7,
  output_tokens_details: { reasoning_tokens: 0 },
  total_tokens: 18,
}

function data(value: unknown): string {
  return `data: ${JSON.stringify(value)}\n\n`
}

function named(value: { readonly type: string; readonly [key: string]: unknown }): string {
  return `event: ${value.type}\n${data(value)}`
}

function chatChunk(delta: unknown, finish: string | null = null): string {
  const choices = [{ index: 0, delta, logprobs: null, finish_reason: finish }]
  return data({
    id: "chatcmpl-1",
    object: "chat.completion.chunk",
    created: 1,
    model: "vendor-model",
    choices,
    usage: null,
  })
}

const chat: Sample = {
  dialect: "chat",
  configName: "openai-chat",
  path: "/v1/chat/completions",
  request: ({ model = "default", stream = false, text = "hello", extra = {} } = {}) =>
    JSON.stringify({
      model,
      messages: [{ role: "user", content: text }],
      ...(stream ? { stream, stream_options: { include_usage: true } } : {}),
      ...extra,
    }),
  unary: (text = "Hi there") =>
    JSON.stringify({
      id: "chatcmpl-1",
      object: "chat.completion",
      created: 1,
      model: "vendor-model",
      choices: [
        {
          index: 0,
          message: { role: "assistant", content: text, refusal: null },
          logprobs: null,
          finish_reason: "stop",
        },
      ],
      usage: CHAT_USAGE,
    }),
  frames: (texts = ["Hi", " there"]) => [
    chatChunk({ role: "assistant", content: "" }),
    ...texts.map((content) => chatChunk({ content })),
    chatChunk({}, "stop"),
    data({
      id: "chatcmpl-1",
      object: "chat.completion.chunk",
      created: 1,
      model: "vendor-model",
      choices: [],
      usage: CHAT_USAGE,
    }),
    "data: [DONE]\n\n",
  ],
  framesBeforeContent: 1,
  errorBody: (message, { type = "server_error", code, param } = {}) =>
    JSON.stringify({ error: { message, type, param: param ?? null, code: code ?? null } }),
  errorFrame: data({ error: { message: "overloaded", type: "server_error", code: 500 } }),
  usage: { input: 11, output: 7 },
}

function responseObject(status: string, text?: string): Record<string, unknown> {
  const message = {
    id: "msg_1",
    type: "message",
    status: "completed",
    role: "assistant",
    content: [{ type: "output_text", text, annotations: [], logprobs: [] }],
  }
  return {
    id: "resp_1",
    object: "response",
    created_at: 1,
    status,
    error: null,
    incomplete_details: null,
    model: "vendor-model",
    output: text === undefined ? [] : [message],
    parallel_tool_calls: true,
    tool_choice: "auto",
    tools: [],
    usage: text === undefined ? null : RESPONSES_USAGE,
  }
}

function responsesFrames(texts: readonly string[]): readonly string[] {
  const text = texts.join("")
  const at = { item_id: "msg_1", output_index: 0, content_index: 0 }
  const part = { type: "output_text", text, annotations: [], logprobs: [] }
  const item = { id: "msg_1", type: "message", role: "assistant" }
  const events: { type: string; [key: string]: unknown }[] = [
    { type: "response.created", response: responseObject("in_progress") },
    { type: "response.in_progress", response: responseObject("in_progress") },
    { type: "response.output_item.added", output_index: 0, item: { ...item, status: "in_progress", content: [] } },
    { type: "response.content_part.added", ...at, part: { ...part, text: "" } },
    ...texts.map((delta) => ({ type: "response.output_text.delta", ...at, delta, logprobs: [] })),
    { type: "response.output_text.done", ...at, text, logprobs: [] },
    { type: "response.content_part.done", ...at, part },
    { type: "response.output_item.done", output_index: 0, item: { ...item, status: "completed", content: [part] } },
    { type: "response.completed", response: responseObject("completed", text) },
  ]
  return events.map((event, sequence_number) => named({ ...event, sequence_number }))
}

const responses: Sample = {
  dialect: "responses",
  configName: "openai-responses",
  path: "/v1/responses",
  request: ({ model = "default", stream = false, text = "hello", extra = {} } = {}) =>
    JSON.stringify({ model, input: [{ role: "user", content: text }], ...(stream ? { stream } : {}), ...extra }),
  unary: (text = "Hi there") => JSON.stringify(responseObject("completed", text)),
  frames: (texts = ["Hi", " there"]) => responsesFrames(texts),
  framesBeforeContent: 4,
  errorBody: chat.errorBody,
  errorFrame: named({ type: "error", code: "server_error", message: "overloaded", param: null, sequence_number: 1 }),
  usage: { input: 11, output: 7 },
}

const MESSAGE = { id: "msg_1", type: "message", role: "assistant", model: "vendor-model" }

const messages: Sample = {
  dialect: "messages",
  configName: "anthropic",
  path: "/v1/messages",
  request: ({ model = "default", stream = false, text = "hello", extra = {} } = {}) =>
    JSON.stringify({
      model,
      max_tokens: 64,
      messages: [{ role: "user", content: text }],
      ...(stream ? { stream } : {}),
      ...extra,
    }),
  unary: (text = "Hi there") =>
    JSON.stringify({
      ...MESSAGE,
      content: [{ type: "text", text }],
      stop_reason: "end_turn",
      stop_sequence: null,
      usage: { input_tokens: 11, cache_creation_input_tokens: 0, cache_read_input_tokens: 0, output_tokens: 7 },
    }),
  frames: (texts = ["Hi", " there"]) => [
    named({
      type: "message_start",
      message: {
        ...MESSAGE,
        content: [],
        stop_reason: null,
        stop_sequence: null,
        usage: { input_tokens: 11, output_tokens: 1 },
      },
    }),
    named({ type: "content_block_start", index: 0, content_block: { type: "text", text: "" } }),
    ...texts.map((text) => named({ type: "content_block_delta", index: 0, delta: { type: "text_delta", text } })),
    named({ type: "content_block_stop", index: 0 }),
    named({
      type: "message_delta",
      delta: { stop_reason: "end_turn", stop_sequence: null },
      usage: { output_tokens: 7 },
    }),
    named({ type: "message_stop" }),
  ],
  framesBeforeContent: 2,
  errorBody: (message, { type = "api_error" } = {}) =>
    JSON.stringify({ type: "error", error: { type, message }, request_id: "req_vendor" }),
  errorFrame: named({ type: "error", error: { type: "overloaded_error", message: "Overloaded" } }),
  usage: { input: 11, output: 7 },
}

export const SAMPLES: Readonly<Record<Dialect, Sample>> = { chat, responses, messages }
export const ALL_SAMPLES: readonly Sample[] = DIALECTS.map((dialect) => SAMPLES[dialect])
