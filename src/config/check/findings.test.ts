import { describe, expect, test } from "bun:test"
import { errorsOf, KEYS, loadText, SMALLEST, type Surroundings } from "../../../test/helpers/load-text.ts"
import { formatPath, type Finding } from "../findings.ts"

/** `SMALLEST` with one thing changed; what is replaced must be there. */
function changed(from: string, to: string, base: string = SMALLEST): string {
  if (!base.includes(from)) throw new Error(`not in the file: ${from}`)
  return base.replace(from, () => to)
}

function errors(yaml: string, surroundings: Surroundings = { env: KEYS }): readonly Finding[] {
  return errorsOf(loadText(yaml, surroundings))
}

/** `place` is `<line>:<column> <code> <path>`, as the only error has them; `more` holds further members of it. */
type Case = readonly [name: string, yaml: string, place: string, more?: Partial<Finding>]

const TARGETS = "targets: [{ provider: openai, model_ref: mini }]"
const CALLER = `  - { id: second, owner_user: me, project: lab, environment: dev, token_sha256: ${"ef01".repeat(16)}, allow: [default] }\n`
const withServer = (line: string) => changed("  listen: 127.0.0.1:8080\n", `  listen: 127.0.0.1:8080\n  ${line}\n`)
const withProvider = (line: string) => changed("    models:\n      mini", `    ${line}\n    models:\n      mini`)
const withFact = (fact: string) => changed("{ model: gpt-5-mini }", `{ model: gpt-5-mini, ${fact} }`)
const withCaller = (fact: string) => changed("allow: [default]", `allow: [default], ${fact}`)

const SHAPE: readonly Case[] = [
  [
    "a field of every body that the router governs, as one to set",
    withProvider("request: { set: { max_tokens: 5 } }"),
    "8:23 invalid-value providers.openai.request.set.max_tokens",
  ],
  [
    "a field inside of one that the router governs, as one to leave out",
    withProvider('request: { drop: ["stream_options.include_usage"] }'),
    "8:23 invalid-value providers.openai.request.drop[0]",
  ],
  [
    "a kind of system message that there is not",
    withProvider("accepts: { system: never }"),
    "8:24 invalid-value providers.openai.accepts.system",
    { expected: "one of first, anywhere" },
  ],
  [
    "ids of tool calls that can be of no length",
    withProvider("accepts: { tool_ids: { min_chars: 20, max_chars: 9 } }"),
    "8:39 invalid-value providers.openai.accepts.tool_ids.min_chars",
  ],
  [
    "an unknown key, with the one that was meant",
    withServer("watch_confg: true"),
    "3:3 unknown-key server.watch_confg",
    { nearest: "watch_config" },
  ],
  ["an unknown section", `${SMALLEST}usres: []\n`, "20:1 unknown-key usres", { nearest: "users" }],
  [
    "a key in the wrong place, with what can stand there",
    withServer("request: { rpm: 3 }"),
    "3:14 unknown-key server.request.rpm",
    {
      expected:
        "one of max_body_bytes, max_depth, max_values, max_memory_bytes, max_memory_bytes_per_caller, min_bytes_per_second",
    },
  ],
  [
    "a missing key, at the block that lacks it",
    changed("    dialect: openai-chat\n", ""),
    "4:3 missing-key providers.openai.dialect",
    { expected: "one of openai-chat, openai-responses, anthropic" },
  ],
  [
    "a key that stands twice",
    changed("    dialect: openai-chat\n", "    dialect: openai-chat\n    dialect: anthropic\n"),
    "7:5 duplicate-key providers.openai.dialect",
  ],
  [
    "a mapping where a list belongs",
    changed("users: [{ id: me, name: Me, type: person, status: active }]", "users: { me: { name: Me } }"),
    "14:8 wrong-type users",
    { expected: "a list" },
  ],
  ["a text where a number belongs", withServer("workers: many"), "3:12 wrong-type server.workers"],
  ["a truth value where a text belongs", changed("name: Me", "name: true"), "14:25 wrong-type users[0].name"],
  [
    "a fraction where a whole number belongs",
    withServer("workers: 1.5"),
    "3:12 invalid-value server.workers",
    { expected: "a whole number, from 1 to 256" },
  ],
  ["an empty list item", withCaller("tokens: [ ~ ]"), "19:144 missing-key callers[0].tokens[0]"],
  [
    "a name that every object has",
    changed("      mini: {", "      __proto__: { model: x }\n      mini: {"),
    "9:7 reserved-name providers.openai.models.__proto__",
  ],
  [
    "a name with a line break",
    changed("      mini: {", '      "a\\nb": { model: x }\n      mini: {'),
    '9:7 invalid-value providers.openai.models["a\\nb"]',
  ],
]

