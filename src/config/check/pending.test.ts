import { describe, expect, test } from "bun:test"
import { KEYS, loadText, SMALLEST } from "../../../test/helpers/load-text.ts"

function inactive(yaml: string): readonly (readonly [string, string])[] {
  const { findings } = loadText(yaml, { env: KEYS })
  expect(findings.filter(({ severity }) => severity === "error")).toEqual([])
  return findings.filter(({ code }) => code === "not-active").map(({ path, message }) => [path, message])
}

const server = (line: string) => SMALLEST.replace("  listen:", `  ${line}\n  listen:`)
const group = (line: string) => SMALLEST.replace("strategy: static", `strategy: static\n    ${line}`)

describe("a warning names the key of a feature that is not built yet", () => {
  const cases: readonly (readonly [name: string, yaml: string, path: string])[] = [
    ["the cache of a group", group("cache: shared"), "models.default.cache"],
    ["streams in a cache that is off", server("cache: { streams: true }"), "server.cache.streams"],
    [
      "a cache that no group uses",
      server("cache: { enabled: true }").replace("strategy: static", 'strategy: static\n    cache: "off"'),
      "server.cache",
    ],
    ["the retention of diagnostics", server("diagnostics: { retention_days: 7 }"), "server.diagnostics.retention_days"],
  ]
  for (const [name, yaml, path] of cases) {
    test(`for ${name}`, () => {
      expect(inactive(yaml).map(([at]) => at)).toContain(path)
    })
  }
})

describe("nothing is said about", () => {
  const cases: readonly (readonly [name: string, yaml: string])[] = [
    ["the smallest file", SMALLEST],
    ["a default that is written out", server("cache: { enabled: false, default_ttl: 15m, max_bytes: 134217728 }")],
    ["another way to write a default", server("cache: { default_ttl: 900s }")],
    ["a block that is switched off", server("decision_telemetry: { enabled: false, max_candidates: 3 }")],
    ["the cache", server("cache: { enabled: true }")],
    ["a group without the cache", group('cache: "off"')],
    ["limits", SMALLEST.replace("allow:", "rate: { rpm: 5 }, spend: { day_usd: 1 }, allow:")],
    ["draining", group("disconnect: drain")],
    ["the database driver", server("usage_db: { driver: postgres, dsn: 'postgres://localhost/d' }")],
    [
      "what is active",
      SMALLEST.replace("strategy: static", "strategy: weighted\n    attempt_timeout_ms: 3\n    aliases: [a]"),
    ],
  ]
  for (const [name, yaml] of cases) {
    test(name, () => {
      expect(inactive(yaml)).toEqual([])
    })
  }
})

test("a key that stands in many places is named once, at the first of them", () => {
  const one = "{ provider: openai, model_ref: mini, default_thinking: { type: enabled } }"
  const found = inactive(SMALLEST.replace("{ provider: openai, model_ref: mini }", `${one}, ${one}`))
  const message = "default_thinking: accepted, not active yet (1 more place)."
  expect(found).toEqual([["models.default.targets[0].default_thinking", message]])
})
