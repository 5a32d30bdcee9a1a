import { describe, expect, test } from "bun:test"
import { fold } from "../../canonical/fold.ts"
import { assertGrammar } from "../../canonical/grammar.ts"
import { isObject, type JsonObject, type JsonValue } from "../../canonical/json.ts"
import { COMMON_NAME_RULES } from "../../canonical/name-map.ts"
import type { Reply } from "../../canonical/reply.ts"
import {
  context,
  fixture,
  foldEvents,
  framesFor,
  readEvents,
  readFrames,
  textOf,
} from "../../../test/helpers/responses-codec.ts"
import { responsesCodec } from "./codec.ts"

const fixtures = (await fixture("streams.json")) as Readonly<Record<string, readonly JsonObject[]>>

function streamOf(name: string): readonly JsonObject[] {
  return fixtures[name] ?? []
}

function replyOf(events: readonly JsonValue[], reply = context()): Reply {
  const read = readEvents(events, reply)
  assertGrammar(read)
  const folded = fold(read)
  if (!("reply" in folded)) throw new Error(folded.failure.message)
  return folded.reply
}

function failureOf(events: readonly JsonValue[]): unknown {
  const folded = foldEvents(events)
  return "failure" in folded ? folded.failure : null
}

const CREATED = { type: "response.created", response: { id: "resp_1", model: "m", created_at: 7, output: [] } }
const COMPLETED = { type: "response.completed", response: { id: "resp_1", status: "completed", output: [] } }

function textDelta(delta: string, over: JsonObject = {}): JsonObject {
  return { type: "response.output_text.delta", output_index: 0, content_index: 0, delta, ...over }
}

describe("the fixture", () => {
  test.each(Object.keys(fixtures))("%s folds to the same reply as its terminal object", (name) => {
    const events = streamOf(name)
    const terminal = events.at(-1)?.["response"]
    if (!isObject(terminal)) throw new Error("no terminal")
    const unary = responsesCodec.readReply(terminal, context())
    if (!("reply" in unary)) throw new Error("no reply")
    expect(replyOf(events)).toEqual(unary.reply)
  })
})

