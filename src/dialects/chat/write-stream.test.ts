/** What clients see: the exact chunks, and what the vendor's own SDK makes of them. */
import { afterAll, describe, expect, test } from "bun:test"
import fc from "fast-check"
import OpenAI from "openai"
import type { ChatCompletion, ChatCompletionChunk } from "openai/resources/chat/completions"
import { chatContext, chatOptions, framesOf, readText, writeEvents } from "../../../test/helpers/chat-codec.ts"
import { anyReply, eventsOf } from "../../../test/laws/reply-arbitraries.ts"
import type { Event } from "../../canonical/event.ts"
import { fold } from "../../canonical/fold.ts"
import { parseExact } from "../../canonical/json.ts"
import type { Reply } from "../../canonical/reply.ts"
import { openEnvelope } from "../../canonical/seal.ts"
import { unfold } from "../../canonical/unfold.ts"
import { ChatStreamWriter } from "./write-stream.ts"
import { readReply } from "./read-reply.ts"
import { writeReply } from "./write-reply.ts"
import { expectAsyncProperty, expectProperty } from "../../../test/helpers/property.ts"

const open = (type: "text" | "refusal" | "reasoning"): Event => ({ type: "open", block: { type } })
const openCall = (id: string, kind: "function" | "custom" = "function"): Event => {
  return { type: "open", block: { type: "tool-call", id, name: "f", namespace: null, kind } }
}
const says = (text: string): Event => ({ type: "delta", delta: { of: "text", text } })
const argues = (text: string): Event => ({ type: "delta", delta: { of: "arguments", text } })
const thinks = (text: string, part = 0): Event => ({
  type: "delta",
  delta: { of: "reasoning", text, part, kind: "raw" },
})
const start: Event = { type: "start", id: "up", model: "m-1", created: 42 }
const close: Event = { type: "close" }
const end: Event = { type: "end" }
const stop = (is: Reply["stop"]["is"]): Event => ({ type: "stop", stop: { is, raw: null } })
const usage: Event = {
  type: "usage",
  usage: { freshInputTokens: 5, cacheReadTokens: 2, outputTokens: 3, source: "provider" },
}

const deltas = (text: string): readonly unknown[] =>
  framesOf(text).flatMap(({ data }): unknown[] => {
    if (data === "[DONE]") return [data]
    const chunk = JSON.parse(data) as ChatCompletionChunk
    return chunk.choices[0] === undefined ? [chunk.usage] : [chunk.choices[0].finish_reason ?? chunk.choices[0].delta]
  })

