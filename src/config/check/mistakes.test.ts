/** Plausible slips of whoever writes a configuration: each is found where it stands, with what to write instead. */
import { describe, expect, test } from "bun:test"
import { errorsOf, KEYS, loadText, SMALLEST } from "../../../test/helpers/load-text.ts"
import type { Finding } from "../findings.ts"

function changed(from: string, to: string, base: string = SMALLEST): string {
  if (!base.includes(from)) throw new Error(`not in the file: ${from}`)
  return base.replace(from, () => to)
}

const URL = "https://api.openai.com/v1"
const KEY = "${OPENAI_API_KEY}"
const withServer = (line: string) => changed("  listen: 127.0.0.1:8080\n", `  listen: 127.0.0.1:8080\n  ${line}\n`)
const withFact = (fact: string) => changed("{ model: gpt-5-mini }", `{ model: gpt-5-mini, ${fact} }`)

/** What the only error has. */
type Slip = readonly [name: string, yaml: string, finding: Partial<Record<keyof Finding, unknown>>]

const said = (text: string): unknown => expect.stringContaining(text)

const ERRORS: readonly Slip[] = [
  ["a variable without braces", changed(KEY, "$OPENAI_API_KEY"), { line: 7, expected: said("${NAME}") }],
  ["a variable as templates write it", changed(KEY, "'{{ openai_key }}'"), { line: 7, expected: said("${NAME}") }],
  ["a variable of another gateway", changed(KEY, "os.environ/OPENAI_API_KEY"), { expected: said("${NAME}") }],
  ["an endpoint of the Chat API", changed(URL, `${URL}/chat/completions`), { line: 5, message: said("endpoint") }],
  ["an endpoint of the Messages API", changed(URL, `${URL}/messages/`), { line: 5, message: said("endpoint") }],
  ["parameters in an address", changed(URL, `${URL}?api-version=1`), { line: 5, message: said("`query`") }],
  ["a port that begins with 0", changed("127.0.0.1:8080", "127.0.0.1:022"), { line: 2, path: "server.listen" }],
  ["yes for true", withServer("watch_config: yes"), { line: 3, message: said("Write true.") }],
  ["off for false", withServer("watch_config: off"), { line: 3, message: said("Write false.") }],
  ["one text for a list", changed("allow: [default]", "allow: default"), { message: said("Write [default].") }],
  [
    "a token for its hash",
    changed("abc0".repeat(16), "rtr_me_lab_dev_k1_d2hvZXZlciByZWFkcyB0aGlz"),
    { path: "callers[0].token_sha256", message: said("`smart-router token create`") },
  ],
  ["a vendor's name for a dialect", changed("dialect: openai-chat", "dialect: openai"), { nearest: "openai-chat" }],
  ["another API's name for a dialect", changed("openai-chat", "claude"), { nearest: "anthropic" }],
  [
    "a part of a dialect's name",
    changed("dialect: openai-chat", "dialect: responses"),
    { nearest: "openai-responses" },
  ],
  [
    "enabled for active",
    changed("type: person, status: active", "type: person, status: enabled"),
    { nearest: "active", line: 14 },
  ],
  ["the upstream's id for a reference", changed("model_ref: mini", "model_ref: gpt-5-mini"), { nearest: "mini" }],
  ["a reference to nothing", changed("model_ref: mini", "model_ref: other"), { expected: 'one of "mini"' }],
]

test.each(ERRORS)("an error says what to write in place of %s", (_name, yaml, finding) => {
  const errors = errorsOf(loadText(yaml, { env: KEYS }))
  expect(errors).toHaveLength(1)
  expect(errors[0]).toMatchObject(finding)
  expect(JSON.stringify(errors)).not.toContain("d2hvZXZlciByZWFkcyB0aGlz")
})

