import { describe, expect, test } from "bun:test"
import { CHAT_ISSUER, chatContext, chatFacts, chatOptions, counter } from "../../../test/helpers/chat-codec.ts"
import type { Block } from "../../canonical/block.ts"
import { parseExact, type JsonObject, type JsonValue } from "../../canonical/json.ts"
import type { Reply } from "../../canonical/reply.ts"
import { emptyRequest } from "../../../test/helpers/empty-request.ts"
import type { Tool } from "../../canonical/tool.ts"
import { readError, writeError } from "./failure.ts"
import { readReply } from "./read-reply.ts"
import { readCanonicalUsage, usageLosses, writeUsage } from "./usage.ts"
import { writeReply } from "./write-reply.ts"
import { writeRequest } from "./write-request.ts"

const body = (message: unknown, finish: unknown = "stop", own: object = {}): JsonValue =>
  parseExact(
    JSON.stringify({
      id: "c",
      created: 7,
      model: "m",
      choices: [{ index: 0, message, finish_reason: finish }],
      ...own,
    }),
  )

function read(value: JsonValue, context = chatContext()): Reply {
  const result = readReply(value, context)
  if ("failure" in result) throw new Error(result.failure.message)
  return result.reply
}

describe("a body that is no answer", () => {
  test.each([
    [undefined, "protocol"],
    [null, "protocol"],
    ["<html>", "protocol"],
    [[], "protocol"],
    [{ ok: true }, "protocol"],
    [{ choices: [] }, "protocol"],
    [{ choices: [{ index: 0 }] }, "protocol"],
    [{ error: { message: "m", type: "server_error" } }, "server"],
    [{ choices: [], error: { message: "m", code: 429 } }, "rate-limited"],
    [{ object: "error", message: "m", code: 400 }, "invalid-request"],
    [{ choices: [{ message: { content: "x" }, error: { code: 502, message: "m" } }] }, "server"],
    [{ choices: [{ message: { content: "x" }, finish_reason: "error" }] }, "server"],
  ] as const)("%j is a failure of the kind %s", (value, kind) => {
    const result = readReply(value, chatContext())
    expect("failure" in result ? result.failure.kind : "reply").toBe(kind)
  })
})