describe("the chunks of a stream", () => {
  test("are complete, with the usage that was asked for", () => {
    const text = writeEvents(
      [start, open("text"), says("Hi"), close, usage, stop("end"), end],
      chatOptions({ includeUsage: true }),
    )
    const shared = { id: "chatcmpl-000001", object: "chat.completion.chunk", created: 42, model: "m-1" }
    const choice = { index: 0, logprobs: null, finish_reason: null }
    expect(framesOf(text).map(({ data }) => (data === "[DONE]" ? data : (JSON.parse(data) as unknown)))).toEqual([
      { ...shared, choices: [{ ...choice, delta: { role: "assistant" } }], usage: null },
      { ...shared, choices: [{ ...choice, delta: { content: "Hi" } }], usage: null },
      { ...shared, choices: [{ ...choice, delta: {}, finish_reason: "stop" }], usage: null },
      {
        ...shared,
        choices: [],
        usage: {
          prompt_tokens: 7,
          completion_tokens: 3,
          total_tokens: 10,
          prompt_tokens_details: { cached_tokens: 2, audio_tokens: 0 },
          completion_tokens_details: {
            reasoning_tokens: 0,
            audio_tokens: 0,
            accepted_prediction_tokens: 0,
            rejected_prediction_tokens: 0,
          },
        },
      },
      "[DONE]",
    ])
    expect(text.endsWith("data: [DONE]\n\n")).toBe(true)
  })

  test("have no usage that was not asked for", () => {
    expect(writeEvents([start, usage, stop("end"), end])).not.toContain("usage")
  })

  test("of calls have an index on each piece and the head on the first", () => {
    expect(
      deltas(
        writeEvents([
          start,
          openCall("a.b"),
          argues("{"),
          argues("}"),
          close,
          openCall("c", "custom"),
          argues("***"),
          close,
          stop("tool-calls"),
          end,
        ]),
      ),
    ).toEqual([
      { role: "assistant" },
      { tool_calls: [{ index: 0, id: "rx1_YS5i", type: "function", function: { name: "f", arguments: "" } }] },
      { tool_calls: [{ index: 0, function: { arguments: "{" } }] },
      { tool_calls: [{ index: 0, function: { arguments: "}" } }] },
      { tool_calls: [{ index: 1, id: "c", type: "custom", custom: { name: "f", input: "" } }] },
      { tool_calls: [{ index: 1, custom: { input: "***" } }] },
      "tool_calls",
      "[DONE]",
    ])
  })

  test("for a client of functions hold the one call that it can take", () => {
    const writer = new ChatStreamWriter(chatOptions({}, { functions: [{ name: "f" }] }))
    const events = [
      start,
      openCall("a"),
      argues("{}"),
      close,
      openCall("b"),
      argues("{}"),
      close,
      stop("tool-calls"),
      end,
    ]
    expect(deltas(events.map((event) => writer.push(event)).join(""))).toEqual([
      { role: "assistant" },
      { function_call: { name: "f", arguments: "" } },
      { function_call: { arguments: "{}" } },
      "function_call",
      "[DONE]",
    ])
    expect(writer.losses()).toEqual([{ code: "reply-content", path: "blocks[1]" }])
  })

  test("of reasoning have parts apart by a blank line, and envelopes once before the finish", () => {
    const issuer = { dialect: "messages", label: "a" } as const
    const seal = (payload: string): Event => {
      return { type: "delta", delta: { of: "seal", seal: { issuer, form: "signature", payload } } }
    }
    const written = deltas(
      writeEvents([
        start,
        open("reasoning"),
        thinks("a"),
        thinks("b"),
        thinks("c", 1),
        seal("S1"),
        close,
        open("text"),
        says("t"),
        close,
        open("reasoning"),
        thinks("d"),
        seal("S2"),
        close,
        openCall("x"),
        close,
        stop("tool-calls"),
        end,
      ]),
    )
    expect(written.slice(1, 6)).toEqual([
      { reasoning_content: "a" },
      { reasoning_content: "b" },
      { reasoning_content: "\n\nc" },
      { content: "t" },
      { reasoning_content: "\n\nd" },
    ])
    const { reasoning_details: details } = written[7] as { reasoning_details: { index: number; data: string }[] }
    expect(details.map((one) => [one.index, openEnvelope(one.data)?.seal?.payload])).toEqual([
      [0, "S1"],
      [2, "S2"],
    ])
    expect(openEnvelope(details[0]?.data ?? "")?.parts).toEqual([
      { kind: "raw", text: "ab" },
      { kind: "raw", text: "c" },
    ])
    expect(written.slice(8)).toEqual(["tool_calls", "[DONE]"])
  })

  test("of citations come once, with offsets in the whole text", () => {
    const cite = (from: number | null): Event => ({
      type: "delta",
      delta: {
        of: "citation",
        citation: {
          kind: "url",
          url: "u",
          title: null,
          start: from,
          end: from === null ? null : from + 1,
          citedText: "q",
        },
      },
    })
    const written = deltas(
      writeEvents([
        start,
        open("text"),
        says("abc"),
        close,
        open("text"),
        cite(null),
        says("de"),
        cite(0),
        close,
        stop("end"),
        end,
      ]),
    )
    const source = { url: "u", title: "", content: "q" }
    expect(written.slice(3)).toEqual([
      {
        annotations: [
          { type: "url_citation", url_citation: { ...source, start_index: 3, end_index: 5 } },
          { type: "url_citation", url_citation: { ...source, start_index: 3, end_index: 4 } },
        ],
      },
      "stop",
      "[DONE]",
    ])
  })

  test("of foreign blocks have the text that stands for them, declared", () => {
    const writer = new ChatStreamWriter(chatOptions())
    const raw = { type: "raw", dialect: "messages", raw: { type: "x" } } as const
    const events: Event[] = [
      start,
      open("text"),
      says("a"),
      close,
      { type: "open", block: { type: "whole", block: { ...raw, what: "hosted-call", text: "searched" } } },
      close,
      { type: "open", block: { type: "whole", block: { ...raw, what: "content", text: null } } },
      close,
      stop("pause"),
      end,
    ]
    expect(deltas(events.map((event) => writer.push(event)).join(""))).toEqual([
      { role: "assistant" },
      { content: "a" },
      { content: "searched" },
      "stop",
      "[DONE]",
    ])
    expect(writer.losses()).toEqual([
      { code: "reply-tool-step", path: "blocks[1]" },
      { code: "reply-content", path: "blocks[2]" },
      { code: "reply-stop", path: "stop" },
    ])
  })
})

