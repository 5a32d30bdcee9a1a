import { describe, expect, test } from "bun:test"
import type { Block } from "../../canonical/block.ts"
import type { JsonValue } from "../../canonical/json.ts"
import type { Request } from "../../canonical/request.ts"
import { wrapReasoning } from "../../canonical/seal.ts"
import { RouterError } from "../../errors.ts"
import { fixture, textOf } from "../../../test/helpers/responses-codec.ts"
import { responsesCodec } from "./codec.ts"

function read(body: JsonValue): Request {
  return responsesCodec.readRequest(body).request
}

function messagesOf(input: JsonValue): Request["messages"] {
  return read({ model: "m", input }).messages
}

function firstBlock(input: JsonValue): Block | undefined {
  return messagesOf(input)[0]?.blocks[0]
}

async function readFixture(name: string): Promise<Request> {
  return read(await fixture(name))
}

describe("input:", () => {
  test("a string is a user message", () => {
    expect(messagesOf("Hello")).toEqual([{ role: "user", blocks: [{ type: "text", text: "Hello" }] }])
  })

  test("easy messages are read with and without a type, and with empty content", () => {
    const input = [
      { role: "system", content: "Rule" },
      { type: "message", role: "assistant", content: [{ type: "output_text", text: "" }] },
      { role: "user", content: null },
    ]
    expect(messagesOf(input)).toEqual([
      { role: "system", blocks: [{ type: "text", text: "Rule" }] },
      { role: "assistant", blocks: [] },
      { role: "user", blocks: [] },
    ])
  })

  test("one item is one message, and one part one block, in order", async () => {
    const { messages } = await readFixture("codex-request.json")
    expect(messages.map(({ role, blocks }) => `${role}:${blocks.map(({ type }) => type).join("+")}`)).toEqual([
      "developer:text",
      "developer:raw",
      "user:text+image+text",
      "assistant:reasoning",
      "assistant:text",
      "assistant:tool-call",
      "tool:tool-result",
      "assistant:tool-call",
      "assistant:tool-call",
      "tool:tool-result",
      "tool:tool-result",
      "assistant:raw",
      "user:raw",
      "assistant:raw",
      "user:raw",
      "user:text",
    ])
  })

  test("hosted steps, vendor tools, references and novelties stay as they came", async () => {
    const { messages } = await readFixture("everything-request.json")
    const raw = messages.flatMap(({ role, blocks }) =>
      blocks.flatMap((block) => (block.type === "raw" ? [`${role} ${block.what} ${textOf(block.raw["type"])}`] : [])),
    )
    expect(raw).toEqual([
      "user content input_video",
      "assistant hosted-call web_search_call",
      "assistant hosted-call file_search_call",
      "assistant hosted-call code_interpreter_call",
      "assistant hosted-call image_generation_call",
      "assistant hosted-call mcp_list_tools",
      "assistant client-call mcp_approval_request",
      "user client-result mcp_approval_response",
      "assistant hosted-call mcp_call",
      "assistant client-call computer_call",
      "user client-result computer_call_output",
      "assistant client-call shell_call",
      "user client-result shell_call_output",
      "assistant client-call apply_patch_call",
      "user client-result apply_patch_call_output",
      "assistant bound compaction",
      "user reference item_reference",
      "user reference item_reference",
      "user client-result function_call_output",
      "user content of_tomorrow",
    ])
  })

  test("argument text is kept to the letter; none is an empty object", async () => {
    const { messages } = await readFixture("codex-request.json")
    const calls = messages.flatMap(({ blocks }) => blocks).filter((block) => block.type === "tool-call")
    expect(calls.map(({ kind, name, namespace, arguments: text }) => [kind, namespace, name, text])).toEqual([
      ["custom", null, "apply_patch", '*** Begin Patch\n*** Update File: a.txt\n-"old"\n+"new\\n"\n*** End Patch'],
      ["function", "mcp__demo", "add_two", '{ "a": 12345678901234567890, "b": 1 }'],
      ["function", null, "exec_command", "{}"],
    ])
  })

  test("results are text, or parts with images and files", async () => {
    const { messages } = await readFixture("codex-request.json")
    const results = messages.flatMap(({ blocks }) => blocks).filter((block) => block.type === "tool-result")
    expect(results.map(({ callId, kind }) => [callId, kind])).toEqual([
      ["call_patch", "custom"],
      ["call_exec", "function"],
      ["call_add", "function"],
    ])
    expect(results[1]?.content).toEqual([
      { type: "text", text: "seen" },
      { type: "image", source: { kind: "url", url: "https://example.test/shot.png" }, detail: "original" },
      {
        type: "document",
        source: { kind: "base64", mediaType: "application/pdf", data: "JVBERi0=" },
        title: "log.pdf",
      },
    ])
  })
})