describe("an answer", () => {
  test("with placeholders for all that is absent has only what is there", () => {
    const message = {
      role: "assistant",
      content: "x",
      refusal: "",
      tool_calls: null,
      function_call: { name: "", arguments: "" },
      audio: { id: "", data: "", expires_at: 0, transcript: "" },
      annotations: [],
      reasoning_details: [],
    }
    const own = { created: 0, service_tier: "", usage: {} }
    expect(read(body(message, "", own))).toEqual({
      id: "c",
      model: "m",
      created: null,
      blocks: [{ type: "text", text: "x" }],
      stop: { is: "end", raw: null },
      usage: null,
    })
  })

  test("of several is the first, declared", () => {
    const choices = [1, 0].map((index) => ({ index, message: { content: `n${index}` }, finish_reason: "stop" }))
    const result = readReply({ choices }, chatContext())
    expect(result).toMatchObject({
      reply: { blocks: [{ type: "text", text: "n0" }] },
      losses: [{ code: "reply-choices", path: "choices" }],
    })
  })

  test("gives names, custom tools and ids back as the client knows them", () => {
    const tools: Tool[] = [
      { type: "function", name: "mcp.find", namespace: null },
      { type: "function", name: "open", namespace: "files" },
      { type: "custom", name: "patch", namespace: null },
    ]
    const request = { ...emptyRequest("responses", "g"), tools }
    const { context, body: sent } = writeRequest(request, chatFacts(), counter())
    const wires = (sent["tools"] as readonly JsonObject[]).map((tool) => (tool["function"] as JsonObject)["name"])
    const args = ["{}", "", '{"input":"*** x"}']
    const calls = wires.map((name, index) => ({
      id: index === 1 ? null : `c${index}`,
      function: { name, arguments: args[index] },
    }))
    const named = (own: object): unknown => ({
      type: "tool-call",
      kind: "function",
      namespace: null,
      arguments: "{}",
      ...own,
    })
    expect(
      read(body({ tool_calls: [...calls, { id: "c3", function: { name: "invented" } }] }), context).blocks,
    ).toEqual<unknown>([
      named({ id: "c0", name: "mcp.find" }),
      named({ id: "call_000001", name: "open", namespace: "files" }),
      named({ id: "c2", name: "patch", kind: "custom", arguments: "*** x" }),
      named({ id: "c3", name: "invented" }),
    ])
  })

  test("keeps exact arguments and numbers", () => {
    const args = '{ "n": 12345678901234567890, "f": 1.0 }'
    const [block] = read(body({ tool_calls: [{ id: "a", function: { name: "f", arguments: args } }] })).blocks
    expect(block).toMatchObject({ arguments: args })
  })

  test("with parts in its content has them in order, media of no reply stay as they came", () => {
    const file = { type: "file", file: { file_data: "data:application/pdf;base64,AA" } }
    const content = [
      { type: "text", text: "a", annotations: [] },
      { type: "thinking", thinking: "b" },
      { type: "image_url", image_url: { url: "https://a.example/i" } },
      file,
    ]
    expect(read(body({ content })).blocks).toEqual<unknown>([
      { type: "text", text: "a" },
      {
        type: "reasoning",
        parts: [{ kind: "raw", text: "b" }],
        seal: { issuer: CHAT_ISSUER, form: "none", payload: "" },
      },
      { type: "image", source: { kind: "url", url: "https://a.example/i" } },
      { type: "raw", dialect: "chat", what: "content", raw: file, text: null },
    ])
  })

  test("has citations in the text where they begin", () => {
    const cite = (start: number): unknown => ({
      type: "url_citation",
      url_citation: { url: "u", start_index: start, end_index: start + 1 },
    })
    const content = [
      { type: "text", text: "abc" },
      { type: "text", text: "de" },
    ]
    const { blocks } = read(body({ content, annotations: [cite(4), cite(0), { type: "file", file: {} }] }))
    const starts = blocks.map(
      (block) =>
        block.type === "text" && (block.citations ?? []).map((one) => (one.kind === "url" ? one.start : one.raw)),
    )
    expect(starts).toEqual<unknown>([[0, { type: "file", file: {} }], [1]])
  })

  test("has sources of search models beside it", () => {
    const reply = read(body({ content: "x" }, "stop", { citations: ["u"], search_results: null, provider: "p" }))
    expect(reply.extra).toEqual({ dialect: "chat", fields: { citations: ["u"] } })
    expect(writeReply(reply, chatOptions()).body["citations"]).toEqual(["u"])
  })

  test.each([
    [
      { finish_reason: "stop", stop_reason: "END" },
      { is: "stop-sequence", raw: "stop", sequence: "END" },
    ],
    [
      { finish_reason: "stop", matched_stop: 1 },
      { is: "end", raw: "stop" },
    ],
    [{ finish_reason: "model_length" }, { is: "context-length", raw: "model_length" }],
    [
      { finish_reason: "model_context_window_exceeded" },
      { is: "context-length", raw: "model_context_window_exceeded" },
    ],
    [{ finish_reason: null }, { is: "end", raw: null }],
    [{ finish_reason: "toString" }, { is: "other", raw: "toString" }],
  ])("has the stop of %j", (choice, stop) => {
    expect(read({ choices: [{ index: 0, message: { content: "x" }, ...choice }] }).stop).toEqual<unknown>(stop)
  })
})

