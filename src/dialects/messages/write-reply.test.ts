/** What a Messages client is shown, whole and streamed; the vendor's own client is the referee. */
import Anthropic from "@anthropic-ai/sdk"
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { RECORDINGS_MISSING, answerBytes, recordingsOf, type Recording } from "../../../test/helpers/recordings.ts"
import { framesOf, jsonOf, terminalsOf } from "../../../test/helpers/streams.ts"
import { anyReply, eventsOf, plainReply } from "../../../test/laws/reply-arbitraries.ts"
import type { Block, ReasoningBlock } from "../../canonical/block.ts"
import type { Event } from "../../canonical/event.ts"
import { fold } from "../../canonical/fold.ts"
import { isObject, parseExact, type JsonObject, type JsonValue } from "../../canonical/json.ts"
import { buildNameTable, COMMON_NAME_RULES } from "../../canonical/name-map.ts"
import type { Reply } from "../../canonical/reply.ts"
import { unfold } from "../../canonical/unfold.ts"
import type { ReplyContext, ReplyOptions } from "../codec.ts"
import { readReply } from "./read-reply.ts"
import { readRequest } from "./read-request.ts"
import { MessagesStreamReader } from "./read-stream.ts"
import { writeReply } from "./write-reply.ts"
import { MessagesStreamWriter } from "./write-stream.ts"
import { expectAsyncProperty, expectProperty } from "../../../test/helpers/property.ts"

const issuer = { dialect: "messages", label: "k" } as const
const context: ReplyContext = {
  names: buildNameTable([], [], { rules: COMMON_NAME_RULES, customTools: false }),
  issuer,
  mint: (prefix) => `${prefix}1`,
}
const options: ReplyOptions = {
  request: readRequest({ model: "group", messages: [] }).request,
  clientBody: {},
  model: null,
  mint: (prefix) => `${prefix}1`,
  now: () => 1,
  estimatedUsage: null,
}
const empty: Reply = {
  id: "upstream",
  model: "gpt",
  created: 1,
  blocks: [],
  stop: { is: "end", raw: null },
  usage: null,
}

function streamed(
  events: Iterable<Event>,
  own: Partial<ReplyOptions> = {},
): { text: string; codes: readonly string[] } {
  const writer = new MessagesStreamWriter({ ...options, ...own })
  let text = ""
  for (const event of events) text += writer.push(event)
  return { text, codes: writer.losses().map((loss) => loss.code) }
}

const bodiesOf = (text: string): readonly JsonObject[] => framesOf(text).map(jsonOf).filter(isObject)

/** A client of the vendor whose every call is answered by this text. */
function client(text: string): Anthropic {
  const headers = { "content-type": "text/event-stream" }
  return new Anthropic({ apiKey: "k", maxRetries: 0, fetch: () => Promise.resolve(new Response(text, { headers })) })
}

const asked = { model: "m", max_tokens: 64, messages: [{ role: "user" as const, content: "hello" }] }

async function accumulated(text: string): Promise<JsonObject> {
  return objectOf(await client(text).messages.stream(asked).finalMessage())
}

/** The client's other accumulator, which knows compaction and fallback too. */
async function accumulatedBeta(text: string): Promise<JsonObject> {
  return objectOf(await client(text).beta.messages.stream(asked).finalMessage())
}

function objectOf(message: unknown): JsonObject {
  const value = parseExact(JSON.stringify(message))
  return isObject(value) ? value : {}
}

/** Arguments that are cut off stay cut off in a stream, and are wrapped where a whole object is demanded. */
function isWhole(block: Block): boolean {
  if (block.type !== "tool-call" || !block.arguments.startsWith("{")) return true
  try {
    JSON.parse(block.arguments)
    return true
  } catch {
    return false
  }
}

