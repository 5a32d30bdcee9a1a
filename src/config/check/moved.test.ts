/** Configurations of the reference product load: what is not implemented is named, and nothing else stands in the way. */
import { expect, test } from "bun:test"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { errorsOf, KEYS, loadText, SMALLEST } from "../../../test/helpers/load-text.ts"
import { compile } from "../compile/compile.ts"

const MOVED = readFileSync(join(import.meta.dir, "../../../test/fixtures/moved-config.yaml"), "utf8")
const ENV = { ALPHA_KEY: "alpha-key-1", BETA_KEY: "beta-key-12", GAMMA_KEY: "gamma-key-1" }

test("a file with every key that operators bring loads with warnings alone", () => {
  const result = loadText(MOVED, { env: ENV })
  expect(errorsOf(result)).toEqual([])
  const { config } = result
  expect(config?.providers["alpha"]?.api_key).toBe("alpha-key-1")
  expect(config?.providers["alpha"]?.models["big"]?.context_tokens).toBeUndefined()
  expect(config?.models["default"]?.targets[0]?.default_thinking).toBeUndefined()
  expect(config?.server.admin_reports).toMatchObject({ default_since: 86_400_000, max_rows: 500 })
  expect(config?.callers[0]?.owner_user).toBe("ann")
})

const EXPECTED: readonly string[] = `
  state_path logging identifiers streaming openai_compatibility migration_policy intelligent_routing
  script_max_concurrent method budget_pressure recent_penalties fields weights max_age_days max_ttfb_ms
  low_confidence_fallback provider_hosted default_on dialect display_name weight rpm cost queue
  responses_to_chat validation_status validation_notes stateful_sessions email description source joined_at enabled upstream_429_backoff
  output_reservation_token_burst redis
`
  .trim()
  .split(/\s+/)

test("each key that has no effect there is named once, where it stands", () => {
  const named = loadText(MOVED, { env: ENV }).findings.filter(({ code }) => code === "not-implemented")
  const lines = MOVED.split("\n")
  for (const { line, column, path } of named) {
    const key = /[^.[\]]+$/.exec(path)?.[0] ?? ""
    expect([path, lines[line - 1]?.slice(column - 1).startsWith(key)]).toEqual([path, true])
  }
  expect(new Set(named.map(({ path }) => path)).size).toBe(named.length)
  const keys = new Set(named.map(({ path }) => /[^.[\]]+$/.exec(path)?.[0]))
  for (const key of EXPECTED) expect([key, keys.has(key)]).toEqual([key, true])
  expect(keys.has("allow_private_image_urls")).toBe(false)
})

test("modes of policies keep their meaning under their other names", () => {
  const { config } = loadText(MOVED, { env: ENV })
  const { groups } = compile(config!, { userAgent: "" })
  expect(groups.get("policy")).toMatchObject({ strategy: "external", external: { mode: "live" } })
  expect(groups.get("observed")).toMatchObject({ strategy: "failover", external: null })
})

test("two names of one key are two only where they differ", () => {
  const both = SMALLEST.replace("${OPENAI_API_KEY}\n", "${OPENAI_API_KEY}\n    api_key_env: OPENAI_API_KEY\n")
  expect(errorsOf(loadText(both, { env: KEYS }))).toEqual([])
  expect(errorsOf(loadText(both))).toMatchObject([{ code: "missing-variable", path: "providers.openai.api_key" }])
  const others = { ...KEYS, OTHER: "sk-another-key" }
  const different = both.replace("api_key_env: OPENAI_API_KEY", "api_key_env: OTHER")
  expect(errorsOf(loadText(different, { env: others }))).toMatchObject([{ path: "providers.openai.api_key_env" }])
})

test("an empty key of a provider is an error, not a wish to send none", () => {
  expect(errorsOf(loadText(SMALLEST.replace("${OPENAI_API_KEY}", '""')))).toHaveLength(1)
})

test.each([
  ["strategy: static", "strategy: latency", "dynamic_score"],
  ["strategy: static", "strategy: semantic", "external"],
  ["dialect: openai-chat", "dialect: gemini-generate-content", "openai-chat"],
])("what only the reference has is an error that says what to use: %s -> %s", (from, to, instead) => {
  const errors = errorsOf(loadText(SMALLEST.replace(from, to), { env: KEYS }))
  expect(errors).toHaveLength(1)
  expect(errors[0]?.message).toContain(instead)
})
