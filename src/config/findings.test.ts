import { describe, expect, test } from "bun:test"
import { errorsOf, KEYS, loadText, SMALLEST, type Surroundings } from "../../test/helpers/load-text.ts"
import { formatPath, type Finding } from "./findings.ts"

/** `SMALLEST` with one thing changed; what is replaced must be there. */
function changed(from: string, to: string, base: string = SMALLEST): string {
  if (!base.includes(from)) throw new Error(`not in the file: ${from}`)
  return base.replace(from, () => to)
}

function errors(yaml: string, surroundings: Surroundings = { env: KEYS }): readonly Finding[] {
  return errorsOf(loadText(yaml, surroundings))
}

interface Case {
  readonly name: string
  readonly yaml: string
  readonly finding: Partial<Finding>
}

const TARGETS = "targets: [{ provider: openai, model_ref: mini }]"
const CALLER = `  - { id: second, owner_user: me, project: lab, environment: dev, token_sha256: ${"ef01".repeat(16)}, allow: [default] }\n`
const withServer = (line: string) => changed("  listen: 127.0.0.1:8080\n", `  listen: 127.0.0.1:8080\n  ${line}\n`)
const withProvider = (line: string) => changed("    models:\n      mini", `    ${line}\n    models:\n      mini`)
const withFact = (fact: string) => changed("{ model: gpt-5-mini }", `{ model: gpt-5-mini, ${fact} }`)
const withCaller = (fact: string) => changed("allow: [default]", `allow: [default], ${fact}`)

const SHAPE: readonly Case[] = [
  {
    name: "an unknown key, with the one that was meant",
    yaml: withServer("watch_confg: true"),
    finding: { code: "unknown-key", path: "server.watch_confg", line: 3, column: 3, nearest: "watch_config" },
  },
  {
    name: "an unknown section",
    yaml: `${SMALLEST}usres: []\n`,
    finding: { code: "unknown-key", path: "usres", line: 20, column: 1, nearest: "users" },
  },
  {
    name: "a key in the wrong place says what can stand there",
    yaml: withServer("request: { rpm: 3 }"),
    finding: {
      code: "unknown-key",
      path: "server.request.rpm",
      line: 3,
      column: 14,
      expected: "one of max_body_bytes, max_depth",
    },
  },
  {
    name: "a missing key, at the block that lacks it",
    yaml: changed("    dialect: openai-chat\n", ""),
    finding: {
      code: "missing-key",
      path: "providers.openai.dialect",
      line: 4,
      column: 3,
      expected: "one of openai-chat, openai-responses, anthropic",
    },
  },
  {
    name: "a key that stands twice",
    yaml: changed("    dialect: openai-chat\n", "    dialect: openai-chat\n    dialect: anthropic\n"),
    finding: { code: "duplicate-key", path: "providers.openai.dialect", line: 7, column: 5 },
  },
  {
    name: "a mapping where a list belongs",
    yaml: changed("users: [{ id: me, name: Me, type: person, status: active }]", "users: { me: { name: Me } }"),
    finding: { code: "wrong-type", path: "users", line: 14, column: 8, expected: "a list" },
  },
  {
    name: "a text where a number belongs",
    yaml: withServer("workers: many"),
    finding: { code: "wrong-type", path: "server.workers", line: 3, column: 12 },
  },
  {
    name: "a truth value where a text belongs",
    yaml: changed("name: Me", "name: true"),
    finding: { code: "wrong-type", path: "users[0].name", line: 14, column: 25 },
  },
  {
    name: "a fraction where a whole number belongs",
    yaml: withServer("workers: 1.5"),
    finding: {
      code: "invalid-value",
      path: "server.workers",
      line: 3,
      column: 12,
      expected: "a whole number, from 1 to 256",
    },
  },
  {
    name: "an empty list item",
    yaml: withCaller("tokens: [ ~ ]"),
    finding: { code: "missing-key", path: "callers[0].tokens[0]", line: 19 },
  },
  {
    name: "a name that every object has",
    yaml: changed("      mini: {", "      __proto__: { model: x }\n      mini: {"),
    finding: { code: "reserved-name", path: "providers.openai.models.__proto__", line: 9, column: 7 },
  },
  {
    name: "a name with a line break",
    yaml: changed("      mini: {", '      "a\\nb": { model: x }\n      mini: {'),
    finding: { code: "invalid-value", path: 'providers.openai.models["a\\nb"]', line: 9, column: 7 },
  },
]