describe("the vendor's client", () => {
  test("puts any stream of ours together to what a whole answer holds", async () => {
    const pair = anyReply
      .filter((reply) => reply.blocks.every(isWhole))
      .chain((reply) => fc.tuple(fc.constant(reply), eventsOf(fc.constant(reply))))
    await expectAsyncProperty(
      fc.asyncProperty(pair, async ([reply, events]) => {
        const { text, codes } = streamed(events)
        const whole = writeReply(reply, options)
        const message = await accumulated(text)
        const expected: unknown = JSON.parse(JSON.stringify(whole.body))
        if (!isObject(expected)) throw new Error("no body")
        for (const field of ["id", "type", "role", "model", "content", "stop_reason", "stop_sequence"]) {
          expect(message[field]).toEqual(expected[field])
        }
        expect(new Set(codes)).toEqual(new Set(whole.losses.map((loss) => loss.code)))
        const counted = message["usage"] as JsonObject
        expect(counted["input_tokens"]).toBe(reply.usage?.freshInputTokens ?? 0)
        expect(counted["output_tokens"]).toBe(reply.usage?.outputTokens ?? 0)
        expect(counted["cache_read_input_tokens"]).toBe(reply.usage?.cacheReadTokens ?? 0)
      }),
      150,
    )
  })

  test("takes arguments that were cut off", async () => {
    const call: Block = {
      type: "tool-call",
      id: "c",
      name: "f",
      namespace: null,
      kind: "function",
      arguments: '{"a":1,"b":"of',
    }
    const { text, codes } = streamed(unfold({ ...empty, blocks: [call], stop: { is: "length", raw: null } }))
    const message = await accumulated(text)
    expect(message["content"]).toMatchObject([{ type: "tool_use", input: { a: 1 } }])
    expect(message["stop_reason"]).toBe("max_tokens")
    expect(codes).toEqual([])
  })

  test.skipIf(RECORDINGS_MISSING)("puts recorded streams together alike, native or through us", async () => {
    for (const recording of recordingsOf("messages").filter(isSoundStream)) {
      const native = answerBytes(recording).toString()
      const reader = new MessagesStreamReader(context)
      const events = framesOf(native).flatMap(({ data }) => (data === undefined ? [] : reader.push({ data })))
      const [ours, theirs] = [await accumulatedBeta(streamed(events).text), await accumulatedBeta(native)]
      expect({ name: recording.name, content: shown(ours) }).toEqual({ name: recording.name, content: shown(theirs) })
      expect(ours["stop_reason"]).toBe(theirs["stop_reason"] ?? null)
    }
  })
})

function isSoundStream({ stream, features }: Recording): boolean {
  return stream && !features.includes("duplicate_start")
}

/** Left out: what means nothing (empty lists of citations, who called where it is the model, cited text not begun). */
function shown(message: JsonObject): JsonValue {
  const content = message["content"] as readonly JsonObject[]
  return content.map((block) => {
    const { citations, caller, ...rest } = block
    const isCited = Array.isArray(citations) && citations.length > 0
    const isDirect = isObject(caller) && caller["type"] === "direct" && block["type"] === "tool_use"
    return { ...rest, ...(isCited ? { citations } : {}), ...(isDirect || caller === undefined ? {} : { caller }) }
  })
}

