/** Whatever a real upstream sends, in whatever order: legal events, one end, and never a throw. */
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { answerBytes, RECORDINGS_MISSING, recordingsOf, type Recording } from "../../../test/helpers/recordings.ts"
import { at, framesOf } from "../../../test/helpers/streams.ts"
import type { Block } from "../../canonical/block.ts"
import type { Event } from "../../canonical/event.ts"
import { fold, type Folded } from "../../canonical/fold.ts"
import { assertGrammar, checkGrammar } from "../../canonical/grammar.ts"
import { parseExact, type JsonObject, type JsonValue } from "../../canonical/json.ts"
import { buildNameTable, COMMON_NAME_RULES, type NameTable } from "../../canonical/name-map.ts"
import type { Reply } from "../../canonical/reply.ts"
import type { Tool } from "../../canonical/tool.ts"
import type { Frame, ReplyContext } from "../codec.ts"
import { MessagesObserver } from "./observe.ts"
import { readReply } from "./read-reply.ts"
import { MessagesStreamReader } from "./read-stream.ts"
import { expectProperty } from "../../../test/helpers/property.ts"

const issuer = { dialect: "messages", label: "k" } as const

function namesOf(tools: readonly Tool[]): NameTable {
  return buildNameTable(tools, [], { rules: COMMON_NAME_RULES, customTools: false })
}

function context(tools: readonly Tool[] = []): ReplyContext {
  let minted = 0
  return { names: namesOf(tools), issuer, mint: (prefix) => `${prefix}${(minted += 1)}` }
}

function readAll(frames: readonly Frame[], tools: readonly Tool[] = []): readonly Event[] {
  const reader = new MessagesStreamReader(context(tools))
  const events = frames.flatMap((frame) => reader.push(frame))
  events.push(...reader.end())
  expect(reader.push({ data: '{"type":"message_stop"}' })).toEqual([])
  expect(reader.end()).toEqual([])
  assertGrammar(events)
  return events
}

const frame = (body: JsonObject & { readonly type: string }): Frame => ({
  event: body.type,
  data: JSON.stringify(body),
})

function framesIn(recording: Recording): readonly Frame[] {
  return framesOf(answerBytes(recording).toString()).flatMap(({ event, data }) => {
    return data === undefined ? [] : [{ ...(event === undefined ? {} : { event }), data }]
  })
}

function replyOf(folded: Folded): Reply {
  if ("failure" in folded) throw new Error(folded.failure.message)
  return folded.reply
}

interface LooseBlock {
  text: string
  thinking: string
  signature: unknown
  content: unknown
  citations?: unknown[]
  json?: string
  input?: unknown
}

interface LooseBody {
  readonly type: string
  readonly index: number
  readonly message: { content: LooseBlock[]; usage: object; context_management?: unknown }
  readonly content_block: LooseBlock
  readonly delta: { readonly type: string } & Readonly<Record<string, string>>
  readonly usage: object
  readonly context_management?: unknown
}

/** The unary answer that says the same as a stream, put together with no code of ours. */
function wholeOf(frames: readonly Frame[]): JsonValue {
  const bodies = frames.map(({ data }) => JSON.parse(data) as LooseBody)
  const message = structuredClone(bodies.find((body) => body.type === "message_start")!.message)
  for (const body of bodies) {
    if (body.type === "content_block_start") message.content[body.index] = { ...body.content_block, json: "" }
    if (body.type === "content_block_delta") append(message.content[body.index]!, body.delta)
    if (body.type === "message_delta") {
      Object.assign(message, body.delta, { usage: { ...message.usage, ...body.usage } })
      if (body.context_management !== undefined) message.context_management = body.context_management
    }
  }
  for (const block of message.content) {
    if (block.json) block.input = parseExact(block.json)
    delete block.json
  }
  return parseExact(JSON.stringify(message))
}

