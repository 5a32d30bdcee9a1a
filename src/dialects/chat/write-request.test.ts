import { describe, expect, test } from "bun:test"
import { CHAT_ISSUER, chatFacts, counter } from "../../../test/helpers/chat-codec.ts"
import type { Block } from "../../canonical/block.ts"
import { parseExact, type JsonObject } from "../../canonical/json.ts"
import type { Message, Request } from "../../canonical/request.ts"
import { emptyRequest } from "../../../test/helpers/empty-request.ts"
import type { Dialect } from "../../canonical/origin.ts"
import type { TargetFacts } from "../../canonical/target.ts"
import type { Tool } from "../../canonical/tool.ts"
import { RouterError } from "../../errors.ts"
import { readRequest } from "./read-request.ts"
import { writeRequest } from "./write-request.ts"
import { countedReads } from "../../../test/helpers/counted-reads.ts"

const text = (words: string): Block => ({ type: "text", text: words })
const asked = (own: Partial<Request>, from: Dialect = "messages"): Request => ({
  ...emptyRequest(from, "group"),
  messages: [{ role: "user", blocks: [text("hi")] }],
  ...own,
})

interface Written {
  readonly body: JsonObject
  readonly losses: readonly string[]
}

function write(request: Request, own: Partial<TargetFacts> = {}): Written {
  const { body, losses } = writeRequest(request, chatFacts(own), counter())
  return {
    body: JSON.parse(JSON.stringify(body)) as JsonObject,
    losses: losses.map((loss) => `${loss.code} ${loss.path}`),
  }
}

const messagesOf = (
  messages: readonly Message[],
  own: Partial<TargetFacts> = {},
  from: Dialect = "messages",
): Written => {
  const { body, losses } = write(asked({ messages }, from), own)
  return { body: { messages: body["messages"] ?? null }, losses }
}

const call = (id: string, own: Partial<Extract<Block, { type: "tool-call" }>> = {}): Block => {
  return { type: "tool-call", id, name: "f", namespace: null, kind: "function", arguments: "{}", ...own }
}
const result = (callId: string, ...content: Block[]): Block => {
  return { type: "tool-result", callId, kind: "function", isError: false, content }
}

test("the smallest body has model and messages", () => {
  expect(write(asked({}))).toEqual({
    body: { model: "upstream-model", messages: [{ role: "user", content: "hi" }] },
    losses: [],
  })
})

