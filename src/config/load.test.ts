import { describe, expect, test } from "bun:test"
import { errorsOf, FULLER, FULLER_ENV, KEYS, loadText, mustLoad, SMALLEST } from "../../test/helpers/load-text.ts"

describe("the smallest file", () => {
  test("loads without errors", () => {
    expect(errorsOf(loadText(SMALLEST, { env: KEYS }))).toEqual([])
  })

  test("gets every default of the server", () => {
    const { server } = mustLoad(SMALLEST, { env: KEYS })
    expect(server).toMatchObject({
      listen: "127.0.0.1:8080",
      default_model_group: "default",
      cache: { enabled: false, max_bytes: 134217728, default_ttl: 900_000 },
      logging: { path: "/etc/router/logs/requests.jsonl", rotate_mb: 256, keep: 14 },
      usage_db: {
        driver: "sqlite",
        path: "/etc/router/state/usage.sqlite",
        durability: "commit",
        on_unavailable: "spool",
      },
      state: { driver: "memory", on_unavailable: "fail_closed" },
      workers: 1,
      watch_config: false,
      upstream: {
        timeout_ms: 600_000,
        default_attempt_timeout_ms: 0,
        max_response_bytes: 33_554_432,
        max_frame_bytes: 8_388_608,
      },
      request: { max_body_bytes: 33_554_432, max_depth: 512 },
      default_output_reservation: 4096,
      unknown_capabilities: "allow",
      breaker: { failures: 5, window: 30_000, cooldown: 15_000 },
      default_caller: { rate: { rpm: 0, tpm: 0, concurrent: 0 }, spend: { day_usd: 0, month_usd: 0 } },
      cors: { allow_origins: [] },
      responses: { model_identity: "upstream" },
      diagnostics: { enabled: true, retention_days: 30 },
      decision_telemetry: { enabled: false, max_candidates: 64, max_filter_reasons: 256 },
      traffic_shape: { enabled: false },
      admin_auth: { basic: { enabled: false, users: [] }, authorization: { enabled: false, policy: [] } },
      admin_reports: {
        enabled: false,
        path_prefix: "/admin/reports",
        default_since: 86_400_000,
        max_range: 31 * 86_400_000,
        max_rows: 500,
      },
      client_ip: { trusted_proxy_cidrs: [], header_order: ["X-Forwarded-For", "X-Real-IP"], store_ip: true },
    })
  })

  test("gets the defaults of groups and targets", () => {
    const group = mustLoad(SMALLEST, { env: KEYS }).models["default"]
    expect(group).toMatchObject({
      translation: "warn",
      hosted_tools: "pass",
      disconnect: "abort",
      activation: { mode: "off" },
      cache: "caller",
      shadow: null,
      aliases: [],
      targets: [{ provider: "openai", model_ref: "mini", weight: 1 }],
    })
    expect(group).not.toHaveProperty("attempt_timeout_ms")
  })

  test("leaves unknown what the catalogue does not say", () => {
    const entry = mustLoad(SMALLEST, { env: KEYS }).providers["openai"]?.models["mini"]
    expect(entry).toEqual({
      model: "gpt-5-mini",
      honors_max_tokens: true,
      force_store_false: false,
      output_token_field: "max_completion_tokens",
    })
  })
})

describe("the fuller file", () => {
  const config = mustLoad(FULLER, { env: FULLER_ENV })

  test("means what it says", () => {
    expect(config.providers["alpha"]).toMatchObject({
      api_key: "ak-test-0123456789",
      auth_scheme: "bearer",
      key_id: "alpha-main",
      headers: { "X-Title": "router" },
      query: { "api-version": "2026-05-01" },
      proxy: "http://user:p%40ssw0rd@127.0.0.1:3128",
      models: {
        big: {
          input_price_per_million_usd: 3,
          cached_input_price_per_million_usd: 0.3,
          price_tiers: [
            { above_input_tokens: 200_000, input_price_per_million_usd: 6, output_price_per_million_usd: 22.5 },
          ],
          service_tier_multipliers: { flex: 0.5, priority: 2 },
          output_token_field: "max_tokens",
        },
      },
    })
    expect(config.models["fast"]?.targets.map((target) => target.weight)).toEqual([70, 30])
    expect(config.callers[0]).toMatchObject({
      rate: { rpm: 120, tpm: 200_000, concurrent: 8 },
      quota: { day: { requests: 5000, tokens: 20_000_000 }, month: { requests: 0, tokens: 400_000_000 }, soft_pct: 80 },
      tags: { team: "search" },
      allow: ["fast"],
    })
    expect(config.server.state.url).toBe("redis://:redis-password@127.0.0.1")
  })

  test("names only what is set and not active", () => {
    const { findings } = loadText(FULLER, { env: FULLER_ENV })
    expect(findings.filter(({ code }) => code === "not-active")).toEqual([])
  })

  test("loads where only inactive keys lack their variables", () => {
    const { ALPHA_KEY = "", EGRESS_PROXY = "" } = FULLER_ENV
    const result = loadText(FULLER, { env: { ALPHA_KEY, EGRESS_PROXY } })
    expect(errorsOf(result)).toEqual([])
    expect(result.findings.filter(({ code }) => code === "missing-variable").map(({ path }) => path)).toEqual([
      "server.usage_db.dsn",
      "server.state.url",
    ])
    expect(result.config?.server.usage_db).not.toHaveProperty("dsn")
  })
})

