/** What a client's body means, case by case. */
import { describe, expect, test } from "bun:test"
import path from "node:path"
import type { Block } from "../../canonical/block.ts"
import { parseExact, type JsonObject, type JsonValue } from "../../canonical/json.ts"
import type { Request } from "../../canonical/request.ts"
import { wrapReasoning } from "../../canonical/seal.ts"
import { RouterError } from "../../errors.ts"
import { readRequest } from "./read-request.ts"

const read = (own: JsonObject): Request => readRequest({ model: "m", messages: [], ...own }).request

function blocks(...content: readonly JsonObject[]): readonly Block[] {
  return read({ messages: [{ role: "user", content }] }).messages[0]?.blocks ?? []
}

describe("content", () => {
  const image = (source: JsonObject): JsonObject => ({ type: "image", source })
  test.each([
    ["empty text", { type: "text", text: "" }, []],
    ["text", { type: "text", text: "a" }, [{ type: "text", text: "a" }]],
    [
      "a cache mark",
      { type: "text", text: "a", cache_control: { type: "ephemeral", ttl: "1h" } },
      [{ type: "text", text: "a", cache: { ttl: "1h" } }],
    ],
    [
      "an image in base64",
      image({ type: "base64", media_type: "image/png", data: "AA==" }),
      [{ type: "image", source: { kind: "base64", mediaType: "image/png", data: "AA==" } }],
    ],
    [
      "an image in a data URL",
      image({ type: "url", url: "data:image/gif;base64,R0lG" }),
      [{ type: "image", source: { kind: "base64", mediaType: "image/gif", data: "R0lG" } }],
    ],
    [
      "an image at a URL",
      image({ type: "url", url: "https://a/b" }),
      [{ type: "image", source: { kind: "url", url: "https://a/b" } }],
    ],
    [
      "an uploaded image",
      image({ type: "file", file_id: "f" }),
      [{ type: "image", source: { kind: "file", dialect: "messages", id: "f" } }],
    ],
    [
      "a document of words",
      { type: "document", title: "t", context: "c", source: { type: "text", media_type: "text/plain", data: "w" } },
      [
        {
          type: "document",
          source: { kind: "text", text: "w", mediaType: "text/plain" },
          title: "t",
          context: "c",
        },
      ],
    ],
    [
      "a document of blocks",
      { type: "document", source: { type: "content", content: "w" }, citations: { enabled: false } },
      [{ type: "document", source: { kind: "blocks", blocks: [{ type: "text", text: "w" }] } }],
    ],
    [
      "a call without arguments by the model itself",
      { type: "tool_use", id: "rx1_YS5i", name: "f", input: {}, caller: { type: "direct" } },
      [{ type: "tool-call", id: "rx1_YS5i", name: "f", namespace: null, kind: "function", arguments: "{}" }],
    ],
    [
      "a failed result without content",
      { type: "tool_result", tool_use_id: "a", is_error: true },
      [{ type: "tool-result", callId: "a", kind: "function", isError: true, content: [] }],
    ],
    ["thinking without anything", { type: "thinking", thinking: "", signature: "" }, []],
    [
      "thinking that nobody signed",
      { type: "thinking", thinking: "t", signature: "" },
      [{ type: "reasoning", parts: [{ kind: "raw", text: "t" }], seal: null }],
    ],
    [
      "omitted thinking",
      { type: "thinking", thinking: "", signature: "s" },
      [
        {
          type: "reasoning",
          parts: [],
          seal: { issuer: { dialect: "messages", label: null }, form: "signature", payload: "s" },
        },
      ],
    ],
    [
      "redacted thinking",
      { type: "redacted_thinking", data: "d" },
      [
        {
          type: "reasoning",
          parts: [],
          seal: { issuer: { dialect: "messages", label: null }, form: "redacted", payload: "d" },
        },
      ],
    ],
  ] satisfies readonly (readonly [string, JsonObject, readonly Block[]])[])("is read: %s", (_name, wire, expected) => {
    expect(blocks(wire)).toEqual(expected)
  })

  test("of other vendors' reasoning is opened", () => {
    const block = {
      type: "reasoning",
      parts: [{ kind: "summary", text: "s" }],
      seal: { issuer: { dialect: "responses", label: "l" }, form: "encrypted", payload: "p" },
    } as const
    const envelope = wrapReasoning(block) ?? ""
    expect(blocks({ type: "thinking", thinking: "cut", signature: envelope })).toEqual([block])
    expect(blocks({ type: "redacted_thinking", data: envelope })).toEqual([block])
    expect(blocks({ type: "redacted_thinking", data: "rtr7.unknown" })).toEqual([])
  })

  test.each([
    ["server_tool_use", "hosted-call", null],
    ["mcp_tool_use", "hosted-call", null],
    ["web_search_tool_result", "hosted-result", null],
    ["advisor_tool_result", "hosted-result", null],
    ["container_upload", "reference", null],
    ["fallback", "notice", null],
    ["tool_addition", "notice", null],
    ["compaction", "notice", "said"],
    ["tool_reference", "content", "[tool available: look]"],
    ["search_result", "content", "said"],
    ["block_of_tomorrow", "content", null],
  ] as const)("of the type %s is raw, as %s", (type, what, text) => {
    const wire: JsonObject = {
      type,
      tool_name: "look",
      content: type === "search_result" ? [{ text: "said" }] : "said",
    }
    expect(blocks(wire)).toEqual([{ type: "raw", dialect: "messages", what, raw: wire, text }])
  })

  test("keeps the spelling of numbers, and fields of tomorrow", () => {
    const text =
      '{"messages":[{"role":"user","mood":"calm","content":[{"type":"tool_use","id":"a","name":"f","weight":1,"input":{"n":12345678901234567890}}]}]}'
    const [message] = readRequest(parseExact(text)).request.messages
    expect(message?.extra).toEqual({ dialect: "messages", fields: { mood: "calm" } })
    expect(message?.blocks[0]).toMatchObject({
      arguments: '{"n":12345678901234567890}',
      extra: { dialect: "messages", fields: { weight: 1 } },
    })
  })

  test("of citations is common for web sources, and raw for all others", () => {
    const web = { type: "web_search_result_location", url: "u", title: null, cited_text: "c", encrypted_index: "i" }
    const page = { type: "page_location", document_index: 0 }
    expect(blocks({ type: "text", text: "a", citations: [web, page] })).toEqual([
      {
        type: "text",
        text: "a",
        citations: [
          {
            kind: "url",
            url: "u",
            title: null,
            start: null,
            end: null,
            citedText: "c",
            extra: { dialect: "messages", fields: { encrypted_index: "i" } },
          },
          { kind: "raw", dialect: "messages", raw: page },
        ],
      },
    ])
  })
})

