import { describe, expect, test } from "bun:test"
import { estimateInputTokens } from "./token-estimate.ts"

const user = (content: string | readonly object[]): object => ({ role: "user", content })

function estimate(body: object): number {
  return estimateInputTokens(JSON.parse(JSON.stringify(body)) as Parameters<typeof estimateInputTokens>[0])
}

describe("text", () => {
  test("counts by its bytes, decoded: escapes cost nothing", () => {
    const text = "é\n".repeat(700)
    const escaped = `{"messages":[{"role":"user","content":"${"\\u00e9\\n".repeat(700)}"}]}`
    const body = JSON.parse(escaped) as Parameters<typeof estimateInputTokens>[0]
    expect(estimateInputTokens(body)).toBe(estimate({ messages: [user(text)] }))
    expect(estimate({ messages: [user(text)] })).toBe(4 + 2100 / 3.5)
  })

  test("is worth the same as a string and as blocks, with marks and without", () => {
    const blocks = [{ type: "text", text: "x".repeat(350), cache_control: { type: "ephemeral", ttl: "1h" } }]
    expect(estimate({ messages: [user(blocks)] })).toBe(104)
    expect(estimate({ messages: [user("x".repeat(350))] })).toBe(104)
  })

  test("of the system prompt, of messages and of tools adds up", () => {
    const messages = [user("x".repeat(35)), { role: "assistant", content: "y".repeat(35) }]
    expect(estimate({ system: "z".repeat(70), messages })).toBe(20 + 2 * 14)
    const tools = [{ name: "n".repeat(31) }]
    expect(estimate({ messages, tools }) - estimate({ messages })).toBe(300 + 12 + 10)
    expect(estimate({ messages, tools: [] })).toBe(estimate({ messages }))
  })

  test("of tool calls and results counts, however deep", () => {
    const call = { type: "tool_use", id: "1", name: "read", input: { path: ["a".repeat(350)] } }
    const result = { type: "tool_result", tool_use_id: "1", content: [{ type: "text", text: "b".repeat(350) }] }
    expect(estimate({ messages: [user([call])] })).toBeGreaterThan(100)
    expect(estimate({ messages: [user([result])] })).toBeGreaterThan(100)
  })
})

test("images cost a fixed number whatever their bytes, files in base64 by their size", () => {
  const image = (data: string): object => ({
    type: "image",
    source: { type: "base64", media_type: "image/png", data },
  })
  const document = (data: string): object => ({
    type: "document",
    source: { type: "base64", media_type: "application/pdf", data },
  })
  const size = "A".repeat(34_000)
  expect(estimate({ messages: [user([image(size)])] })).toBe(1604)
  expect(estimate({ messages: [user([image("A")])] })).toBe(1604)
  const inResult = { type: "tool_result", tool_use_id: "1", content: [image(size)] }
  expect(estimate({ messages: [user([inResult])] })).toBeLessThan(1650)
  const [large, small] = [size, ""].map((data) => estimate({ messages: [user([document(data)])] }))
  expect((large ?? 0) - (small ?? 0)).toBe(1000)
})

test("what steers the call is not counted, and nothing is never free", () => {
  const messages = [user("hello")]
  const steering = { model: "m", max_tokens: 1_000_000, metadata: { user_id: "x".repeat(1000) }, thinking: {} }
  expect(estimate({ messages, ...steering })).toBe(estimate({ messages }))
  expect(estimate({ messages: [] })).toBe(1)
})

test("nesting as deep as a body may have is no problem", () => {
  const depth = 50_000
  const text = `{"messages":[{"role":"user","content":${"[".repeat(depth)}"${"x".repeat(35)}"${"]".repeat(depth)}}]}`
  expect(estimateInputTokens(JSON.parse(text) as Parameters<typeof estimateInputTokens>[0])).toBe(14)
})