describe("messages:", () => {
  test("instructions are a system message of parts, marks and attribution are left out", () => {
    const instructions: Block[] = [
      text("x-anthropic-billing-header: cc_version=1"),
      { type: "text", text: "a", cache: { ttl: "5m" } },
      text("b"),
    ]
    const { body, losses } = write(asked({ instructions, cache: { ttl: null } }))
    expect(body["messages"]).toEqual([
      {
        role: "system",
        content: [
          { type: "text", text: "a" },
          { type: "text", text: "b" },
        ],
      },
      { role: "user", content: "hi" },
    ])
    expect(losses).toEqual(["cache-mark instructions[0]", "cache-mark cache"])
  })

  test("developer is system for servers that do not know it", () => {
    const messages: Message[] = [
      { role: "developer", blocks: [text("d")] },
      { role: "user", blocks: [text("u")] },
    ]
    const roles = (developerRole: boolean): unknown =>
      (messagesOf(messages, { developerRole }, "responses").body["messages"] as JsonObject[]).map((one) => one["role"])
    expect(roles(false)).toEqual(["system", "user"])
    expect(roles(true)).toEqual(["developer", "user"])
  })

  test("cache marks cross between kin, in OpenAI's form, and come back home in their own", () => {
    const marked: Block = { type: "text", text: "a", cache: { ttl: "30m" } }
    const part = { type: "text", text: "a" }
    const contentOf = (from: Dialect, own: Partial<Request> = {}): unknown => {
      const { body } = write(asked({ messages: [{ role: "user", blocks: [marked] }], ...own }, from))
      return (body["messages"] as JsonObject[])[0]?.["content"]
    }
    const breakpoint = [{ ...part, prompt_cache_breakpoint: { mode: "explicit", ttl: "30m" } }]
    expect(contentOf("responses")).toEqual(breakpoint)
    expect(contentOf("chat", { identity: { promptCacheOptions: { mode: "explicit" } } })).toEqual(breakpoint)
    expect(contentOf("chat")).toEqual([{ ...part, cache_control: { type: "ephemeral", ttl: "30m" } }])
    expect(contentOf("messages")).toBe("a")
  })

  test("texts are joined for servers that take no lists of them", () => {
    const image: Block = { type: "image", source: { kind: "url", url: "https://a.example/i" } }
    const messages: Message[] = [
      { role: "user", blocks: [text("a"), text("b")] },
      { role: "user", blocks: [text("c"), image] },
    ]
    const written = messagesOf(messages, { textParts: false }).body["messages"] as JsonObject[]
    expect(written[0]?.["content"]).toBe("a\n\nb")
    expect(written[1]?.["content"]).toHaveLength(2)
  })

  test("calls and results have exact arguments, legal ids, and errors as text", () => {
    const args = '{ "n": 12345678901234567890 }'
    const { body, losses } = messagesOf([
      { role: "user", blocks: [text("go")] },
      { role: "assistant", blocks: [text("one"), call("a".repeat(70), { arguments: args })] },
      {
        role: "user",
        blocks: [{ ...result("a".repeat(70), text("no")), isError: true } as Block, text("next")],
      },
    ])
    const [, said, answered, next] = body["messages"] as JsonObject[]
    const [made] = (said?.["tool_calls"] ?? []) as readonly JsonObject[]
    expect(said?.["content"]).toBe("one")
    expect(made?.["function"]).toEqual({ name: "f", arguments: args })
    expect(made?.["type"]).toBe("function")
    expect(made?.["id"]).toMatch(/^.{1,64}$/)
    expect(answered).toEqual({ role: "tool", tool_call_id: made?.["id"] ?? null, content: "[tool error] no" })
    expect(next).toEqual({ role: "user", content: "next" })
    expect(losses).toEqual(["tool-result-error messages[2].blocks[0]"])
  })

  test("calls without text have null content, text behind calls moves before them", () => {
    const { body, losses } = messagesOf([
      { role: "user", blocks: [text("go")] },
      { role: "assistant", blocks: [call("a")] },
      { role: "tool", blocks: [result("a")] },
      { role: "assistant", blocks: [text("x"), call("b"), text("y")] },
      { role: "tool", blocks: [result("b", text("1"), text("2"))] },
    ])
    expect((body["messages"] as JsonObject[]).slice(1)).toEqual([
      {
        role: "assistant",
        content: null,
        tool_calls: [{ id: "a", type: "function", function: { name: "f", arguments: "{}" } }],
      },
      { role: "tool", tool_call_id: "a", content: "" },
      {
        role: "assistant",
        content: [
          { type: "text", text: "x" },
          { type: "text", text: "y" },
        ],
        tool_calls: [{ id: "b", type: "function", function: { name: "f", arguments: "{}" } }],
      },
      {
        role: "tool",
        tool_call_id: "b",
        content: [
          { type: "text", text: "1" },
          { type: "text", text: "2" },
        ],
      },
    ])
    expect(losses).toEqual(["block-order messages[3].blocks[2]"])
  })

  test("images of results follow in a user message", () => {
    const image: Block = { type: "image", source: { kind: "base64", mediaType: "image/png", data: "AAAA" } }
    const { body, losses } = messagesOf([
      { role: "user", blocks: [text("go")] },
      { role: "assistant", blocks: [call("a")] },
      { role: "tool", blocks: [result("a", text("shot"), image)] },
    ])
    expect((body["messages"] as JsonObject[]).slice(2)).toEqual([
      {
        role: "tool",
        tool_call_id: "a",
        content: [
          { type: "text", text: "shot" },
          { type: "text", text: "[image: see the next user message]" },
        ],
      },
      {
        role: "user",
        content: [
          { type: "text", text: "[from the result of tool call a]" },
          { type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } },
        ],
      },
    ])
    expect(losses).toEqual(["tool-result-media messages[2].blocks[0]"])
  })

  test("media that Chat has no form for become text, with a loss", () => {
    const blocks: Block[] = [
      { type: "image", source: { kind: "url", url: "https://a.example/i" }, detail: "high" },
      { type: "document", source: { kind: "base64", mediaType: "application/pdf", data: "BB" }, context: "c" },
      { type: "document", source: { kind: "url", url: "https://a.example/d" }, title: "D" },
      { type: "document", source: { kind: "text", text: "plain", mediaType: "text/plain" }, title: "T" },
      { type: "document", source: { kind: "blocks", blocks: [text("in")] } },
      { type: "document", source: { kind: "file", dialect: "messages", id: "file_1" } },
      { type: "audio", format: "mp3", data: "CC" },
    ]
    const { body, losses } = messagesOf([{ role: "user", blocks }])
    expect(body["messages"]).toEqual([
      {
        role: "user",
        content: [
          { type: "image_url", image_url: { url: "https://a.example/i", detail: "high" } },
          { type: "file", file: { filename: "document.pdf", file_data: "data:application/pdf;base64,BB" } },
          { type: "text", text: "[document: D, https://a.example/d]" },
          { type: "text", text: "[document: T]" },
          { type: "text", text: "plain" },
          { type: "text", text: "in" },
          { type: "input_audio", input_audio: { data: "CC", format: "mp3" } },
        ],
      },
    ])
    expect(losses).toEqual([
      "file-reference messages[0].blocks[5]",
      "document-field messages[0].blocks[1]",
      "document messages[0].blocks[2]",
      "content messages[0].blocks[3]",
      "content messages[0].blocks[4]",
    ])
    const url: Block = { type: "image", source: { kind: "url", url: "https://a.example/i" } }
    const without = messagesOf([{ role: "user", blocks: [text("x"), url] }], { imageUrls: false })
    expect(without).toEqual({
      body: { messages: [{ role: "user", content: [{ type: "text", text: "x" }] }] },
      losses: ["image messages[0].blocks[1]"],
    })
  })

  test("a refusal has its field, citations of the past are left out", () => {
    const cited: Block = {
      type: "text",
      text: "c",
      citations: [{ kind: "url", url: "u", title: null, start: null, end: null, citedText: null }],
    }
    const { body, losses } = messagesOf([
      { role: "user", blocks: [text("x")] },
      { role: "assistant", blocks: [{ type: "refusal", text: "no" }] },
      { role: "user", blocks: [text("y")] },
      { role: "assistant", blocks: [cited] },
      { role: "user", blocks: [text("z")] },
    ])
    const messages = body["messages"] as JsonObject[]
    expect(messages[1]).toEqual({ role: "assistant", content: null, refusal: "no" })
    expect(messages[3]).toEqual({ role: "assistant", content: "c" })
    expect(losses).toEqual(["citations messages[3].blocks[0]"])
  })
})