describe("the conversation", () => {
  test("keeps roles, boundaries and messages without blocks", () => {
    const { messages, instructions } = read({
      system: [{ type: "text", text: "s" }],
      messages: [
        { role: "user", content: "a" },
        { role: "user", content: "" },
        { role: "system", content: "b", clear_at: "never" },
        { role: "system" },
        { role: "assistant", content: [{ type: "text", text: "c" }] },
      ],
    })
    expect(instructions).toEqual([{ type: "text", text: "s" }])
    expect(messages.map(({ role, blocks: inner }) => [role, inner.length])).toEqual([
      ["user", 1],
      ["user", 0],
      ["system", 1],
      ["system", 0],
      ["assistant", 1],
    ])
    expect(messages[2]?.extra?.fields).toEqual({ clear_at: "never" })
  })
})

describe("tools", () => {
  test.each([
    ["bash_20250124", "client"],
    ["text_editor_20250728", "client"],
    ["computer_20251124", "client"],
    ["computer_toolset_20260801", "client"],
    ["browser_toolset_20260801", "client"],
    ["memory_20250818", "client"],
    ["web_search_20250305", "provider"],
    ["code_execution_20260120", "provider"],
    ["tool_search_tool_regex_20251119", "provider"],
    ["mcp_toolset", "provider"],
    ["advisor_20260301", "provider"],
  ] as const)("named %s are run by the %s", (type, runs) => {
    const raw = { type, name: "n" }
    const tool = { type: "raw", dialect: "messages", vendorType: type, runs, name: "n", raw } as const
    expect(read({ tools: [raw] }).tools).toEqual([tool])
  })

  test("with a schema are functions, whatever their type says", () => {
    const plain = { name: "f", description: "d", input_schema: { type: "object" } }
    const tool = { type: "function", name: "f", namespace: null, description: "d", schema: { type: "object" } } as const
    const usual = { type: "custom", allowed_callers: ["direct"], eager_input_streaming: false, strict: null }
    expect(read({ tools: [plain, { ...plain, ...usual, defer_loading: false }] }).tools).toEqual([tool, tool])
    const deferred = { ...plain, defer_loading: true, strict: true, input_examples: [{}] }
    expect(read({ tools: [deferred] }).tools).toEqual([
      { ...tool, strict: true, deferred: true, extra: { dialect: "messages", fields: { input_examples: [{}] } } },
    ])
  })

  test.each([
    [{ type: "auto" }, { toolChoice: { mode: "auto" } }],
    [{ type: "none" }, { toolChoice: { mode: "none" } }],
    [
      { type: "any", disable_parallel_tool_use: true },
      { toolChoice: { mode: "required" }, parallelToolCalls: false },
    ],
    [
      { type: "tool", name: "f", disable_parallel_tool_use: false },
      { toolChoice: { mode: "tool", tool: { name: "f", namespace: null }, kind: "function" }, parallelToolCalls: true },
    ],
    [
      { type: "tool", name: "web_search", disable_parallel_tool_use: true },
      {
        toolChoice: { mode: "raw", dialect: "messages", raw: { type: "tool", name: "web_search" } },
        parallelToolCalls: false,
      },
    ],
  ] as const)("have the choice %j", (wire, expected) => {
    const tools = [{ type: "web_search_20250305", name: "web_search" }]
    expect(read({ tools, tool_choice: wire })).toMatchObject(expected)
  })
})

