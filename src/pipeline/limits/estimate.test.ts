/** What a call is taken to use at most, from its body alone. */
import { describe, expect, test } from "bun:test"
import { mustLoad } from "../../../test/helpers/load-text.ts"
import { compile } from "../../config/compile/compile.ts"
import type { Credential, Group } from "../../config/snapshot.ts"
import type { DialectName } from "../../dialects/dialect.ts"
import { DIALECTS } from "../../dialects/registry.ts"
import { Estimator } from "../../governance/estimator.ts"
import { scanObject } from "../../json/scan.ts"
import type { Estimate } from "../call/hold.ts"
import { CallRequest } from "../call/request.ts"
import type { Incoming } from "../message.ts"
import { estimate } from "./estimate.ts"

const CONTEXT = 300_000
const PRICES = "input_price_per_million_usd: 1, output_price_per_million_usd: 2"
const CONFIG = `server: { listen: 127.0.0.1:0 }
providers:
  p: { base_url: "https://p.example/v1", dialect: openai-chat, api_key: key-of-the-test }
  o: { base_url: "https://api.openai.com/v1", dialect: openai-chat, api_key: key-of-the-test }
  r: { base_url: "https://r.example/v1", dialect: openai-responses, api_key: key-of-the-test }
  a: { base_url: "https://a.example", dialect: anthropic, api_key: key-of-the-test }
models:
  known: { strategy: static, targets: [{ provider: p, model: m, context_tokens: ${CONTEXT}, max_output_tokens: 2000, ${PRICES} }] }
  narrow: { strategy: static, targets: [{ provider: p, model: n, context_tokens: 1000, ${PRICES} }] }
  unknown: { strategy: static, targets: [{ provider: p, model: u }] }
  mixed: { strategy: static, targets: [{ provider: p, model: u }, { provider: p, model: m, max_output_tokens: 2000 }] }
  newer: { strategy: static, targets: [{ provider: p, model: m, output_token_field: max_completion_tokens }] }
  openai: { strategy: static, targets: [{ provider: o, model: m }] }
  some: { strategy: static, targets: [{ provider: o, model: m }, { provider: p, model: m, max_output_tokens: 2000 }] }
  responses: { strategy: static, targets: [{ provider: r, model: m }] }
  messages: { strategy: static, targets: [{ provider: a, model: m }] }
  stripped: { strategy: static, hosted_tools: strip, targets: [{ provider: p, model: m, context_tokens: ${CONTEXT} }] }
users: [{ id: me, name: Me, type: person, status: active }]
projects: [{ id: lab, name: Lab, status: active }]
project_memberships: [{ user_id: me, project: lab, role: owner, status: active }]
callers:
  - { id: c, owner_user: me, project: lab, environment: dev, status: active, allow: [known], token_id: t, token_sha256: ${"1f".repeat(32)}, spend: { day_usd: 1 } }
`
const snapshot = compile(mustLoad(CONFIG), { userAgent: "test" })
const [credential] = snapshot.credentials.values() as Iterable<Credential> as [Credential]

function estimated(dialect: DialectName, body: string | object, name = "known"): Estimate {
  const text = typeof body === "string" ? body : JSON.stringify(body)
  const incoming = { path: "/", headers: { get: () => null } } as Partial<Incoming> as Incoming
  const scanned = scanObject(Buffer.from(text), 512)
  const source = { dialect: DIALECTS[dialect], incoming, credential, ts: 0 }
  const request = new CallRequest(source, {
    body: scanned,
    facts: source.dialect.peek(scanned),
    heldIds: null,
    isSealed: null,
  })
  const group = snapshot.groups.get(name) as Group
  return estimate({ request, group, credential }, group.targets, new Estimator())
}

const said = (...content: unknown[]): object => ({ messages: [{ role: "user", content }] })

describe("estimated output:", () => {
  const CAPS = {
    "openai-chat": "max_tokens",
    "openai-responses": "max_output_tokens",
    anthropic: "max_tokens",
  } as const
  for (const dialect of Object.keys(CAPS) as DialectName[]) {
    test(`a cap of ${dialect} counts as far as a model of the group can write`, () => {
      const of = (tokens: number, group: string): number =>
        estimated(dialect, { [CAPS[dialect]]: tokens }, group).outputTokens
      expect([of(1999, "known"), of(2001, "known"), of(9e15, "known")]).toEqual([1999, 2000, 2000])
      expect([of(5000, "narrow"), of(5000, "unknown"), of(5000, "mixed")]).toEqual([1000, 5000, 5000])
    })
  }

  const [OLDER, NEWER] = [{ max_tokens: 900 }, { max_completion_tokens: 900 }]
  const BOTH = { max_tokens: 1, max_completion_tokens: 900 }
  const UNCAPPED = 32_768
  test.each<readonly [string, DialectName, object, string, number]>([
    ["the older name, which the server reads", "openai-chat", OLDER, "unknown", 900],
    ["the newer name, which it does not read", "openai-chat", NEWER, "unknown", UNCAPPED],
    ["the newer name, which it is said to read", "openai-chat", NEWER, "newer", 900],
    ["the older name, which it does not read", "openai-chat", OLDER, "newer", UNCAPPED],
    ["two names: the larger one", "openai-chat", BOTH, "unknown", 900],
    ["a server that obeys either", "openai-chat", OLDER, "openai", 900],
    ["the same, the newer name", "openai-chat", NEWER, "openai", 900],
    ["one target of two that does not read it", "openai-chat", NEWER, "some", UNCAPPED],
    ["0 where the server looks", "openai-chat", { max_tokens: 0, max_completion_tokens: 9 }, "unknown", UNCAPPED],
    ["another dialect, where the router writes it", "openai-chat", NEWER, "messages", 900],
    ["the same from Messages", "anthropic", OLDER, "newer", 900],
    ["less than the smallest that the router may write", "anthropic", { max_tokens: 1 }, "responses", 16],
    ["the drafts of which the best are given", "openai-chat", { ...OLDER, n: 2, best_of: 5 }, "unknown", 4500],
  ])("%s", (_, dialect, body, group, tokens) => {
    expect(estimated(dialect, body, group).outputTokens).toBe(tokens)
  })

  test("no sum is spoilt by numbers that no call reaches", () => {
    for (const group of ["known", "unknown"]) {
      const { outputTokens, leastOutputTokens } = estimated("openai-chat", { max_tokens: 9e15, n: 9e15 }, group)
      expect([outputTokens, leastOutputTokens]).toEqual([1e9, 1e9])
    }
    expect(estimated("openai-chat", { stream: true, n: 9e15 }, "unknown").stepTokens).toBe(1e9)
  })
})