const WARNINGS: readonly Slip[] = [
  ["a host without its root", changed(URL, "https://api.openai.com"), { line: 5, expected: URL }],
  ["half of a root", changed(URL, "https://api.groq.com/openai/"), { expected: "https://api.groq.com/openai/v1" }],
  ["half of another root", changed(URL, "https://openrouter.ai/api"), { expected: "https://openrouter.ai/api/v1" }],
  [
    "a root of another API of the host",
    changed(URL, "https://generativelanguage.googleapis.com/v1beta"),
    { expected: "https://generativelanguage.googleapis.com/v1beta/openai" },
  ],
  ["a key with its scheme", changed(KEY, "Bearer ${OPENAI_API_KEY}"), { code: "key-with-scheme", line: 7 }],
  [
    "seconds of all upstreams",
    withServer("upstream: { timeout_ms: 600 }"),
    { code: "wait-too-short", line: 3, expected: said("600000") },
  ],
  [
    "seconds of a group",
    changed("    strategy: static\n", "    strategy: static\n    attempt_timeout_ms: 60\n"),
    { code: "wait-too-short", expected: said("60000") },
  ],
  ["a server without a root", changed(URL, "http://127.0.0.1:8000"), { code: "no-root", severity: "info" }],
  [
    "the price of one token",
    withFact("input_price_per_million_usd: 0.00000025, output_price_per_million_usd: 2"),
    { code: "price-per-token", expected: said(": 0.25"), line: 9 },
  ],
  [
    "the price of one token in a tier",
    withFact(
      "input_price_per_million_usd: 1, output_price_per_million_usd: 2, price_tiers: [{ above_input_tokens: 9, output_price_per_million_usd: 0.000002 }]",
    ),
    { code: "price-per-token", expected: said(": 2") },
  ],
]

test.each(WARNINGS)("a finding warns of %s", (_name, yaml, finding) => {
  const { config, findings } = loadText(yaml, { env: KEYS })
  expect(config).not.toBeNull()
  const others = findings.filter(({ code }) => code !== "capability-unknown" && code !== "price-unknown")
  expect(others).toHaveLength(1)
  expect(others[0]).toMatchObject(finding)
})

test("ordinary addresses, prices and keys give no such warning", () => {
  const facts =
    "input_price_per_million_usd: 0.05, cached_input_price_per_million_usd: 0.005, output_price_per_million_usd: 0"
  const codes = loadText(withFact(facts), { env: KEYS }).findings.map(({ code }) => code)
  expect(codes.filter((code) => code === "no-root" || code === "price-per-token")).toEqual([])
  expect(errorsOf(loadText(changed(KEY, "sk-$ecret-Value"), { env: KEYS }))).toEqual([])
})

test("every variable that is missing is told in one pass, those of administrators too", () => {
  const basic =
    "admin_auth: { basic: { enabled: true, users: [{ username: ann, password_hash_env: ADMIN_ANN_HASH }] } }"
  const yaml = changed(URL, "${BASE_URL}", withServer(basic))
  const missing = errorsOf(loadText(yaml)).filter(({ code }) => code === "missing-variable")
  expect(missing.map(({ message }) => message.split(" ")[0])).toEqual(["ADMIN_ANN_HASH", "BASE_URL", "OPENAI_API_KEY"])
})

test("what several targets do not say is one line", () => {
  const target = "{ provider: openai, model_ref: mini }"
  const { findings } = loadText(changed(target, `${target}, ${target}, ${target}`), { env: KEYS })
  const unknown = findings.filter(({ code }) => code === "capability-unknown")
  expect(unknown.map(({ path }) => path)).toEqual(["models.default.targets[0]"])
  expect(unknown[0]?.message).toContain("The same is so of 2 more targets.")
})

test("a caller that only reads metrics may call no group", () => {
  const yaml = changed("allow: [default]", "allow: [], metrics_admin: true")
  expect(loadText(yaml, { env: KEYS }).findings.map(({ code }) => code)).not.toContain("nothing-allowed")
})

describe("a fault of YAML is told once, where it begins", () => {
  const LATER = ['"', "'"].map((quote): Slip => {
    const yaml = changed("name: Lab", "name: Lab", changed(URL, `${quote}${URL}`))
    return [`a ${quote} that is not closed`, yaml, { line: 5, column: 15, message: said("closing quote") }]
  })
  test.each([
    ...LATER,
    ["a line that is too far to the left", changed("    dialect", "   dialect"), { line: 6 }],
    ["a tab", changed("    dialect", "\tdialect"), { line: 6, message: said("tabs") }],
    ["a colon in a text", changed("name: Lab", "name: Lab: the first"), { line: 15, message: said("needs quotes") }],
  ] as readonly Slip[])("%s", (_name, yaml, finding) => {
    const { findings } = loadText(yaml, { env: KEYS })
    expect(findings).toHaveLength(1)
    expect(findings[0]?.code).toBe("yaml-syntax")
    expect(findings[0]).toMatchObject(finding)
  })
})