describe("wishes", () => {
  test.each([
    [{ thinking: { type: "disabled" } }, { control: "disabled" }, {}],
    [{ thinking: { type: "adaptive", display: "omitted" } }, { control: "adaptive", display: "omitted" }, {}],
    [{ thinking: { type: "enabled", budget_tokens: 2000 } }, { control: "enabled", budgetTokens: 2000 }, {}],
    [{ thinking: { type: "between_tools" } }, undefined, { thinking: { type: "between_tools" } }],
    [{ output_config: { effort: "max" } }, { effort: "max" }, {}],
    [{ output_config: { task_budget: { total: 1 } } }, undefined, { output_config: { task_budget: { total: 1 } } }],
  ] as const)("to reason are read from %j", (wire, reasoning, extra) => {
    const request = read(wire)
    expect(request.reasoning).toEqual(reasoning as Request["reasoning"])
    expect(request.extra).toEqual(extra)
  })

  test.each([
    [{ output_config: { format: { type: "json_schema", schema: { type: "object" } } } }],
    [{ output_format: { type: "json_schema", schema: { type: "object" } } }],
  ])("for a format are read from %j", (wire) => {
    expect(read(wire).output).toEqual({ kind: "schema", schema: { type: "object" } })
  })

  test("of all other kinds are read", () => {
    const request = read({
      max_tokens: 5,
      temperature: 0,
      top_p: 0.5,
      top_k: 3,
      stop_sequences: ["a"],
      stream: true,
      service_tier: "auto",
      metadata: { user_id: "u", more: 1 },
      cache_control: { type: "ephemeral" },
      container: "c",
      thread: { type: "create" },
      mcp_servers: [],
      speed: "fast",
      inference_geo: null,
    })
    expect(request).toMatchObject({
      cap: { tokens: 5, field: "max_tokens" },
      sampling: { temperature: 0, topP: 0.5, topK: 3 },
      stopSequences: ["a"],
      stream: true,
      serviceTier: "auto",
      identity: { user: "u", metadata: { more: 1 } },
      cache: { ttl: null },
      state: { container: "c", thread: { type: "create" } },
    })
    expect(request.extra).toEqual({ mcp_servers: [], speed: "fast" })
  })

  test("are numbers in whatever spelling", () => {
    const text = '{"messages":[],"max_tokens":1e3,"temperature":1.0,"seed":12345678901234567890}'
    const { request } = readRequest(parseExact(text))
    expect(request.cap?.tokens).toBe(1000)
    expect(request.sampling.temperature).toBe(1)
    expect(JSON.stringify(request.extra)).toBe('{"seed":12345678901234567890}')
  })
})

describe("a body that cannot mean a request", () => {
  test.each([
    ["a list", [], undefined],
    ["no messages", {}, "messages"],
    ["a message of text", { messages: ["a"] }, "messages[0]"],
    ["an unknown role", { messages: [{ role: "wizard", content: "a" }] }, "messages[0].role"],
    ["content of numbers", { messages: [{ role: "user", content: 7 }] }, "messages[0].content"],
    ["a block without a type", { messages: [{ role: "user", content: [{}] }] }, "messages[0].content[0]"],
    [
      "a result without a call",
      { messages: [{ role: "user", content: [{ type: "tool_result" }] }] },
      "messages[0].content[0].tool_use_id",
    ],
    ["a tool without a name", { messages: [], tools: [{ input_schema: {} }] }, "tools[0].name"],
    ["a cap in words", { messages: [], max_tokens: "many" }, "max_tokens"],
    ["a stop sequence of numbers", { messages: [], stop_sequences: [1] }, "stop_sequences[0]"],
    ["metadata of text", { messages: [], metadata: "m" }, "metadata"],
  ] satisfies readonly (readonly [string, JsonValue, string | undefined])[])(
    "is refused with its place: %s",
    (_name, body, param) => {
      const error = thrownBy(() => readRequest(body))
      expect(error).toBeInstanceOf(RouterError)
      expect(error).toMatchObject({ code: "invalid-request" })
      expect((error as RouterError).detail.param).toBe(param)
    },
  )
})

function thrownBy(run: () => unknown): unknown {
  try {
    run()
  } catch (error) {
    return error
  }
  throw new Error("nothing was thrown")
}

test("a recorded agent's request holds everything that it said", async () => {
  const folder = path.resolve(import.meta.dir, "../../../test/fixtures/messages")
  const body = parseExact(await Bun.file(path.join(folder, "agent-request.json")).text())
  const { request } = readRequest(body)
  expect(request.messages.map((message) => message.role)).toEqual(["user", "assistant", "user", "system", "user"])
  expect(request.tools.filter((tool) => tool.type === "function" && tool.deferred === true)).toBeArrayOfSize(2)
  expect(request.extra).toHaveProperty("context_management")
})