describe("a stream as upstreams really send it", () => {
  test("may have ids that change, gaps in indexes, no sequence numbers and no event lines", () => {
    const rotated = streamOf("interleaved calls").map((event, index) => ({ ...event, item_id: `rotated_${index}` }))
    expect(replyOf(rotated)).toEqual(replyOf(streamOf("interleaved calls")))
  })

  test("may have the event's name only in its line", () => {
    const frames = streamOf("incomplete").map(({ type, ...data }) => ({
      event: textOf(type),
      data: JSON.stringify(data),
    }))
    expect(fold(readFrames(frames))).toEqual(foldEvents(streamOf("incomplete")))
  })

  test("may be nothing but the terminal event", () => {
    const events = streamOf("interleaved calls")
    expect(replyOf(events.slice(-1))).toEqual(replyOf(events))
  })

  test("may have complete items without their deltas, and deltas without announcements", () => {
    const events = streamOf("custom tool")
    const whole = replyOf(events)
    expect(replyOf(events.filter(({ type }) => !textOf(type).includes("delta")))).toEqual(whole)
    expect(replyOf(events.filter(({ type }) => type !== "response.output_item.added"))).toEqual(whole)
    expect(replyOf(events.filter(({ type }) => type !== "response.output_item.done"))).toEqual(whole)
  })

  test("has an item without its done completed from the terminal object", () => {
    const reply = replyOf(streamOf("incomplete"))
    expect(reply.blocks).toEqual([{ type: "text", text: "Cut off" }])
    expect(reply.stop).toEqual({ is: "length", raw: "max_output_tokens" })
  })

  test("may have events twice, [DONE], comments of no meaning and broken JSON", () => {
    const frames = streamOf("interleaved calls").map((event) => ({ data: JSON.stringify(event) }))
    const noisy = frames.flatMap((frame) => {
      const isDelta = frame.data.includes(".delta")
      return [
        { data: "[DONE]" },
        frame,
        ...(isDelta ? [] : [frame]),
        { data: frame.data.slice(0, 20) },
        { data: "null" },
      ]
    })
    expect(fold(readFrames(noisy))).toEqual(foldEvents(streamOf("interleaved calls")))
  })

  test("may have every item under index 0", () => {
    const events = streamOf("interleaved calls").filter(({ type }) => !textOf(type).includes("delta"))
    const order = [0, 1, 4, 2, 3, 5].flatMap((at) => events.slice(at, at + 1))
    const flat = order.map((event): JsonObject => ("output_index" in event ? { ...event, output_index: 0 } : event))
    expect(replyOf(flat).blocks).toEqual(replyOf(streamOf("interleaved calls")).blocks)
  })

  test("gives annotations once, whether they come one by one or only at the end", () => {
    const annotation = { type: "url_citation", url: "https://example.test", title: "t", start_index: 0, end_index: 2 }
    const part = { type: "output_text", text: "ab", annotations: [annotation] }
    const added = { type: "response.output_text.annotation.added", output_index: 0, content_index: 0, annotation }
    const done = { type: "response.content_part.done", output_index: 0, content_index: 0, part }
    const item = { type: "response.output_item.done", output_index: 0, item: { type: "message", content: [part] } }
    const once = replyOf([CREATED, textDelta("ab"), added, done, item, COMPLETED])
    expect(once.blocks).toMatchObject([{ type: "text", text: "ab", citations: [{ kind: "url", title: "t" }] }])
    expect(replyOf([CREATED, textDelta("ab"), done, item, COMPLETED])).toEqual(once)
    expect(replyOf([CREATED, textDelta("ab"), item, COMPLETED])).toEqual(once)
    expect(replyOf([CREATED, item, COMPLETED])).toEqual(once)
  })

  test("may have parts of one message that grow at the same time", () => {
    const events = [CREATED, textDelta("a"), textDelta("x", { content_index: 1 }), textDelta("b"), COMPLETED]
    expect(replyOf(events).blocks).toEqual([
      { type: "text", text: "ab" },
      { type: "text", text: "x" },
    ])
  })

  test("may have a name and an id that come late", () => {
    const item = { type: "function_call", call_id: "c", name: "f", arguments: '{"a":1}' }
    const delta = { type: "response.function_call_arguments.delta", output_index: 0, delta: '{"a"' }
    const added = { type: "response.output_item.added", output_index: 0, item: { type: "function_call", name: "f" } }
    const done = { type: "response.output_item.done", output_index: 0, item }
    expect(replyOf([CREATED, added, delta, done, COMPLETED]).blocks).toMatchObject([{ id: "c", arguments: '{"a":1}' }])
  })

  test("has a wrapped custom tool unwrapped piece by piece", () => {
    const tools = [{ type: "custom", name: "apply_patch", namespace: null }] as const
    const wrapped = context(tools, { rules: COMMON_NAME_RULES, customTools: false })
    const item = { type: "function_call", call_id: "c", name: "apply_patch", arguments: "" }
    const delta = (text: string): JsonObject => ({
      type: "response.function_call_arguments.delta",
      output_index: 0,
      delta: text,
    })
    const events = [
      CREATED,
      { type: "response.output_item.added", output_index: 0, item },
      delta('{"inp'),
      delta('ut":"a\\'),
      delta('nb"}'),
      { type: "response.output_item.done", output_index: 0, item: { ...item, arguments: '{"input":"a\\nb"}' } },
      COMPLETED,
    ]
    expect(replyOf(events, wrapped).blocks).toMatchObject([{ kind: "custom", arguments: "a\nb" }])
  })
})

