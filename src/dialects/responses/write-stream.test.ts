import { describe, expect, test } from "bun:test"
import type { Event } from "../../canonical/event.ts"
import type { JsonObject } from "../../canonical/json.ts"
import type { Failure } from "../../canonical/reply.ts"
import { emptyRequest } from "../../../test/helpers/empty-request.ts"
import { openEnvelope } from "../../canonical/seal.ts"
import type { StopIs } from "../../canonical/stop.ts"
import { NOW, options, wireEvents, written, type WireEvent, textOf } from "../../../test/helpers/responses-codec.ts"
import { responsesCodec } from "./codec.ts"

const START: Event = { type: "start", id: "chatcmpl-1", model: "upstream", created: 7 }
const CLOSE: Event = { type: "close" }
const END: readonly Event[] = [{ type: "stop", stop: { is: "end", raw: null } }, { type: "end" }]
const FAILURE: Failure = { kind: "rate-limited", status: null, message: "try again in 2s" }

const text = (...pieces: string[]): readonly Event[] => [
  { type: "open", block: { type: "text" } },
  ...pieces.map((piece): Event => ({ type: "delta", delta: { of: "text", text: piece } })),
  CLOSE,
]

const call = (id: string, ...pieces: string[]): readonly Event[] => [
  { type: "open", block: { type: "tool-call", id, name: "f", namespace: null, kind: "function" } },
  ...pieces.map((piece): Event => ({ type: "delta", delta: { of: "arguments", text: piece } })),
  CLOSE,
]

function typesOf(events: readonly WireEvent[]): readonly string[] {
  return events.map(({ type }) => type.replace("response.", ""))
}

function lastResponse(events: readonly WireEvent[]): JsonObject {
  return events.at(-1)?.["response"] as JsonObject
}

function stopped(is: StopIs, ...blocks: readonly Event[]): readonly WireEvent[] {
  return wireEvents(written([START, ...blocks, { type: "stop", stop: { is, raw: null } }, { type: "end" }]))
}

describe("a whole answer", () => {
  const thinking: readonly Event[] = [
    { type: "open", block: { type: "reasoning" } },
    { type: "delta", delta: { of: "reasoning", text: "s", part: 0, kind: "summary" } },
    { type: "delta", delta: { of: "reasoning", text: "r", part: 1, kind: "raw" } },
    {
      type: "delta",
      delta: { of: "seal", seal: { issuer: { dialect: "messages", label: "c" }, form: "signature", payload: "sig" } },
    },
    CLOSE,
  ]
  const events = wireEvents(
    written([START, ...thinking, ...text("a", "b"), ...text("c"), ...call("c1", "{", "}"), ...END]),
  )

  test("has every event, each with its twin, in order", () => {
    expect(typesOf(events)).toEqual([
      "created",
      "in_progress",
      "output_item.added",
      "reasoning_summary_part.added",
      "reasoning_summary_text.delta",
      "reasoning_summary_text.done",
      "reasoning_summary_part.done",
      "content_part.added",
      "reasoning_text.delta",
      "reasoning_text.done",
      "content_part.done",
      "output_item.done",
      "output_item.added",
      "content_part.added",
      "output_text.delta",
      "output_text.delta",
      "output_text.done",
      "content_part.done",
      "content_part.added",
      "output_text.delta",
      "output_text.done",
      "content_part.done",
      "output_item.done",
      "output_item.added",
      "function_call_arguments.delta",
      "function_call_arguments.delta",
      "function_call_arguments.done",
      "output_item.done",
      "completed",
    ])
  })

  test("ends with the whole output, under the client's model name", () => {
    const response = lastResponse(events)
    expect(response).toMatchObject({
      status: "completed",
      model: "group",
      created_at: 7,
      completed_at: NOW,
      usage: null,
    })
    expect(response["output"]).toMatchObject([
      { type: "reasoning", summary: [{ text: "s" }], content: [{ text: "r" }] },
      { type: "message", status: "completed", content: [{ text: "ab" }, { text: "c" }] },
      { type: "function_call", status: "completed", call_id: "c1", name: "f", arguments: "{}" },
    ])
  })

  test("carries the reasoning in an envelope", () => {
    const [item] = lastResponse(events)["output"] as readonly JsonObject[]
    expect(openEnvelope(textOf(item?.["encrypted_content"]))).toEqual({
      type: "reasoning",
      parts: [
        { kind: "summary", text: "s" },
        { kind: "raw", text: "r" },
      ],
      seal: { issuer: { dialect: "messages", label: "c" }, form: "signature", payload: "sig" },
    })
  })

  test("shows raw thinking as a summary to a client that asked for summaries", () => {
    const request = { ...emptyRequest("responses", "g"), reasoning: { summary: "auto" } }
    const shown = lastResponse(wireEvents(written([START, ...thinking, ...END], options({}, request))))
    const [item] = shown["output"] as readonly JsonObject[]
    expect(item?.["summary"]).toMatchObject([{ text: "s" }, { text: "r" }])
    expect(item?.["content"]).toBeUndefined()
    expect(openEnvelope(textOf(item?.["encrypted_content"]))?.parts[1]).toEqual({ kind: "raw", text: "r" })
  })
})

describe("calls", () => {
  test("are written with custom tools, namespaces, empty arguments and ids that the wire does not take", () => {
    const custom: readonly Event[] = [
      { type: "open", block: { type: "tool-call", id: "a.b", name: "patch", namespace: "ns", kind: "custom" } },
      { type: "delta", delta: { of: "arguments", text: "free\ntext" } },
      CLOSE,
    ]
    const events = wireEvents(written([START, ...custom, ...call("c1"), ...call("c2", "{}"), ...END]))
    const output = lastResponse(events)["output"] as readonly JsonObject[]
    expect(output).toMatchObject([
      { type: "custom_tool_call", name: "patch", namespace: "ns", input: "free\ntext", call_id: "rx1_YS5i" },
      { type: "function_call", call_id: "c1", arguments: "{}" },
      { type: "function_call", call_id: "c2", arguments: "{}" },
    ])
    expect(typesOf(events)).toContain("custom_tool_call_input.done")
  })
})

