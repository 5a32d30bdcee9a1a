import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import {
  CHAT_ISSUER,
  chatContext,
  delta,
  eventsFrom,
  framesOf,
  readText,
  streamOf,
} from "../../../test/helpers/chat-codec.ts"
import type { Block } from "../../canonical/block.ts"
import type { Event } from "../../canonical/event.ts"
import { fold } from "../../canonical/fold.ts"
import { assertGrammar } from "../../canonical/grammar.ts"
import type { Failure, Reply } from "../../canonical/reply.ts"
import type { Tool } from "../../canonical/tool.ts"
import { ChatStreamReader } from "./read-stream.ts"
import { expectProperty } from "../../../test/helpers/property.ts"

function foldText(text: string, context = chatContext()): { readonly reply?: Reply; readonly failure?: Failure } {
  const events = readText(text, context)
  assertGrammar(events)
  return fold(events)
}

function blocksOf(...chunks: readonly unknown[]): readonly Block[] {
  const { reply, failure } = foldText(streamOf(...chunks))
  if (reply === undefined) throw new Error(failure?.message)
  return reply.blocks
}

const text = (words: string): Block => ({ type: "text", text: words })
const call = (id: string, name: string, args = "{}"): Block => {
  return { type: "tool-call", id, name, namespace: null, kind: "function", arguments: args }
}
const piece = (index: number | undefined, own: object): unknown => delta({ tool_calls: [{ index, ...own }] })
const fn = (name: string | undefined, args?: string): object => ({ function: { name, arguments: args } })