const VALUES: readonly Case[] = [
  [
    "a strategy with a slip of the pen",
    changed("strategy: static", "strategy: wieghted"),
    "12:15 invalid-value models.default.strategy",
    { nearest: "weighted" },
  ],
  ["a duration without a unit", withServer('breaker: { window: "30" }'), "3:22 invalid-value server.breaker.window"],
  [
    "a duration with an unknown unit",
    withServer("cache: { default_ttl: 3w }"),
    "3:25 invalid-value server.cache.default_ttl",
    { expected: "a duration such as 500ms, 30s, 15m, 24h or 31d" },
  ],
  [
    "a URL without a scheme",
    changed("https://api.openai.com/v1", "api.openai.com/v1"),
    "5:15 invalid-value providers.openai.base_url",
  ],
  [
    "a URL with a password",
    changed("https://api.openai.com/v1", "https://u:p@api.openai.com/v1"),
    "5:15 invalid-value providers.openai.base_url",
  ],
  [
    "a URL with a port that does not exist",
    changed("https://api.openai.com/v1", "https://api.openai.com:99999/v1"),
    "5:15 invalid-value providers.openai.base_url",
  ],
  [
    "an address range that does not exist",
    withServer("client_ip: { trusted_proxy_cidrs: [10.0.0.0/8, 10.0.0.0/33] }"),
    "3:50 invalid-value server.client_ip.trusted_proxy_cidrs[1]",
  ],
  [
    "a regular expression that is none",
    changed(
      "strategy: static",
      "strategy: static\n    pii_filter: { rules: [{ name: x, expression: '(', placeholder_prefix: X }] }",
    ),
    "13:50 invalid-value models.default.pii_filter.rules[0].expression",
  ],
  [
    "an expression that matches nothing at all",
    changed(
      "strategy: static",
      "strategy: static\n    pii_filter: { rules: [{ name: x, expression: 'a*', placeholder_prefix: X }] }",
    ),
    "13:50 invalid-value models.default.pii_filter.rules[0].expression",
  ],
  [
    "an expression that RE2 does not know",
    changed(
      "strategy: static",
      "strategy: static\n    pii_filter: { rules: [{ name: x, expression: '(?=a)b', placeholder_prefix: X }] }",
    ),
    "13:50 invalid-value models.default.pii_filter.rules[0].expression",
  ],
  [
    "a filter that looks for nothing",
    changed("strategy: static", "strategy: static\n    pii_filter: { enabled: true, detectors: [] }"),
    "13:28 invalid-value models.default.pii_filter.enabled",
  ],
  [
    "two rules of one name",
    changed(
      "strategy: static",
      "strategy: static\n    pii_filter: { rules: [{ name: x, expression: a, placeholder_prefix: X }, { name: x, expression: b, placeholder_prefix: X }] }",
    ),
    "13:86 invalid-value models.default.pii_filter.rules[1].name",
  ],
  [
    "a key that cannot stand in a header",
    changed("${OPENAI_API_KEY}", '"a\\nb"'),
    "7:14 invalid-value providers.openai.api_key",
  ],
  [
    "a driver without its address",
    withServer("usage_db: { driver: postgres }"),
    "3:3 invalid-value server.usage_db.dsn",
  ],
  ["workers without a shared state", withServer("workers: 4"), "3:12 invalid-value server.workers"],
  [
    "a shared cache without a shared state",
    withServer("cache: { shared: true }"),
    "3:20 invalid-value server.cache.shared",
  ],
  [
    "a cache that keeps nothing",
    withServer("cache: { default_ttl: 0s }"),
    "3:25 invalid-value server.cache.default_ttl",
  ],
  ["a listener without a port", changed("127.0.0.1:8080", "127.0.0.1"), "2:11 invalid-value server.listen"],
  ["a port that does not exist", changed("127.0.0.1:8080", "127.0.0.1:99999"), "2:11 invalid-value server.listen"],
  [
    "a hash that is none",
    changed("abc0".repeat(16), "REPLACE_ME"),
    "19:21 invalid-value callers[0].token_sha256",
    { expected: "a SHA-256 as 64 hexadecimal digits" },
  ],
  [
    "a negative limit",
    withCaller("rate: { rpm: -1 }"),
    "19:147 invalid-value callers[0].rate.rpm",
    { expected: "a whole number, 0 or more" },
  ],
  [
    "a price that cannot be held exactly",
    withFact("output_price_per_million_usd: 0.0000000001"),
    "9:64 invalid-value providers.openai.models.mini.output_price_per_million_usd",
  ],
  [
    "a negative price",
    withFact("output_price_per_million_usd: -3"),
    "9:64 invalid-value providers.openai.models.mini.output_price_per_million_usd",
  ],
  [
    "an absurd price",
    withFact("output_price_per_million_usd: 3000000"),
    "9:64 invalid-value providers.openai.models.mini.output_price_per_million_usd",
  ],
  [
    "a day that does not exist",
    withFact("pricing_updated_at: 2026-02-30"),
    "9:54 invalid-value providers.openai.models.mini.pricing_updated_at",
  ],
  [
    "a header that the router writes itself",
    withProvider("headers: { Content-Length: '3' }"),
    "8:32 invalid-value providers.openai.headers.Content-Length",
  ],
  [
    "a header value with a line break",
    withProvider('headers: { X-A: "a\\nb" }'),
    "8:21 invalid-value providers.openai.headers.X-A",
  ],
  [
    "a credential among the headers to forward",
    withProvider("forward_headers: [x-trace, Authorization]"),
    "8:32 invalid-value providers.openai.forward_headers[1]",
  ],
  [
    "a certificate without its key",
    withProvider("tls: { cert_file: a.pem }"),
    "8:10 invalid-value providers.openai.tls",
  ],
  [
    "a target with two models",
    changed("model_ref: mini", "model_ref: mini, model: x"),
    "13:15 invalid-value models.default.targets[0]",
  ],
  [
    "a strategy without what it needs",
    changed("strategy: static", "strategy: script"),
    "12:15 invalid-value models.default.strategy",
  ],
  [
    "reports without authorisation",
    withServer("admin_reports: { enabled: true }"),
    "3:29 invalid-value server.admin_reports.enabled",
  ],
  [
    "a reference that is none",
    changed("${OPENAI_API_KEY}", "${openai key}"),
    "7:14 invalid-value providers.openai.api_key",
  ],
  [
    "api_key beside another api_key_env",
    withProvider("api_key_env: OTHER_KEY"),
    "8:18 invalid-value providers.openai.api_key_env",
  ],
]

