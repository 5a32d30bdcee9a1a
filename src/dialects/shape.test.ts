/** The shape that is read from the bytes, beside what decoding the whole body tells. */
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { conversation } from "../../test/helpers/conversation.ts"
import { anyRequest } from "../../test/laws/request-arbitraries.ts"
import type { Block } from "../canonical/block.ts"
import { parseExact } from "../canonical/json.ts"
import { kindOf } from "../canonical/reasoning-plan.ts"
import type { Request } from "../canonical/request.ts"
import { defaultFacts } from "../canonical/target.ts"
import { scanObject } from "../json/scan.ts"
import type { DialectName } from "./name.ts"
import { CODECS, DIALECTS } from "./registry.ts"
import type { RequestShape } from "./shape-reader.ts"
import { expectProperty } from "../../test/helpers/property.ts"

const NAMES = { chat: "openai-chat", responses: "openai-responses", messages: "anthropic" } as const
type Short = keyof typeof NAMES
const SHORTS = Object.keys(NAMES) as Short[]

function shapeOf(dialect: DialectName, body: string | object): RequestShape {
  const text = typeof body === "string" ? body : JSON.stringify(body)
  return DIALECTS[dialect].shapeOf(scanObject(new TextEncoder().encode(text), 512))
}

function holds(request: Request, fits: (block: Block) => boolean): boolean {
  const inside = (block: Block): boolean =>
    fits(block) ||
    (block.type === "tool-result" && block.content.some(inside)) ||
    (block.type === "document" && block.source.kind === "blocks" && block.source.blocks.some(inside))
  return request.instructions.some(inside) || request.messages.some(({ blocks }) => blocks.some(inside))
}

const isClients = (tool: Request["tools"][number]): boolean => tool.type !== "raw" || tool.runs === "client"

describe.each(SHORTS)("the shape of a %s request", (short) => {
  const dialect = NAMES[short]

  test("agrees with the decoded request, spaced or not", () => {
    const facts = { ...defaultFacts({ dialect: short, label: null }, "m"), customTools: true }
    expectProperty(
      fc.property(anyRequest, fc.constantFrom(0, 2), (wish, indent) => {
        let minted = 0
        const { body } = CODECS[dialect].writeRequest({ ...wish, extra: {} }, facts, (prefix) => `${prefix}${minted++}`)
        const text = JSON.stringify(body, null, indent)
        const { request } = CODECS[dialect].readRequest(parseExact(text))
        const shape = shapeOf(dialect, text)
        expect(shape.imageCount > 0).toBe(holds(request, ({ type }) => type === "image"))
        expect(shape.toolCount > 0).toBe(request.tools.some(isClients))
        if (holds(request, ({ type }) => type === "tool-call" || type === "tool-result"))
          expect(shape.hasToolHistory).toBe(true)
        expect(shape.structuredOutput).toBe(request.output !== undefined && request.output.kind !== "text")
        expect(shape.reasoning.requested).toBe(!["unsaid", "off"].includes(kindOf(request.reasoning).kind))
        expect(shape.temperatureSet).toBe(request.sampling.temperature !== undefined)
        const mode = request.toolChoice?.mode
        expect(shape.toolChoice).toBe(
          mode === undefined ? "unset" : mode === "auto" || mode === "none" ? mode : "forced",
        )
      }),
      300,
    )
  })

  test("does not count words that only stand in texts and arguments", () => {
    const bait = JSON.stringify({ type: "image", tool_calls: [1], encrypted_content: "x", tool_call_id: "x" })
    const words = ["image_url", "input_image", "tool_use", "function_call", "redacted_thinking"]
    const text = bait + words.map((type) => JSON.stringify({ type })).join("")
    const body =
      short === "responses"
        ? { model: "m", instructions: text, input: [{ role: "user", content: text }] }
        : { model: "m", messages: [{ role: "user", content: [{ type: "text", text }] }] }
    const shape = shapeOf(dialect, body)
    expect([shape.imageCount, shape.hasToolHistory, shape.hasSeals, shape.toolCount]).toEqual([0, false, false, 0])
    expect(shape.textChars).toBe(text.length * (short === "responses" ? 2 : 1))
    expect(shape.messageCount).toBe(1)
    expect(shape.uses("image")).toBe(false)
  })

  test("is right for a whole conversation of an agent", () => {
    const shape = shapeOf(dialect, conversation(short, "look"))
    expect(shape.toolCount).toBeGreaterThan(0)
    expect(shape.hasToolHistory).toBe(true)
    expect(shape.toolSchemaBytes).toBeGreaterThan(10)
    expect(shape.textChars).toBeGreaterThan(3)
  })

  test("is read without failing, whatever the body holds", () => {
    const keys = fc.constantFrom(
      ..."messages input tools tool_choice response_format text output_config output_format".split(" "),
      ..."reasoning reasoning_effort thinking functions instructions system mcp_servers".split(" "),
    )
    const words = fc.constantFrom(
      "image",
      "tool_use",
      "tool_result",
      "content",
      "type",
      "additional_tools",
      "namespace",
    )
    const value = fc.jsonValue({ maxDepth: 4 })
    const typed = fc.record({ type: words, content: value, tools: value, source: value })
    expectProperty(
      fc.property(fc.dictionary(keys, fc.oneof(value, typed, fc.array(typed))), (body) => {
        const shape = shapeOf(dialect, body)
        const { messageCount, textChars, imageCount, toolCount, hostedToolCount, encodedBytes } = shape
        for (const count of [messageCount, textChars, imageCount, toolCount, hostedToolCount, encodedBytes])
          expect(count).toBeGreaterThanOrEqual(0)
        expect([shape.hasToolHistory, shape.hasSeals, shape.structuredOutput, shape.reasoning.requested]).toHaveLength(
          4,
        )
        expect(shape.toolChoice).toBeString()
      }),
      300,
    )
  })
})