const VALUES: readonly Case[] = [
  {
    name: "a strategy with a slip of the pen",
    yaml: changed("strategy: static", "strategy: wieghted"),
    finding: { code: "invalid-value", path: "models.default.strategy", line: 12, column: 15, nearest: "weighted" },
  },
  {
    name: "a duration without a unit",
    yaml: withServer('breaker: { window: "30" }'),
    finding: { code: "invalid-value", path: "server.breaker.window", line: 3, column: 22 },
  },
  {
    name: "a duration with an unknown unit",
    yaml: withServer("cache: { default_ttl: 3w }"),
    finding: {
      code: "invalid-value",
      path: "server.cache.default_ttl",
      line: 3,
      column: 25,
      expected: "a duration such as 500ms, 30s, 15m, 24h or 31d",
    },
  },
  {
    name: "a URL without a scheme",
    yaml: changed("https://api.openai.com/v1", "api.openai.com/v1"),
    finding: { code: "invalid-value", path: "providers.openai.base_url", line: 5, column: 15 },
  },
  {
    name: "a URL with a password",
    yaml: changed("https://api.openai.com/v1", "https://u:p@api.openai.com/v1"),
    finding: { code: "invalid-value", path: "providers.openai.base_url", line: 5, column: 15 },
  },
  {
    name: "a URL with a port that does not exist",
    yaml: changed("https://api.openai.com/v1", "https://api.openai.com:99999/v1"),
    finding: { code: "invalid-value", path: "providers.openai.base_url", line: 5, column: 15 },
  },
  {
    name: "an address range that does not exist",
    yaml: withServer("client_ip: { trusted_proxy_cidrs: [10.0.0.0/8, 10.0.0.0/33] }"),
    finding: { code: "invalid-value", path: "server.client_ip.trusted_proxy_cidrs[1]", line: 3, column: 50 },
  },
  {
    name: "a regular expression that is none",
    yaml: changed(
      "strategy: static",
      "strategy: static\n    pii_filter: { rules: [{ name: x, expression: '(', placeholder_prefix: X }] }",
    ),
    finding: { code: "invalid-value", path: "models.default.pii_filter.rules[0].expression", line: 13, column: 50 },
  },
  {
    name: "a key that cannot stand in a header",
    yaml: changed("${OPENAI_API_KEY}", '"a\\nb"'),
    finding: { code: "invalid-value", path: "providers.openai.api_key", line: 7, column: 14 },
  },
  {
    name: "a driver without its address",
    yaml: withServer("usage_db: { driver: postgres }"),
    finding: { code: "invalid-value", path: "server.usage_db.dsn", line: 3, column: 3 },
  },
  {
    name: "workers without a shared state",
    yaml: withServer("workers: 4"),
    finding: { code: "invalid-value", path: "server.workers", line: 3, column: 12 },
  },
  {
    name: "a listener without a port",
    yaml: changed("127.0.0.1:8080", "127.0.0.1"),
    finding: { code: "invalid-value", path: "server.listen", line: 2, column: 11 },
  },
  {
    name: "a port that does not exist",
    yaml: changed("127.0.0.1:8080", "127.0.0.1:99999"),
    finding: { code: "invalid-value", path: "server.listen", line: 2, column: 11 },
  },
  {
    name: "a hash that is none",
    yaml: changed("abc0".repeat(16), "REPLACE_ME"),
    finding: {
      code: "invalid-value",
      path: "callers[0].token_sha256",
      line: 19,
      column: 21,
      expected: "a SHA-256 as 64 hexadecimal digits",
    },
  },
  {
    name: "a negative limit",
    yaml: withCaller("rate: { rpm: -1 }"),
    finding: { code: "invalid-value", path: "callers[0].rate.rpm", line: 19, expected: "a whole number, 0 or more" },
  },
  {
    name: "a price that cannot be held exactly",
    yaml: withFact("output_price_per_million_usd: 0.0000000001"),
    finding: {
      code: "invalid-value",
      path: "providers.openai.models.mini.output_price_per_million_usd",
      line: 9,
      column: 64,
    },
  },
  {
    name: "a negative price",
    yaml: withFact("output_price_per_million_usd: -3"),
    finding: {
      code: "invalid-value",
      path: "providers.openai.models.mini.output_price_per_million_usd",
      line: 9,
      column: 64,
    },
  },
  {
    name: "an absurd price",
    yaml: withFact("output_price_per_million_usd: 3000000"),
    finding: { code: "invalid-value", path: "providers.openai.models.mini.output_price_per_million_usd", line: 9 },
  },
  {
    name: "a day that does not exist",
    yaml: withFact("pricing_updated_at: 2026-02-30"),
    finding: { code: "invalid-value", path: "providers.openai.models.mini.pricing_updated_at", line: 9 },
  },
  {
    name: "a header that the router writes itself",
    yaml: withProvider("headers: { Content-Length: '3' }"),
    finding: { code: "invalid-value", path: "providers.openai.headers.Content-Length", line: 8, column: 32 },
  },
  {
    name: "a header value with a line break",
    yaml: withProvider('headers: { X-A: "a\\nb" }'),
    finding: { code: "invalid-value", path: "providers.openai.headers.X-A", line: 8, column: 21 },
  },
  {
    name: "a credential among the headers to forward",
    yaml: withProvider("forward_headers: [x-trace, Authorization]"),
    finding: { code: "invalid-value", path: "providers.openai.forward_headers[1]", line: 8, column: 32 },
  },
  {
    name: "a certificate without its key",
    yaml: withProvider("tls: { cert_file: a.pem }"),
    finding: { code: "invalid-value", path: "providers.openai.tls", line: 8, column: 10 },
  },
  {
    name: "a target with two models",
    yaml: changed("model_ref: mini", "model_ref: mini, model: x"),
    finding: { code: "invalid-value", path: "models.default.targets[0]", line: 13, column: 15 },
  },
  {
    name: "a strategy without what it needs",
    yaml: changed("strategy: static", "strategy: script"),
    finding: { code: "invalid-value", path: "models.default.strategy", line: 12, column: 15 },
  },
  {
    name: "reports without authorisation",
    yaml: withServer("admin_reports: { enabled: true }"),
    finding: { code: "invalid-value", path: "server.admin_reports.enabled", line: 3, column: 29 },
  },
  {
    name: "a reference that is none",
    yaml: changed("${OPENAI_API_KEY}", "${openai key}"),
    finding: { code: "invalid-value", path: "providers.openai.api_key", line: 7, column: 14 },
  },
  {
    name: "api_key beside api_key_env",
    yaml: withProvider("api_key_env: OPENAI_API_KEY"),
    finding: { code: "invalid-value", path: "providers.openai.api_key_env", line: 8, column: 18 },
  },
]

