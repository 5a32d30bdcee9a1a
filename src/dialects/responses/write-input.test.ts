import { describe, expect, test } from "bun:test"
import type { Block } from "../../canonical/block.ts"
import type { JsonObject } from "../../canonical/json.ts"
import type { Request } from "../../canonical/request.ts"
import { emptyRequest } from "../../../test/helpers/empty-request.ts"
import type { TargetFacts } from "../../canonical/target.ts"
import type { WrittenRequest } from "../codec.ts"
import { facts, fixture, minter } from "../../../test/helpers/responses-codec.ts"
import { responsesCodec } from "./codec.ts"

const HI = { role: "user", blocks: [{ type: "text", text: "Hi" }] } as const

function write(over: Partial<Request>, target: Partial<TargetFacts> = {}): WrittenRequest {
  const request = { ...emptyRequest("messages", "group"), messages: [HI], ...over }
  return responsesCodec.writeRequest(request, facts(target), minter())
}

function codes({ losses }: WrittenRequest): readonly string[] {
  return losses.map(({ code }) => code)
}

function inputOf({ body }: WrittenRequest): readonly JsonObject[] {
  return body["input"] as readonly JsonObject[]
}

function call(id: string, name: string, over: Partial<Extract<Block, { type: "tool-call" }>> = {}): Block {
  return { type: "tool-call", id, name, namespace: null, kind: "function", arguments: "{}", ...over }
}

function result(
  callId: string,
  content: readonly Block[],
  over: Partial<Extract<Block, { type: "tool-result" }>> = {},
): Block {
  return { type: "tool-result", callId, kind: "function", isError: false, content, ...over }
}

describe("tools across targets:", () => {
  test("namespaces are gathered, or flattened and found again", async () => {
    const { request } = responsesCodec.readRequest(await fixture("codex-request.json"))
    const native = responsesCodec.writeRequest(request, facts(), minter())
    const names = (native.body["tools"] as readonly JsonObject[]).map((tool) => tool["name"] ?? tool["type"])
    expect(names).toEqual(["exec_command", "apply_patch", "mcp__demo", "web_search", "tool_search", "local_shell"])
    const { nameRules } = facts()
    const flat = responsesCodec.writeRequest(
      request,
      facts({ nameRules: { ...nameRules, namespaces: false } }),
      minter(),
    )
    expect(flat.body["tools"]).toMatchObject([{}, {}, { type: "function", name: "mcp__demo__add_two" }, {}, {}, {}, {}])
    expect(flat.context.names.named("mcp__demo__add_two")).toMatchObject({ name: "add_two", namespace: "mcp__demo" })
    const calls = inputOf(flat).filter(({ type }) => type === "function_call")
    expect(calls[0]).toMatchObject({ name: "mcp__demo__add_two", call_id: "call_add" })
    expect(calls[0]?.["namespace"]).toBeUndefined()
    expect(codes(flat)).toEqual(["block-field"])
  })

  test("a custom tool becomes a function of one string where the target has none", () => {
    const patch = {
      type: "custom",
      name: "apply_patch",
      namespace: null,
      grammar: { syntax: "lark", definition: "x" },
    } as const
    const history = [
      HI,
      { role: "assistant", blocks: [call("c1", "apply_patch", { kind: "custom", arguments: 'a"b' })] },
      { role: "tool", blocks: [result("c1", [{ type: "text", text: "done" }], { kind: "custom" })] },
    ] as const
    const wrapped = write({ tools: [patch], messages: history }, { customTools: false })
    expect(wrapped.body["tools"]).toMatchObject([{ type: "function", name: "apply_patch", strict: false }])
    expect(inputOf(wrapped).slice(1)).toEqual([
      { type: "function_call", call_id: "c1", name: "apply_patch", arguments: '{"input":"a\\"b"}' },
      { type: "function_call_output", call_id: "c1", output: "done" },
    ])
    expect(codes(wrapped)).toEqual(["tool-grammar"])
    const native = write({ tools: [patch], messages: history })
    expect(native.body["tools"]).toEqual([
      { type: "custom", name: "apply_patch", format: { type: "grammar", syntax: "lark", definition: "x" } },
    ])
    expect(inputOf(native).slice(1)).toEqual([
      { type: "custom_tool_call", call_id: "c1", name: "apply_patch", input: 'a"b' },
      { type: "custom_tool_call_output", call_id: "c1", output: "done" },
    ])
    expect(codes(native)).toEqual([])
  })

  test("a result is of the kind of its call, also where its own wire could not tell", () => {
    const messages = [
      HI,
      { role: "assistant", blocks: [call("c1", "free", { kind: "custom", arguments: "x" })] },
      { role: "tool", blocks: [result("c1", [])] },
    ] as const
    const sent = write({ tools: [{ type: "custom", name: "free", namespace: null }], messages })
    expect(inputOf(sent)[2]).toEqual({ type: "custom_tool_call_output", call_id: "c1", output: "" })
  })

  test.each([
    [{ mode: "required" }, "required"],
    [
      { mode: "tool", kind: "function", tool: { name: "a", namespace: null } },
      { type: "function", name: "a" },
    ],
    [
      { mode: "allowed", need: "auto", tools: [{ name: "a", namespace: null }] },
      { type: "allowed_tools", mode: "auto", tools: [{ type: "function", name: "a" }] },
    ],
  ] as const)("the choice %j crosses", (toolChoice, sent) => {
    const tools = [{ type: "function", name: "a", namespace: null }] as const
    expect(write({ tools, toolChoice }).body["tool_choice"]).toEqual(sent)
  })
})