const EMPTY = { messages: [] }

describe("the choice among tools", () => {
  const cases: readonly (readonly [DialectName, object, string])[] = [
    ["openai-chat", {}, "unset"],
    ["openai-chat", { tool_choice: null }, "null"],
    ["openai-chat", { tool_choice: "auto" }, "auto"],
    ["openai-chat", { tool_choice: "none" }, "none"],
    ["openai-chat", { tool_choice: "required" }, "forced"],
    ["openai-chat", { tool_choice: { type: "function", function: { name: "auto" } } }, "forced"],
    ["openai-chat", { function_call: { name: "f" } }, "forced"],
    ["openai-responses", { tool_choice: "auto" }, "auto"],
    ["openai-responses", { tool_choice: { type: "allowed_tools", mode: "auto", tools: [] } }, "forced"],
    ["anthropic", { tool_choice: { type: "auto", disable_parallel_tool_use: true } }, "auto"],
    ["anthropic", { tool_choice: { type: "any" } }, "forced"],
    ["anthropic", { tool_choice: { type: "tool", name: "auto" } }, "forced"],
    ["anthropic", { tool_choice: null }, "null"],
  ]
  test.each(cases.map((entry) => [...entry] as const))("of %s %j is %s", (dialect, body, expected) => {
    expect(shapeOf(dialect, { ...EMPTY, ...body }).toolChoice).toBe(expected as "unset")
  })
})

describe("the wish to reason", () => {
  const cases: readonly (readonly [DialectName, object, string, string | null, number | null])[] = [
    ["openai-chat", { reasoning_effort: "high" }, "effort", "high", null],
    ["openai-chat", { reasoning_effort: "none" }, "off", null, null],
    ["openai-chat", { reasoning: { max_tokens: 9 } }, "budget", null, 9],
    ["openai-chat", { reasoning: { enabled: false, effort: "low" } }, "off", null, null],
    ["openai-chat", { thinking: { type: "enabled" } }, "adaptive", null, null],
    ["openai-responses", { reasoning: { effort: "low", summary: "auto" } }, "effort", "low", null],
    ["openai-responses", { reasoning: { summary: "auto" } }, "none", null, null],
    ["openai-responses", { reasoning: null }, "none", null, null],
    ["anthropic", { thinking: { type: "enabled", budget_tokens: 1024 } }, "budget", null, 1024],
    ["anthropic", { thinking: { type: "adaptive" }, output_config: { effort: "max" } }, "adaptive", "max", null],
    ["anthropic", { thinking: { type: "disabled" }, output_config: { effort: "max" } }, "off", null, null],
    ["anthropic", { output_config: { effort: "low" } }, "effort", "low", null],
  ]
  test.each(cases.map((entry) => [...entry] as const))(
    "of %s %j is %s",
    (dialect, body, kind, effort, budgetTokens) => {
      const { reasoning } = shapeOf(dialect, { ...EMPTY, ...body })
      expect(reasoning).toMatchObject({
        kind: kind as "none",
        effort,
        budgetTokens,
        requested: kind !== "none" && kind !== "off",
      })
    },
  )
})