describe("an answer for a client", () => {
  const reply = (blocks: readonly Block[], own: Partial<Reply> = {}): Reply => ({
    id: "up",
    model: "m",
    created: 42,
    blocks,
    stop: { is: "end", raw: null },
    usage: null,
    ...own,
  })
  const messageOf = (blocks: readonly Block[], clientBody: JsonObject = {}): unknown => {
    const { body: written } = writeReply(reply(blocks), chatOptions({}, clientBody))
    return (written as unknown as { choices: { message: unknown }[] }).choices[0]?.message
  }

  test("has all fields of the vendor's schema", () => {
    expect(writeReply(reply([{ type: "text", text: "x" }]), chatOptions()).body).toEqual({
      id: "chatcmpl-000001",
      object: "chat.completion",
      created: 42,
      model: "m",
      choices: [
        {
          index: 0,
          message: { role: "assistant", content: "x", refusal: null },
          logprobs: null,
          finish_reason: "stop",
        },
      ],
    })
  })

  test("has its blocks of text as one text, and images in OpenRouter's place", () => {
    const blocks: Block[] = [
      { type: "text", text: "a" },
      { type: "text", text: "b" },
      { type: "image", source: { kind: "base64", mediaType: "image/png", data: "AA" } },
    ]
    expect(messageOf(blocks)).toEqual({
      role: "assistant",
      content: "ab",
      refusal: null,
      images: [{ type: "image_url", image_url: { url: "data:image/png;base64,AA" } }],
    })
  })

  test("has the text of a part that only some servers know, or nothing, declared", () => {
    const part = (text: string | null): Block => {
      return { type: "raw", dialect: "chat", what: "content", raw: { type: "odd" }, text }
    }
    const { body: written, losses } = writeReply(reply([part("shown"), part(null)]), chatOptions())
    expect(written).toMatchObject({ choices: [{ message: { content: "shown" } }] })
    expect(losses).toEqual([
      { code: "reply-content", path: "blocks[0]" },
      { code: "reply-content", path: "blocks[1]" },
    ])
  })

  test("has one call for a client of functions, under its old name", () => {
    const call = { type: "tool-call", id: "a", name: "f", namespace: null, kind: "function", arguments: "{}" } as const
    expect(messageOf([call], { functions: [] })).toEqual({
      role: "assistant",
      content: null,
      refusal: null,
      function_call: { name: "f", arguments: "{}" },
    })
    const { losses, body: written } = writeReply(
      reply([call, call], { stop: { is: "tool-calls", raw: null } }),
      chatOptions({}, { functions: [] }),
    )
    expect(losses).toEqual([{ code: "reply-content", path: "blocks[1]" }])
    expect(JSON.stringify(written)).toContain('"finish_reason":"function_call"')
  })

  test("declares what no client of Chat can be told", () => {
    const { losses } = writeReply(
      reply(
        [
          { type: "tool-call", id: "a", name: "f", namespace: null, kind: "function", arguments: "{}" },
          {
            type: "text",
            text: "t",
            citations: [{ kind: "raw", dialect: "messages", raw: {} }],
            extra: { dialect: "messages", fields: {} },
          },
          {
            type: "reasoning",
            parts: [],
            seal: { issuer: { dialect: "responses", label: null }, form: "encrypted", payload: "x".repeat(4_194_304) },
          },
        ],
        {
          stop: { is: "stop-sequence", raw: "stop_sequence", sequence: "END", details: {} },
          extra: { dialect: "messages", fields: { container: {} } },
          usage: { source: "provider", cacheWrite1hTokens: 1, serverTools: { web_search_requests: 1 }, iterations: [] },
        },
      ),
      chatOptions(),
    )
    expect(losses.map((loss) => `${loss.code} ${loss.path}`)).toEqual([
      "reply-field blocks[1]",
      "reply-order blocks[1]",
      "reply-citations blocks[1]",
      "reply-reasoning-seal blocks[2]",
      "reply-stop stop",
      "reply-usage usage.cacheWrite1hTokens",
      "reply-usage usage.serverTools.web_search_requests",
      "reply-usage usage.iterations",
      "reply-field extra.container",
    ])
  })
})

