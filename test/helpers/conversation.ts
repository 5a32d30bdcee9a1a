/** One tool-using conversation, as a client of each dialect would send it. Written by hand after the vendors' documents. */
import type { Dialect } from "./samples.ts"

type Json = Readonly<Record<string, unknown>>

const SCHEMA = { type: "object", properties: { city: { type: "string" } }, required: ["city"] }
const PARIS = '{"city":"Paris"}'
const ROME = '{"city":"Rome"}'
const PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII="

/** System text, a question with an image, two calls, their results in order, a further question; a cap, a temperature. */
export function conversation(dialect: Dialect, marker: string): Json {
  return CONVERSATIONS[dialect](marker)
}

const CONVERSATIONS: Readonly<Record<Dialect, (marker: string) => Json>> = {
  chat: (marker) => ({
    messages: [
      { role: "system", content: "Be brief." },
      {
        role: "user",
        content: [
          { type: "text", text: marker },
          { type: "image_url", image_url: { url: `data:image/png;base64,${PIXEL}` } },
        ],
      },
      { role: "assistant", content: "Let me look.", tool_calls: [chatCall("call_1", PARIS), chatCall("call_2", ROME)] },
      { role: "tool", tool_call_id: "call_1", content: "rain" },
      { role: "tool", tool_call_id: "call_2", content: "sun" },
      { role: "user", content: "And tomorrow?" },
    ],
    tools: [{ type: "function", function: { name: "weather", description: "Looks it up.", parameters: SCHEMA } }],
    tool_choice: "required",
    max_tokens: 500,
    temperature: 0.5,
  }),
  responses: (marker) => ({
    instructions: "Be brief.",
    input: [
      {
        type: "message",
        role: "user",
        content: [
          { type: "input_text", text: marker },
          { type: "input_image", image_url: `data:image/png;base64,${PIXEL}` },
        ],
      },
      { type: "message", role: "assistant", content: [{ type: "output_text", text: "Let me look." }] },
      { type: "function_call", call_id: "call_1", name: "weather", arguments: PARIS },
      { type: "function_call", call_id: "call_2", name: "weather", arguments: ROME },
      { type: "function_call_output", call_id: "call_1", output: "rain" },
      { type: "function_call_output", call_id: "call_2", output: "sun" },
      { type: "message", role: "user", content: [{ type: "input_text", text: "And tomorrow?" }] },
    ],
    tools: [{ type: "function", name: "weather", description: "Looks it up.", parameters: SCHEMA, strict: false }],
    tool_choice: "required",
    max_output_tokens: 500,
    temperature: 0.5,
  }),
  messages: (marker) => ({
    system: "Be brief.",
    messages: [
      {
        role: "user",
        content: [
          { type: "text", text: marker },
          { type: "image", source: { type: "base64", media_type: "image/png", data: PIXEL } },
        ],
      },
      {
        role: "assistant",
        content: [
          { type: "text", text: "Let me look." },
          { type: "tool_use", id: "call_1", name: "weather", input: { city: "Paris" } },
          { type: "tool_use", id: "call_2", name: "weather", input: { city: "Rome" } },
        ],
      },
      {
        role: "user",
        content: [
          { type: "tool_result", tool_use_id: "call_1", content: "rain" },
          { type: "tool_result", tool_use_id: "call_2", content: "sun" },
          { type: "text", text: "And tomorrow?" },
        ],
      },
    ],
    tools: [{ name: "weather", description: "Looks it up.", input_schema: SCHEMA }],
    tool_choice: { type: "any" },
    max_tokens: 500,
    temperature: 0.5,
  }),
}

function chatCall(id: string, args: string): Json {
  return { id, type: "function", function: { name: "weather", arguments: args } }
}

/** The same wherever a dialect lets one thing be written in two ways; without the fields that are the router's own. */
export function plainly(dialect: Dialect, body: Json): unknown {
  const { model: _model, stream: _stream, stream_options: _options, store: _store, include: _include, ...rest } = body
  const said: unknown = JSON.parse(JSON.stringify(rest), (key, value: unknown) =>
    (key === "strict" && value === false) || (key === "detail" && value === "auto") ? undefined : value,
  )
  return PLAIN[dialect](said as Json)
}

const PLAIN: Readonly<Record<Dialect, (body: Json) => unknown>> = {
  chat: (body) => ({ ...body, messages: listed(body["messages"], "text") }),
  responses: ({ instructions, ...body }) => {
    const system = instructions === undefined ? [] : [{ type: "message", role: "system", content: instructions }]
    return { ...body, input: listed([...system, ...(body["input"] as readonly Json[])], "input_text") }
  },
  messages: ({ system, ...body }) => ({
    ...body,
    system: typeof system === "string" ? [{ type: "text", text: system }] : system,
    messages: listed(body["messages"], "text"),
  }),
}

/** Messages with content as a list of parts, and without defaults. */
function listed(messages: unknown, text: string): unknown {
  return (messages as readonly Json[]).map((message) => {
    const type = message["role"] === "assistant" && text === "input_text" ? "output_text" : text
    return JSON.parse(JSON.stringify(message), (key, value: unknown) =>
      key === "content" && typeof value === "string" ? [{ type, text: value }] : value,
    ) as unknown
  })
}
