import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { secretPattern } from "../config/compile/provider-secrets.ts"
import { expectProperty } from "../../test/helpers/property.ts"
import { isTelling, maskSecrets, maskedFailure } from "./mask.ts"

const KEY = "key/abc+def==123456"
const PROVIDER = {
  base_url: "https://api.vendor.example/v1",
  api_key: KEY,
  headers: {},
  query: {},
}
const SECRETS = secretPattern(PROVIDER)
const through = (text: string, secrets = SECRETS): string =>
  Buffer.from(maskSecrets(Buffer.from(text), secrets)).toString()

test("hosts, URLs, keys and organisation ids are masked, in any case", () => {
  expect(through(`at HTTPS://API.VENDOR.EXAMPLE/v1/chat with ${KEY}`)).toBe("at [masked]/chat with [masked]")
  expect(through("Incorrect API key provided: sk-proj-abc*****xyz.")).toBe("Incorrect API key provided: [masked].")
  expect(through("org-AbCdEf123 has no access")).toBe("[masked] has no access")
  expect(through('"organization_id":"12345678-1234-1234-1234-123456789abc"')).toBe('"organization_id":"[masked]"')
  expect(through('{"organization_id":"12345678-1234-1234-1234-123456789abc"}')).toBe('{"organization_id":"[masked]"}')
})

test("what holds nothing secret keeps its very bytes", () => {
  const bytes = Buffer.from('{"error":{"message":"max_tokens: 32000 > 8192","org":"task-organiser"}}\xff', "latin1")
  expect(maskSecrets(bytes, SECRETS)).toBe(bytes)
  const json = Buffer.from('{ "error": { "big": 12345678901234567890, "message": "100% of C:\\\\temp \\u0041" } }')
  expect(maskSecrets(json, SECRETS)).toBe(json)
})

