import { describe, expect, test } from "bun:test"
import type { Block } from "../../canonical/block.ts"
import { parseExact, type JsonValue } from "../../canonical/json.ts"
import type { Message, Request } from "../../canonical/request.ts"
import { originSeal, wrapReasoning } from "../../canonical/seal.ts"
import { RouterError } from "../../errors.ts"
import { readRequest } from "./read-request.ts"

const read = (body: Record<string, unknown>): Request =>
  readRequest(parseExact(JSON.stringify({ model: "g", messages: [], ...body }))).request
const readOne = (message: unknown): Message => read({ messages: [message] }).messages[0]!
const text = (words: string): Block => ({ type: "text", text: words })

function paramOf(body: unknown): string | undefined {
  try {
    readRequest(body as JsonValue)
  } catch (thrown) {
    if (thrown instanceof RouterError && thrown.code === "invalid-request") return thrown.detail.param
  }
  return undefined
}

describe("a body that cannot mean a request names its fault", () => {
  const user = { role: "user", content: "x" }
  test.each([
    ["body", []],
    ["messages", {}],
    ["messages", { messages: "x" }],
    ["messages[0]", { messages: ["x"] }],
    ["messages[0].role", { messages: [{ role: "wizard" }] }],
    ["messages[1].content", { messages: [user, { role: "user", content: 7 }] }],
    ["messages[0].content[0]", { messages: [{ role: "user", content: [7] }] }],
    ["messages[0].tool_call_id", { messages: [{ role: "tool", content: "x" }] }],
    ["messages[0].tool_calls", { messages: [{ role: "assistant", tool_calls: {} }] }],
    ["messages[0].tool_calls[0].id", { messages: [{ role: "assistant", tool_calls: [{}] }] }],
    [
      "messages[0].tool_calls[0].function.name",
      { messages: [{ role: "assistant", tool_calls: [{ id: "a", function: {} }] }] },
    ],
    ["tools", { messages: [user], tools: {} }],
    ["tools[0].function.name", { messages: [user], tools: [{ type: "function" }] }],
    ["tools[0].type", { messages: [user], tools: [{}] }],
    ["tool_choice", { messages: [user], tool_choice: "sometimes" }],
    ["temperature", { messages: [user], temperature: "hot" }],
    ["stop", { messages: [user], stop: [1] }],
    ["stream", { messages: [user], stream: "yes" }],
    ["response_format", { messages: [user], response_format: "json" }],
    ["seed", { messages: [user], seed: "x" }],
  ])("as the path %s", (param, body) => {
    expect(paramOf(body)).toBe(param)
  })
})

