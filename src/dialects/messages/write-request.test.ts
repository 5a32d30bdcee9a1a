/** What other dialects' wishes become at Anthropic, with the losses that are declared for it. */
import { describe, expect, test } from "bun:test"
import type { Block, ReasoningBlock } from "../../canonical/block.ts"
import type { JsonObject } from "../../canonical/json.ts"
import type { LossCode } from "../../canonical/loss.ts"
import type { Dialect, Issuer } from "../../canonical/origin.ts"
import type { Message, Request } from "../../canonical/request.ts"
import { emptyRequest } from "../../../test/helpers/empty-request.ts"
import { wrapReasoning } from "../../canonical/seal.ts"
import { defaultFacts, type TargetFacts } from "../../canonical/target.ts"
import type { FunctionTool } from "../../canonical/tool.ts"
import type { RouterError } from "../../errors.ts"
import { FOREIGN_INDEX } from "./citation.ts"
import { readRequest } from "./read-request.ts"
import { writeRequest } from "./write-request.ts"

const issuer: Issuer = { dialect: "messages", label: "k" }
const base = defaultFacts(issuer, "claude")
const hello: Message = { role: "user", blocks: [{ type: "text", text: "hello" }] }
const look: FunctionTool = { type: "function", name: "look", namespace: null, schema: { type: "object" } }

interface Written {
  readonly body: JsonObject
  readonly codes: readonly LossCode[]
}

function write(own: Partial<Request>, facts: Partial<TargetFacts> = {}, from: Dialect = "chat"): Written {
  const request = { ...emptyRequest(from, "g"), messages: [hello], ...own }
  const { body, losses } = writeRequest(request, { ...base, ...facts }, (prefix) => `${prefix}1`)
  return { body, codes: losses.map((loss) => loss.code) }
}

/** The content of the first message that a user's blocks become. */
function content(blocks: readonly Block[], facts: Partial<TargetFacts> = {}): Written {
  const { body, codes } = write({ messages: [{ role: "user", blocks }] }, facts)
  const [message] = body["messages"] as readonly JsonObject[]
  return { body: { content: message?.["content"] }, codes }
}

describe("blocks", () => {
  const text = { type: "text", text: "look at this" } as const
  const base64 = (mediaType: string, data: string) => ({ kind: "base64", mediaType, data }) as const
  test.each([
    [
      "an image without a type",
      { type: "image", source: base64("", "/9j/AA"), detail: "high" },
      { type: "image", source: { type: "base64", media_type: "image/jpeg", data: "/9j/AA" } },
      ["image-detail"],
    ],
    [
      "an image of the other spelling",
      { type: "image", source: base64("image/jpg", "AA==") },
      { type: "image", source: { type: "base64", media_type: "image/jpeg", data: "AA==" } },
      [],
    ],
    [
      "a drawing in a data URL",
      { type: "image", source: { kind: "url", url: "data:image/svg+xml,x" } },
      null,
      ["image"],
    ],
    [
      "a PDF without a type",
      { type: "document", source: base64("", "JVBERi0xLjQ="), title: "a.pdf" },
      {
        type: "document",
        source: { type: "base64", media_type: "application/pdf", data: "JVBERi0xLjQ=" },
        title: "a.pdf",
      },
      [],
    ],
    [
      "a text file",
      { type: "document", source: base64("text/markdown", Buffer.from("# Hé").toString("base64")) },
      { type: "document", source: { type: "text", media_type: "text/plain", data: "# Hé" } },
      [],
    ],
    ["a file of bytes", { type: "document", source: base64("application/zip", "UEsDBA==") }, null, ["document"]],
    ["sound", { type: "audio", format: "wav", data: "AA==" }, null, ["audio"]],
    [
      "another vendor's upload",
      { type: "image", source: { kind: "file", dialect: "chat", id: "f" } },
      null,
      ["file-reference"],
    ],
  ] satisfies readonly (readonly [string, Block, JsonObject | null, readonly LossCode[]])[])(
    "%s",
    (_name, block, wire, codes) => {
      const expected = wire === null ? [text] : [text, wire]
      expect(content([text, block])).toEqual({ body: { content: expected }, codes })
    },
  )

  test("of white space alone are left out, but stand beside text", () => {
    const blank = { type: "text", text: " \n" } as const
    expect(content([blank, text]).body["content"]).toEqual([blank, text])
    const { body, codes } = write({ messages: [hello, { role: "assistant", blocks: [blank] }, hello] })
    const turns: unknown = body["messages"]
    expect(turns).toEqual([{ role: "user", content: [hello.blocks[0], hello.blocks[0]] }])
    expect(codes).toEqual(["content"])
  })

  test("of arguments that are no object are wrapped", () => {
    const call = {
      type: "tool-call",
      id: "a.1",
      name: "f.g",
      namespace: null,
      kind: "function",
      arguments: "[1]",
    } as const
    const { body, codes } = write({ messages: [hello, { role: "assistant", blocks: [call] }] })
    const [, turn] = body["messages"] as readonly { content: readonly JsonObject[] }[]
    expect(turn?.content[0]).toMatchObject({ input: { router_raw_arguments: "[1]" } })
    expect(turn?.content[0]?.["id"]).toMatch(/^rx1_/)
    expect(turn?.content[0]?.["name"]).toMatch(/^f_g_[a-z0-9]{8}$/)
    expect(codes).toEqual(["tool-arguments-wrapped"])
  })

  test("of a refusal become text, and citations are left out", () => {
    const cited = (index: string): Block => ({
      type: "text",
      text: "said",
      citations: [
        {
          kind: "url",
          url: "u",
          title: "t",
          start: null,
          end: null,
          citedText: null,
          extra: { dialect: "messages", fields: { encrypted_index: index } },
        },
      ],
    })
    const blocks = [{ type: "refusal", text: "no" }, cited("index"), cited(FOREIGN_INDEX)] as const
    const { body, codes } = write({ messages: [hello, { role: "assistant", blocks }, hello] })
    const [, turn] = body["messages"] as readonly { content: readonly JsonObject[] }[]
    expect(turn?.content).toMatchObject([
      { text: "no" },
      { citations: [{ encrypted_index: "index" }] },
      { text: "said" },
    ])
    expect(turn?.content[2]).not.toHaveProperty("citations")
    expect(codes).toEqual(["refusal-history", "citations"])
  })

  test("carry at most four cache marks", () => {
    const marked: Block = { type: "text", text: "a", cache: { ttl: null } }
    const { body, codes } = content([marked, marked, marked, marked, marked])
    const blocks = body["content"] as readonly JsonObject[]
    expect(blocks.map((block) => block["cache_control"] !== undefined)).toEqual([true, true, true, true, false])
    expect(codes).toEqual(["cache-mark"])
  })
})