const REFERENCES: readonly Case[] = [
  {
    name: "a target's unknown provider",
    yaml: changed("provider: openai,", "provider: openia,"),
    finding: {
      code: "unknown-provider",
      path: "models.default.targets[0].provider",
      line: 13,
      column: 27,
      nearest: "openai",
    },
  },
  {
    name: "a target's unknown catalogue entry",
    yaml: changed("model_ref: mini", "model_ref: minni"),
    finding: {
      code: "unknown-model",
      path: "models.default.targets[0].model_ref",
      line: 13,
      column: 46,
      nearest: "mini",
    },
  },
  {
    name: "a group without targets",
    yaml: changed(TARGETS, "targets: []"),
    finding: { code: "empty-group", path: "models.default.targets", line: 13, column: 14 },
  },
  {
    name: "weights that are all zero",
    yaml: changed(
      `strategy: static\n    ${TARGETS}`,
      "strategy: weighted\n    targets: [{ provider: openai, model_ref: mini, weight: 0 }]",
    ),
    finding: { code: "no-weight", path: "models.default.targets", line: 13, column: 14 },
  },
  {
    name: "an alias that is the name of a group",
    yaml: changed("strategy: static", "strategy: static\n    aliases: [x, default]"),
    finding: { code: "alias-clash", path: "models.default.aliases[1]", line: 13, column: 18 },
  },
  {
    name: "an alias of two groups",
    yaml: changed(
      "users:",
      `  other: { strategy: static, aliases: [a], ${TARGETS} }\n  third: { strategy: static, aliases: [a], ${TARGETS} }\nusers:`,
    ),
    finding: { code: "alias-clash", path: "models.third.aliases[0]", line: 15, column: 40 },
  },
  {
    name: "an unknown default group",
    yaml: withServer("default_model_group: defalt"),
    finding: { code: "unknown-group", path: "server.default_model_group", line: 3, column: 24, nearest: "default" },
  },
  {
    name: "an unknown group in an allow list",
    yaml: changed("allow: [default]", "allow: [default, fats]"),
    finding: { code: "unknown-group", path: "callers[0].allow[1]", line: 19 },
  },
  {
    name: "an alias in an allow list",
    yaml: changed("allow: [default]", "allow: [x]", changed("strategy: static", "strategy: static\n    aliases: [x]")),
    finding: { code: "unknown-group", path: "callers[0].allow[0]", line: 20, nearest: "default" },
  },
  {
    name: "a second user of the same id, whatever its case",
    yaml: changed("status: active }]", "status: active }, { id: ME }]"),
    finding: { code: "duplicate-id", path: "users[1].id", line: 14, column: 67 },
  },
  {
    name: "a second project of the same id",
    yaml: changed("projects: [", "projects: [{ id: lab }, "),
    finding: { code: "duplicate-id", path: "projects[1].id", line: 15, column: 31 },
  },
  {
    name: "a second membership of the same user and project",
    yaml: changed("project_memberships: [", "project_memberships: [{ user_id: me, project: lab }, "),
    finding: { code: "duplicate-id", path: "project_memberships[1].user_id", line: 16 },
  },
  {
    name: "a second caller of the same id",
    yaml: SMALLEST + changed("id: second", "id: me-lab", CALLER),
    finding: { code: "duplicate-id", path: "callers[1].id", line: 20, column: 11 },
  },
  {
    name: "one token of two callers, by the callers' names",
    yaml: SMALLEST + changed("ef01".repeat(16), "ABC0".repeat(16), CALLER),
    finding: {
      code: "duplicate-token",
      path: "callers[1].token_sha256",
      line: 20,
      message: 'The callers "me-lab" and "second" have the same token.',
    },
  },
  {
    name: "one token twice at one caller",
    yaml: withCaller(`tokens: [{ token_sha256: ${"abc0".repeat(16)} }]`),
    finding: { code: "duplicate-token", path: "callers[0].tokens[0].token_sha256", line: 19 },
  },
  {
    name: "one token id of two callers",
    yaml: SMALLEST + changed("allow:", "token_id: rtr_me_lab_dev_k1, allow:", CALLER),
    finding: { code: "duplicate-token", path: "callers[1].token_id", line: 20 },
  },
  {
    name: "a caller of an unknown user",
    yaml: changed("owner_user: me", "owner_user: mee"),
    finding: { code: "unknown-user", path: "callers[0].owner_user", line: 18, column: 31, nearest: "me" },
  },
  {
    name: "a caller of an unknown project",
    yaml: changed("owner_user: me, project: lab", "owner_user: me, project: lap"),
    finding: { code: "unknown-project", path: "callers[0].project", line: 18, column: 44, nearest: "lab" },
  },
  {
    name: "a membership of an unknown user",
    yaml: changed("project_memberships: [", "project_memberships: [{ user_id: you, project: lab }, "),
    finding: { code: "unknown-user", path: "project_memberships[0].user_id", line: 16, column: 34 },
  },
  {
    name: "a caller without a membership",
    yaml: changed("[{ user_id: me, project: lab, role: owner, status: active }]", "[]"),
    finding: { code: "unknown-reference", path: "callers[0].project", line: 18, column: 44 },
  },
  {
    name: "an active caller of a user that is not",
    yaml: changed("type: person, status: active", "type: person, status: suspended"),
    finding: { code: "inactive-reference", path: "callers[0].owner_user", line: 18, column: 31 },
  },
  {
    name: "an active caller of a project that is not",
    yaml: changed("name: Lab, status: active", "name: Lab, status: archived"),
    finding: { code: "inactive-reference", path: "callers[0].project", line: 18, column: 44 },
  },
  {
    name: "an active caller of a membership that is not",
    yaml: changed("role: owner, status: active", "role: owner, status: removed"),
    finding: { code: "inactive-reference", path: "callers[0].project", line: 18, column: 44 },
  },
  {
    name: "two names of the owner that disagree",
    yaml: changed("owner_user: me,", "owner_user: me, user: you,"),
    finding: { code: "deprecated-key", path: "callers[0].user", line: 18, column: 35, nearest: "owner_user" },
  },
]