describe("messages", () => {
  test("keep their order, their names and what is unknown in them", () => {
    const request = read({
      messages: [
        { role: "developer", content: "d" },
        { role: "system", content: [{ type: "text", text: "s", cache_control: { type: "ephemeral", ttl: "1h" } }] },
        { role: "user", name: "ann", content: "", mood: "good" },
        { role: "user", content: null },
      ],
    })
    expect(request.messages).toEqual([
      { role: "developer", blocks: [text("d")] },
      { role: "system", blocks: [{ type: "text", text: "s", cache: { ttl: "1h" } }] },
      { role: "user", name: "ann", blocks: [], extra: { dialect: "chat", fields: { mood: "good" } } },
      { role: "user", blocks: [] },
    ])
    expect(request.instructions).toEqual([])
  })

  test("hold images, sound, files and unknown parts", () => {
    const message = readOne({
      role: "user",
      content: [
        { type: "image_url", image_url: { url: "data:image/png;base64,AAAA", detail: "auto" } },
        { type: "image_url", image_url: { url: "https://a.example/i.png", detail: "low" } },
        { type: "image_url", image_url: "https://a.example/j.png" },
        { type: "input_audio", input_audio: { data: "BBBB", format: "wav" } },
        { type: "file", file: { filename: "a.pdf", file_data: "data:application/pdf;base64,CCCC" } },
        { type: "file", file: { file_data: "CCCC" } },
        { type: "file", file: { file_id: "file-1" } },
        { type: "file", file: {} },
        { type: "document_url", document_url: "https://a.example/d.pdf", document_name: "d" },
        { type: "text", text: "x", prompt_cache_breakpoint: { mode: "explicit" } },
        { type: "video_url", video_url: { url: "https://a.example/v" } },
      ],
    })
    expect(message.blocks).toEqual([
      { type: "image", source: { kind: "base64", mediaType: "image/png", data: "AAAA" } },
      { type: "image", source: { kind: "url", url: "https://a.example/i.png" }, detail: "low" },
      { type: "image", source: { kind: "url", url: "https://a.example/j.png" } },
      { type: "audio", format: "wav", data: "BBBB" },
      { type: "document", source: { kind: "base64", mediaType: "application/pdf", data: "CCCC" }, title: "a.pdf" },
      { type: "document", source: { kind: "base64", mediaType: "", data: "CCCC" } },
      { type: "document", source: { kind: "file", dialect: "chat", id: "file-1" } },
      { type: "raw", dialect: "chat", what: "content", raw: { type: "file", file: {} }, text: null },
      { type: "document", source: { kind: "url", url: "https://a.example/d.pdf" }, title: "d" },
      {
        type: "text",
        text: "x",
        cache: { ttl: null },
      },
      {
        type: "raw",
        dialect: "chat",
        what: "content",
        raw: { type: "video_url", video_url: { url: "https://a.example/v" } },
        text: null,
      },
    ])
  })

  test("of an assistant are reasoning, text, refusal, calls", () => {
    const message = readOne({
      role: "assistant",
      content: "t",
      refusal: "r",
      reasoning_content: "why",
      tool_calls: [
        {
          id: "rx1_YS5i",
          type: "function",
          function: { name: "f", arguments: '{ "a": 1.0 }' },
          extra_content: { s: 1 },
        },
        { id: "rx1_YzI", type: "custom", custom: { name: "patch", input: "*** x" } },
        { id: "c3", type: "function", function: { name: "g" }, custom: { name: "", input: "" } },
      ],
      audio: { id: "audio_1" },
    })
    const call = { type: "tool-call", namespace: null } as const
    expect(message).toEqual({
      role: "assistant",
      blocks: [
        { type: "reasoning", parts: [{ kind: "raw", text: "why" }], seal: null },
        text("t"),
        { type: "refusal", text: "r" },
        {
          ...call,
          id: "rx1_YS5i",
          name: "f",
          kind: "function",
          arguments: '{ "a": 1.0 }',
          extra: { dialect: "chat", fields: { extra_content: { s: 1 } } },
        },
        { ...call, id: "rx1_YzI", name: "patch", kind: "custom", arguments: "*** x" },
        { ...call, id: "c3", name: "g", kind: "function", arguments: "{}" },
      ],
      extra: { dialect: "chat", fields: { audio: { id: "audio_1" } } },
    })
  })

  test("of tools and of functions are results", () => {
    const result = { type: "tool-result", kind: "function", isError: false } as const
    expect(readOne({ role: "tool", tool_call_id: "c1", content: [{ type: "text", text: "ok" }], priority: 1 })).toEqual(
      {
        role: "tool",
        blocks: [
          { ...result, callId: "c1", content: [text("ok")], extra: { dialect: "chat", fields: { priority: 1 } } },
        ],
      },
    )
    expect(readOne({ role: "function", name: "now", content: "" })).toEqual({
      role: "tool",
      blocks: [{ ...result, callId: "now", content: [] }],
    })
    expect(readOne({ role: "assistant", content: null, function_call: { name: "now", arguments: "" } }).blocks).toEqual(
      [{ type: "tool-call", id: "now", name: "now", namespace: null, kind: "function", arguments: "{}" }],
    )
  })

  test("leave <think> in the text", () => {
    expect(readOne({ role: "assistant", content: "<think>x</think>y" }).blocks).toEqual([text("<think>x</think>y")])
  })
})