describe("the conversation", () => {
  test("begins with a user, alternates, and hoists leading system text", () => {
    const say = (role: Message["role"], text: string): Message => ({ role, blocks: [{ type: "text", text }] })
    const { body, codes } = write({
      messages: [say("developer", "d"), say("assistant", "a"), say("user", "b"), say("user", "c"), say("system", "s")],
    })
    expect(body["system"]).toEqual([{ type: "text", text: "d" }])
    expect(body["messages"]).toEqual([
      { role: "user", content: [{ type: "text", text: "." }] },
      { role: "assistant", content: [{ type: "text", text: "a" }] },
      {
        role: "user",
        content: [
          { type: "text", text: "b" },
          { type: "text", text: "c" },
          { type: "text", text: "[system message]\ns" },
        ],
      },
    ])
    expect(codes).toEqual(["system-position", "turn-added"])
  })

  test("keeps system messages where the target takes them", () => {
    const messages = [hello, { role: "developer", blocks: [{ type: "text", text: "s" }] }, hello] as const
    const { body, codes } = write({ messages }, { midSystem: true })
    const roles = (body["messages"] as readonly JsonObject[]).map((message) => message["role"])
    expect(roles).toEqual(["user", "system", "user"])
    expect(codes).toEqual([])
  })

  test("is continued without trailing white space", () => {
    const { body, codes } = write({
      messages: [hello, { role: "assistant", blocks: [{ type: "text", text: "So \n" }] }],
    })
    expect((body["messages"] as readonly JsonObject[])[1]?.["content"]).toEqual([{ type: "text", text: "So" }])
    expect(codes).toEqual(["prefill"])
  })

  test("shows system text only, and an assistant's pictures to nobody", () => {
    const image: Block = { type: "image", source: { kind: "url", url: "https://a/b" } }
    const { body, codes } = write({
      instructions: [{ type: "text", text: "s" }, image],
      messages: [hello, { role: "assistant", blocks: [{ type: "text", text: "a" }, image] }, hello],
    })
    expect(body["system"]).toEqual([{ type: "text", text: "s" }])
    expect((body["messages"] as readonly JsonObject[])[1]?.["content"]).toEqual([{ type: "text", text: "a" }])
    expect(codes).toEqual(["image", "image"])
  })

  test("of a thread keeps results whose calls are stored", () => {
    const result = { type: "tool_result", tool_use_id: "toolu_1", content: "done" }
    const thread = { type: "continue", previous_message_id: "msg_1" }
    const { request } = readRequest({ thread, messages: [{ role: "user", content: [result] }] })
    const { body, losses } = writeRequest(request, base, (prefix) => prefix)
    expect(body["thread"]).toEqual(thread)
    expect((body["messages"] as readonly JsonObject[])[0]?.["content"]).toMatchObject([{ tool_use_id: "toolu_1" }])
    expect(losses).toEqual([])
  })
})