describe("a stream", () => {
  test("has named events, a rising index and one end", () => {
    expectProperty(
      fc.property(eventsOf(anyReply), fc.nat(60), fc.boolean(), (events, at, fails) => {
        const writer = new MessagesStreamWriter(options)
        const failure = { kind: "server", status: null, message: "gone" } as const
        const cut = fails
          ? [...events.slice(0, at), { type: "fail", failure, usage: null } as const, ...events]
          : events
        const text = cut.map((event) => writer.push(event) + writer.keepAlive()).join("")
        expect(terminalsOf("messages", text)).toHaveLength(1)
        assertOrder(text)
      }),
      200,
    )
  })

  test("is read back as the same reply", () => {
    expectProperty(
      fc.property(eventsOf(plainReply), (events) => {
        const { text, codes } = streamed(events)
        const reader = new MessagesStreamReader(context)
        const again = framesOf(text).flatMap(({ data }) => (data === undefined ? [] : reader.push({ data })))
        const { reply } = fold(again) as { reply: Reply }
        const { reply: before } = fold(events) as { reply: Reply }
        expect(reply.blocks).toEqual(before.blocks)
        expect(reply.stop.is).toBe(before.stop.is)
        expect(codes).toEqual([])
      }),
      150,
    )
  })

  test("begins with an estimate that the last word replaces", async () => {
    const estimatedUsage = { freshInputTokens: 90, outputTokens: 0, source: "estimated" } as const
    const usage = { freshInputTokens: 100, cacheReadTokens: 7, outputTokens: 3, source: "provider" } as const
    const { text } = streamed(unfold({ ...empty, usage }), { estimatedUsage })
    expect(bodiesOf(text)[0]).toMatchObject({ message: { content: [], usage: { input_tokens: 90 } } })
    const counted = { input_tokens: 100, cache_read_input_tokens: 7, output_tokens: 3 }
    expect((await accumulated(text))["usage"]).toMatchObject(counted)
    const { text: uncounted } = streamed(unfold(empty), { estimatedUsage })
    expect((await accumulated(uncounted))["usage"]).toMatchObject({ input_tokens: 90, output_tokens: 0 })
  })

  test("says nothing of completeness before its end", () => {
    const writer = new MessagesStreamWriter(options)
    const events = [...unfold({ ...empty, blocks: [{ type: "text", text: "a" }] })]
    const before = events.slice(0, -1).map((event) => writer.push(event))
    expect(before.join("")).not.toContain("message_delta")
    expect(before.join("")).not.toContain("message_stop")
    expect(writer.push({ type: "end" })).toContain("message_stop")
    expect(writer.keepAlive()).toBe("")
  })

  test("fails in the vendor's words, before its start and after its stop", async () => {
    const failure = { kind: "overloaded", status: 529, message: "Overloaded", type: "overloaded_error" } as const
    const events = [...unfold(empty)]
    for (const length of [0, 1, events.length - 1]) {
      const { text } = streamed([...events.slice(0, length), { type: "fail", failure, usage: null }])
      expect(framesOf(text).at(-1)?.event).toBe("error")
      const thrown: unknown = await accumulated(text).catch((error: unknown) => error)
      expect(thrown).toBeInstanceOf(Anthropic.APIError)
      expect(thrown).toMatchObject({ type: "overloaded_error" })
    }
  })

  test("bridges silence with pings that nobody sees", async () => {
    const writer = new MessagesStreamWriter(options)
    const blocks: readonly Block[] = [{ type: "text", text: "a" }]
    let text = writer.keepAlive()
    for (const event of unfold({ ...empty, blocks })) text += writer.push(event) + writer.keepAlive()
    expect((await accumulated(text))["content"]).toEqual([{ type: "text", text: "a" }])
  })

  test("gives arguments on as they come, and wraps what is no object at the end", () => {
    const open = { type: "tool-call", id: "c", name: "f", namespace: null, kind: "function" } as const
    const pieces = (kind: "function" | "custom", ...texts: readonly string[]): readonly string[] => {
      const events: readonly Event[] = [
        { type: "open", block: { ...open, kind } },
        ...texts.map((text): Event => ({ type: "delta", delta: { of: "arguments", text } })),
        { type: "close" },
      ]
      const deltas = bodiesOf(streamed(events).text).filter((body) => body["type"] === "content_block_delta")
      return deltas.map((body) => (body["delta"] as { partial_json: string }).partial_json)
    }
    expect(pieces("function", '{"a":', '"}', '"}')).toEqual(['{"a":', '"}', '"}'])
    expect(pieces("function")).toEqual(["{}"])
    expect(pieces("function", "  ", "{}", " \n", "{}")).toEqual(["{}"])
    expect(pieces("function", " [1,", "2]").join("")).toBe('{"router_raw_arguments":"[1,2]"}')
    expect(pieces("custom", 'say "', 'hi"\n')).toEqual(['{"input":"say \\"', 'hi\\"\\n', '"}'])
    expect(pieces("custom")).toEqual(['{"input":""}'])
  })

  test("of 50,000 pieces is written piece by piece", () => {
    const writer = new MessagesStreamWriter(options)
    writer.push({ type: "open", block: { type: "reasoning" } })
    const event: Event = { type: "delta", delta: { of: "reasoning", text: "1,", part: 0, kind: "raw" } }
    const sizes = new Set<number>()
    for (let count = 0; count < 50_000; count += 1) sizes.add(writer.push(event).length)
    expect(sizes.size).toBe(2)
    const seal = { issuer: { dialect: "chat", label: null }, form: "none", payload: "" } as const
    writer.push({ type: "delta", delta: { of: "seal", seal } })
    expect(writer.push({ type: "close" })).toContain('"signature":"rtr1.')
  })
})

function assertOrder(text: string): void {
  let open: number | null = null
  let last = -1
  for (const frame of framesOf(text)) {
    const body = jsonOf(frame) as { type: string; index: number }
    expect(frame.event).toBe(body.type)
    if (body.type === "content_block_start") {
      expect(open).toBeNull()
      expect(body.index).toBe(last + 1)
      open = body.index
      last = body.index
    }
    if (body.type === "content_block_delta") expect(body.index).toBe(open!)
    if (body.type === "content_block_stop") {
      expect(body.index).toBe(open!)
      open = null
    }
    if (body.type === "message_delta") expect(open).toBeNull()
  }
}

