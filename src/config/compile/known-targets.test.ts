import { expect, test } from "bun:test"
import { claudeVersion } from "./claude-models.ts"
import { KNOWN_TARGETS, knowledgeOf, type Asked } from "./known-targets.ts"

const ASKED: Asked = { dialect: "openai-chat", model: "m", hostname: "10.0.0.7", engine: undefined }

test.each([
  ["claude-3-opus-20240229", 3],
  ["claude-3-7-sonnet-latest", 3.07],
  ["claude-sonnet-4-20250514", 4],
  ["claude-opus-4-1-20250805", 4.01],
  ["us.anthropic.claude-opus-4-6-v1", 4.06],
  ["anthropic/claude-opus-4.6", 4.06],
  ["claude-4.6-opus", 4.06],
  ["claude-opus-4-10", 4.1],
  ["claude-haiku-5-5", 5.05],
  ["claude-next", Infinity],
])("the version of %s is %d", (model, version) => {
  expect(claudeVersion(model)).toBe(version)
})

test("a host counts with all below it, and no other that ends alike", () => {
  const at = (hostname: string): boolean | undefined => knowledgeOf({ ...ASKED, hostname }).accepts.cache_key
  expect(at("api.openai.com")).toBe(true)
  expect(at("mine.openai.azure.com")).toBe(true)
  expect(at("evilopenai.azure.com.example")).toBe(false)
  expect(at("notopenrouter.ai")).toBe(false)
  expect(at("10.0.0.7")).toBe(false)
})

test("what is known of one dialect says nothing of another", () => {
  const native = knowledgeOf({ ...ASKED, dialect: "anthropic", hostname: "api.deepseek.com", model: "deepseek-chat" })
  expect(native.accepts).toEqual({})
  expect(knowledgeOf({ ...ASKED, model: "claude-opus-5-5" }).reasoning.control).toBeUndefined()
})

test("later rows win: an engine, then its model", () => {
  const known = knowledgeOf({ ...ASKED, engine: "vllm", model: "mistralai/Devstral-Small" })
  expect(known.accepts).toMatchObject({ system: "first", roles: "alternating", documents: false })
  expect(knowledgeOf({ ...ASKED, hostname: "api.openai.com", model: "gpt-5-mini" }).reasoning.efforts).toEqual([
    "minimal",
    "low",
    "medium",
    "high",
  ])
})

test("every row has a name of its own and says something", () => {
  expect(new Set(KNOWN_TARGETS.map(({ name }) => name)).size).toBe(KNOWN_TARGETS.length)
  for (const row of KNOWN_TARGETS)
    expect(
      Object.keys(row).some((key) => ["accepts", "reasoning", "outputTokenField", "defaultOutputTokens"].includes(key)),
    ).toBe(true)
})