describe("reasoning in the history", () => {
  const sealedBy = (from: Issuer, form: "signature" | "redacted" | "encrypted"): ReasoningBlock => ({
    type: "reasoning",
    parts: form === "redacted" ? [] : [{ kind: "raw", text: "hm" }],
    seal: { issuer: from, form, payload: "p" },
  })
  const call: Block = { type: "tool-call", id: "c", name: "look", namespace: null, kind: "function", arguments: "{}" }
  const result: Block = { type: "tool-result", callId: "c", kind: "function", isError: false, content: [] }
  const loop = (...lead: readonly Block[]): readonly Message[] => [
    hello,
    { role: "assistant", blocks: [...lead, call] },
    { role: "tool", blocks: [result] },
  ]
  const turn = ({ body }: Written): unknown => (body["messages"] as readonly JsonObject[])[1]?.["content"]

  test("goes back to its issuer only", () => {
    const own = write({ messages: loop(sealedBy(issuer, "signature"), sealedBy(issuer, "redacted")), tools: [look] })
    expect(turn(own)).toMatchObject([
      { type: "thinking", thinking: "hm", signature: "p" },
      { type: "redacted_thinking", data: "p" },
      { type: "tool_use" },
    ])
    expect(own.codes).toEqual([])
    for (const other of [
      { dialect: "messages", label: "other" } as const,
      { dialect: "responses", label: "k" } as const,
    ]) {
      const away = write({ messages: loop(sealedBy(other, "signature")), tools: [look] })
      expect(turn(away)).toMatchObject([{ type: "tool_use" }])
      expect(away.codes).toEqual(["reasoning-history"])
    }
  })

  test("that a tool loop lacks switches a thinking budget off, and leaves adaptive thinking on", () => {
    const asked = { messages: loop(), tools: [look], reasoning: { effort: "high" } }
    const budget = write(asked)
    expect(budget.body["thinking"]).toEqual({ type: "disabled" })
    expect(budget.codes).toEqual(["reasoning-control", "reasoning-off"])
    const adaptive = write(asked, { reasoning: { ...base.reasoning, control: "adaptive" } })
    expect(adaptive.body["thinking"]).toEqual({ type: "adaptive" })
    expect(adaptive.codes).toEqual([])
    const whole = write({ ...asked, messages: loop(sealedBy(issuer, "signature")) })
    expect(whole.body["thinking"]).toEqual({ type: "enabled", budget_tokens: 4096 })
    expect(whole.codes).toEqual(["reasoning-control"])
    const answered = write({ ...asked, messages: [...loop(), { role: "assistant", blocks: hello.blocks }, hello] })
    expect(answered.body["thinking"]).toEqual({ type: "enabled", budget_tokens: 4096 })
  })

  test("that came in an envelope is dropped for its own dialect too, and thinking with it", () => {
    const envelope = wrapReasoning(sealedBy({ dialect: "chat", label: "x" }, "encrypted")) ?? ""
    const { request } = readRequest({
      max_tokens: 4096,
      thinking: { type: "enabled", budget_tokens: 2048 },
      messages: [
        { role: "user", content: "hello" },
        {
          role: "assistant",
          content: [
            { type: "thinking", thinking: "hm", signature: envelope },
            { type: "tool_use", id: "c", name: "look", input: {} },
          ],
        },
        { role: "user", content: [{ type: "tool_result", tool_use_id: "c" }] },
      ],
    })
    const { body, losses } = writeRequest({ ...request, tools: [look] }, base, (prefix) => prefix)
    expect(JSON.stringify(body)).not.toContain("rtr1.")
    expect(body["thinking"]).toEqual({ type: "disabled" })
    expect(losses.map((loss) => loss.code)).toEqual(["reasoning-history", "reasoning-off"])
  })
})