describe("reasoning that comes back", () => {
  const issuer = { dialect: "messages", label: "a" } as const
  const first = {
    type: "reasoning",
    parts: [{ kind: "raw", text: "why" }],
    seal: { issuer, form: "signature", payload: "S" },
  } as const
  const second = { type: "reasoning", parts: [], seal: { issuer, form: "redacted", payload: "R" } } as const
  const entry = (block: typeof first | typeof second, index: number): unknown => {
    return { type: "reasoning.encrypted", format: "unknown", id: null, index, data: wrapReasoning(block) }
  }
  const call = { id: "c", type: "function", function: { name: "f", arguments: "{}" } }

  test("in envelopes stands where it stood, and the plain text is not read twice", () => {
    const message = readOne({
      role: "assistant",
      content: "t",
      reasoning_content: "why",
      reasoning_details: [entry(second, 2), entry(first, 0)],
      tool_calls: [call],
    })
    expect(message.blocks.map((block) => block.type)).toEqual(["reasoning", "text", "reasoning", "tool-call"])
    expect([message.blocks[0], message.blocks[2]]).toEqual([first, second])
  })

  test("behind everything is still there", () => {
    const message = readOne({
      role: "assistant",
      content: null,
      reasoning_details: [entry(second, 9), entry(first, 8)],
    })
    expect(message.blocks).toEqual([first, second])
  })

  test("in a broken envelope leaves its text", () => {
    const message = readOne({
      role: "assistant",
      content: null,
      reasoning: "why",
      reasoning_details: [{ type: "reasoning.encrypted", data: "rtr1.broken!" }],
    })
    // the field in which a client of this dialect has it is the one under which it goes on
    const seal = { issuer: { dialect: "chat", label: null }, form: "field", payload: "reasoning" } as const
    expect(message.blocks).toEqual([{ type: "reasoning", parts: [{ kind: "raw", text: "why" }], seal }])
  })

  test("of a vendor's own is its list without ours", () => {
    const native = { type: "reasoning.text", text: "hm", signature: "S", index: 0 }
    const details = [native, entry(second, 0)]
    const message = readOne({ role: "assistant", content: null, reasoning: "hm", reasoning_details: details })
    expect(message.blocks).toEqual([
      second,
      {
        type: "reasoning",
        parts: [{ kind: "raw", text: "hm" }],
        seal: { issuer: { dialect: "chat", label: null }, form: "details", payload: JSON.stringify([native]) },
      },
    ])
  })

  test("in Mistral's parts is reasoning in its place", () => {
    const content = [
      {
        type: "thinking",
        thinking: [
          { type: "text", text: "a" },
          { type: "text", text: "b" },
        ],
      },
      { type: "text", text: "c" },
    ]
    expect(readOne({ role: "assistant", content }).blocks).toEqual([
      { type: "reasoning", parts: [{ kind: "raw", text: "ab" }], seal: null },
      text("c"),
    ])
  })

  test("keeps an origin without a payload", () => {
    const block = { type: "reasoning", parts: [{ kind: "summary", text: "s" }], seal: originSeal(issuer) } as const
    const details = [{ type: "reasoning.encrypted", index: 0, data: wrapReasoning(block) }]
    expect(readOne({ role: "assistant", content: null, reasoning_details: details }).blocks).toEqual([block])
  })
})

describe("tools", () => {
  test("are functions, custom tools and hosted ones", () => {
    const request = read({
      tools: [
        {
          type: "function",
          function: { name: "f", description: "d", parameters: { type: "object" }, strict: null, hint: 1 },
          cache_control: { type: "ephemeral" },
        },
        { function: { name: "g" } },
        {
          type: "custom",
          custom: {
            name: "patch",
            format: { type: "grammar", grammar: { syntax: "lark", definition: "start: /x/" } },
          },
        },
        { type: "openrouter:web_search", parameters: {} },
      ],
      functions: [{ name: "old", parameters: {} }],
      parallel_tool_calls: false,
    })
    expect(request.tools).toEqual([
      {
        type: "function",
        name: "f",
        namespace: null,
        description: "d",
        schema: { type: "object" },
        cache: { ttl: null },
        extra: { dialect: "chat", fields: { function: { hint: 1 } } },
      },
      { type: "function", name: "g", namespace: null },
      { type: "custom", name: "patch", namespace: null, grammar: { syntax: "lark", definition: "start: /x/" } },
      {
        type: "raw",
        dialect: "chat",
        vendorType: "openrouter:web_search",
        runs: "provider",
        name: null,
        raw: { type: "openrouter:web_search", parameters: {} },
      },
      { type: "function", name: "old", namespace: null, schema: {} },
    ])
    expect(request.parallelToolCalls).toBe(false)
  })

  const one = { mode: "tool", tool: { name: "f", namespace: null }, kind: "function" }
  test.each([
    [{ tool_choice: "auto" }, { mode: "auto" }],
    [{ tool_choice: "any" }, { mode: "required" }],
    [{ tool_choice: { type: "function", function: { name: "f" } } }, one],
    [{ tool_choice: { function: { name: "f" } } }, one],
    [{ tool_choice: { type: "custom", custom: { name: "f" } } }, { ...one, kind: "custom" }],
    [{ function_call: { name: "f" } }, one],
    [{ function_call: "none" }, { mode: "none" }],
    [
      {
        tool_choice: {
          type: "allowed_tools",
          allowed_tools: { mode: "required", tools: [{ type: "function", function: { name: "f" } }] },
        },
      },
      { mode: "allowed", need: "required", tools: [{ name: "f", namespace: null }] },
    ],
    [{ tool_choice: { type: "web" } }, { mode: "raw", dialect: "chat", raw: { type: "web" } }],
  ])("have the choice %j", (body, choice) => {
    expect(read(body).toolChoice).toEqual<unknown>(choice)
  })
})