describe("parts:", () => {
  test("cache marks, uploads, audio, citations, refusals and phases are read", async () => {
    const { messages } = await readFixture("everything-request.json")
    expect(messages[1]?.blocks.slice(0, 5)).toEqual([
      { type: "text", text: "Cached.", cache: { ttl: "30m" } },
      { type: "image", source: { kind: "file", dialect: "responses", id: "file_image" } },
      { type: "document", source: { kind: "url", url: "https://example.test/a.pdf" } },
      { type: "document", source: { kind: "file", dialect: "responses", id: "file_doc" } },
      { type: "audio", format: "wav", data: "UklGRg==" },
    ])
    const said = messages[2]
    expect(said?.extra).toEqual({ dialect: "responses", fields: { phase: "final_answer" } })
    expect(said?.blocks.map(({ type }) => type)).toEqual(["text", "refusal"])
    const [text] = said?.blocks ?? []
    const citations = text?.type === "text" ? text.citations : []
    expect(citations?.map(({ kind }) => kind)).toEqual(["url", "raw"])
  })

  test("file data without a media type stays bare", () => {
    const block = firstBlock([{ role: "user", content: [{ type: "input_file", file_data: "JVBERi0=" }] }])
    expect(block).toEqual({ type: "document", source: { kind: "base64", mediaType: "", data: "JVBERi0=" } })
  })

  test("unknown fields of a part are kept", () => {
    const block = firstBlock([
      { role: "user", content: [{ type: "input_text", text: "x", colour: "red", none: null }] },
    ])
    expect(block?.extra).toEqual({ dialect: "responses", fields: { colour: "red" } })
  })
})

describe("reasoning:", () => {
  test("a native payload is sealed with its id, for whoever it came from", async () => {
    const { messages } = await readFixture("codex-request.json")
    expect(messages[3]?.blocks[0]).toEqual({
      type: "reasoning",
      parts: [
        { kind: "summary", text: "**Looking** at the file" },
        { kind: "summary", text: "Then patching it" },
      ],
      seal: {
        issuer: { dialect: "responses", label: null },
        form: "encrypted",
        payload: '{"id":"rs_1","encrypted_content":"gAAAAABnative"}',
      },
    })
  })

  test("an envelope counts with its own parts", () => {
    const issuer = { dialect: "messages", label: "claude" } as const
    const seal = { issuer, form: "signature", payload: "sig" } as const
    const inner = { type: "reasoning", parts: [{ kind: "raw", text: "whole" }], seal } as const
    const item = {
      type: "reasoning",
      summary: [{ type: "summary_text", text: "sh" }],
      encrypted_content: wrapReasoning(inner),
    }
    expect(firstBlock([item])).toEqual(inner)
  })

  test("an item that says nothing and points at stored state is a declared loss", () => {
    const { request, losses } = responsesCodec.readRequest({ input: [{ type: "reasoning", id: "rs_9", summary: [] }] })
    expect(request.messages).toEqual([{ role: "assistant", blocks: [] }])
    expect(losses).toEqual([{ code: "reasoning-history", path: "input[0]" }])
  })

  test("visible thinking without a payload has no seal", () => {
    const block = firstBlock([{ type: "reasoning", summary: [], content: [{ type: "reasoning_text", text: "hm" }] }])
    expect(block).toEqual({ type: "reasoning", parts: [{ kind: "raw", text: "hm" }], seal: null })
  })
})

test.each([
  [null, "body"],
  [{ input: 7 }, "input"],
  [{ input: [7] }, "input[0]"],
  [{ input: [{ role: "robot", content: "x" }] }, "input[0].role"],
  [{ input: [{ role: "user", content: 7 }] }, "input[0].content"],
  [{ input: [{ role: "user", content: [7] }] }, "input[0].content[0]"],
  [{ input: "x", instructions: ["y"] }, "instructions"],
  [{ input: "x", tools: {} }, "tools"],
  [{ input: "x", tools: ["y"] }, "tools[0]"],
  [{ input: "x", tool_choice: 7 }, "tool_choice"],
])("%j is refused and the place is named", (body, param) => {
  let thrown: unknown
  try {
    responsesCodec.readRequest(body)
  } catch (error) {
    thrown = error
  }
  expect(thrown).toBeInstanceOf(RouterError)
  expect(thrown).toMatchObject({ code: "invalid-request", detail: { param } })
})