function append(block: LooseBlock, delta: LooseBody["delta"]): void {
  if (delta.type === "text_delta") block.text += delta["text"]
  if (delta.type === "thinking_delta") block.thinking += delta["thinking"]
  if (delta.type === "signature_delta") block.signature = delta["signature"]
  if (delta.type === "input_json_delta") block.json += delta["partial_json"]!
  if (delta.type === "citations_delta") (block.citations ??= []).push(delta["citation"])
  if (delta.type === "compaction_delta") block.content = delta["content"]
}

/** Arguments are kept as they were spelled in a stream, and spelled anew from a whole answer. */
function comparable(reply: Reply): Reply {
  const blocks = reply.blocks.map((block): Block => {
    return block.type === "tool-call" ? { ...block, arguments: JSON.stringify(JSON.parse(block.arguments)) } : block
  })
  return { ...reply, blocks }
}

const SPLICED = "messages/vercel-ai--anthropic--spliced-message-start.stream"

describe.skipIf(RECORDINGS_MISSING)("recorded streams", () => {
  const recorded = recordingsOf("messages").filter((recording) => recording.stream)
  const sound = recorded.filter(({ name }) => name !== SPLICED)

  test("say what the whole answer would have said", () => {
    for (const recording of sound) {
      const frames = framesIn(recording)
      const whole = readReply(wholeOf(frames), context())
      if ("failure" in whole) throw new Error(`${recording.name}: ${whole.failure.message}`)
      expect(comparable(replyOf(fold(readAll(frames))))).toEqual(comparable(whole.reply))
    }
  })

  test("use the numbers that the observer of passing bytes sees", () => {
    for (const recording of sound) {
      const observer = new MessagesObserver()
      const parts = framesOf(answerBytes(recording).toString()).map(({ text }) => Buffer.from(text))
      for (const bytes of parts) observer.frame(bytes, 0, bytes.length)
      const seen = observer.facts()
      const { usage, serviceTier, stop } = replyOf(fold(readAll(framesIn(recording))))
      expect(usage?.freshInputTokens).toBe(seen.usage?.freshInputTokens)
      expect(usage?.cacheReadTokens ?? 0).toBe(seen.usage?.cachedInputTokens ?? 0)
      expect(usage?.cacheWrite5mTokens ?? 0).toBe(seen.usage?.cacheWrite5mTokens ?? 0)
      expect(usage?.cacheWrite1hTokens ?? 0).toBe(seen.usage?.cacheWrite1hTokens ?? 0)
      expect(usage?.outputTokens).toBe(seen.usage?.outputTokens)
      expect(usage?.reasoningTokens ?? null).toBe(seen.usage?.reasoningTokens ?? null)
      expect(usage?.source).toBe("provider")
      expect(serviceTier ?? null).toBe(seen.serviceTier)
      expect(stop.raw).toBe(seen.stopReason)
    }
  })

  test("cut after any frame end once, as a failure unless a stop reason was seen", () => {
    for (const recording of recorded) {
      const frames = framesIn(recording)
      const step = Math.ceil(frames.length / 25)
      for (let length = 0; length < frames.length; length += step) {
        const events = readAll(frames.slice(0, length))
        const hasReason = frames.slice(0, length).some(givesReason)
        if (recording.name !== SPLICED) expect(events.at(-1)?.type).toBe(hasReason ? "end" : "fail")
      }
    }
  })

  test("with frames lost, doubled, swapped or torn keep the grammar", () => {
    const small = recorded.map(framesIn).filter((frames) => frames.length < 400)
    const mutation = fc.record({
      kind: fc.constantFrom("drop", "double", "swap", "tear", "unname"),
      place: fc.nat(399),
    })
    expectProperty(
      fc.property(
        fc.constantFrom(...small),
        fc.array(mutation, { minLength: 1, maxLength: 12 }),
        (frames, mutations) => {
          const mutated = [...frames]
          for (const { kind, place } of mutations) mutate(mutated, kind, place % mutated.length)
          readAll(mutated)
        },
      ),
      400,
    )
  })

  test("with any frame doubled say the same", () => {
    for (const recording of sound) {
      const frames = framesIn(recording)
      const doubled = frames.flatMap((one) => (/_delta"/.test(one.data) ? [one] : [one, one]))
      expect(fold(readAll(doubled))).toEqual(fold(readAll(frames)))
    }
  })
})

function givesReason({ data }: Frame): boolean {
  const body: unknown = JSON.parse(data)
  return [at(body, "delta", "stop_reason"), at(body, "message", "stop_reason")].some(
    (reason) => typeof reason === "string",
  )
}

function mutate(frames: Frame[], kind: string, place: number): void {
  const one = frames[place]
  if (one === undefined || frames.length < 2) return
  if (kind === "drop") frames.splice(place, 1)
  if (kind === "double") frames.splice(place, 0, one)
  if (kind === "swap") frames.splice(place, 2, ...frames.slice(place, place + 2).toReversed())
  if (kind === "tear") frames.splice(place, 1, { ...one, data: one.data.slice(0, one.data.length / 2) })
  if (kind === "unname") frames.splice(place, 1, { data: one.data })
}

describe("hostile frames", () => {
  const name = fc.constantFrom(
    "message_start",
    "content_block_start",
    "content_block_delta",
    "content_block_stop",
    "message_delta",
    "message_stop",
    "error",
    "ping",
    "of_tomorrow",
  )
  const value = fc.jsonValue({ maxDepth: 2 })
  const block = fc.record(
    {
      type: fc.constantFrom(
        "text",
        "thinking",
        "redacted_thinking",
        "tool_use",
        "server_tool_use",
        "tool_result",
        "new",
      ),
      text: value,
      thinking: value,
      signature: value,
      data: value,
      id: value,
      name: fc.oneof(fc.constant("f"), value),
      input: value,
      citations: value,
      caller: value,
    },
    { requiredKeys: ["type"] },
  )
  const delta = fc.record(
    {
      type: fc.constantFrom(
        "text_delta",
        "thinking_delta",
        "signature_delta",
        "input_json_delta",
        "citations_delta",
        "compaction_delta",
        "new_delta",
      ),
      text: value,
      thinking: value,
      signature: value,
      partial_json: fc.oneof(fc.string(), value),
      citation: value,
      content: value,
      stop_reason: value,
    },
    { requiredKeys: ["type"] },
  )
  const body = fc.record(
    {
      type: name,
      index: fc.oneof(fc.nat(3), value),
      content_block: block,
      delta,
      message: value,
      usage: value,
      error: value,
    },
    { requiredKeys: ["type"] },
  )

  test("keep the grammar", () => {
    const hostile = fc.oneof(
      { weight: 8, arbitrary: body.map((one): Frame => ({ event: one.type, data: JSON.stringify(one) })) },
      value.map((one): Frame => ({ data: JSON.stringify(one) })),
      fc.string().map((data): Frame => ({ event: "message_start", data })),
    )
    expectProperty(
      fc.property(fc.array(hostile, { maxLength: 25 }), (frames) => {
        readAll(frames)
      }),
      600,
    )
  })
})

const start = (own: JsonObject = {}): Frame =>
  frame({
    type: "message_start",
    message: { id: "m1", model: "claude", content: [], usage: { input_tokens: 5, output_tokens: 1 }, ...own },
  })
const open = (index: number, content_block: JsonObject): Frame =>
  frame({ type: "content_block_start", index, content_block })
const grow = (index: number, delta: JsonObject): Frame => frame({ type: "content_block_delta", index, delta })
const close = (index: number): Frame => frame({ type: "content_block_stop", index })
const finish = (stop_reason: string, usage: JsonObject = { output_tokens: 9 }): readonly Frame[] => [
  frame({ type: "message_delta", delta: { stop_reason, stop_sequence: null }, usage }),
  frame({ type: "message_stop" }),
]

function blocksOf(frames: readonly Frame[], tools: readonly Tool[] = []): readonly Block[] {
  return replyOf(fold(readAll(frames, tools))).blocks
}

describe("a stream", () => {
  test("is read with thinking, text and a call", () => {
    const events = readAll([
      start(),
      frame({ type: "ping" }),
      open(0, { type: "thinking", thinking: "", signature: "" }),
      grow(0, { type: "thinking_delta", thinking: "hm" }),
      grow(0, { type: "signature_delta", signature: "sig" }),
      close(0),
      open(1, { type: "text", text: "" }),
      grow(1, { type: "text_delta", text: "Let me" }),
      close(1),
      open(2, { type: "tool_use", id: "toolu_1", name: "f", input: {} }),
      grow(2, { type: "input_json_delta", partial_json: "" }),
      grow(2, { type: "input_json_delta", partial_json: '{"n": 1234' }),
      grow(2, { type: "input_json_delta", partial_json: "5678901234567890}" }),
      close(2),
      ...finish("tool_use"),
    ])
    expect(fold(events)).toEqual({
      reply: {
        id: "m1",
        model: "claude",
        created: null,
        blocks: [
          {
            type: "reasoning",
            parts: [{ kind: "raw", text: "hm" }],
            seal: { issuer, form: "signature", payload: "sig" },
          },
          { type: "text", text: "Let me" },
          {
            type: "tool-call",
            id: "toolu_1",
            name: "f",
            namespace: null,
            kind: "function",
            arguments: '{"n": 12345678901234567890}',
          },
        ],
        stop: { is: "tool-calls", raw: "tool_use" },
        usage: { freshInputTokens: 5, outputTokens: 9, source: "provider" },
      },
    })
  })

  test("gives pieces on as they come", () => {
    const reader = new MessagesStreamReader(context())
    reader.push(start())
    reader.push(open(0, { type: "text", text: "" }))
    const added = reader.push(grow(0, { type: "text_delta", text: "a" }))
    expect(added.map((event) => event.type)).toEqual(["open", "delta"])
  })

  test("is read with a call without arguments", () => {
    const call = open(0, { type: "tool_use", id: "t", name: "f", input: {} })
    const empty = grow(0, { type: "input_json_delta", partial_json: "" })
    expect(blocksOf([start(), call, empty, close(0), ...finish("tool_use")])).toMatchObject([{ arguments: "{}" }])
  })

  test("is read with a call that has its arguments from the start, or no id", () => {
    const frames = [start(), open(0, { type: "tool_use", name: "f", input: { a: 1 } }), close(0), ...finish("end_turn")]
    expect(blocksOf(frames)).toMatchObject([{ id: "call_1", arguments: '{"a":1}' }])
    expect(replyOf(fold(readAll(frames))).stop).toEqual({ is: "tool-calls", raw: "end_turn" })
  })

  test("is read with a call of a free-text tool", () => {
    const tool = { type: "custom", name: "apply.patch", namespace: null } as const
    const wire = namesOf([tool]).wire(tool)
    const call = open(0, { type: "tool_use", id: "t", name: wire, input: {} })
    const pieces = ['{"inp', 'ut": "*** Beg', "in\\nx\\", 'u00e9"}'].map((partial_json) =>
      grow(0, { type: "input_json_delta", partial_json }),
    )
    const expected = { name: "apply.patch", kind: "custom", arguments: "*** Begin\nxé" } as const
    expect(blocksOf([start(), call, ...pieces, close(0), ...finish("tool_use")], [tool])).toMatchObject([expected])
    expect(blocksOf([start(), call, close(0), ...finish("tool_use")], [tool])).toMatchObject([{ arguments: "" }])
  })

  test("is read although all blocks have the same index, or none", () => {
    const call = (id: string): readonly Frame[] => [
      open(0, { type: "tool_use", id, name: "f", input: {} }),
      grow(0, { type: "input_json_delta", partial_json: `{"id":"${id}"}` }),
      close(0),
    ]
    const same = [start(), ...call("a"), ...call("b"), ...finish("tool_use")]
    expect(blocksOf(same)).toMatchObject([{ arguments: '{"id":"a"}' }, { arguments: '{"id":"b"}' }])
    const bare = same.map(({ event, data }): Frame => ({ event: event ?? "", data: data.replaceAll('"index":0,', "") }))
    expect(blocksOf(bare)).toEqual(blocksOf(same))
    const unclosed = same.filter((one) => one.event !== "content_block_stop")
    expect(blocksOf(unclosed)).toEqual(blocksOf(same))
  })

  test("is read although its blocks overlap", () => {
    const frames = [
      start(),
      open(0, { type: "text", text: "" }),
      open(1, { type: "tool_use", id: "a", name: "f", input: {} }),
      grow(1, { type: "input_json_delta", partial_json: "{}" }),
      grow(0, { type: "text_delta", text: "late" }),
      close(1),
      close(0),
      ...finish("tool_use"),
    ]
    expect(blocksOf(frames).map((block) => block.type)).toEqual(["text", "tool-call"])
  })

  test("is read although it lost the start of a block", () => {
    const frames = [start(), grow(0, { type: "text_delta", text: "a" }), close(0), ...finish("end_turn")]
    expect(blocksOf(frames)).toEqual([{ type: "text", text: "a" }])
  })

  test("is read with everything in message_start", () => {
    const content = [{ type: "text", text: "all" }]
    const whole = start({ content, stop_reason: "end_turn", usage: { input_tokens: 3, output_tokens: 4 } })
    const expected = {
      blocks: [{ type: "text", text: "all" }],
      stop: { is: "end", raw: "end_turn" },
      usage: { freshInputTokens: 3, outputTokens: 4, source: "provider" },
    } as const
    expect(replyOf(fold(readAll([whole, frame({ type: "message_stop" })])))).toMatchObject(expected)
    const repeated = [open(0, { type: "text", text: "" }), grow(0, { type: "text_delta", text: "all" }), close(0)]
    expect(replyOf(fold(readAll([whole, ...repeated, ...finish("end_turn", {})])))).toMatchObject(expected)
  })

  test("that begins twice goes on, unless another answer begins inside of it", () => {
    const text = [open(0, { type: "text", text: "a" }), close(0)]
    expect(blocksOf([start(), start(), ...text, ...finish("end_turn")])).toEqual([{ type: "text", text: "a" }])
    expect(blocksOf([start(), ...text, start(), ...finish("end_turn")])).toEqual([{ type: "text", text: "a" }])
    expect(blocksOf([start(), start({ id: "m2" }), ...text, ...finish("end_turn")])).toHaveLength(1)
    const events = readAll([start(), ...text, start({ id: "m2" }), ...text, ...finish("end_turn")])
    expect(events.at(-1)).toMatchObject({ type: "fail", failure: { kind: "protocol" } })
  })

  test("whose usage is revised keeps the last word on each counter", () => {
    const early = start({
      usage: { input_tokens: 2479, cache_read_input_tokens: 100, output_tokens: 1, service_tier: "standard" },
    })
    const late = finish("end_turn", { input_tokens: 404_500, output_tokens: 9, cache_read_input_tokens: null })
    const reply = replyOf(fold(readAll([early, ...late])))
    expect(reply.usage).toEqual({
      freshInputTokens: 404_500,
      cacheReadTokens: 100,
      outputTokens: 9,
      source: "provider",
    })
    expect(reply.serviceTier).toBe("standard")
  })

  test("that was cut reports what was counted until then as partial", () => {
    const events = readAll([start(), open(0, { type: "text", text: "a" })])
    expect(events.at(-1)).toMatchObject({
      type: "fail",
      failure: { kind: "protocol" },
      usage: { freshInputTokens: 5, source: "partial" },
    })
  })

  test.each([
    [{ type: "error", error: { type: "overloaded_error", message: "Overloaded" } }, "overloaded", "Overloaded"],
    [{ type: "error", error: { type: "of_tomorrow", message: "m" } }, "server", "m"],
    [{ type: "error" }, "server", "The upstream failed."],
  ] as const)("ends as a failure after %j", (body, kind, message) => {
    const events = readAll([start(), open(0, { type: "text", text: "a" }), frame(body)])
    expect(events.at(-1)).toMatchObject({ type: "fail", failure: { kind, message, status: null } })
  })

  test("that ends without message_stop is complete once a reason was given", () => {
    const [delta] = finish("max_tokens")
    const events = readAll([start(), open(0, { type: "text", text: "a" }), ...(delta === undefined ? [] : [delta])])
    expect(replyOf(fold(events)).stop).toEqual({ is: "length", raw: "max_tokens" })
  })

  test("keeps blocks that only this vendor has", () => {
    const search = { type: "server_tool_use", id: "s", name: "web_search", input: { query: "q" } } as const
    const found = { type: "web_search_tool_result", tool_use_id: "s", content: [] } as const
    const frames = [
      start(),
      open(0, { ...search, input: {} }),
      grow(0, { type: "input_json_delta", partial_json: '{"query":' }),
      grow(0, { type: "input_json_delta", partial_json: '"q"}' }),
      close(0),
      open(1, found),
      close(1),
      open(2, { type: "compaction", content: null }),
      grow(2, { type: "compaction_delta", content: "sum", encrypted_content: "e" }),
      close(2),
      open(3, { type: "of_tomorrow", song: "la" }),
      grow(3, { type: "song_delta", song: " la" }),
      grow(3, { type: "song_delta", verse: 2 }),
      close(3),
      open(4, { type: "redacted_thinking", data: "d" }),
      close(4),
      ...finish("pause_turn"),
    ]
    const reply = replyOf(fold(readAll(frames)))
    expect(reply.blocks).toMatchObject([
      { what: "hosted-call", raw: search },
      { what: "hosted-result", raw: found },
      { what: "notice", raw: { type: "compaction", content: "sum", encrypted_content: "e" }, text: "sum" },
      { what: "content", raw: { type: "of_tomorrow", song: "la la", verse: 2 } },
      { type: "reasoning", parts: [], seal: { form: "redacted", payload: "d" } },
    ])
    expect(reply.stop.is).toBe("pause")
  })

  test("keeps what changes the meaning of the answer", () => {
    const delta = {
      stop_reason: "refusal",
      stop_details: { type: "refusal", category: "cyber" },
      container: { id: "c" },
    }
    const last = frame({
      type: "message_delta",
      delta,
      usage: { output_tokens: 1 },
      context_management: { applied_edits: [] },
    })
    const reply = replyOf(fold(readAll([start(), last, frame({ type: "message_stop" })])))
    expect(reply.stop).toEqual({ is: "refusal", raw: "refusal", details: { type: "refusal", category: "cyber" } })
    expect(reply.extra).toEqual({
      dialect: "messages",
      fields: { container: { id: "c" }, context_management: { applied_edits: [] } },
    })
  })

  test("of 50,000 pieces is read piece by piece", () => {
    const reader = new MessagesStreamReader(context())
    const check = checkGrammar()
    let events = 0
    const push = (one: Frame): void => {
      for (const event of reader.push(one)) {
        check.push(event)
        events += 1
      }
    }
    push(start())
    push(open(0, { type: "tool_use", id: "t", name: "f", input: {} }))
    const piece = grow(0, { type: "input_json_delta", partial_json: "1," })
    for (let count = 0; count < 50_000; count += 1) push(piece)
    for (const one of [close(0), ...finish("max_tokens")]) push(one)
    expect(check.finished).toBe(true)
    expect(events).toBe(50_000 + "start open close usage stop end".split(" ").length)
  })
})