describe("earlier reasoning", () => {
  const details = [{ type: "reasoning.text", text: "hm", signature: "S", index: 0 }]
  const own: Block = {
    type: "reasoning",
    parts: [{ kind: "raw", text: "hm" }],
    seal: { issuer: CHAT_ISSUER, form: "details", payload: JSON.stringify(details) },
  }
  const plain: Block = {
    type: "reasoning",
    parts: [
      { kind: "raw", text: "a" },
      { kind: "raw", text: "b" },
    ],
    seal: { issuer: CHAT_ISSUER, form: "none", payload: "" },
  }
  const foreign: Block = {
    type: "reasoning",
    parts: [{ kind: "raw", text: "secret" }],
    seal: { issuer: { dialect: "messages", label: "x" }, form: "signature", payload: "S" },
  }
  const turn = (...blocks: Block[]): Message[] => [
    { role: "user", blocks: [text("x")] },
    { role: "assistant", blocks: [...blocks, text("y")] },
    { role: "user", blocks: [text("z")] },
  ]
  const second = (written: Written): JsonObject => (written.body["messages"] as JsonObject[])[1] ?? {}

  test("goes back to its issuer as it came", () => {
    const written = messagesOf(turn(own))
    expect(second(written)).toEqual({ role: "assistant", reasoning_details: details, content: "y" })
    expect(written.losses).toEqual([])
  })

  test("goes to no other credential", () => {
    const written = messagesOf(turn(own), { issuer: { dialect: "chat", label: "two" } })
    expect(second(written)).toEqual({ role: "assistant", content: "y" })
    expect(written.losses).toEqual(["reasoning-history messages[1].blocks[0]"])
  })

  test("is shown where the target wants it, and only its own", () => {
    const written = messagesOf(turn(plain, foreign), { reasoningHistory: "reasoning_content" })
    expect(second(written)).toEqual({ role: "assistant", reasoning_content: "a\n\nb", content: "y" })
    expect(written.losses).toEqual(["reasoning-history messages[1].blocks[1]"])
    expect(messagesOf(turn(plain)).losses).toEqual(["reasoning-history messages[1].blocks[0]"])
  })

  const under = (field: string): Block => ({ ...plain, seal: { issuer: CHAT_ISSUER, form: "field", payload: field } })

  test("goes back under the field in which it came, to its issuer alone", () => {
    for (const field of ["reasoning", "reasoning_content"]) {
      const written = messagesOf(turn(under(field), foreign), { reasoningHistory: "issued" })
      expect(second(written)).toEqual({ role: "assistant", [field]: "a\n\nb", content: "y" })
      expect(written.losses).toEqual(["reasoning-history messages[1].blocks[1]"])
      const other = { reasoningHistory: "issued", issuer: { dialect: "chat", label: "two" } } as const
      expect(second(messagesOf(turn(under(field)), other))).toEqual({ role: "assistant", content: "y" })
    }
    const unknown = messagesOf(turn(under("constructor"), plain), { reasoningHistory: "issued" })
    expect(second(unknown)).toEqual({ role: "assistant", content: "y" })
  })

  test("without a seal is believed of a client of this dialect alone", () => {
    const bare: Block = { ...plain, seal: null }
    const facts = chatFacts({ reasoningHistory: "issued" })
    const of = (dialect: "chat" | "responses"): unknown => {
      const request = { ...emptyRequest(dialect, "g"), messages: turn(bare) }
      return (writeRequest(request, facts, counter()).body["messages"] as JsonObject[])[1]
    }
    expect(of("chat")).toEqual({ role: "assistant", reasoning_content: "a\n\nb", content: "y" })
    expect(of("responses")).toEqual({ role: "assistant", content: "y" })
  })

  test("stands beside every call where the target demands it, empty where it is lost", () => {
    const made: Block = { type: "tool-call", id: "c", name: "f", namespace: null, kind: "function", arguments: "{}" }
    const needs = { reasoningHistory: "issued", reasoningBesideCalls: "reasoning_content" } as const
    const lost = second(messagesOf(turn(foreign, made), needs))
    expect(lost).toMatchObject({ reasoning_content: "", content: "y" })
    const kept = second(messagesOf(turn(under("reasoning_content"), made), needs))
    expect(kept).toMatchObject({ reasoning_content: "a\n\nb" })
    expect(second(messagesOf(turn(foreign), needs))).toEqual({ role: "assistant", content: "y" })
  })

  test("in details is not said a second time as text", () => {
    const written = messagesOf(turn(under("reasoning"), own), { reasoningHistory: "issued" })
    expect(second(written)).toEqual({ role: "assistant", reasoning_details: details, content: "y" })
  })

  test("alone leaves no message", () => {
    const messages: Message[] = [
      { role: "user", blocks: [text("x")] },
      { role: "assistant", blocks: [foreign] },
      { role: "user", blocks: [text("z")] },
    ]
    expect(messagesOf(messages).body["messages"]).toEqual([
      { role: "user", content: "x" },
      { role: "user", content: "z" },
    ])
  })

  test("gives calls the fields that their server wants back", () => {
    const seal = {
      issuer: CHAT_ISSUER,
      form: "details",
      payload: JSON.stringify([{ type: "router.tool_call", call_id: "a", fields: { extra_content: { s: "x" } } }]),
    } as const
    const written = messagesOf([
      { role: "user", blocks: [text("x")] },
      { role: "assistant", blocks: [{ type: "reasoning", parts: [], seal }, call("a")] },
      { role: "tool", blocks: [result("a")] },
    ])
    expect(second(written)).toEqual({
      role: "assistant",
      content: null,
      tool_calls: [{ extra_content: { s: "x" }, id: "a", type: "function", function: { name: "f", arguments: "{}" } }],
    })
  })
})