for (const [group, cases] of Object.entries({ SHAPE, VALUES, REFERENCES })) {
  describe(group.toLowerCase(), () => {
    for (const { name, yaml, finding } of cases) {
      test(name, () => {
        const found = errors(yaml)
        expect(found).toHaveLength(1)
        expect(found[0]).toMatchObject(finding)
      })
    }
  })
}

describe("values from elsewhere", () => {
  test("a variable that an active provider needs is an error where it stands", () => {
    const found = errors(SMALLEST, {})
    expect(found).toHaveLength(1)
    expect(found[0]).toMatchObject({ code: "missing-variable", path: "providers.openai.api_key", line: 7, column: 14 })
    expect(found[0]?.message).toContain("OPENAI_API_KEY")
  })

  test("an empty variable counts as missing", () => {
    expect(errors(SMALLEST, { env: { OPENAI_API_KEY: "" } })[0]).toMatchObject({ code: "missing-variable" })
  })

  test("a provider that nothing uses may lack its variables", () => {
    const spare = '  spare: { base_url: "${SPARE_URL}/v1", dialect: anthropic, api_key: "${SPARE_KEY}" }\nmodels:'
    const result = loadText(changed("\nmodels:", `\n${spare}`), { env: KEYS })
    expect(errorsOf(result)).toEqual([])
    const missing = result.findings.filter(({ code }) => code === "missing-variable")
    expect(missing.map(({ path, severity }) => [path, severity])).toEqual([
      ["providers.spare.base_url", "warning"],
      ["providers.spare.api_key", "warning"],
    ])
    expect(Object.keys(result.config?.providers ?? {})).toEqual(["openai"])
  })

  test("what a switched-off block lacks is a warning", () => {
    const result = loadText(withServer('admin_auth: { oidc: { enabled: false, issuer_url: "${ISSUER}" } }'), {
      env: KEYS,
    })
    expect(result.findings.find(({ code }) => code === "missing-variable")?.severity).toBe("warning")
    expect(result.config).not.toBeNull()
  })

  test("a required key whose variable is missing is reported once", () => {
    const found = errors(changed("https://api.openai.com/v1", "${BASE_URL}"))
    expect(found.map(({ code, path }) => [code, path])).toEqual([["missing-variable", "providers.openai.base_url"]])
  })

  test("the address of an active driver is needed", () => {
    const found = errors(withServer('usage_db: { driver: postgres, dsn: "${DSN}" }'))
    expect(found.map(({ code, path }) => [code, path])).toEqual([["missing-variable", "server.usage_db.dsn"]])
  })

  test("a file that is missing is an error where it stands", () => {
    const found = errors(changed("${OPENAI_API_KEY}", "${file:/run/secrets/openai}"))
    expect(found[0]).toMatchObject({ code: "unreadable-file", path: "providers.openai.api_key", line: 7, column: 14 })
  })

  test("a first pause that is longer than the longest", () => {
    const clock = "upstream_429_backoff: { enabled: true, min_backoff_ms: 2000, max_backoff_ms: 1000 }"
    expect(errors(withProvider(`traffic_shape: { enabled: true, ${clock} }`))).toMatchObject([
      { path: "providers.openai.traffic_shape.upstream_429_backoff.min_backoff_ms" },
    ])
  })

  test("certificates for a shared state without TLS, and one that is missing", () => {
    const state = (url: string) => `state: { driver: redis, url: '${url}', tls: { ca_file: /none/ca.pem } }`
    expect(errors(withServer(state("redis://h")))).toMatchObject([{ path: "server.state.tls" }])
    expect(errors(withServer(state("rediss://h")))).toMatchObject([
      { code: "unreadable-file", path: "server.state.tls.ca_file" },
    ])
  })

  test("a TLS file that is missing is an error where it stands", () => {
    const found = errors(withProvider("tls: { ca_file: ca.pem }"))
    expect(found[0]).toMatchObject({
      code: "unreadable-file",
      path: "providers.openai.tls.ca_file",
      line: 8,
      column: 21,
    })
  })
})