describe("tool calls", () => {
  test("that all have index 0 are told apart by their ids", () => {
    expect(
      blocksOf(
        piece(0, { id: "a", ...fn("f", '{"x":1}') }),
        piece(0, { id: "b", ...fn("g", '{"y"') }),
        piece(0, fn(undefined, ":2}")),
      ),
    ).toEqual([call("a", "f", '{"x":1}'), call("b", "g", '{"y":2}')])
  })

  test("without ids and indices are told apart by their names", () => {
    expect(
      blocksOf(
        delta({ tool_calls: [fn("f", '{"x":1}'), fn("f", '{"x":2}')] }),
        piece(undefined, fn(undefined, "")),
        delta({ tool_calls: [fn("g")] }),
      ),
    ).toEqual([call("call_000001", "f", '{"x":1}'), call("call_000002", "f", '{"x":2}'), call("call_000003", "g")])
  })

  test("whose name, id and type come again are one call", () => {
    expect(
      blocksOf(
        piece(0, { id: "a", type: "function", ...fn("f", '{"x"') }),
        piece(0, { id: "a", type: "function", ...fn("f", ":") }),
        piece(0, { id: "", ...fn("f", "1}") }),
      ),
    ).toEqual([call("a", "f", '{"x":1}')])
  })

  test("whose id changes without a name are one call", () => {
    expect(blocksOf(piece(0, { id: "a", ...fn("f", "{") }), piece(0, { id: "z", ...fn(undefined, "}") }))).toEqual([
      call("a", "f"),
    ])
  })

  test("whose name is late keep what came before it", () => {
    expect(
      blocksOf(piece(0, { id: "a", ...fn(undefined, '{"x"') }), piece(0, fn("", ":1}")), piece(0, fn("f"))),
    ).toEqual([call("a", "f", '{"x":1}')])
  })

  test("that never get a name are none", () => {
    expect(blocksOf(delta({ content: "x" }), piece(0, { id: "a", ...fn(undefined, "{}") }))).toEqual([text("x")])
  })

  test("with arguments as an object, or cut off, are as they came", () => {
    expect(
      blocksOf(
        piece(0, { id: "a", function: { name: "f", arguments: { x: 1 } } }),
        piece(1, { id: "b", ...fn("g", '{"cut":"of') }),
        { choices: [{ index: 0, delta: {}, finish_reason: "length" }] },
      ),
    ).toEqual([call("a", "f", '{"x":1}'), call("b", "g", '{"cut":"of')])
  })

  test("show the first call at once and the interleaved ones in order", () => {
    const reader = new ChatStreamReader(chatContext())
    const types = (chunk: unknown): readonly string[] =>
      reader.push({ data: JSON.stringify(chunk) }).map((event) => event.type)
    expect(types(piece(0, { id: "a", ...fn("f", '{"x"') }))).toEqual(["start", "open", "delta"])
    expect(types(piece(1, { id: "b", ...fn("g", "{") }))).toEqual([])
    expect(types(piece(0, fn(undefined, ":1}")))).toEqual(["delta"])
    expect(types(piece(1, fn(undefined, "}")))).toEqual([])
    expect(reader.push({ data: "[DONE]" }).map((event) => event.type)).toEqual([
      "close",
      "open",
      "delta",
      "close",
      "stop",
      "end",
    ])
  })

  test("of a wrapped custom tool are free text, wherever the JSON is cut", () => {
    const patch: Tool = { type: "custom", name: "patch", namespace: null }
    const free = '*** "q"\n\u00e9'
    const json = JSON.stringify({ input: free }).replace("\u00e9", "\\u00e9")
    expectProperty(
      fc.property(fc.array(fc.nat({ max: json.length }), { maxLength: 6 }), (cuts) => {
        const points = [0, ...cuts.toSorted((a, b) => a - b), json.length]
        const pieces = points.slice(1).map((end, index) => piece(0, fn(undefined, json.slice(points[index], end))))
        const first = piece(0, { id: "a", ...fn("patch", "") })
        const { reply } = foldText(streamOf(first, ...pieces), chatContext([patch], false))
        expect(reply?.blocks).toEqual([
          { type: "tool-call", id: "a", name: "patch", namespace: null, kind: "custom", arguments: free },
        ])
      }),
    )
  })

  test("of a wrapped custom tool that are no such JSON come out whole, also when another call begins", () => {
    const tools: Tool[] = [{ type: "custom", name: "patch", namespace: null }]
    const { reply } = foldText(
      streamOf(
        piece(0, { id: "a", ...fn("patch", '{"in') }),
        piece(1, { id: "b", ...fn("g", "{}") }),
        piece(0, fn(undefined, "ner")),
      ),
      chatContext(tools, false),
    )
    expect(reply?.blocks.map((block) => (block.type === "tool-call" ? block.arguments : ""))).toEqual(['{"inner', "{}"])
  })

  test("keep fields that come late with a block of their own", () => {
    const blocks = blocksOf(piece(0, { id: "a", ...fn("f", "{}") }), piece(0, { extra_content: { s: 1 } }))
    expect(blocks.map((block) => block.type)).toEqual(["tool-call", "reasoning"])
    expect(JSON.stringify(blocks)).toContain("extra_content")
  })
})