describe("the end of a stream", () => {
  const failure: Event = { type: "fail", failure: { kind: "overloaded", status: null, message: "busy" }, usage: null }
  const error =
    'data: {"error":{"type":"overloaded_error","code":"server_is_overloaded","message":"busy","param":null}}\n\n'

  test("is one error line for a failure, whenever it comes", () => {
    expect(writeEvents([failure])).toBe(error)
    for (const events of [
      [start, failure],
      [start, open("text"), says("x"), failure],
      [start, stop("end"), failure],
    ]) {
      const text = writeEvents([...events, end, failure])
      expect(text.endsWith(error)).toBe(true)
      expect(text).not.toContain("[DONE]")
      expect(text).not.toContain('"finish_reason":"')
      expect(text.match(/"error"/g)).toHaveLength(1)
    }
  })

  test("is told by nothing that stands before it", () => {
    const text = writeEvents(
      [start, open("text"), says("x"), close, usage, stop("end")],
      chatOptions({ includeUsage: true }),
    )
    expect(text).not.toContain('"finish_reason":"stop"')
    expect(text).not.toContain("prompt_tokens")
  })

  test("is the last: comments bridge silence only until then", () => {
    const writer = new ChatStreamWriter(chatOptions())
    expect(writer.keepAlive()).toBe(": keep-alive\n\n")
    writer.push(start)
    expect(writer.keepAlive()).toBe(": keep-alive\n\n")
    writer.push(end)
    expect(writer.keepAlive()).toBe("")
  })

  test.each([
    ["end", "stop"],
    ["stop-sequence", "stop"],
    ["length", "length"],
    ["context-length", "length"],
    ["content-filter", "content_filter"],
    ["tool-calls", "stop"],
    ["other", "stop"],
  ] as const)("for %s without blocks is %s", (is, reason) => {
    expect(deltas(writeEvents([start, stop(is), end]))).toEqual([{ role: "assistant" }, reason, "[DONE]"])
  })

  test("is stop for a refusal that came without words, which gets some", () => {
    const details = { type: "refusal", category: "cyber", explanation: null }
    const words = { refusal: "The model declined to answer this request (cyber)." }
    const refused = writeEvents([start, { type: "stop", stop: { is: "refusal", raw: "refusal", details } }, end])
    expect(deltas(refused)).toEqual([{ role: "assistant" }, words, "stop", "[DONE]"])
    expect(refused).toContain(`"finish_reason":"stop","stop_details":${JSON.stringify(details)}`)
  })

  test("is stop for a refusal in words", () => {
    expect(deltas(writeEvents([start, open("refusal"), says("no"), close, stop("refusal"), end]))).toEqual([
      { role: "assistant" },
      { refusal: "no" },
      "stop",
      "[DONE]",
    ])
  })
})

describe("the model's name", () => {
  test.each([
    [null, "m-1", "m-1"],
    [null, "", "group"],
    ["shown", "m-1", "shown"],
  ])("for options %p and upstream %p is %s", (model, named, expected) => {
    const options = { ...chatOptions(), model }
    const [frame] = framesOf(writeEvents([{ type: "start", id: "up", model: named, created: 42 }, end], options))
    expect((JSON.parse(frame?.data ?? "") as ChatCompletionChunk).model).toBe(expected)
    const written = writeReply(
      { id: "", model: named, created: null, blocks: [], stop: { is: "end", raw: null }, usage: null },
      options,
    )
    expect(written.body).toMatchObject({ model: expected, created: 1_700_000_000 })
  })
})

/** Serves the text that the path names to a real client. */
const served = new Map<string, { readonly type: string; readonly text: string }>()
const server = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  fetch(request) {
    const one = served.get(request.headers.get("x-case") ?? "")
    return new Response(one?.text ?? "", { headers: { "content-type": one?.type ?? "text/plain" } })
  },
})
afterAll(() => server.stop(true))
const client = new OpenAI({ apiKey: "k", baseURL: `http://127.0.0.1:${server.port}`, maxRetries: 0 })
let cases = 0

async function accumulate(text: string): Promise<ChatCompletion> {
  cases += 1
  const name = String(cases)
  served.set(name, { type: "text/event-stream", text })
  const stream = client.chat.completions.stream(
    { model: "m", messages: [], stream_options: { include_usage: true } },
    { headers: { "x-case": name } },
  )
  const completion = await stream.finalChatCompletion()
  served.delete(name)
  return completion
}