describe("tools", () => {
  test("get a schema and a legal name", () => {
    const bare: FunctionTool = { type: "function", name: "mcp.look", namespace: null, strict: true }
    const { body } = write({ tools: [bare] })
    const [tool] = body["tools"] as readonly JsonObject[]
    expect(tool).toMatchObject({ input_schema: { type: "object", properties: {} }, strict: true })
    expect(tool?.["name"]).toMatch(/^mcp_look_[a-z0-9]{8}$/)
  })

  test("of free text become functions of one text", () => {
    const grammar = { syntax: "lark", definition: "start: /x/" }
    const tool = { type: "custom", name: "patch", namespace: null, description: "Patches.", grammar } as const
    const call: Block = { type: "tool-call", id: "c", name: "patch", namespace: null, kind: "custom", arguments: "x" }
    const { body, codes } = write({ tools: [tool], messages: [hello, { role: "assistant", blocks: [call] }] })
    expect(body["tools"]).toEqual([
      {
        name: "patch",
        description: expect.stringMatching(/^Patches\.\n\nThe input must match .*:\nstart: \/x\/\n\n.*`input`/),
        input_schema: {
          type: "object",
          properties: { input: { type: "string" } },
          required: ["input"],
          additionalProperties: false,
        },
      },
    ])
    expect((body["messages"] as readonly JsonObject[])[1]?.["content"]).toMatchObject([{ input: { input: "x" } }])
    expect(codes).toEqual(["tool-grammar"])
  })

  test.each([
    [{ type: "object", properties: {}, additionalProperties: false }, true, []],
    [{ type: "object", properties: {} }, undefined, ["tool-strict"]],
    [
      { type: "object", additionalProperties: false, properties: { a: { type: "object" } } },
      undefined,
      ["tool-strict"],
    ],
  ] satisfies readonly (readonly [JsonObject, true | undefined, readonly LossCode[]])[])(
    "of Responses are strict unless they said otherwise: %j",
    (schema, strict, codes) => {
      const { body, codes: declared } = write({ tools: [{ ...look, schema }] }, {}, "responses")
      expect((body["tools"] as readonly JsonObject[])[0]?.["strict"]).toBe(strict)
      expect(declared).toEqual(codes)
    },
  )

  test.each([
    [{ toolChoice: { mode: "auto" } }, { type: "auto" }],
    [{ toolChoice: { mode: "required" } }, { type: "any" }],
    [{ toolChoice: { mode: "none" }, parallelToolCalls: false }, { type: "none" }],
    [{ parallelToolCalls: false }, { type: "auto", disable_parallel_tool_use: true }],
    [{ parallelToolCalls: true }, undefined],
    [
      { toolChoice: { mode: "tool", tool: look, kind: "function" }, parallelToolCalls: true },
      { type: "tool", name: "look", disable_parallel_tool_use: false },
    ],
  ] satisfies readonly (readonly [Partial<Request>, JsonObject | undefined])[])(
    "have the choice of %j",
    (own, wire) => {
      const { body, codes } = write({ tools: [look], ...own })
      expect(body["tool_choice"]).toEqual(wire)
      expect(codes).toEqual([])
    },
  )
})

