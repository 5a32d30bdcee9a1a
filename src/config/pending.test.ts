import { describe, expect, test } from "bun:test"
import { KEYS, loadText, SMALLEST } from "../../test/helpers/load-text.ts"

function inactive(yaml: string): readonly (readonly [string, string])[] {
  const { findings } = loadText(yaml, { env: KEYS })
  expect(findings.filter(({ severity }) => severity === "error")).toEqual([])
  return findings.filter(({ code }) => code === "not-active").map(({ path, message }) => [path, message])
}

const server = (line: string) => SMALLEST.replace("  listen:", `  ${line}\n  listen:`)
const group = (line: string) => SMALLEST.replace("strategy: static", `strategy: static\n    ${line}`)

describe("keys whose feature is not built yet", () => {
  const cases: readonly (readonly [name: string, yaml: string, path: string])[] = [
    ["a limit", SMALLEST.replace("allow:", "rate: { rpm: 1 }, allow:"), "callers[0].rate"],
    ["a budget", SMALLEST.replace("allow:", "spend: { day_usd: 1 }, allow:"), "callers[0].spend"],
    ["the cache", server("cache: { enabled: true }"), "server.cache"],
    ["limits of all callers", server("default_caller: { rate: { rpm: 1 } }"), "server.default_caller"],
    ["the database driver", server("usage_db: { driver: postgres, dsn: 'postgres://h/d' }"), "server.usage_db.driver"],
    ["the state driver", server("state: { driver: redis, url: 'redis://h' }"), "server.state.driver"],
    ["workers", server("workers: 2\n  state: { driver: redis, url: 'redis://h' }"), "server.workers"],
    [
      "the name in answers",
      server("responses: { model_identity: requested_group }"),
      "server.responses.model_identity",
    ],
    ["the retention of diagnostics", server("diagnostics: { retention_days: 7 }"), "server.diagnostics.retention_days"],
    [
      "a strategy",
      SMALLEST.replace("strategy: static", "strategy: script\n    script: route.ts"),
      "models.default.strategy",
    ],
    ["draining", group("disconnect: drain"), "models.default.disconnect"],
    ["a filter", group("pii_filter: { enabled: true }"), "models.default.pii_filter"],
    ["a shadow", group("shadow: { strategy: static }"), "models.default.shadow"],
  ]
  for (const [name, yaml, path] of cases) {
    test(name, () => {
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
    ["a limit of zero", SMALLEST.replace("allow:", "rate: { rpm: 0 }, quota: {}, allow:")],
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

test("a key that many callers set is named once, at the first of them", () => {
  const second = `  - { id: b, owner_user: me, project: lab, environment: dev, token_sha256: ${"1f".repeat(32)}, rate: { rpm: 2 } }\n`
  const found = inactive(SMALLEST.replace("allow:", "rate: { rpm: 1 }, allow:") + second)
  expect(found).toEqual([["callers[0].rate", "rate: accepted, not active yet (1 more place)."]])
})