describe("a whole answer", () => {
  test("is read back as it was, but for what was declared", () => {
    expectProperty(
      fc.property(plainReply, (reply) => {
        const { body, losses } = writeReply(reply, options)
        const again = readReply(parseExact(JSON.stringify(body)), context)
        if ("failure" in again) throw new Error(again.failure.message)
        expect(again.reply.blocks).toEqual(reply.blocks)
        expect(again.reply.stop.is).toBe(reply.stop.is)
        if (reply.usage !== null) expect(again.reply.usage).toMatchObject(reply.usage)
        expect(losses).toEqual([])
      }),
      150,
    )
  })

  test.skipIf(RECORDINGS_MISSING)("comes out as it went in, for every recording", () => {
    for (const recording of recordingsOf("messages").filter((one) => !one.stream && one.status === 200)) {
      const before = parseExact(answerBytes(recording).toString())
      const read = readReply(before, context)
      if (!isObject(before) || "failure" in read) throw new Error(recording.name)
      const { body, losses } = writeReply(read.reply, options)
      const after = parseExact(JSON.stringify(body))
      if (!isObject(after)) throw new Error(recording.name)
      expect({ name: recording.name, content: shown(after) }).toEqual({ name: recording.name, content: shown(before) })
      const trusted = CALLS_TRUSTED.has(recording.name) ? "tool_use" : before["stop_reason"]
      expect(after["stop_reason"]).toBe(trusted)
      for (const field of ["model", "stop_sequence", "stop_details", "container", "context_management"]) {
        expect(after[field] ?? null).toEqual(before[field] ?? null)
      }
      expect(losses).toEqual([])
    }
  })

  test("shows a model's name by rule: the router's, the upstream's, the request's", () => {
    const shownAs = (reply: Reply, model: string | null): unknown =>
      writeReply(reply, { ...options, model }).body["model"]
    expect(shownAs(empty, "group/name")).toBe("group/name")
    expect(shownAs(empty, null)).toBe("gpt")
    expect(shownAs({ ...empty, model: "" }, null)).toBe("group")
  })

  test.each([
    ["end", "end_turn", []],
    ["stop-sequence", "stop_sequence", []],
    ["length", "max_tokens", []],
    ["context-length", "model_context_window_exceeded", []],
    ["tool-calls", "end_turn", []],
    ["refusal", "refusal", []],
    ["content-filter", "refusal", []],
    ["pause", "pause_turn", []],
    ["compaction", "compaction", []],
    ["other", "end_turn", ["reply-stop"]],
  ] as const)("that ended for %s says %s", (is, reason, codes) => {
    const { body, losses } = writeReply({ ...empty, stop: { is, raw: "word" } }, options)
    expect(body["stop_reason"]).toBe(reason)
    expect(losses.map((loss) => loss.code)).toEqual([...codes])
  })

  test("declares what it cannot show", () => {
    const blocks: readonly Block[] = [
      { type: "refusal", text: "I will not." },
      { type: "text", text: "a", logprobs: [{}] },
      { type: "image", source: { kind: "url", url: "https://a/b" } },
      { type: "raw", dialect: "responses", what: "hosted-call", raw: { type: "web_search_call" }, text: null },
      { type: "raw", dialect: "responses", what: "content", raw: { type: "new" }, text: "as words" },
      { type: "tool-call", id: "a/b", name: "f", namespace: null, kind: "function", arguments: "7" },
    ]
    const usage = { outputTokens: 1, outputAudioTokens: 3, source: "provider" } as const
    const extra = { dialect: "chat", fields: { a: 1 } } as const
    const { body, losses } = writeReply({ ...empty, blocks, usage, extra }, options)
    expect(body["content"]).toEqual([
      { type: "text", text: "I will not." },
      { type: "text", text: "a" },
      { type: "text", text: "as words" },
      { type: "tool_use", id: "rx1_YS9i", name: "f", input: { router_raw_arguments: "7" } },
    ])
    expect(body["stop_reason"]).toBe("refusal")
    expect(new Set(losses.map((loss) => loss.code))).toEqual(
      new Set([
        "reply-refusal",
        "reply-logprobs",
        "reply-content",
        "reply-tool-step",
        "reply-arguments-wrapped",
        "reply-usage",
        "reply-field",
      ]),
    )
  })

  test("of citations keeps the sources, and invents no index for the vendor", () => {
    const cited: Block = {
      type: "text",
      text: "a",
      citations: [
        { kind: "url", url: "u", title: null, start: 0, end: 1, citedText: null },
        { kind: "raw", dialect: "responses", raw: { type: "file_citation" } },
      ],
    }
    const { body, losses } = writeReply({ ...empty, blocks: [cited] }, options)
    const source = { type: "web_search_result_location", url: "u", title: null, cited_text: "" }
    expect(body["content"]).toEqual([
      { type: "text", text: "a", citations: [{ ...source, encrypted_index: "rtr1.citation" }] },
    ])
    expect(losses.map((loss) => loss.code)).toEqual(["reply-citations"])
  })
})