describe("wishes", () => {
  test("for length follow the client, the target's bounds, or the usual", () => {
    const cap = { tokens: 9000, field: "max_completion_tokens" } as const
    expect(write({ cap }).body["max_tokens"]).toBe(9000)
    expect(write({ cap }, { maxOutputTokens: 4096 })).toMatchObject({
      body: { max_tokens: 4096 },
      codes: ["output-cap"],
    })
    expect(write({}).body["max_tokens"]).toBe(8192)
    expect(write({}, { maxOutputTokens: 4096 })).toMatchObject({ body: { max_tokens: 4096 }, codes: [] })
  })

  test("to reason leave room for the answer", () => {
    const xhigh = write({ reasoning: { effort: "xhigh" } })
    expect(xhigh.body).toMatchObject({ max_tokens: 16_384, thinking: { type: "enabled", budget_tokens: 8192 } })
    const cap = { tokens: 2000, field: "max_tokens" } as const
    const narrow = write({ reasoning: { effort: "high" }, cap })
    expect(narrow.body).toMatchObject({ max_tokens: 2000, thinking: { type: "enabled", budget_tokens: 1999 } })
  })

  test.each([
    ["token_budget", { effort: "none" }, { thinking: { type: "disabled" } }, []],
    ["adaptive", { effort: "high" }, { thinking: { type: "adaptive" }, output_config: { effort: "high" } }, []],
    ["effort_enum", { effort: "low", summary: "auto" }, { output_config: { effort: "low" } }, []],
    ["adaptive", { effort: "low", summary: "detailed" }, { thinking: { type: "adaptive" } }, ["reasoning-display"]],
    [null, { effort: "low" }, {}, ["reasoning-control"]],
  ] as const)("to reason under %j come from %j", (control, reasoning, expected, codes) => {
    const written = write({ reasoning }, { reasoning: { ...base.reasoning, control } })
    expect(written.body).toMatchObject(expected)
    if (!("thinking" in expected)) expect(written.body).not.toHaveProperty("thinking")
    expect(written.codes).toEqual([...codes])
  })

  test("to reason yield to a forced tool only where thinking has a budget", () => {
    const own: Partial<Request> = { tools: [look], toolChoice: { mode: "required" }, reasoning: { effort: "high" } }
    expect(write(own)).toMatchObject({ body: { thinking: { type: "disabled" } }, codes: ["reasoning-control"] })
    const adaptive = write(own, { reasoning: { ...base.reasoning, control: "adaptive" } })
    expect(adaptive).toMatchObject({ body: { thinking: { type: "adaptive" } }, codes: [] })
  })

  test("to sample keep to bounds, and to what thinking forbids", () => {
    const sampling = { temperature: 1.5, topP: 0.5, topK: 3 }
    expect(write({ sampling })).toMatchObject({
      body: { temperature: 1, top_p: 0.5, top_k: 3 },
      codes: ["sampling"],
    })
    const thinking = write({ sampling, reasoning: { control: "enabled", budgetTokens: 1024 } })
    for (const field of ["temperature", "top_p", "top_k"]) expect(thinking.body).not.toHaveProperty(field)
    expect(thinking.codes).toEqual(["sampling", "sampling", "sampling"])
    const usual = {
      temperature: 1,
      frequencyPenalty: 0,
      presencePenalty: 0,
      logprobs: false,
      topLogprobs: 0,
      choices: 1,
    }
    const facts = { temperature: { supported: false, max: 1 } }
    const unsaid = write({ sampling: usual }, facts)
    expect(unsaid.body).not.toHaveProperty("temperature")
    expect(unsaid.codes).toEqual([])
    const asked = { seed: 1, frequencyPenalty: 1, logitBias: { "1": 1 }, logprobs: true, choices: 2 }
    expect(write({ sampling: asked }).codes).toEqual(["sampling", "sampling", "sampling", "sampling", "choices"])
  })

  test("to stop are written", () => {
    expect(write({ stopSequences: ["END", "\n"] })).toMatchObject({
      body: { stop_sequences: ["END"] },
      codes: ["stop-sequences"],
    })
  })

  test("for a format are written", () => {
    const schema = { type: "object" }
    expect(write({ output: { kind: "schema", schema, name: "n", strict: true } })).toMatchObject({
      body: { output_config: { format: { type: "json_schema", schema } } },
      codes: [],
    })
    expect(write({ output: { kind: "json" } })).toMatchObject({ codes: ["output-format"] })
    expect(write({ output: { kind: "text" } })).toMatchObject({ codes: [] })
  })

  test("that are another dialect's own stay behind, declared", () => {
    const identity = { user: "u", safetyIdentifier: "s", metadata: { a: 1 }, promptCacheKey: "k" }
    const { body, codes } = write({
      identity,
      serviceTier: "priority",
      verbosity: "low",
      state: { store: true },
      include: ["reasoning.encrypted_content", "web_search_call.results"],
      extra: { modalities: ["text"], prediction: {} },
    })
    expect(body).not.toHaveProperty("metadata")
    expect(codes).toEqual([
      "identity",
      "identity",
      "identity",
      "cache-key",
      "service-tier",
      "verbosity",
      "store",
      "field",
      "field",
    ])
  })
})

test.each([
  [{ previousResponseId: "resp_1" }, "previous_response_id"],
  [{ conversation: "conv_1" }, "conversation"],
  [{ background: true }, "background"],
] as const)("state that only Responses holds is refused: %j", (state, param) => {
  let thrown: unknown
  try {
    write({ state }, {}, "responses")
  } catch (error) {
    thrown = error
  }
  expect(thrown).toMatchObject({ code: "stateful-unsupported", detail: { param } } satisfies Partial<RouterError>)
})