const REFERENCES: readonly Case[] = [
  [
    "a target's unknown provider",
    changed("provider: openai,", "provider: openia,"),
    "13:27 unknown-provider models.default.targets[0].provider",
    { nearest: "openai" },
  ],
  [
    "a target's unknown catalogue entry",
    changed("model_ref: mini", "model_ref: minni"),
    "13:46 unknown-model models.default.targets[0].model_ref",
    { nearest: "mini" },
  ],
  ["a group without targets", changed(TARGETS, "targets: []"), "13:14 empty-group models.default.targets"],
  [
    "weights that are all zero",
    changed(
      `strategy: static\n    ${TARGETS}`,
      "strategy: weighted\n    targets: [{ provider: openai, model_ref: mini, weight: 0 }]",
    ),
    "13:14 no-weight models.default.targets",
  ],
  [
    "an alias that is the name of a group",
    changed("strategy: static", "strategy: static\n    aliases: [x, default]"),
    "13:18 alias-clash models.default.aliases[1]",
  ],
  [
    "an alias of two groups",
    changed(
      "users:",
      `  other: { strategy: static, aliases: [a], ${TARGETS} }\n  third: { strategy: static, aliases: [a], ${TARGETS} }\nusers:`,
    ),
    "15:40 alias-clash models.third.aliases[0]",
  ],
  [
    "an unknown default group",
    withServer("default_model_group: defalt"),
    "3:24 unknown-group server.default_model_group",
    { nearest: "default" },
  ],
  [
    "an unknown group in an allow list",
    changed("allow: [default]", "allow: [default, fats]"),
    "19:133 unknown-group callers[0].allow[1]",
  ],
  [
    "an alias in an allow list",
    changed("allow: [default]", "allow: [x]", changed("strategy: static", "strategy: static\n    aliases: [x]")),
    "20:124 unknown-group callers[0].allow[0]",
    { nearest: "default" },
  ],
  [
    "a second user of the same id, whatever its case",
    changed("status: active }]", "status: active }, { id: ME }]"),
    "14:67 duplicate-id users[1].id",
  ],
  [
    "a second project of the same id",
    changed("projects: [", "projects: [{ id: lab }, "),
    "15:31 duplicate-id projects[1].id",
  ],
  [
    "a second membership of the same user and project",
    changed("project_memberships: [", "project_memberships: [{ user_id: me, project: lab }, "),
    "16:65 duplicate-id project_memberships[1].user_id",
  ],
  [
    "a second caller of the same id",
    SMALLEST + changed("id: second", "id: me-lab", CALLER),
    "20:11 duplicate-id callers[1].id",
  ],
  [
    "one token of two callers, by the callers' names",
    SMALLEST + changed("ef01".repeat(16), "ABC0".repeat(16), CALLER),
    "20:81 duplicate-token callers[1].token_sha256",
    { message: 'The callers "me-lab" and "second" have the same token.' },
  ],
  [
    "one token twice at one caller",
    withCaller(`tokens: [{ token_sha256: ${"abc0".repeat(16)} }]`),
    "19:159 duplicate-token callers[0].tokens[0].token_sha256",
  ],
  [
    "one token id of two callers",
    SMALLEST + changed("allow:", "token_id: rtr_me_lab_dev_k1, allow:", CALLER),
    "20:157 duplicate-token callers[1].token_id",
  ],
  [
    "a caller of an unknown user",
    changed("owner_user: me", "owner_user: mee"),
    "18:31 unknown-user callers[0].owner_user",
    { nearest: "me" },
  ],
  [
    "a caller of an unknown project",
    changed("owner_user: me, project: lab", "owner_user: me, project: lap"),
    "18:44 unknown-project callers[0].project",
    { nearest: "lab" },
  ],
  [
    "a membership of an unknown user",
    changed("project_memberships: [", "project_memberships: [{ user_id: you, project: lab }, "),
    "16:34 unknown-user project_memberships[0].user_id",
  ],
  [
    "a caller without a membership",
    changed("[{ user_id: me, project: lab, role: owner, status: active }]", "[]"),
    "18:44 unknown-reference callers[0].project",
  ],
  [
    "an active caller of a user that is not",
    changed("type: person, status: active", "type: person, status: suspended"),
    "18:31 inactive-reference callers[0].owner_user",
  ],
  [
    "an active caller of a project that is not",
    changed("name: Lab, status: active", "name: Lab, status: archived"),
    "18:44 inactive-reference callers[0].project",
  ],
  [
    "an active caller of a membership that is not",
    changed("role: owner, status: active", "role: owner, status: removed"),
    "18:44 inactive-reference callers[0].project",
  ],
  [
    "two names of the owner that disagree",
    changed("owner_user: me,", "owner_user: me, user: you,"),
    "18:35 deprecated-key callers[0].user",
    { nearest: "owner_user" },
  ],
]

test.each([...SHAPE, ...VALUES, ...REFERENCES])("an error names and places %s", (_name, yaml, place, more = {}) => {
  const found = errors(yaml)
  expect(found.map(({ line, column, code, path }) => `${line}:${column} ${code} ${path}`)).toEqual([place])
  expect(found[0]).toMatchObject(more)
})

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