describe("reasoning:", () => {
  const thought = (delta: string): JsonObject => ({
    type: "response.reasoning_text.delta",
    output_index: 0,
    content_index: 0,
    delta,
  })
  const begun = (item: JsonObject): JsonObject => ({
    type: "response.output_item.added",
    output_index: 0,
    item: { type: "reasoning", summary: [], ...item },
  })

  test("raw thinking that stays open does not hold back the answer", () => {
    const reader = responsesCodec.createStreamReader(context())
    const push = (event: JsonObject): readonly unknown[] => reader.push({ data: JSON.stringify(event) })
    for (const event of [CREATED, begun({}), thought("hm")]) push(event)
    const events = push(textDelta("answer", { output_index: 1 }))
    expect(events).toContainEqual({ type: "delta", delta: { of: "text", text: "answer" } })
    push({ type: "response.output_item.done", output_index: 0, item: { type: "reasoning", encrypted_content: "late" } })
    expect(reader.losses()).toEqual([{ code: "reply-reasoning-seal", path: "output[0]" }])
  })

  test("thinking that will be sealed is waited for", () => {
    const sealed = { type: "reasoning", id: "rs", summary: [], encrypted_content: "gAAA" }
    const reply = replyOf([
      CREATED,
      begun({ encrypted_content: "gA" }),
      thought("hm"),
      textDelta("answer", { output_index: 1 }),
      { type: "response.output_item.done", output_index: 0, item: sealed },
      COMPLETED,
    ])
    expect(reply.blocks).toMatchObject([
      { type: "reasoning", parts: [{ kind: "raw", text: "hm" }], seal: { form: "encrypted" } },
      { type: "text", text: "answer" },
    ])
  })

  test("parts that go back become parts of their own", () => {
    const summary = (index: number, delta: string): JsonObject => ({
      type: "response.reasoning_summary_text.delta",
      output_index: 0,
      summary_index: index,
      delta,
    })
    const reply = replyOf([CREATED, summary(0, "a"), thought("r"), summary(0, "b"), summary(1, ""), COMPLETED])
    expect(reply.blocks).toMatchObject([
      {
        parts: [
          { kind: "summary", text: "a" },
          { kind: "raw", text: "r" },
          { kind: "summary", text: "b" },
        ],
      },
    ])
  })
})

describe("a failure", () => {
  test.each([
    [[{ type: "error", code: "rate_limit_exceeded", message: "wait" }], "rate-limited", "wait"],
    [[{ type: "error", error: { type: "server_error", message: "oops" } }], "server", "oops"],
    [[{ error: { code: 429, message: "again" } }], "rate-limited", "again"],
    [
      [CREATED, { type: "response.failed", response: { error: { code: "invalid_prompt", message: "bad" } } }],
      "invalid-request",
      "bad",
    ],
    [[CREATED, textDelta("half")], "protocol", "The stream ended without its terminal event."],
    [[], "protocol", "The stream ended without its terminal event."],
  ] as const)("ends the events %j", (events, kind, message) => {
    expect(failureOf(events)).toMatchObject({ kind, message })
  })

  test("takes the reported usage with it, and nothing comes after it", () => {
    const usage = { input_tokens: 5, output_tokens: 2 }
    const failed = {
      type: "response.failed",
      response: { status: "failed", error: { code: "server_error", message: "x" }, usage },
    }
    const events = readEvents([CREATED, failed, textDelta("late"), COMPLETED])
    expect(events.at(-1)).toMatchObject({ type: "fail", usage: { freshInputTokens: 5, outputTokens: 2 } })
    assertGrammar(events)
  })
})

test("frames are read as the splitter gives them", () => {
  const text = streamOf("custom tool")
    .map((event) => `event: ${textOf(event["type"])}\ndata: ${JSON.stringify(event)}\n\n`)
    .join("")
  expect(fold(readFrames(framesFor(text)))).toEqual(foldEvents(streamOf("custom tool")))
})