describe("tools", () => {
  const patch: Tool = {
    type: "custom",
    name: "patch",
    namespace: null,
    description: "Edits.",
    grammar: { syntax: "lark", definition: "start: X" },
  }
  const used: Message[] = [
    { role: "user", blocks: [text("x")] },
    { role: "assistant", blocks: [call("a", { name: "patch", kind: "custom", arguments: '*** "q"' })] },
    { role: "tool", blocks: [result("a")] },
  ]

  test("of free text go as functions of one string, and back", () => {
    const request = asked(
      { tools: [patch], messages: used, toolChoice: { mode: "tool", tool: patch, kind: "custom" } },
      "responses",
    )
    const { body, losses } = write(request)
    expect(body["tools"]).toEqual([
      {
        type: "function",
        function: {
          name: "patch",
          description: expect.stringMatching(
            /^Edits\.\n\nThe input must match this lark grammar:\nstart: X\n\n.*`input`/,
          ),
          parameters: {
            type: "object",
            properties: { input: { type: "string" } },
            required: ["input"],
            additionalProperties: false,
          },
        },
      },
    ])
    expect(body["tool_choice"]).toEqual({ type: "function", function: { name: "patch" } })
    const said = (body["messages"] as JsonObject[])[1]
    expect(said?.["tool_calls"]).toEqual([
      { id: "a", type: "function", function: { name: "patch", arguments: '{"input":"*** \\"q\\""}' } },
    ])
    expect(losses).toEqual(["tool-grammar tools[0]"])
    expect(writeRequest(request, chatFacts(), counter()).context.names.named("patch").wrapped).toBe(true)
  })

  test("of free text go as they are to a target that has them", () => {
    const { body, losses } = write(
      asked({ tools: [patch], messages: used, toolChoice: { mode: "tool", tool: patch, kind: "custom" } }, "responses"),
      { customTools: true },
    )
    expect(body["tools"]).toEqual([
      {
        type: "custom",
        custom: {
          name: "patch",
          description: "Edits.",
          format: { type: "grammar", grammar: { syntax: "lark", definition: "start: X" } },
        },
      },
    ])
    expect(body["tool_choice"]).toEqual({ type: "custom", custom: { name: "patch" } })
    expect((body["messages"] as JsonObject[])[1]?.["tool_calls"]).toEqual([
      { id: "a", type: "custom", custom: { name: "patch", input: '*** "q"' } },
    ])
    expect(losses).toEqual([])
  })

  test("have legal names, a schema, and say strict where silence means something else", () => {
    const closed = { type: "object", properties: { a: {} }, required: ["a"], additionalProperties: false }
    const tool = { type: "function", namespace: null } as const
    const tools: Tool[] = [
      { ...tool, name: "mcp.find", schema: closed },
      { ...tool, name: "open", namespace: "files", schema: { type: "object", properties: { a: {} } } },
      { ...tool, name: "said", strict: false },
    ]
    const { body, losses } = write(asked({ tools }, "responses"))
    const functions = (body["tools"] as JsonObject[]).map((one) => one["function"] as JsonObject)
    expect(functions.map((one) => one["strict"])).toEqual([true, undefined, false])
    for (const one of functions) expect(one["name"] as string).toMatch(/^[A-Za-z0-9_-]{1,64}$/)
    expect(functions[1]?.["name"]).toBe("files__open")
    expect(functions[2]?.["parameters"]).toEqual({ type: "object", properties: {} })
    expect(losses).toEqual(["tool-strict tools[1]"])
  })

  test("say required for any, tell forbidden parallels, and are no field where there are none", () => {
    const tools: Tool[] = [{ type: "function", name: "f", namespace: null, schema: {} }]
    const { body } = write(asked({ tools, toolChoice: { mode: "required" }, parallelToolCalls: false }))
    expect([body["tool_choice"], body["parallel_tool_calls"]]).toEqual(["required", false])
    const none = write(asked({ toolChoice: { mode: "auto" }, parallelToolCalls: true }))
    expect(Object.keys(none.body)).toEqual(["model", "messages"])
  })
})

