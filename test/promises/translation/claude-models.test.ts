/** What a client of another dialect asks of Claude, in the words that each generation of models takes. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import type { Config } from "../../helpers/config.ts"
import { bodyText, FakeUpstream, headerOf } from "../../helpers/fake-upstream.ts"
import { startGateway, type Gateway } from "../../helpers/gateway.ts"
import { allowAll, EVERYTHING } from "../../helpers/translating.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"

type Json = Readonly<Record<string, unknown>>

let upstream: FakeUpstream
let gateway: Gateway

/** Groups by name: the provider's dialect and the entry of its catalogue. */
const ENTRIES: Readonly<Record<string, readonly [dialect: string, entry: Json]>> = {
  "opus-3": ["anthropic", { model: "claude-3-opus-20240229" }],
  "haiku-3-5": ["anthropic", { model: "claude-3-5-haiku-20241022" }],
  "opus-4-1": ["anthropic", { model: "claude-opus-4-1-20250805" }],
  "sonnet-4": ["anthropic", { model: "claude-sonnet-4-20250514" }],
  "sonnet-4-5": ["anthropic", { model: "us.anthropic.claude-sonnet-4-5-20250929-v1:0" }],
  "opus-4-6": ["anthropic", { model: "anthropic/claude-opus-4.6" }],
  "opus-4-8": ["anthropic", { model: "claude-opus-4-8" }],
  "opus-5": ["anthropic", { model: "claude-opus-5" }],
  "fable-5": ["anthropic", { model: "claude-fable-5" }],
  "opus-5-5": ["anthropic", { model: "claude-opus-5-5" }],
  "sonnet-5-5": ["anthropic", { model: "claude-sonnet-5-5" }],
  "haiku-5-5": ["anthropic", { model: "claude-haiku-5-5" }],
  kimi: ["anthropic", { model: "kimi-k3" }],
  said: ["anthropic", { model: "claude-opus-5-5", reasoning: { supported: true, control: "token_budget" } }],
  words: ["anthropic", { model: "kimi-k3", reasoning: { supported: true, control: "effort_enum" } }],
  adaptive: ["anthropic", { model: "kimi-k3", reasoning: { supported: true, control: "adaptive" } }],
  small: ["anthropic", { model: "local", context_tokens: 2048 }],
  capped: ["anthropic", { model: "claude-opus-4-8", max_output_tokens: 32_000 }],
  wished: ["anthropic", { model: "claude-opus-4-8", max_output_tokens: 32_000, default_output_tokens: 500 }],
  responses: ["openai-responses", { model: "gpt-5.5" }],
  chat: ["openai-chat", { model: "local", accepts: { cache_key: true } }],
  "chat-without": ["openai-chat", { model: "local" }],
}

function configure(config: Config): void {
  for (const [name, [dialect, entry]] of Object.entries(ENTRIES)) {
    const models = { m: { ...EVERYTHING, reasoning: { supported: true }, ...entry } }
    config.providers[name] = { base_url: `${upstream.url}/v1`, dialect, api_key: "key-of-a-vendor", models }
    config.models[name] = { strategy: "static", targets: [{ provider: name, model_ref: "m" }] }
  }
  allowAll(config)
}

beforeAll(async () => {
  upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
  gateway = await startGateway({ upstreams: { upstream }, configure })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream.stop()
})

interface Sent {
  readonly body: Json
  readonly losses: readonly string[]
}

let count = 0

async function asked(
  model: string,
  more: Json,
  dialect: "responses" | "messages" = "responses",
  headers: Readonly<Record<string, string>> = {},
): Promise<Sent> {
  count += 1
  const marker = `question number ${count}.`
  const content = dialect === "responses" ? { input: marker } : { messages: [{ role: "user", content: marker }] }
  const answer = await gateway.call(dialect, JSON.stringify({ model, ...content, ...more }), { headers })
  expect([model, answer.status, answer.status === 200 ? "" : answer.text]).toEqual([model, 200, ""])
  const { request } = upstream.received(marker)[0]!
  expect(headerOf(request, "x-claude-code-session-id")).toBeUndefined()
  const losses = answer.headers.get("x-router-losses")?.split(",") ?? []
  return { body: JSON.parse(bodyText(request)) as Json, losses }
}

const wish = (effort: string): Json => ({ reasoning: { effort, summary: "auto" } })
const shown = { type: "adaptive", display: "summarized" }