describe("content:", () => {
  test("media stand where they stood, also in results", () => {
    const image = { type: "image", source: { kind: "base64", mediaType: "image/png", data: "AAAA" } } as const
    const pdf = { type: "document", source: { kind: "base64", mediaType: "application/pdf", data: "BBBB" } } as const
    const sent = write({
      messages: [
        { role: "user", blocks: [image, pdf] },
        { role: "assistant", blocks: [call("c1", "look")] },
        { role: "user", blocks: [result("c1", [image, { type: "text", text: "seen" }], { isError: true })] },
      ],
    })
    const wireImage = { type: "input_image", image_url: "data:image/png;base64,AAAA", detail: "auto" }
    expect(inputOf(sent)[0]?.["content"]).toEqual([
      wireImage,
      { type: "input_file", filename: "document.pdf", file_data: "data:application/pdf;base64,BBBB" },
    ])
    expect(inputOf(sent)[2]?.["output"]).toEqual([
      { type: "input_text", text: "[tool error]" },
      wireImage,
      { type: "input_text", text: "seen" },
    ])
    expect(codes(sent)).toEqual(["tool-result-error"])
  })

  test("text documents become text, under their title", () => {
    const document = {
      type: "document",
      title: "Notes",
      source: { kind: "text", text: "abc", mediaType: "text/plain" },
    } as const
    const sent = write({ messages: [{ role: "user", blocks: [document] }] })
    expect(inputOf(sent)[0]?.["content"]).toEqual([
      { type: "input_text", text: "[document: Notes]" },
      { type: "input_text", text: "abc" },
    ])
    expect(codes(sent)).toEqual(["document-field"])
  })

  test("an assistant's words are output, refusals and citations included", () => {
    const cited = {
      type: "text",
      text: "There.",
      citations: [
        { kind: "url", url: "https://example.test", title: null, start: null, end: null, citedText: "There" },
        { kind: "raw", dialect: "messages", raw: { type: "page_location" } },
      ],
    } as const
    const sent = write({ messages: [HI, { role: "assistant", blocks: [cited, { type: "refusal", text: "No." }] }, HI] })
    expect(inputOf(sent)[1]).toEqual({
      type: "message",
      role: "assistant",
      content: [
        {
          type: "output_text",
          text: "There.",
          annotations: [{ type: "url_citation", url: "https://example.test", title: "", start_index: 0, end_index: 6 }],
          logprobs: [],
        },
        { type: "refusal", refusal: "No." },
      ],
    })
    expect(codes(sent)).toEqual(["citations"])
  })

  test("cache marks go to the same vendor's wire only", () => {
    const blocks = [{ type: "text", text: "x", cache: { ttl: "30m" } }] as const
    const messages = [{ role: "user", blocks }] as const
    const chat = responsesCodec.writeRequest({ ...emptyRequest("chat", "g"), messages }, facts(), minter())
    expect(inputOf(chat)[0]?.["content"]).toEqual([
      { type: "input_text", text: "x", prompt_cache_breakpoint: { mode: "explicit", ttl: "30m" } },
    ])
    expect(codes(write({ messages }))).toEqual(["cache-mark"])
  })
})

describe("a target with fewer gifts", () => {
  test("gets what it can take, and the rest is declared", () => {
    const sent = write(
      {
        output: { kind: "schema", schema: { type: "object" } },
        sampling: { temperature: 1, topP: 0.5 },
        messages: [
          { role: "developer", blocks: [{ type: "text", text: "rule" }] },
          { role: "user", blocks: [{ type: "image", source: { kind: "url", url: "https://example.test/a.png" } }] },
          HI,
        ],
      },
      {
        structuredOutput: false,
        imageUrls: false,
        developerRole: false,
        temperature: { supported: false, max: 2 },
        topP: false,
      },
    )
    expect(inputOf(sent).map(({ role }) => role)).toEqual(["system", "user"])
    expect(codes(sent).toSorted()).toEqual(["image", "output-format", "sampling", "sampling"])
    expect(sent.body["text"]).toBeUndefined()
    expect(sent.body["temperature"]).toBeUndefined()
  })
})

describe("sealed reasoning", () => {
  test("that a client made up, and that holds no more than the id of an item, is not sent", () => {
    const { issuer } = facts()
    const made = (encrypted: string): Block => {
      const payload = JSON.stringify({ id: "rs_theirs", encrypted_content: encrypted })
      return { type: "reasoning", parts: [], seal: { issuer, form: "encrypted", payload } }
    }
    const sent = (encrypted: string): WrittenRequest =>
      write({ messages: [HI, { role: "assistant", blocks: [made(encrypted)] }, HI] })
    expect(JSON.stringify(sent("").body)).not.toContain("rs_theirs")
    expect(codes(sent(""))).toContain("reasoning-history")
    expect(JSON.stringify(sent("gAAA").body)).toContain("rs_theirs")
  })
})
