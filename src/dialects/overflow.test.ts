/** A request that is too long is told to each client in the words by which it heals, whatever server said so in what shape. */
import { describe, expect, test } from "bun:test"
import type { JsonObject, JsonValue } from "../canonical/json.ts"
import { writeResponseError } from "./responses/failure.ts"
import { CODECS } from "./registry.ts"

const chat = CODECS["openai-chat"]
const responses = CODECS["openai-responses"]
const messages = CODECS.anthropic

const told = (body: JsonObject): unknown => body["error"]

const VLLM_TOO_LONG =
  "This model's maximum context length is 8192 tokens. However, your request has 9000 input tokens. Please reduce the length of the input messages."
const VLLM_SUM =
  "This model's maximum context length is 32768 tokens. However, you requested 41000 tokens (9000 in the messages, 32000 in the completion). Please reduce the length of the messages or completion."
const VLLM_NEARLY =
  "You passed 31745 input tokens and requested 1024 output tokens. However, the model's context length is only 32768 tokens, resulting in a maximum input length of 31744 tokens."
const OPENAI_OUTPUT =
  "max_tokens is too large: 100000. This model supports at most 16384 completion tokens, whereas you provided 100000."

describe("to Claude Code:", () => {
  test.each([
    [VLLM_TOO_LONG, "prompt is too long: 9000 tokens > 8192 maximum"],
    [VLLM_NEARLY, "prompt is too long: 31745 tokens > 31744 maximum"],
    [
      VLLM_SUM,
      "input length and `max_tokens` exceed context limit: 9000 + 32000 > 32768, decrease input length or `max_tokens` and try again",
    ],
    [OPENAI_OUTPUT, "max_tokens: 100000 > 16384, which is the maximum allowed number of output tokens"],
  ])("%s", (message, sentence) => {
    const failure = chat.readError(400, { error: { message, type: "BadRequestError", code: 400 } })
    expect(told(messages.writeError(failure, "req_1"))).toEqual({
      type: "invalid_request_error",
      message: `${sentence}. ${message}`,
      code: "400",
    })
  })

  test("what gives no numbers keeps its words behind the ones that count", () => {
    const failure = chat.readError(400, { error: { message: "Prompt exceeds max length", code: "1261" } })
    expect(told(messages.writeError(failure, "r"))).toMatchObject({
      message: "prompt is too long: Prompt exceeds max length",
    })
    const output = chat.readError(400, { error: { message: "max_tokens is too large" } })
    expect(told(messages.writeError(output, "r"))).toMatchObject({ message: "max_tokens is too large" })
  })

  test("Anthropic's own sentences stay as they are", () => {
    for (const message of [
      "prompt is too long: 213462 tokens > 200000 maximum",
      "input length and `max_tokens` exceed context limit: 188240 + 21333 > 200000, decrease input length or `max_tokens` and try again",
      "max_tokens: 32000 > 8192, which is the maximum allowed number of output tokens for claude-3-5-haiku-20241022",
    ]) {
      const failure = messages.readError(400, { type: "error", error: { type: "invalid_request_error", message } })
      expect(told(messages.writeError(failure, "r"))).toEqual({ type: "invalid_request_error", message })
    }
  })

  test("a server's failure that speaks of the request is none of the server", () => {
    const failure = chat.readError(500, { error: { message: VLLM_TOO_LONG, type: "api_error" } })
    expect(told(messages.writeError(failure, "r"))).toMatchObject({ type: "invalid_request_error" })
  })
})

describe("to clients of OpenAI's dialects:", () => {
  test.each([
    [VLLM_TOO_LONG, "context_length_exceeded", "context_length_exceeded"],
    [VLLM_SUM, "context_length_exceeded", "context_length_exceeded"],
    [OPENAI_OUTPUT, "400", "invalid_prompt"],
  ])("%s", (message, code, streamed) => {
    const failure = chat.readError(400, { error: { message, type: "BadRequestError", code: 400 } })
    expect(told(chat.writeError(failure, "r"))).toMatchObject({ type: "BadRequestError", code, message })
    expect(told(responses.writeError(failure, "r"))).toMatchObject({ type: "BadRequestError", code, message })
    expect(writeResponseError(failure)).toEqual({ code: streamed, message })
  })

  test("Anthropic's refusal of the output has OpenAI's code, as it has none of its own", () => {
    const message =
      "max_tokens: 32000 > 8192, which is the maximum allowed number of output tokens for claude-3-5-haiku"
    const failure = messages.readError(400, { type: "error", error: { type: "invalid_request_error", message } })
    expect(told(responses.writeError(failure, "r"))).toMatchObject({ code: "invalid_value", message })
  })
})

/** The same words in every shape that servers have for errors. */
const SHAPES: readonly (readonly [server: string, body: JsonValue])[] = [
  ["OpenAI", { error: { message: VLLM_TOO_LONG, type: "invalid_request_error", param: "messages", code: null } }],
  ["Gemini's list", [{ error: { code: 400, message: VLLM_TOO_LONG, status: "INVALID_ARGUMENT" } }]],
  ["a text under error", { error: VLLM_TOO_LONG }],
  ["TGI", { error: VLLM_TOO_LONG, error_type: "validation" }],
  [
    "vLLM and Mistral at the top level",
    { object: "error", message: VLLM_TOO_LONG, type: "BadRequestError", code: 400 },
  ],
  ["Bedrock", { message: VLLM_TOO_LONG }],
  ["FastAPI's text", { detail: VLLM_TOO_LONG }],
  ["FastAPI's list", { detail: [{ type: "value_error", loc: ["body", "messages"], msg: VLLM_TOO_LONG }] }],
  ["Mistral's list", { object: "error", message: { detail: [{ loc: ["body", "messages"], msg: VLLM_TOO_LONG }] } }],
  ["Cloudflare", { success: false, errors: [{ code: 5021, message: VLLM_TOO_LONG }], messages: [] }],
  ["a nested error", { error: { error: { message: VLLM_TOO_LONG } } }],
  [
    "OpenRouter",
    {
      error: {
        message: "Provider returned error",
        code: 400,
        metadata: { raw: JSON.stringify({ error: { message: VLLM_TOO_LONG } }) },
      },
    },
  ],
  ["a plain text", VLLM_TOO_LONG],
]

describe.each(Object.entries(CODECS))("a reader of %s finds the words of", (_name, codec) => {
  test.each(SHAPES)("%s", (_server, body) => {
    const failure = codec.readError(400, body)
    expect(failure.kind).toBe("context-too-long")
    expect(failure.message).toContain(VLLM_TOO_LONG)
    expect(failure.overflow).toMatchObject({ promptTokens: 9000, limitTokens: 8192 })
  })
})

test("a list of findings keeps each place, and the first is the parameter", () => {
  const detail = [
    { loc: ["body", "messages", 0, "role"], msg: "Input should be 'user'" },
    { loc: ["body", "tools"], msg: "Field required" },
  ]
  for (const codec of Object.values(CODECS)) {
    expect(codec.readError(422, { detail })).toMatchObject({
      kind: "invalid-request",
      message: "messages.0.role: Input should be 'user'; tools: Field required",
      param: "messages.0.role",
    })
  }
})

test("a body that says nothing is told by its status, however odd it is", () => {
  for (const codec of Object.values(CODECS))
    for (const body of [
      undefined,
      null,
      7,
      [],
      {},
      { error: null },
      { error: {} },
      [[]],
      { error: [] },
      { detail: [] },
    ])
      expect(codec.readError(400, body)).toMatchObject({ kind: "invalid-request", status: 400 })
})