describe("what is said", () => {
  test("comes in turns", () => {
    expect(
      blocksOf(
        delta({ role: "assistant", content: "", tool_calls: [], refusal: null, reasoning_content: "" }),
        delta({ reasoning: "r1" }),
        delta({ content: "t1", reasoning: null }),
        delta({ reasoning: "r2" }),
        piece(0, { id: "a", ...fn("f", "{}") }),
        delta({ content: "t2" }),
        delta({ content: "t3" }),
      ).map((block) => (block.type === "reasoning" ? block.parts : block)),
    ).toEqual<unknown>([
      [{ kind: "raw", text: "r1" }],
      text("t1"),
      [{ kind: "raw", text: "r2" }],
      call("a", "f"),
      text("t2t3"),
    ])
  })

  test("as <think> stays text, said twice under two names is read once", () => {
    expect(blocksOf(delta({ content: "<think>x</think>y" }))).toEqual([text("<think>x</think>y")])
    const [block] = blocksOf(delta({ reasoning: "x", reasoning_content: "x" }))
    expect(block?.type === "reasoning" ? block.parts : null).toEqual([{ kind: "raw", text: "x" }])
  })

  test("with details that come late is sealed in a block of its own", () => {
    const encrypted = { type: "reasoning.encrypted", data: "E", index: 0 }
    expect(
      blocksOf(
        delta({ reasoning: "x" }),
        delta({ content: "a" }),
        delta({ reasoning_details: [encrypted] }),
        delta({ content: "b" }),
      ),
    ).toEqual([
      {
        type: "reasoning",
        parts: [{ kind: "raw", text: "x" }],
        seal: { issuer: CHAT_ISSUER, form: "field", payload: "reasoning" },
      },
      text("ab"),
      {
        type: "reasoning",
        parts: [],
        seal: { issuer: CHAT_ISSUER, form: "details", payload: JSON.stringify([encrypted]) },
      },
    ])
  })

  test("in details of two kinds has a part for each", () => {
    const [block] = blocksOf(
      delta({ reasoning_details: [{ type: "reasoning.summary", summary: "s", index: 0 }] }),
      delta({ reasoning_details: [{ type: "reasoning.summary", summary: "s", index: 0 }] }),
      delta({ reasoning_details: [{ type: "reasoning.text", text: "t", index: 1 }, 7, { type: "odd" }] }),
    )
    expect(block?.type === "reasoning" ? block.parts : null).toEqual([
      { kind: "summary", text: "ss" },
      { kind: "raw", text: "t" },
    ])
  })

  test("keeps images and unknown parts", () => {
    expect(
      blocksOf(
        delta({ content: "see" }),
        delta({ images: [{ type: "image_url", image_url: { url: "data:image/png;base64,AA" } }] }),
        delta({
          content: [
            { type: "odd", x: 1 },
            { type: "text", text: "t" },
          ],
        }),
      ),
    ).toEqual([
      text("see"),
      { type: "image", source: { kind: "base64", mediaType: "image/png", data: "AA" } },
      { type: "raw", dialect: "chat", what: "content", raw: { type: "odd", x: 1 }, text: null },
      text("t"),
    ])
  })

  test("may come as a message instead of a delta", () => {
    const chunk = { choices: [{ message: { role: "assistant", content: "whole" }, finish_reason: "stop" }] }
    expect(blocksOf(chunk)).toEqual([text("whole")])
  })

  test("declares citations without text", () => {
    const reader = new ChatStreamReader(chatContext())
    const cited = { type: "url_citation", url_citation: { url: "u" } }
    eventsFrom(framesOf(streamOf(delta({ annotations: [cited] }), delta({}, "stop"))), reader)
    expect(reader.losses()).toEqual([{ code: "reply-citations", path: "annotations" }])
  })

  test("counts citations from the text of their block", () => {
    const cited = { type: "url_citation", url_citation: { url: "u", start_index: 3, end_index: 4 } }
    const blocks = blocksOf(
      delta({ content: "ab" }),
      delta({ reasoning: "r" }),
      delta({ content: "cd", annotations: [cited] }),
    )
    const last = blocks.at(-1)
    const [citation] = last?.type === "text" ? (last.citations ?? []) : []
    expect(citation).toMatchObject({ start: 1, end: 2 })
  })
})