describe("the end of an answer", () => {
  test.each([
    ["end", "completed", null],
    ["tool-calls", "completed", null],
    ["length", "incomplete", "max_output_tokens"],
    ["context-length", "incomplete", "max_output_tokens"],
    ["content-filter", "incomplete", "content_filter"],
    ["refusal", "completed", null],
    ["pause", "completed", null],
    ["other", "completed", null],
  ] as const)("for %s is %s with the reason %p", (is, status, reason) => {
    const events = stopped(is, ...text("x"))
    expect(events.at(-1)?.type).toBe(`response.${status}`)
    expect(lastResponse(events)).toMatchObject({ status, incomplete_details: reason === null ? null : { reason } })
    const done = events.findLast(({ type }) => type === "response.output_item.done")
    expect(done?.["item"]).toMatchObject({ status })
  })

  test("marks only the last item of a cut answer as incomplete", () => {
    const items = lastResponse(stopped("length", ...text("x"), ...call("c1", '{"a')))["output"]
    expect(items).toMatchObject([{ status: "completed" }, { status: "incomplete", arguments: '{"a' }])
  })

  test("completes an answer that is a refusal in words", () => {
    const words: readonly Event[] = [
      { type: "open", block: { type: "refusal" } },
      { type: "delta", delta: { of: "text", text: "No." } },
      CLOSE,
    ]
    expect(lastResponse(stopped("refusal", ...words))).toMatchObject({
      status: "completed",
      output: [{ content: [{ type: "refusal", refusal: "No." }] }],
    })
  })

  test("has complete usage, with zeros where nothing is known", () => {
    const usage: Event = {
      type: "usage",
      usage: { freshInputTokens: 3, cacheReadTokens: 4, outputTokens: 2, source: "provider" },
    }
    expect(lastResponse(wireEvents(written([START, usage, ...END])))["usage"]).toEqual({
      input_tokens: 7,
      input_tokens_details: { cached_tokens: 4, cache_write_tokens: 0 },
      output_tokens: 2,
      output_tokens_details: { reasoning_tokens: 0 },
      total_tokens: 9,
    })
  })
})

describe("a failure", () => {
  const fail: Event = { type: "fail", failure: FAILURE, usage: null }

  test("may come before anything else", () => {
    const events = wireEvents(written([fail]))
    expect(typesOf(events)).toEqual(["created", "in_progress", "failed"])
    expect(lastResponse(events)).toMatchObject({
      status: "failed",
      created_at: NOW,
      error: { code: "rate_limit_exceeded", message: "try again in 2s" },
    })
  })

  test("shows half a call, but never as done, so that no client runs it", () => {
    const events = wireEvents(written([START, ...text("x"), ...call("c1", '{"rm').slice(0, -1), fail]))
    expect(typesOf(events).filter((type) => type === "output_item.done")).toHaveLength(1)
    expect(lastResponse(events)["output"]).toMatchObject([
      { status: "completed" },
      { status: "incomplete", arguments: '{"rm' },
    ])
  })

  test("may come after the stop, and nothing comes behind it", () => {
    const events = wireEvents(written([START, ...text("x"), ...END.slice(0, 1), fail, ...END, fail]))
    expect(typesOf(events).filter((type) => /^(completed|incomplete|failed)$/.test(type))).toEqual(["failed"])
  })
})

test("keep-alives are comments before the response exists, numbered events after, and nothing at the end", () => {
  const writer = responsesCodec.createStreamWriter(options())
  expect(writer.keepAlive()).toBe(": keep-alive\n\n")
  writer.push(START)
  expect(writer.keepAlive()).toBe('event: keepalive\ndata: {"type":"keepalive","sequence_number":2}\n\n')
  for (const event of END) writer.push(event)
  expect(writer.keepAlive()).toBe("")
})

test("blocks that this dialect lacks are declared", () => {
  const writer = responsesCodec.createStreamWriter(options())
  const raw = {
    type: "raw",
    dialect: "messages",
    what: "hosted-call",
    raw: { type: "server_tool_use" },
    text: null,
  } as const
  const image = { type: "image", source: { kind: "url", url: "https://example.test" } } as const
  const citation = { kind: "raw", dialect: "messages", raw: {} } as const
  const events: readonly Event[] = [
    START,
    { type: "open", block: { type: "whole", block: raw } },
    CLOSE,
    { type: "open", block: { type: "text" } },
    { type: "delta", delta: { of: "text", text: "x" } },
    { type: "delta", delta: { of: "citation", citation } },
    CLOSE,
    { type: "open", block: { type: "whole", block: image } },
    CLOSE,
    { type: "usage", usage: { outputTokens: 1, serverTools: { web_search_requests: 2 }, source: "provider" } },
    {
      type: "stop",
      stop: { is: "pause", raw: "pause_turn" },
      extra: { dialect: "messages", fields: { container: {} } },
    },
    { type: "end" },
  ]
  for (const event of events) writer.push(event)
  expect(writer.losses()).toEqual([
    { code: "reply-tool-step", path: "blocks[0]" },
    { code: "reply-citations", path: "blocks[1]" },
    { code: "reply-content", path: "blocks[2]" },
    { code: "reply-stop", path: "stop" },
    { code: "reply-usage", path: "usage.serverTools.web_search_requests" },
    { code: "reply-field", path: "extra.container" },
  ])
})