/** Recorded with a client's calls among the blocks although the turn was over: the calls are trusted. */
const CALLS_TRUSTED: ReadonlySet<string> = new Set([
  "messages/vercel-ai--anthropic--anthropic-programmatic-tool-calling.1.json",
])

describe("reasoning", () => {
  const foreign = { dialect: "responses", label: "r" } as const
  const shownAs = (block: ReasoningBlock): JsonObject => {
    const [wire] = writeReply({ ...empty, blocks: [block] }, options).body["content"] as readonly JsonObject[]
    return wire ?? {}
  }
  const backAgain = (wire: JsonObject): readonly Block[] => {
    return readRequest({ messages: [{ role: "assistant", content: [wire] }] }).request.messages[0]?.blocks ?? []
  }

  test("of other vendors travels in an envelope and comes back whole", () => {
    const block: ReasoningBlock = {
      type: "reasoning",
      parts: [
        { kind: "summary", text: "one" },
        { kind: "summary", text: "two" },
      ],
      seal: { issuer: foreign, form: "encrypted", payload: "secret" },
    }
    const wire = shownAs(block)
    expect(wire).toMatchObject({ type: "thinking", thinking: "one\n\ntwo" })
    expect(wire["signature"]).toStartWith("rtr1.")
    expect(backAgain(wire)).toEqual([block])
    const hidden: ReasoningBlock = { ...block, parts: [] }
    expect(shownAs(hidden)).toMatchObject({ type: "redacted_thinking" })
    expect(backAgain(shownAs(hidden))).toEqual([hidden])
  })

  test("of this vendor goes as it came", () => {
    const seal = { issuer, form: "signature", payload: "sig" } as const
    const thinking: ReasoningBlock = { type: "reasoning", parts: [{ kind: "raw", text: "hm" }], seal }
    expect(shownAs(thinking)).toEqual({ type: "thinking", thinking: "hm", signature: "sig" })
    expect(shownAs({ ...thinking, parts: [] })).toEqual({ type: "thinking", thinking: "", signature: "sig" })
    const redacted: ReasoningBlock = { ...thinking, parts: [], seal: { ...seal, form: "redacted" } }
    expect(shownAs(redacted)).toEqual({ type: "redacted_thinking", data: "sig" })
  })

  test("that is too long to travel is shown without its seal, declared", () => {
    const seal = { issuer: foreign, form: "encrypted", payload: "p".repeat(4_194_304) } as const
    const block: ReasoningBlock = { type: "reasoning", parts: [{ kind: "summary", text: "s" }], seal }
    const { body, losses } = writeReply({ ...empty, blocks: [block, { ...block, parts: [] }] }, options)
    expect(body["content"]).toEqual([{ type: "thinking", thinking: "s", signature: "" }])
    expect(losses.map((loss) => loss.code)).toEqual(["reply-reasoning-seal", "reply-reasoning-seal"])
  })

  test("in a stream comes back whole from the vendor's client", async () => {
    await expectAsyncProperty(
      fc.asyncProperty(eventsOf(anyReply), async (events) => {
        const blocks = "reply" in fold(events) ? (fold(events) as { reply: Reply }).reply.blocks : []
        const sent = blocks.filter((block) => block.type === "reasoning")
        const { content } = await accumulated(streamed(events).text)
        const back = (content as readonly JsonObject[]).flatMap(backAgain)
        expect(back.filter((block) => block.type === "reasoning").map(unlabelled)).toEqual(sent.map(unlabelled))
      }),
      80,
    )
  })
})

/** A native payload comes back without its label: nobody can tell which credential it came from. */
function unlabelled(block: ReasoningBlock): unknown {
  const { seal } = block
  return seal?.issuer.dialect === "messages" ? { ...block, seal: { ...seal, issuer: "native" } } : block
}
