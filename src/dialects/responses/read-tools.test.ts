/** Tools, the choice among them, and what else a request wishes for. */

import { describe, expect, test } from "bun:test"
import { isObject, type JsonObject, type JsonValue } from "../../canonical/json.ts"
import type { Request } from "../../canonical/request.ts"
import { fixture } from "../../../test/helpers/responses-codec.ts"
import { responsesCodec } from "./codec.ts"

function read(body: JsonValue): Request {
  return responsesCodec.readRequest(body).request
}

async function readFixture(name: string): Promise<Request> {
  return read(await fixture(name))
}

describe("tools", () => {
  test("are functions, custom tools with a grammar, namespaces and vendor tools, in order", async () => {
    const { tools, namespaces } = await readFixture("codex-request.json")
    const names = tools.map((tool) =>
      tool.type === "raw"
        ? `${tool.vendorType} runs at the ${tool.runs}`
        : `${tool.type} ${tool.namespace ?? ""}/${tool.name}${tool.inline === true ? " inline" : ""}`,
    )
    expect(names).toEqual([
      "function /exec_command",
      "custom /apply_patch",
      "function mcp__demo/add_two",
      "custom mcp__demo/note",
      "web_search runs at the provider",
      "tool_search runs at the client",
      "local_shell runs at the client",
      "function clock/now inline",
      "function /weather inline",
    ])
    expect(namespaces).toEqual([
      { name: "mcp__demo", description: "Tools of the demo server." },
      { name: "clock", description: "Time." },
    ])
    expect(tools[1]).toMatchObject({ grammar: { syntax: "lark" } })
  })

  test("may say strict or not, and have no schema where it is null", async () => {
    const { tools } = await readFixture("everything-request.json")
    expect(tools[0]).toEqual({
      type: "function",
      name: "look",
      namespace: null,
      deferred: true,
      extra: { dialect: "responses", fields: { allowed_callers: ["direct"] } },
    })
  })

  test.each([
    ["auto", { mode: "auto" }],
    [
      { type: "function", name: "f" },
      { mode: "tool", kind: "function", tool: { name: "f", namespace: null } },
    ],
    [
      { type: "custom", name: "c" },
      { mode: "tool", kind: "custom", tool: { name: "c", namespace: null } },
    ],
    [{ type: "web_search_preview" }, { mode: "raw", dialect: "responses", raw: { type: "web_search_preview" } }],
    [
      { type: "allowed_tools", mode: "auto", tools: [{ type: "function", name: "f" }] },
      { mode: "allowed", need: "auto", tools: [{ name: "f", namespace: null }] },
    ],
    [
      { type: "allowed_tools", mode: "required", tools: [{ type: "tool_search" }, { type: "web_search" }] },
      {
        mode: "allowed",
        need: "required",
        tools: [{ name: "tool_search", namespace: null }],
        raw: {
          dialect: "responses",
          choice: { type: "allowed_tools", mode: "required", tools: [{ type: "tool_search" }, { type: "web_search" }] },
        },
      },
    ],
  ] as const)("have the choice %j", (choice, expected) => {
    expect(read({ input: "x", tool_choice: choice }).toolChoice).toEqual(expected)
  })
})

describe("a wish", () => {
  test("stands where the canonical form has it", async () => {
    const body = await fixture("everything-request.json")
    const request = read(body)
    expect(request).toMatchObject({
      dialect: "responses",
      model: "gpt-native",
      instructions: [{ type: "text", text: "Be brief." }],
      cap: { tokens: 2048, field: "max_output_tokens" },
      sampling: { temperature: 0.5, topP: 0.9, topLogprobs: 2, logprobs: true },
      reasoning: { effort: "minimal", summary: "detailed" },
      verbosity: "high",
      output: { kind: "schema", name: "answer", description: "The answer.", strict: true },
      identity: {
        user: "user-7",
        safetyIdentifier: "hash-7",
        metadata: { ticket: "42" },
        promptCacheKey: "thread-7",
        promptCacheRetention: "24h",
        promptCacheOptions: { mode: "explicit" },
      },
      state: { previousResponseId: "resp_before", store: true, background: false },
      serviceTier: "flex",
      stream: false,
      extra: { max_tool_calls: 3, truncation: "auto" },
    })
  })

  test("may be an unknown member of text or reasoning, which is kept", async () => {
    const { extra, identity, reasoning } = await readFixture("codex-request.json")
    expect(extra).toEqual({ reasoning: { context: "all_turns" } })
    expect(reasoning).toEqual({ effort: "high", summary: "auto" })
    expect(identity.metadata).toEqual({ client_metadata: { session: "0199", turn: "7" } })
  })

  test("is absent where it is null", async () => {
    const body = await fixture("everything-request.json")
    if (!isObject(body)) throw new Error("no object")
    const nulls: JsonObject = Object.fromEntries(Object.keys(body).map((key) => [key, null]))
    expect(read({ ...nulls, model: "m", input: "x" })).toEqual(read({ model: "m", input: "x" }))
  })

  test("for a summary is read under its older name", () => {
    expect(read({ input: "x", reasoning: { generate_summary: "concise" } }).reasoning).toEqual({ summary: "concise" })
  })
})