describe("a stream tells", () => {
  const count = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 }

  test.each([
    ["before the content", [{ choices: [], usage: count }, delta({ content: "x" }), delta({}, "stop")]],
    [
      "in every chunk",
      [
        { ...(delta({ content: "x" }) as object), usage: { ...count, completion_tokens: 1 } },
        { ...(delta({}, "stop") as object), usage: count },
      ],
    ],
    ["with the finish", [delta({ content: "x" }), { ...(delta({}, "stop") as object), usage: count }]],
    [
      "behind it, twice, then null",
      [
        delta({ content: "x" }),
        delta({}, "stop"),
        { choices: [], usage: count },
        { choices: [], usage: count },
        { choices: [], usage: null },
      ],
    ],
    ["in Groq's own place", [delta({ content: "x" }), { ...(delta({}, "stop") as object), x_groq: { usage: count } }]],
  ])("usage %s", (_where, chunks) => {
    const { reply } = foldText(streamOf(...chunks))
    expect(reply?.usage).toEqual({ freshInputTokens: 3, outputTokens: 2, source: "provider" })
    expect(reply?.stop).toEqual({ is: "end", raw: "stop" })
  })

  test("reasoning outside of the completion, which is added where the total says so", () => {
    const usage = {
      prompt_tokens: 10,
      completion_tokens: 2,
      total_tokens: 20,
      completion_tokens_details: { reasoning_tokens: 8 },
    }
    const { reply } = foldText(streamOf(delta({ content: "x" }, "stop"), { choices: [], usage }))
    expect(reply?.usage).toMatchObject({ outputTokens: 10, reasoningTokens: 8 })
  })

  test.each([
    ["twice", [delta({ content: "x" }, "length"), delta({}, "length")], { is: "length", raw: "length" }],
    ["never", [delta({ content: "x" })], { is: "end", raw: null }],
    ["as an empty text", [delta({ content: "x" }, "")], { is: "end", raw: null }],
    ["with text behind it", [delta({}, "stop"), delta({ content: "x" })], { is: "end", raw: "stop" }],
    [
      "stop after calls",
      [piece(0, { id: "a", ...fn("f", "{}") }), delta({}, "stop")],
      { is: "tool-calls", raw: "stop" },
    ],
    ["none after calls", [piece(0, { id: "a", ...fn("f", "{}") })], { is: "tool-calls", raw: null }],
    [
      "length in a call",
      [piece(0, { id: "a", ...fn("f", '{"x') }), delta({}, "length")],
      { is: "length", raw: "length" },
    ],
    ["a word of tomorrow", [delta({ content: "x" }, "tired")], { is: "other", raw: "tired" }],
    ["constructor", [delta({ content: "x" }, "constructor")], { is: "other", raw: "constructor" }],
    ["a filter", [delta({ content: "x" }, "content_filter")], { is: "content-filter", raw: "content_filter" }],
  ])("the finish reason %s", (_what, chunks, stop) => {
    expect(foldText(streamOf(...chunks)).reply?.stop).toEqual<unknown>(stop)
  })
})

describe("the end", () => {
  const readAll = (...frames: { event?: string; data: string }[]): readonly Event[] => {
    const events = eventsFrom(frames, new ChatStreamReader(chatContext()))
    assertGrammar(events)
    return events
  }
  const last = (...frames: { event?: string; data: string }[]): Event | undefined => readAll(...frames).at(-1)
  const data = (value: unknown): { data: string } => ({ data: JSON.stringify(value) })

  test("without [DONE] is complete after a finish reason", () => {
    expect(last(data(delta({ content: "x" }, "stop")))).toEqual({ type: "end" })
  })

  test("without a finish reason and without [DONE] is a failure", () => {
    expect(last(data(delta({ content: "x" })))).toMatchObject({ type: "fail", failure: { kind: "protocol" } })
  })

  test("of an empty stream is a failure, with and without [DONE]", () => {
    expect(last()).toMatchObject({ type: "fail" })
    expect(last({ data: "[DONE]" })).toMatchObject({ type: "fail" })
    expect(last(data({ choices: [], usage: {} }), { data: "[DONE]" })).toMatchObject({ type: "fail" })
  })

  test("comes once", () => {
    const events = readAll(data(delta({ content: "x" }, "stop")), { data: "[DONE]" }, data(delta({ content: "y" })), {
      data: "[DONE]",
    })
    expect(events.filter((event) => event.type === "end")).toHaveLength(1)
    expect(JSON.stringify(events)).not.toContain('"y"')
  })

  test.each([
    [
      "in a data line",
      [data({ error: { message: "m", type: "server_error", code: 503 } })],
      { kind: "overloaded", code: "503" },
    ],
    [
      "as an event",
      [{ event: "error", data: '{"error":{"message":"m","type":"invalid_request_error"}}' }],
      { kind: "invalid-request" },
    ],
    [
      "as an event without an envelope",
      [{ event: "error", data: '{"message":"m","code":"rate_limit_exceeded"}' }],
      { kind: "rate-limited" },
    ],
    ["as an event of plain text", [{ event: "error", data: "m" }], { kind: "server" }],
    ["as a text", [data({ error: "m" })], { kind: "server" }],
    [
      "beside choices",
      [data({ ...(delta({ content: "" }) as object), error: { code: 400, message: "m" } })],
      { kind: "invalid-request", code: "400" },
    ],
    [
      "inside a choice",
      [data({ choices: [{ index: 0, delta: {}, finish_reason: "error", error: { code: 429, message: "m" } }] })],
      { kind: "rate-limited" },
    ],
    [
      "as vLLM's object",
      [data({ object: "error", message: "m", type: "BadRequestError", code: 400 })],
      { kind: "invalid-request" },
    ],
    [
      "about the context",
      [data({ error: { message: "m", code: "context_length_exceeded" } })],
      { kind: "context-too-long" },
    ],
  ])("is a failure after an error %s", (_where, frames, failure) => {
    expect(last(data(delta({ content: "x" })), ...frames, { data: "[DONE]" })).toMatchObject({
      type: "fail",
      failure: { message: "m", status: null, ...failure },
    })
  })

  test("keeps the usage that was told before an error", () => {
    const usage = { prompt_tokens: 3, completion_tokens: 2 }
    expect(last(data({ choices: [], usage }), data({ error: { message: "m" } }))).toMatchObject({
      usage: { freshInputTokens: 3, outputTokens: 2 },
    })
  })
})