/** What the SDK keeps of a message: reasoning is unknown to it. */
function shown(completion: ChatCompletion): unknown {
  const [choice] = completion.choices
  const { message } = choice!
  return {
    content: message.content,
    refusal: message.refusal,
    annotations: message.annotations ?? [],
    details: (message as unknown as { reasoning_details?: unknown }).reasoning_details ?? [],
    calls: (message.tool_calls ?? []).map((call) =>
      call.type === "custom"
        ? [call.id, call.custom.name, call.custom.input]
        : [call.id, call.function.name, call.function.arguments],
    ),
    finish: choice!.finish_reason,
    usage: completion.usage?.total_tokens,
  }
}

describe("the vendor's SDK", () => {
  test("accepts any stream and any reply, and makes the same of both", async () => {
    await expectAsyncProperty(
      fc.asyncProperty(eventsOf(anyReply), async (events) => {
        const options = chatOptions({ includeUsage: true })
        const folded = fold(events)
        if ("failure" in folded) throw new Error("arbitrary replies are complete")
        const { body } = writeReply(folded.reply, options)
        const unary = parseExact(JSON.stringify(body)) as unknown as ChatCompletion
        const streamed = await accumulate(writeEvents(events, chatOptions({ includeUsage: true })))
        expect(shown(streamed)).toEqual(shown(unary))
        expect(streamed.choices[0]?.message.role).toBe("assistant")
      }),
      60,
    )
  })

  test("throws at our error line", async () => {
    const text = writeEvents([
      start,
      open("text"),
      says("x"),
      { type: "fail", failure: { kind: "server", status: null, message: "boom" }, usage: null },
    ])
    expect(accumulate(text)).rejects.toThrow("boom")
  })
})

describe("every stream", () => {
  test("reads like the reply written of its fold", () => {
    expectProperty(
      fc.property(eventsOf(anyReply), (events) => {
        const folded = fold(events)
        if ("failure" in folded) throw new Error("arbitrary replies are complete")
        const written = writeReply(folded.reply, chatOptions({ includeUsage: true }))
        const writer = new ChatStreamWriter(chatOptions({ includeUsage: true }))
        const text = events.map((event) => writer.push(event)).join("")
        expect(new Set(writer.losses().map((loss) => `${loss.code} ${loss.path}`))).toEqual(
          new Set(written.losses.map((loss) => `${loss.code} ${loss.path}`)),
        )
        const unary = readReply(parseExact(JSON.stringify(written.body)), chatContext())
        const streamed = fold(readText(text))
        if ("failure" in unary || "failure" in streamed) throw new Error("both were complete")
        const said = (reply: Reply): unknown => [
          // Sources come with the last chunk, behind calls too, where a text can no longer take them; reasoning divides text.
          reply.blocks.filter(
            (block) => block.type !== "reasoning" && block.type !== "text" && block.type !== "refusal",
          ),
          reply.blocks.map((block) => (block.type === "text" ? block.text : "")).join(""),
          reply.blocks.map((block) => (block.type === "refusal" ? block.text : "")).join(""),
          { ...reply.stop, raw: null },
          reply.usage,
        ]
        expect(said(streamed.reply)).toEqual(said(unary.reply))
      }),
      300,
    )
  })

  test("has exactly one end, whatever comes and how often", () => {
    const event = fc.constantFrom<Event>(
      start,
      open("text"),
      open("reasoning"),
      openCall("a"),
      says("x"),
      thinks("y"),
      argues("{"),
      close,
      usage,
      stop("end"),
      end,
      { type: "fail", failure: { kind: "server", status: null, message: "m" }, usage: null },
    )
    expectProperty(
      fc.property(
        fc.array(event, { maxLength: 12 }),
        fc.constantFrom<Event>(end, {
          type: "fail",
          failure: { kind: "server", status: null, message: "m" },
          usage: null,
        }),
        (events, last) => {
          const text = writeEvents([...events, last])
          const ends = framesOf(text).filter(({ data }) => data === "[DONE]" || data.startsWith('{"error"'))
          expect(ends).toHaveLength(1)
          expect(text.endsWith(`data: ${ends[0]?.data}\n\n`)).toBe(true)
        },
      ),
    )
  })

  test("is written delta by delta, 50,000 of them", () => {
    const reply: Reply = { id: "", model: "m", created: 1, blocks: [], stop: { is: "end", raw: null }, usage: null }
    const [first, ...rest] = [...unfold(reply)]
    const events = [first!, open("reasoning"), ...Array.from({ length: 50_000 }, () => thinks("w ")), close, ...rest]
    const writer = new ChatStreamWriter(chatOptions())
    const longest = Math.max(...events.slice(0, -1).map((event) => writer.push(event).length))
    expect(longest).toBeLessThan(300)
  })
})