describe("a loaded configuration", () => {
  test("sends keys in the way of the dialect", () => {
    const yaml = SMALLEST.replace("dialect: openai-chat", "dialect: anthropic")
    expect(mustLoad(yaml, { env: KEYS }).providers["openai"]?.auth_scheme).toBe("x-api-key")
    expect(mustLoad(SMALLEST, { env: KEYS }).providers["openai"]?.auth_scheme).toBe("bearer")
  })

  test("names the output cap as the host does", () => {
    const yaml = SMALLEST.replace("api.openai.com", "llm.example.com")
    expect(mustLoad(yaml, { env: KEYS }).providers["openai"]?.models["mini"]?.output_token_field).toBe("max_tokens")
  })

  test("starts callers from the default caller, key by key", () => {
    const yaml = SMALLEST.replace(
      "  listen:",
      "  default_caller: { rate: { rpm: 60, tpm: 1000 }, quota: { day: { tokens: 5 } }, spend: { day_usd: 2.5 } }\n  listen:",
    ).replace("allow: [default]", "allow: [default], rate: { rpm: 0, concurrent: 3 }, quota: { day: { requests: 7 } }")
    expect(mustLoad(yaml, { env: KEYS }).callers[0]).toMatchObject({
      rate: { rpm: 0, tpm: 1000, concurrent: 3 },
      quota: { day: { requests: 7, tokens: 5 }, month: { requests: 0, tokens: 0 }, soft_pct: 80 },
      spend: { day_usd: 2.5, month_usd: 0 },
    })
  })

  test("has no default group where no group is named default", () => {
    const yaml = SMALLEST.replaceAll("default", "other")
    expect(mustLoad(yaml, { env: KEYS }).server.default_model_group).toBeNull()
  })

  test("has absolute paths, seen from the file", () => {
    const yaml = SMALLEST.replace(
      "  listen:",
      "  logging: { path: ../log/a.jsonl }\n  usage_db: { path: /data/u.sqlite }\n  listen:",
    )
    const { server } = mustLoad(yaml, { env: KEYS })
    expect(server.logging.path).toBe("/etc/log/a.jsonl")
    expect(server.usage_db.path).toBe("/data/u.sqlite")
  })

  test("takes api_key_env as another way to write api_key", () => {
    const yaml = SMALLEST.replace("api_key: ${OPENAI_API_KEY}", "api_key_env: OPENAI_API_KEY")
    const result = loadText(yaml, { env: KEYS })
    expect(result.config?.providers["openai"]?.api_key).toBe("sk-test-0123456789")
    expect(result.secrets).toContain("sk-test-0123456789")
  })

  test("has hashes of tokens in lower case, however they are written", () => {
    expect(mustLoad(FULLER, { env: FULLER_ENV }).callers[0]?.token_sha256).toBe("a1b2".repeat(16))
  })
})

describe("a YAML file", () => {
  test("may have aliases and merges", () => {
    const yaml = SMALLEST.replace(
      "mini: { model: gpt-5-mini }",
      "mini: &mini { model: a, tier: cheap }\n      maxi: { <<: *mini, model: b }",
    )
    expect(mustLoad(yaml, { env: KEYS }).providers["openai"]?.models["maxi"]).toMatchObject({
      model: "b",
      tier: "cheap",
    })
  })

  test("leaves out a key with nothing behind it", () => {
    const yaml = SMALLEST.replace("  listen: 127.0.0.1:8080", "  listen:\n  cors:")
    expect(mustLoad(yaml, { env: KEYS }).server).toMatchObject({
      listen: "127.0.0.1:8080",
      cors: { allow_origins: [] },
    })
  })

  test("gives a number as it is written where a text belongs", () => {
    const yaml = SMALLEST.replace("gpt-5-mini", "5.10").replace(/token_sha256: \w+/, `token_sha256: ${"0".repeat(64)}`)
    const config = mustLoad(yaml, { env: KEYS })
    expect(config.providers["openai"]?.models["mini"]?.model).toBe("5.10")
    expect(config.callers[0]?.token_sha256).toBe("0".repeat(64))
  })

  test.each(["", "\n", "# only comments\n# and more\n"])("is refused when there is nothing in it: %j", (text) => {
    const { config, findings } = loadText(text)
    expect(config).toBeNull()
    expect(findings).toMatchObject([{ severity: "error", code: "empty-file", line: 1 }])
  })
})
