import { describe, expect, test } from "bun:test"
import type { JsonValue } from "../../canonical/json.ts"
import { COMMON_NAME_RULES } from "../../canonical/name-map.ts"
import type { Failure, Reply } from "../../canonical/reply.ts"
import type { ReplyContext } from "../codec.ts"
import { context, ISSUER } from "../../../test/helpers/responses-codec.ts"
import { responsesCodec } from "./codec.ts"

function replyOf(
  output: readonly JsonValue[],
  over: Record<string, JsonValue> = {},
  reply: ReplyContext = context(),
): Reply {
  const body = { id: "resp_1", object: "response", created_at: 1.9, model: "m", status: "completed", output, ...over }
  const read = responsesCodec.readReply(body, reply)
  if (!("reply" in read)) throw new Error(read.failure.message)
  return read.reply
}

function failureOf(body: JsonValue | undefined): Failure {
  const read = responsesCodec.readReply(body, context())
  if (!("failure" in read)) throw new Error("it was a reply")
  return read.failure
}

describe("an item", () => {
  test("becomes its blocks, in order", () => {
    const reply = replyOf([
      { type: "reasoning", id: "rs_1", summary: [{ type: "summary_text", text: "s" }], encrypted_content: "gAAA" },
      { type: "reasoning", id: "rs_2", summary: [] },
      {
        type: "message",
        id: "msg_1",
        role: "assistant",
        content: [
          { type: "output_text", text: "a", annotations: [] },
          { type: "output_text", text: "" },
        ],
      },
      { type: "function_call", id: "fc_1", call_id: "call_1", name: "f", arguments: '{"n": 12345678901234567890}' },
      { type: "custom_tool_call", id: "ctc_1", call_id: "rx1_YS5i", name: "c", namespace: "ns", input: "" },
      { type: "web_search_call", id: "ws_1", status: "completed" },
    ])
    const payload = '{"id":"rs_1","encrypted_content":"gAAA"}'
    expect(reply).toEqual({
      id: "resp_1",
      model: "m",
      created: 1,
      blocks: [
        {
          type: "reasoning",
          parts: [{ kind: "summary", text: "s" }],
          seal: { issuer: ISSUER, form: "encrypted", payload },
        },
        { type: "text", text: "a" },
        {
          type: "tool-call",
          id: "call_1",
          name: "f",
          namespace: null,
          kind: "function",
          arguments: '{"n": 12345678901234567890}',
        },
        { type: "tool-call", id: "a.b", name: "c", namespace: "ns", kind: "custom", arguments: "" },
        {
          type: "raw",
          dialect: "responses",
          what: "hosted-call",
          raw: { type: "web_search_call", id: "ws_1", status: "completed" },
          text: null,
        },
      ],
      stop: { is: "tool-calls", raw: "completed" },
      usage: null,
    })
  })

  test("of thinking without a payload says which model thought", () => {
    const [block] = replyOf([
      { type: "reasoning", summary: [], content: [{ type: "reasoning_text", text: "r" }] },
    ]).blocks
    expect(block).toEqual({
      type: "reasoning",
      parts: [{ kind: "raw", text: "r" }],
      seal: { issuer: ISSUER, form: "none", payload: "" },
    })
  })

  test("of a call without an id gets one", () => {
    const [block] = replyOf([{ type: "function_call", name: "f", arguments: "" }]).blocks
    expect(block).toMatchObject({ id: "call_000001", arguments: "{}" })
  })

  test("of a function that stood for a custom tool is that tool again", () => {
    const wrapped = context([{ type: "custom", name: "apply.patch", namespace: null }], {
      rules: COMMON_NAME_RULES,
      customTools: false,
    })
    const wire = wrapped.names.wire({ name: "apply.patch", namespace: null })
    const item = { type: "function_call", call_id: "c", name: wire, arguments: '{"input":"a\\nb"}' }
    expect(replyOf([item], {}, wrapped).blocks).toMatchObject([
      { kind: "custom", name: "apply.patch", arguments: "a\nb" },
    ])
  })

  test("has its phase as a declared loss", () => {
    const item = { type: "message", phase: "commentary", content: [{ type: "output_text", text: "x" }] }
    const read = responsesCodec.readReply({ status: "completed", output: [item] }, context())
    expect(read).toMatchObject({ losses: [{ code: "reply-field", path: "output[0].phase" }] })
  })
})

describe("the stop", () => {
  const refusal = { type: "message", content: [{ type: "refusal", refusal: "No." }] }
  test.each([
    [[], { status: "completed" }, "end"],
    [[refusal], { status: "completed" }, "refusal"],
    [[], { status: "incomplete", incomplete_details: { reason: "max_output_tokens" } }, "length"],
    [[], { status: "incomplete", incomplete_details: { reason: "content_filter" } }, "content-filter"],
    [[], { status: "incomplete", incomplete_details: { reason: "steered" } }, "other"],
  ] as const)("of %j and %j is %s", (output, over, is) => {
    expect(replyOf(output, over).stop.is).toBe(is)
  })
})

describe("a body that is no reply", () => {
  test.each([
    [undefined, "protocol"],
    ["<html>", "protocol"],
    [{ hello: "world" }, "protocol"],
    [{ status: "queued", output: [] }, "protocol"],
    [{ error: { message: "slow down", code: "rate_limit_exceeded" } }, "rate-limited"],
    [{ status: "failed", output: [], error: { code: "server_error", message: "x" } }, "server"],
    [{ status: "failed", output: [], error: null }, "server"],
    [{ status: "failed", output: [], error: { code: "context_length_exceeded", message: "x" } }, "context-too-long"],
  ] as const)("%j is a failure of the kind %s", (body, kind) => {
    expect(failureOf(body).kind).toBe(kind)
  })
})