describe("the reader does not throw", () => {
  const member = fc.constantFrom(
    "choices",
    "delta",
    "message",
    "content",
    "tool_calls",
    "function",
    "custom",
    "name",
    "arguments",
    "index",
    "id",
    "finish_reason",
    "usage",
    "error",
    "reasoning",
    "reasoning_details",
    "annotations",
    "logprobs",
    "images",
    "audio",
    "executed_tools",
    "function_call",
    "type",
    "text",
    "refusal",
    "model",
    "created",
    "extra_content",
  )
  const { chaos } = fc.letrec<{ chaos: unknown }>((tie) => ({
    chaos: fc.oneof(
      { maxDepth: 6, depthIdentifier: "chaos" },
      fc.constantFrom(null, "", "x", 0, -1, 1e300, true, "stop", "function", "thinking", "reasoning.text"),
      fc.dictionary(member, tie("chaos"), { maxKeys: 5, depthIdentifier: "chaos" }),
      fc.array(tie("chaos"), { maxLength: 3, depthIdentifier: "chaos" }),
    ),
  }))
  const near = fc
    .record({
      delta: fc.dictionary(member, chaos, { maxKeys: 6 }),
      finish_reason: fc.constantFrom(null, "stop", "", 7),
      index: fc.constantFrom(0, 1, null),
    })
    .map((choice) => ({ id: "c", choices: [choice] }))

  test("on chunks of any shape", () => {
    expectProperty(
      fc.property(fc.array(fc.oneof(near, chaos), { maxLength: 8 }), fc.boolean(), (chunks, done) => {
        const frames = [
          ...chunks.map((chunk) => ({ data: JSON.stringify(chunk) })),
          ...(done ? [{ data: "[DONE]" }] : []),
        ]
        assertGrammar(eventsFrom(frames, new ChatStreamReader(chatContext())))
      }),
      500,
    )
  })

  test("on text of any kind", () => {
    expectProperty(
      fc.property(fc.array(fc.record({ event: fc.constantFrom("", "error", "ping"), data: fc.string() })), (frames) => {
        assertGrammar(eventsFrom(frames, new ChatStreamReader(chatContext())))
      }),
    )
  })
})

test("a stream of 50,000 deltas is read delta by delta", () => {
  const reader = new ChatStreamReader(chatContext())
  const frames = Array.from({ length: 50_000 }, (_, index) => ({
    data: JSON.stringify(
      delta(
        index < 25_000
          ? { content: "word " }
          : { tool_calls: [{ index: index % 2, id: `c${index % 2}`, ...fn("f", "1") }] },
      ),
    ),
  }))
  const events = eventsFrom([...frames, { data: "[DONE]" }], reader)
  assertGrammar(events)
  // The second call waits for the first to end, and then comes in one piece.
  expect(events.filter((event) => event.type === "delta")).toHaveLength(25_000 + 12_500 + 1)
})