test.each<[group: string, effort: string, thinking: unknown, written: string | undefined, isChanged: boolean]>([
  ["sonnet-4-5", "high", { type: "enabled", budget_tokens: 4096 }, undefined, true],
  ["kimi", "high", { type: "enabled", budget_tokens: 4096 }, undefined, true],
  ["opus-4-6", "high", shown, "high", false],
  ["opus-4-6", "xhigh", shown, "high", true],
  ["opus-4-8", "xhigh", shown, "xhigh", false],
  ["opus-4-8", "minimal", shown, "low", true],
  ["opus-4-8", "none", { type: "disabled" }, undefined, false],
  ["opus-5", "none", { type: "disabled" }, undefined, false],
  ["haiku-5-5", "none", { type: "disabled" }, undefined, false],
  ["sonnet-5-5", "none", { type: "between_tools" }, undefined, false],
  ["opus-5-5", "none", shown, "low", true],
  ["fable-5", "none", shown, "low", true],
  ["opus-5-5", "max", shown, "max", false],
  ["said", "high", { type: "enabled", budget_tokens: 4096, display: "summarized" }, undefined, true],
  ["words", "minimal", undefined, "low", true],
  ["words", "none", { type: "disabled" }, undefined, false],
  ["adaptive", "high", { type: "adaptive" }, "high", false],
])("%s is asked for %s effort as it takes it", async (group, effort, thinking, written, isChanged) => {
  const { body, losses } = await asked(group, wish(effort))
  expect(body["thinking"]).toEqual(thinking)
  expect((body["output_config"] as Json | undefined)?.["effort"]).toEqual(written)
  expect(losses.includes("reasoning-control")).toBe(isChanged)
})

test("models that always think are not forced to call a tool, and none since 4.7 gets a temperature", async () => {
  const tools = [{ type: "function", name: "look", parameters: { type: "object" }, strict: false }]
  const forced = { tools, tool_choice: "required", temperature: 0.5 }
  const newer = await asked("opus-5-5", forced)
  expect(newer.body["tool_choice"]).toEqual({ type: "auto" })
  expect(newer.body).not.toHaveProperty("temperature")
  expect(newer.losses).toEqual(expect.arrayContaining(["tool-choice", "sampling"]))
  const older = await asked("sonnet-4-5", forced)
  expect(older.body).toMatchObject({ tool_choice: { type: "any" }, temperature: 0.5 })
  expect(older.losses).not.toContain("tool-choice")
})

test.each([
  ["opus-3", 4096],
  ["haiku-3-5", 8192],
  ["opus-4-1", 32_000],
  ["sonnet-4", 64_000],
  ["sonnet-4-5", 64_000],
  ["opus-5-5", 64_000],
  ["kimi", 8192],
  ["capped", 32_000],
  ["wished", 500],
])("%s gets a cap of %d where the client gave none", async (group, tokens) => {
  expect((await asked(group, {})).body["max_tokens"]).toBe(tokens)
})

test("a cap that the router makes up leaves room for the input", async () => {
  const short = (await asked("small", {})).body["max_tokens"] as number
  const long = (await asked("small", { instructions: "word ".repeat(800) })).body["max_tokens"] as number
  expect(short).toBeGreaterThan(1500)
  expect(short).toBeLessThan(2048)
  expect(long).toBeGreaterThan(0)
  expect(long).toBeLessThan(2048 - 1000)
  const thinking = await asked("small", { instructions: "word ".repeat(300), ...wish("high") })
  expect(thinking.body["max_tokens"]).toBeLessThan(2048 - 375)
})

test("a thinking budget does not raise a cap that is the model's largest already", async () => {
  const { body } = await asked("opus-4-1", wish("max"))
  expect(body).toMatchObject({ max_tokens: 32_000, thinking: { budget_tokens: 16_384 } })
  expect((await asked("kimi", wish("high"))).body["max_tokens"]).toBe(8192 + 4096)
})

test("Claude caches what a client of another vendor sends, unless it placed marks of its own", async () => {
  const { body, losses } = await asked("opus-4-8", { prompt_cache_key: "k" })
  expect(body["cache_control"]).toEqual({ type: "ephemeral" })
  expect(losses).not.toContain("cache-key")
  const other = await asked("kimi", { prompt_cache_key: "k" })
  expect(other.body).not.toHaveProperty("cache_control")
  expect(other.losses).toContain("cache-key")
  const content = [{ type: "input_text", text: "marked", prompt_cache_breakpoint: { mode: "explicit" } }]
  const marked = await asked("opus-4-8", {
    input: [
      { role: "user", content },
      { role: "user", content: `question number ${count + 1}.` },
    ],
  })
  expect(JSON.stringify(marked.body)).toContain('"cache_control"')
  expect(marked.body).not.toHaveProperty("cache_control")
})

test("calls of one session have one cache key at the vendors that take one, and other sessions have others", async () => {
  const key = async (group: string, session: string): Promise<unknown> =>
    (await asked(group, { max_tokens: 99 }, "messages", { "x-claude-code-session-id": session })).body[
      "prompt_cache_key"
    ]
  for (const group of ["responses", "chat"]) {
    const [first, again, other] = [await key(group, "s1"), await key(group, "s1"), await key(group, "s2")]
    expect(first).toMatch(/^[0-9a-f]{32}$/u)
    expect(again).toBe(first)
    expect(other).not.toBe(first)
  }
  expect(await key("chat-without", "s1")).toBeUndefined()
  expect((await asked("responses", { max_tokens: 99 }, "messages")).body).not.toHaveProperty("prompt_cache_key")
})