describe("settings:", () => {
  test.each([
    ["max_tokens", { outputTokenField: "max_tokens" }, 10, []],
    ["max_completion_tokens", { outputTokenField: "max_completion_tokens" }, 10, []],
    ["max_tokens", { maxOutputTokens: 5 }, 5, ["output-cap cap"]],
    ["max_tokens", { minOutputTokens: 16 }, 16, ["output-cap cap"]],
  ] as const)("the cap is %s by the target's facts %j", (field, own, tokens, losses) => {
    const written = write(asked({ cap: { tokens: 10, field: "max_output_tokens" } }, "responses"), own)
    expect(written.body[field]).toBe(tokens)
    expect(written.losses).toEqual([...losses])
  })

  test("sampling keeps to the target's range", () => {
    const sampling = { temperature: 1.5, topP: 0.5, topK: 3, frequencyPenalty: 1 }
    const cold = write(asked({ sampling, stopSequences: ["a", "b", "c", "d", "e"] }), {
      temperature: { supported: true, max: 1 },
      topP: false,
    })
    expect(cold.body).toMatchObject({ temperature: 1, frequency_penalty: 1, stop: ["a", "b", "c", "d"] })
    expect(cold.losses).toEqual([
      "sampling sampling.temperature",
      "stop-sequences stopSequences",
      "sampling sampling.topP",
      "sampling sampling.topK",
    ])
    const none = write(asked({ sampling: { temperature: 1 } }), { temperature: { supported: false, max: 2 } })
    expect(none.body["temperature"]).toBeUndefined()
    expect(none.losses).toEqual(["sampling sampling.temperature"])
  })

  test("numbers beyond a double survive", () => {
    const { request } = readRequest(parseExact('{"model":"g","messages":[],"seed":9223372036854775807,"x":1e400}'))
    const { body } = writeRequest(request, chatFacts(), counter())
    expect(JSON.stringify(body)).toContain('"seed":9223372036854775807')
    expect(JSON.stringify(body)).toContain('"x":1e400')
  })

  test.each([
    [{ effort: "high" }, {}, { reasoning_effort: "high" }, []],
    [{ control: "disabled" }, {}, { reasoning_effort: "none" }, []],
    [{ budgetTokens: 5000, control: "enabled" }, {}, { reasoning_effort: "high" }, ["reasoning-control reasoning"]],
    [{ effort: "low", summary: "auto" }, {}, { reasoning_effort: "low" }, ["reasoning-display reasoning.summary"]],
    [{ budgetTokens: 5000 }, { control: "token_budget" }, { reasoning: { max_tokens: 5000 } }, []],
    [{ control: "adaptive" }, { control: "adaptive" }, { reasoning: { enabled: true } }, []],
    [{ effort: "low" }, { control: null }, {}, ["reasoning-control reasoning"]],
  ] as const)("the wish %j is written under %j", (reasoning, own, fields, losses) => {
    const facts = chatFacts()
    const written = write(asked({ reasoning }), { reasoning: { ...facts.reasoning, ...own } })
    const { model: _model, messages: _messages, ...rest } = written.body
    expect(rest).toEqual<unknown>(fields)
    expect(written.losses).toEqual([...losses])
  })

  test.each([
    [{ kind: "json" }, {}, { type: "json_object" }, []],
    [{ kind: "json" }, { jsonMode: false }, undefined, ["output-format output"]],
    [
      { kind: "schema", schema: { type: "object" } },
      {},
      { type: "json_schema", json_schema: { name: "output", schema: { type: "object" } } },
      [],
    ],
    [{ kind: "schema", schema: {} }, { structuredOutput: false }, { type: "json_object" }, ["output-format output"]],
    [{ kind: "text" }, {}, undefined, []],
  ] as const)("the format %j is written under %j", (output, own, format, losses) => {
    const written = write(asked({ output }), own)
    expect(written.body["response_format"]).toEqual<unknown>(format)
    expect(written.losses).toEqual([...losses])
  })

  test("the person behind the call stays here, and cache keys cross to kin", () => {
    const identity = { user: "u", metadata: { a: "b" }, promptCacheKey: "k", promptCacheRetention: "24h" }
    const kin = write(asked({ identity }, "responses"))
    expect(kin.body).toMatchObject({ prompt_cache_key: "k", prompt_cache_retention: "24h" })
    expect(JSON.stringify(kin.body)).not.toContain('"user":"u"')
    expect(kin.losses).toEqual(["identity identity.user", "identity identity.metadata"])
    expect(write(asked({ identity: { promptCacheKey: "own" } }), { cacheKey: false })).toMatchObject({
      losses: ["cache-key identity.promptCacheKey"],
    })
    const home = write(asked({ identity }, "chat"))
    expect(home.body).toMatchObject({ user: "u", metadata: { a: "b" } })
    expect(home.losses).toEqual([])
  })

  test("what only another dialect knows is declared, unless it asks for nothing", () => {
    const { losses } = write(
      asked(
        {
          extra: { truncation: "disabled", context_management: { edits: [] } },
          include: ["reasoning.encrypted_content", "file_search_call.results"],
          namespaces: [{ name: "files", description: "d" }],
          state: { store: true, container: "c" },
          serviceTier: "priority",
        },
        "responses",
      ),
    )
    expect(losses).toEqual([
      "field context_management",
      "field include[1]",
      "block-field namespaces[0].description",
      "store state.store",
      "stored-reference state.container",
      "service-tier serviceTier",
    ])
    expect(write(asked({ state: { store: false }, serviceTier: "auto" }, "responses")).losses).toEqual([])
  })

  test.each([
    ["previous_response_id", { previousResponseId: "resp_1" }],
    ["conversation", { conversation: "conv_1" }],
    ["background", { background: true }],
    ["thread", { thread: { type: "create" } }],
  ] as const)("%s cannot be held by Chat", (param, state) => {
    const refuse = (): unknown => write(asked({ state }, "responses"))
    expect(refuse).toThrow(RouterError)
    try {
      refuse()
    } catch (thrown) {
      expect(thrown).toMatchObject({ code: "stateful-unsupported", detail: { param } })
    }
  })

  test("a streamed call asks for usage and keeps the client's other options", () => {
    const streamed = write(asked({ stream: true, extra: { stream_options: { include_obfuscation: false } } }, "chat"))
    expect(streamed.body).toMatchObject({
      stream: true,
      stream_options: { include_obfuscation: false, include_usage: true },
    })
    expect(write(asked({ stream: true, extra: { stream_options: {} } }, "responses")).losses).toEqual([])
  })

  test("unknown fields of a client cannot replace what the router says", () => {
    const { body } = write(asked({ extra: { model: "other", messages: [], best_of: 2 } }, "chat"))
    expect(body).toMatchObject({ model: "upstream-model", best_of: 2, messages: [{ role: "user", content: "hi" }] })
  })
})

test("the work for a long history grows with its length, not with its square", () => {
  const workFor = (count: number): number => {
    const history = Array.from({ length: count }, (_, index): Message => {
      if (index % 3 === 0) return { role: "user", blocks: [text(`q${index}`)] }
      return index % 3 === 1
        ? { role: "assistant", blocks: [call(`c${index}`)] }
        : { role: "tool", blocks: [result(`c${index - 1}`, text("r"))] }
    })
    const { messages, reads } = countedReads(history)
    expect((messagesOf(messages).body["messages"] as JsonObject[]).length).toBe(count)
    return reads()
  }
  expect(workFor(3000) / workFor(1500)).toBeLessThan(2.1)
})