describe("warnings", () => {
  const warnings = (yaml: string) => {
    const result = loadText(yaml, { env: KEYS })
    expect(errorsOf(result)).toEqual([])
    return result.findings.filter(({ code }) => code !== "capability-unknown" && code !== "price-unknown")
  }

  test("a key of the reference product that is not implemented, by name", () => {
    expect(warnings(withServer("state_path: router-state.json"))).toMatchObject([
      { severity: "warning", code: "not-implemented", path: "server.state_path", line: 3, column: 3 },
    ])
  })

  test("the old name of a key is understood", () => {
    const yaml = changed("owner_user: me,", "user: me,")
    expect(warnings(yaml)).toMatchObject([
      { code: "deprecated-key", path: "callers[0].user", line: 18, nearest: "owner_user" },
    ])
    expect(loadText(yaml, { env: KEYS }).config?.callers[0]?.owner_user).toBe("me")
  })

  test("a caller that is not active may refer to what is gone", () => {
    const yaml = changed(
      "allow: [default]",
      "allow: [gone]",
      changed("environment: dev, status: active", "environment: dev, status: rotated"),
    )
    expect(warnings(changed("type: person, status: active", "type: person, status: removed", yaml))).toMatchObject([
      { severity: "warning", code: "unknown-group", path: "callers[0].allow[0]" },
    ])
  })

  test("a key that travels without TLS", () => {
    expect(warnings(changed("https://api.openai.com/v1", "http://llm.example.com/v1"))).toMatchObject([
      { code: "cleartext-key", path: "providers.openai.base_url", line: 5, column: 15 },
    ])
    expect(warnings(changed("https://api.openai.com/v1", "http://127.0.0.1:9/v1"))).toEqual([])
  })

  test("no key for a host that wants one", () => {
    expect(warnings(changed("    api_key: ${OPENAI_API_KEY}\n", ""))).toMatchObject([
      { severity: "warning", code: "no-key", path: "providers.openai", line: 4, column: 3 },
    ])
    expect(warnings(changed("    api_key: ${OPENAI_API_KEY}\n", "    auth_scheme: none\n"))).toEqual([])
  })

  test("a caller that may call nothing", () => {
    expect(warnings(changed("allow: [default]", "allow: []"))).toMatchObject([
      { code: "nothing-allowed", path: "callers[0]" },
    ])
  })

  test("a burst of shared capacity without a rate", () => {
    const block = (more: string) => withProvider(`traffic_shape: { enabled: true, ${more} }`)
    expect(warnings(block("request_burst: 5"))).toMatchObject([
      { severity: "warning", code: "burst-without-rate", path: "providers.openai.traffic_shape.request_burst" },
    ])
    expect(warnings(block("request_burst: 5, request_start_per_sec: 1"))).toEqual([])
    expect(warnings(withFact("traffic_shape: { enabled: true, input_token_burst: 9 }"))).toMatchObject([
      { code: "burst-without-rate", path: "providers.openai.models.mini.traffic_shape.input_token_burst" },
    ])
  })

  test("what several workers count each for itself", () => {
    const workers = "server:\n  workers: 2\n  state: { driver: redis, url: 'redis://h' }\n"
    const shaped = withProvider("traffic_shape: { enabled: true, request_start_per_sec: 5 }")
    expect(warnings(shaped.replace("server:\n", workers))).toMatchObject([
      { severity: "info", code: "many-writers", path: "server.workers" },
      { severity: "warning", code: "counted-per-process", path: "providers.openai.traffic_shape" },
    ])
    expect(warnings(shaped)).toEqual([])
  })

  test("a target that says nothing about its capabilities", () => {
    const { findings } = loadText(SMALLEST, { env: KEYS })
    expect(findings.find(({ code }) => code === "capability-unknown")).toMatchObject({
      severity: "warning",
      path: "models.default.targets[0]",
      line: 13,
      column: 15,
    })
    const told = withFact(
      "input_modalities: [text], reasoning: { supported: false }, tool_support: { openai_chat: [] }",
    )
    expect(loadText(told, { env: KEYS }).findings.map(({ code }) => code)).not.toContain("capability-unknown")
  })
})

test("everything wrong is reported in one pass, in the order of the file", () => {
  const yaml = changed(
    "allow: [default]",
    "allow: [nope]",
    changed(
      "model_ref: mini",
      "model_ref: maxi",
      changed("dialect: openai-chat", "dialect: openai", withServer("watch: 3")),
    ),
  )
  expect(errors(yaml, {}).map(({ code, line }) => [code, line])).toEqual([
    ["unknown-key", 3],
    ["invalid-value", 7],
    ["missing-variable", 8],
    ["unknown-model", 14],
    ["unknown-group", 20],
  ])
})

test("paths are written so that they are unambiguous", () => {
  expect(formatPath(["providers", "a", "models", "gpt-5.1", "x", 3])).toBe('providers.a.models["gpt-5.1"].x[3]')
})