describe("estimated input", () => {
  const HIDDEN: readonly (readonly [string, DialectName, string | object])[] = [
    ["a document at an address", "anthropic", said({ type: "document", source: { type: "url", url: "https://x" } })],
    ["a file at an address", "openai-chat", said({ type: "file", file: { file_data: "https://x/a.pdf" } })],
    [
      "an address under a hidden key",
      "openai-responses",
      String.raw`{"input":[{"content":[{"type":"input_file","\u0066ile_url":"https://x"}]}]}`,
    ],
    [
      "an address of two",
      "openai-responses",
      '{"input":[{"content":[{"type":"input_file","file_url":"https://x","file_url":null}]}]}',
    ],
    [
      "an id that is hidden",
      "openai-chat",
      String.raw`{"messages":[{"content":[{"type":"file","file":{"file_\u0069d":"f"}}]}]}`,
    ],
    ["a stored item", "openai-responses", { input: [{ type: "item_reference", id: "i" }] }],
    ["a hosted tool", "openai-chat", { messages: [], tools: [{ type: "function" }, { type: "web_search" }] }],
    ["a hosted tool of two types", "openai-chat", '{"tools":[{"type":"web_search","type":"function"}]}'],
    ["the same the other way round", "openai-chat", '{"tools":[{"type":"function","type":"web_search"}]}'],
    ["a hosted tool in the first of two lists", "openai-chat", '{"tools":[{"type":"web_search"}],"tools":[]}'],
    ["a hosted tool behind an escape", "anthropic", String.raw`{"tools":[{"typ\u0065":"w\u0065b_search_20250305"}]}`],
    ["an earlier answer", "openai-responses", { previous_response_id: "r" }],
  ]
  test.each(HIDDEN.map((row) => [...row] as const))("is unknown for %s", (_, dialect, body) => {
    const { inputTokens, outputTokens, textBytes } = estimated(dialect, body)
    expect([inputTokens + outputTokens, textBytes]).toEqual([CONTEXT, null])
  })

  const schema = { properties: { file_id: { type: "string" }, file_url: { type: "string" } } }
  const SEEN: readonly (readonly [string, DialectName, object])[] = [
    [
      "a schema that speaks of files",
      "openai-chat",
      { messages: [], tools: [{ type: "function", function: { parameters: schema } }] },
    ],
    ["the same", "anthropic", { messages: [], tools: [{ name: "f", input_schema: schema }] }],
    [
      "the same, in the conversation",
      "openai-responses",
      { input: [{ type: "additional_tools", tools: [{ type: "function", parameters: schema }] }] },
    ],
    [
      "arguments that speak of files",
      "anthropic",
      said({ type: "tool_use", id: "t", name: "f", input: { file_id: "f" } }),
    ],
    ["tools of the client", "anthropic", { messages: [], tools: [{ type: "bash_20250124" }, { type: "custom" }, {}] }],
  ]
  test.each(SEEN.map((row) => [...row] as const))("is known for %s", (_, dialect, body) => {
    const { inputTokens, textBytes } = estimated(dialect, body)
    const bytes = JSON.stringify(body).length
    expect([inputTokens, textBytes]).toEqual([Math.ceil(bytes / 3), bytes])
  })

  test("is known with hosted tools where the group takes them out", () => {
    expect(
      estimated("openai-chat", { messages: [], tools: [{ type: "web_search" }] }, "stripped").inputTokens,
    ).toBeLessThan(99)
  })

  test("counts base64 as text in the arguments of a tool, and not in an image", () => {
    const data = "A".repeat(300_000)
    const input = estimated("anthropic", said({ type: "tool_use", id: "t", name: "f", input: { data } }))
    expect(input.inputTokens).toBeGreaterThan(100_000)
    const source = { type: "base64", media_type: "image/png", data }
    const image = estimated("anthropic", said({ type: "image", source }))
    expect(image.inputTokens).toBeLessThan(25_800)
    expect([input.textBytes === null, image.textBytes]).toEqual([false, null])
  })
})