describe("settings", () => {
  test("stand in their places", () => {
    const request = readRequest(
      parseExact(
        `{"model":"g","messages":[],"temperature":0.5,"top_p":1,"top_k":4,"min_p":0.1,"seed":9007199254740993,
          "stop":"END","n":2,"logprobs":true,"top_logprobs":3,"logit_bias":{"1":-100},"max_completion_tokens":10,
          "max_tokens":20,"response_format":{"type":"json_schema","json_schema":{"name":"o","strict":true,"schema":{}}},
          "verbosity":"low","user":"u","safety_identifier":"s","metadata":{"a":"b"},"prompt_cache_key":"k",
          "prompt_cache_retention":"24h","prompt_cache_options":{"mode":"explicit"},"store":true,"service_tier":"flex",
          "stream":true,"stream_options":{"include_usage":true,"include_obfuscation":false},"guided_json":{"x":1}}`,
      ),
    )
    expect(request.losses).toEqual([{ code: "output-cap", path: "max_tokens" }])
    const { sampling, ...rest } = request.request
    expect(JSON.stringify(sampling.seed)).toBe("9007199254740993")
    expect({ ...sampling, seed: 0 }).toEqual({
      temperature: 0.5,
      topP: 1,
      topK: 4,
      minP: 0.1,
      topLogprobs: 3,
      choices: 2,
      logitBias: { "1": -100 },
      logprobs: true,
      seed: 0,
    })
    expect(rest).toEqual({
      dialect: "chat",
      model: "g",
      instructions: [],
      messages: [],
      tools: [],
      namespaces: [],
      stopSequences: ["END"],
      cap: { tokens: 10, field: "max_completion_tokens" },
      output: { kind: "schema", schema: {}, name: "o", strict: true },
      verbosity: "low",
      identity: {
        user: "u",
        safetyIdentifier: "s",
        metadata: { a: "b" },
        promptCacheKey: "k",
        promptCacheRetention: "24h",
        promptCacheOptions: { mode: "explicit" },
      },
      state: { store: true },
      serviceTier: "flex",
      stream: true,
      includeUsage: true,
      include: [],
      extra: { stream_options: { include_obfuscation: false }, guided_json: { x: 1 } },
    })
  })

  test.each([
    [{ reasoning_effort: "none" }, { effort: "none" }, {}],
    [{ reasoning: { effort: "high", exclude: true } }, { effort: "high" }, { reasoning: { exclude: true } }],
    [{ reasoning: { max_tokens: 2000 } }, { budgetTokens: 2000 }, {}],
    [{ reasoning: { enabled: false } }, { control: "disabled" }, {}],
    [
      { thinking: { type: "enabled", budget_tokens: 1024, clear_thinking: true } },
      { control: "enabled", budgetTokens: 1024 },
      { thinking: { clear_thinking: true } },
    ],
    [{ thinking: { type: "sometimes" } }, undefined, { thinking: { type: "sometimes" } }],
    [{ reasoning: "deep" }, undefined, { reasoning: "deep" }],
  ])("hold the wish %j", (body, wish, extra) => {
    const request = read(body)
    expect(request.reasoning).toEqual<unknown>(wish)
    expect(request.extra).toEqual<unknown>(extra)
  })

  test("take keys named like parts of objects for keys", () => {
    const body = parseExact('{"model":"g","messages":[],"__proto__":{"polluted":true},"constructor":1}')
    const { extra } = readRequest(body).request
    expect(Object.keys(extra).toSorted()).toEqual(["__proto__", "constructor"])
    expect("polluted" in {}).toBe(false)
  })
})