describe("a key is found", () => {
  const unicode = KEY.split("")
    .map((one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`)
    .join("")
  const percent = KEY.split("")
    .map((one) => `%${one.charCodeAt(0).toString(16)}`)
    .join("")
  test.each([
    ["plain", `said ${KEY}.`],
    ["with escaped slashes", `said ${KEY.replaceAll("/", "\\/")}.`],
    ["in JSON escapes", `said ${unicode}.`],
    ["percent-encoded", `GET /v1?key=${encodeURIComponent(KEY)}&n=1`],
    ["percent-encoded throughout", `GET /v1?key=${percent}`],
    ["percent-encoded twice", `GET /v1?key=${encodeURIComponent(encodeURIComponent(KEY))}`],
    ["in base64", `Basic ${Buffer.from(KEY).toString("base64")} is wrong`],
    ["in base64 behind a user", `Basic ${Buffer.from(`u:${KEY}`).toString("base64")} is wrong`],
    ["in base64 behind a longer user", `Basic ${Buffer.from(`me:${KEY}:x`).toString("base64")} is wrong`],
    ["in base64 of URLs", Buffer.from(`{"key":"${KEY}"}`).toString("base64url")],
  ])("%s, as a text and inside of JSON", (_form, text) => {
    for (const said of [text, `{"error":{"message":"${text}","retryable":true}}`, JSON.stringify({ error: text })]) {
      expect(isTelling(said, SECRETS)).toBeTrue()
      const shown = through(said)
      expect(shown).toContain("[masked]")
      expect(unspelt(shown)).not.toContain("abc+def")
      for (const form of ["base64", "base64url"] as const)
        for (const before of ["", "-", "--"])
          expect(shown).not.toContain(Buffer.from(`${before}${KEY}`).toString(form).slice(6, 22))
      if (said.startsWith("{")) expect(JSON.parse(shown)).toBeObject()
    }
  })
})

/** As somebody would read it who tries. */
function unspelt(text: string): string {
  let read = text
  for (let times = 0; times < 4; times++)
    read = read
      .replace(/%([0-9a-f]{2})/gi, (_all, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
      .replace(/\\u([0-9a-f]{4})/gi, (_all, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
      .replaceAll("\\/", "/")
  return read
}

test("JSON stays JSON and says the same but for what is masked, whatever is in it", () => {
  const secrets = secretPattern({
    ...PROVIDER,
    api_key: "123456789",
    headers: { "x-token": "retryable", "x-a": "true" },
  })
  expect(through('{"retryable":true,"code":123456789,"n":[1,null,"retryable"]}', secrets)).toBe(
    '{"[masked]":true,"code":"[masked]","n":[1,null,"[masked]"]}',
  )
  expectProperty(
    fc.property(fc.json({ maxDepth: 4 }), (json) => {
      const value = JSON.parse(json) as unknown
      const holder = JSON.stringify({ value, key: KEY })
      expect(JSON.parse(through(holder))).toEqual({ value, key: "[masked]" })
    }),
  )
})

test("all words of a failure are masked, and nothing else of it", () => {
  const words = { message: `no ${KEY.replaceAll("/", "\\/")}`, type: KEY, param: KEY, details: { [KEY]: [KEY] } }
  const failure = { kind: "invalid-request", status: 400, ...words } as const
  expect(maskedFailure(failure, SECRETS)).toEqual({
    kind: "invalid-request",
    status: 400,
    message: "no [masked]",
    type: "[masked]",
    param: "[masked]",
    details: { "[masked]": ["[masked]"] },
  })
})

describe("ordinary words are never masked", () => {
  const WORDS =
    '{"error":{"message":"This model\'s maximum context length is 4096 tokens; true, application/json, none","retryable":true}}'
  const headers = {
    "x-stream": "true",
    "x-kind": "model",
    "x-t": "tokens",
    accept: "application/json",
    "openai-beta": "assistants=v2",
    "anthropic-beta": "context-length-2025-05-14",
  }
  test.each([
    ["of headers", { headers }],
    ["of queries", { query: { "api-version": "2024-10-21-preview", mode: "maximum context" } }],
    ["of keys that stand for none", { api_key: "none" }],
    ["of a host", { base_url: "http://model:8000/v1" }],
    ["of a host without a port", { base_url: "http://tokens/v1" }],
  ])("%s", (_place, given) => {
    expect(through(WORDS, secretPattern({ ...PROVIDER, api_key: "k-0123456789", ...given }))).toBe(WORDS)
  })

  test("a host of one word is masked in an address", () => {
    const secrets = secretPattern({ ...PROVIDER, base_url: "http://vllm:8000/v1" })
    expect(through("connect vllm:8000 refused, see http://vllm/docs, vllm 0.9", secrets)).toBe(
      "connect [masked] refused, see http://[masked]/docs, vllm 0.9",
    )
  })

  test("a host is masked as a whole word", () => {
    const secrets = secretPattern({ ...PROVIDER, base_url: "http://10.0.0.1:8000/v1" })
    expect(through("10.0.0.1 and 10.0.0.1:8000, not 10.0.0.12", secrets)).toBe("[masked] and [masked], not 10.0.0.12")
  })
})

test("secret-like headers, queries and passwords of proxies are masked", () => {
  const secrets = secretPattern({
    ...PROVIDER,
    proxy: "http://user:pr%40xy-pass@proxy.example:3128",
    headers: { authorization: "Bearer correcthorse", "x-id": "0a1b2c3d4e5f6a7b" },
    query: { code: "Zm9vYmFyMTIz4567", sig: "abcdefgh" },
  })
  expect(through("correcthorse 0a1b2c3d4e5f6a7b Zm9vYmFyMTIz4567 abcdefgh pr@xy-pass", secrets)).toBe(
    "[masked] [masked] [masked] [masked] [masked]",
  )
})

test("the work of masking is linear", () => {
  const secrets = secretPattern({
    ...PROVIDER,
    api_key: "ab".repeat(200),
    headers: Object.fromEntries(Array.from({ length: 10 }, (_, at) => [`x-key-${at}`, `${"a".repeat(60)}${at}`])),
  })
  for (const unit of ["ab", "a", "%61", "\\u0061", "sk-", "//10.0.0", "organization_id "]) {
    const taken = (size: number): number => {
      const text = unit.repeat(size / unit.length)
      const bytes = Buffer.from(JSON.stringify({ error: text }))
      const runs = Array.from({ length: 5 }, () => {
        const before = process.cpuUsage()
        maskSecrets(bytes, secrets)
        const { user, system } = process.cpuUsage(before)
        return user + system
      })
      return Math.min(...runs)
    }
    taken(20_000)
    const small = Math.max(taken(60_000), 500)
    expect(taken(240_000) / small).toBeLessThan(12)
  }
})