describe("shapes that only one dialect knows:", () => {
  test("Responses has tools in items of the input, namespaces and hosted tools", () => {
    const shape = shapeOf("openai-responses", {
      tools: [
        { type: "namespace", name: "n", tools: [{ type: "function" }, { type: "custom" }] },
        { type: "web_search" },
      ],
      input: [
        { type: "additional_tools", role: "developer", tools: [{ type: "function" }, { type: "code_interpreter" }] },
      ],
    })
    expect([shape.toolCount, shape.hostedToolCount]).toEqual([3, 2])
  })

  test("Messages has images in tool results and documents, and none in arguments of tools", () => {
    const image = { type: "image", source: { type: "url", url: "https://x" } }
    const blocks = [
      { type: "tool_use", id: "a", name: "f", input: { picture: image } },
      { type: "tool_result", tool_use_id: "a", content: [image] },
      { type: "document", source: { type: "content", content: [image, { type: "text", text: "x" }] } },
      image,
    ]
    const body = { messages: blocks.map((block) => ({ role: "user", content: [block] })) }
    expect(shapeOf("anthropic", body).imageCount).toBe(3)
    expect(shapeOf("anthropic", { messages: body.messages.slice(0, 1) }).imageCount).toBe(0)
  })

  test("Messages has signatures and redacted thinking as seals, not empty signatures", () => {
    const said = (block: object) => ({ messages: [{ role: "assistant", content: [block] }] })
    expect(shapeOf("anthropic", said({ type: "thinking", thinking: "", signature: "abc" })).hasSeals).toBe(true)
    expect(shapeOf("anthropic", said({ type: "redacted_thinking", data: "x" })).hasSeals).toBe(true)
    expect(shapeOf("anthropic", said({ type: "thinking", thinking: "x", signature: "" })).hasSeals).toBe(false)
  })

  test("Responses has encrypted reasoning as seals", () => {
    const item = (encrypted_content: string | null) => ({
      input: [{ type: "reasoning", summary: [], encrypted_content }],
    })
    expect(shapeOf("openai-responses", item("gAAA")).hasSeals).toBe(true)
    expect(shapeOf("openai-responses", item(null)).hasSeals).toBe(false)
  })

  test("Chat has no history in printed but empty tool calls", () => {
    const said = (tool_calls: unknown) => ({ messages: [{ role: "assistant", content: "x", tool_calls }] })
    expect(shapeOf("openai-chat", said(null)).hasToolHistory).toBe(false)
    expect(shapeOf("openai-chat", said([])).hasToolHistory).toBe(false)
    expect(shapeOf("openai-chat", said([{ id: "a" }])).hasToolHistory).toBe(true)
  })

  test("features are found by field, by type, and by kind of choice", () => {
    const shape = shapeOf("openai-responses", {
      previous_response_id: "r",
      store: null,
      tool_choice: "required",
      tools: [{ type: "custom", name: "x" }],
      input: [{ type: "function_call_output", call_id: "c", output: "o" }],
    })
    const used = ["previous_response_id", "function_call_output", "custom", "tool_choice", "forced_tool_choice"]
    expect(used.filter((feature) => shape.uses(feature))).toEqual(used)
    expect(["store", "stream_options", "function_call", "c"].filter((feature) => shape.uses(feature))).toEqual([])
  })

  test("files in base64 are told from text", () => {
    const data = "A".repeat(1000)
    const url = { type: "image_url", image_url: { url: `data:image/png;base64,${data}` } }
    expect(shapeOf("openai-chat", { messages: [{ role: "user", content: [url] }] }).encodedBytes).toBe(1000)
    const source = { type: "base64", media_type: "image/png", data }
    const blocks = { messages: [{ role: "user", content: [{ type: "image", source }] }] }
    expect(Math.abs(shapeOf("anthropic", blocks).encodedBytes - 1000)).toBeLessThan(3)
  })
})