describe("the usage of an answer", () => {
  test("is read in all details, whatever the spelling of numbers", () => {
    const usage = readCanonicalUsage(
      parseExact(`{"prompt_tokens":100,"completion_tokens":20,"total_tokens":120,"cost":0.00012345678901234567890,
        "prompt_tokens_details":{"cached_tokens":30,"cache_write_tokens":10,"audio_tokens":4,"image_tokens":2},
        "completion_tokens_details":{"reasoning_tokens":5,"audio_tokens":1,"accepted_prediction_tokens":3,"rejected_prediction_tokens":2},
        "server_tool_use":{"web_search_requests":2},"num_sources_used":0}`),
    )
    expect(usage).toEqual({
      freshInputTokens: 60,
      cacheReadTokens: 30,
      cacheWrite5mTokens: 10,
      outputTokens: 20,
      reasoningTokens: 5,
      inputAudioTokens: 4,
      inputImageTokens: 2,
      outputAudioTokens: 1,
      acceptedPredictionTokens: 3,
      rejectedPredictionTokens: 2,
      serverTools: { web_search_requests: 2 },
      reportedCostNanoUsd: 123_457,
      source: "provider",
    })
    expect(writeUsage(usage!)).toEqual({
      prompt_tokens: 100,
      completion_tokens: 20,
      total_tokens: 120,
      prompt_tokens_details: { cached_tokens: 30, cache_write_tokens: 10, audio_tokens: 4, image_tokens: 2 },
      completion_tokens_details: {
        reasoning_tokens: 5,
        audio_tokens: 1,
        accepted_prediction_tokens: 3,
        rejected_prediction_tokens: 2,
      },
    })
    expect(usageLosses(usage!)).toEqual([{ code: "reply-usage", path: "usage.serverTools.web_search_requests" }])
  })

  test("is unknown, not zero, where it is not told", () => {
    expect(readCanonicalUsage({ prompt_tokens: 3, completion_tokens: 0 })).toEqual({
      freshInputTokens: 3,
      outputTokens: 0,
      source: "provider",
    })
    expect(readCanonicalUsage({})).toBeNull()
    expect(readCanonicalUsage(null)).toBeNull()
    expect(readCanonicalUsage({ prompt_tokens: 9, completion_tokens: 1, prompt_cache_hit_tokens: 4 })).toMatchObject({
      freshInputTokens: 5,
      cacheReadTokens: 4,
    })
  })
})

describe("errors:", () => {
  test.each([
    [400, { error: { message: "This model's maximum context length is 8192 tokens." } }, "context-too-long"],
    [400, { error: { message: "m", code: "context_length_exceeded" } }, "context-too-long"],
    [400, { error: { message: "m", code: "content_filter" } }, "content-policy"],
    [400, { error: { message: "m", type: "invalid_request_error" } }, "invalid-request"],
    [401, { error: { message: "m" } }, "unauthorized"],
    [402, {}, "quota-exhausted"],
    [404, { message: "no", type: "NotFoundError", code: 404 }, "not-found"],
    [413, undefined, "too-large"],
    [429, { error: { message: "m", code: "insufficient_quota" } }, "quota-exhausted"],
    [429, { error: { message: "context length of many tokens per minute" } }, "rate-limited"],
    [500, { error: "m" }, "server"],
    [503, "busy", "overloaded"],
    [529, undefined, "overloaded"],
  ] as const)("%d with %j is %s", (status, value, kind) => {
    expect(readError(status, value)).toMatchObject({ kind, status })
  })

  test("the vendor's words are kept", () => {
    const failure = readError(422, { error: { message: "m", type: "t", code: 7, param: "messages[0]" } })
    expect(failure).toEqual({
      kind: "invalid-request",
      status: 422,
      message: "m",
      type: "t",
      code: "7",
      param: "messages[0]",
    })
    expect(writeError(failure, "req_1")).toEqual({
      error: { type: "t", code: "7", message: "m", param: "messages[0]", request_id: "req_1" },
    })
  })

  test("an error without words gets the vendor's usual ones, and details are shown", () => {
    const failure = { ...readError(429, undefined), details: { resets_at: 5 } }
    expect(writeError(failure, "req_1")).toEqual({
      error: {
        type: "rate_limit_error",
        code: "rate_limit_exceeded",
        message: "The upstream reported an error without a message.",
        param: null,
        details: { resets_at: 5 },
        request_id: "req_1",
      },
    })
  })
})
