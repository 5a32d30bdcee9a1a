/** Loads a configuration from a text, with an environment and files of the test's choice; nothing on disk is read. */
import { dirname, join } from "node:path"
import type { Config } from "../../src/config/config.ts"
import type { Finding } from "../../src/config/findings.ts"
import { loadConfig, type LoadResult } from "../../src/config/load.ts"

export const CONFIG_PATH = "/etc/router/config.yaml"

export interface Surroundings {
  readonly env?: Readonly<Record<string, string>>
  /** By path; relative ones stand beside the configuration. */
  readonly files?: Readonly<Record<string, string>>
}

export function loadText(yaml: string, { env = {}, files = {} }: Surroundings = {}): LoadResult {
  const all = new Map([
    [CONFIG_PATH, yaml],
    ...Object.entries(files).map(([path, text]) => [absolute(path), text] as const),
  ])
  const readFile = (path: string): string => {
    const text = all.get(path)
    if (text === undefined) throw Object.assign(new Error("not there"), { code: "ENOENT" })
    return text
  }
  return loadConfig({ path: CONFIG_PATH, env, readFile })
}

/** The configuration; fails with the errors when there are some. */
export function mustLoad(yaml: string, surroundings: Surroundings = {}): Config {
  const { config, findings } = loadText(yaml, surroundings)
  if (config === null) throw new Error(JSON.stringify(findings.filter(({ severity }) => severity === "error")))
  return config
}

export function errorsOf({ findings }: LoadResult): readonly Finding[] {
  return findings.filter(({ severity }) => severity === "error")
}

function absolute(path: string): string {
  return path.startsWith("/") ? path : join(dirname(CONFIG_PATH), path)
}

const HASH = "abc0".repeat(16)

/** The smallest configuration that works; a test replaces or adds to its text. */
export const SMALLEST: string = `server:
  listen: 127.0.0.1:8080
providers:
  openai:
    base_url: https://api.openai.com/v1
    dialect: openai-chat
    api_key: \${OPENAI_API_KEY}
    models:
      mini: { model: gpt-5-mini }
models:
  default:
    strategy: static
    targets: [{ provider: openai, model_ref: mini }]
users: [{ id: me, name: Me, type: person, status: active }]
projects: [{ id: lab, name: Lab, status: active }]
project_memberships: [{ user_id: me, project: lab, role: owner, status: active }]
callers:
  - { id: me-lab, owner_user: me, project: lab, environment: dev, status: active,
      token_sha256: ${HASH}, token_id: rtr_me_lab_dev_k1, allow: [default] }
`

export const KEYS: Readonly<Record<string, string>> = { OPENAI_API_KEY: "sk-test-0123456789" }

export const FULLER: string = `server:
  listen: 127.0.0.1:8080            # also ":8080"
  default_model_group: default      # used when the call names no model
  cache: { enabled: false, max_bytes: 134217728, default_ttl: 15m }
  logging: { path: logs/requests.jsonl, rotate_mb: 256, keep: 14 }
  usage_db:
    driver: sqlite
    path: state/usage.sqlite
    dsn: \${USAGE_DB_DSN}
    durability: commit
    on_unavailable: spool
  state: { driver: memory, url: "\${REDIS_URL}", on_unavailable: fail_closed }
  workers: 1
  watch_config: false
  upstream: { timeout_ms: 600000, default_attempt_timeout_ms: 0, max_response_bytes: 33554432, max_frame_bytes: 8388608 }
  request: { max_body_bytes: 33554432, max_depth: 512 }
  default_output_reservation: 4096
  unknown_capabilities: allow
  breaker: { failures: 5, window: 30s, cooldown: 15s }
  default_caller: { rate: { rpm: 0, tpm: 0, concurrent: 0 }, quota: {}, spend: {} }
  cors: { allow_origins: [] }
  responses: { model_identity: upstream }
  diagnostics: { enabled: true, retention_days: 30 }
  decision_telemetry: { enabled: false, max_candidates: 64, max_filter_reasons: 256 }
  traffic_shape: { enabled: false, default_caller: { request_start_per_sec: 0, request_burst: 0 } }
  admin_auth: { basic: { enabled: false, users: [] }, authorization: { enabled: false, policy: [] } }
  admin_reports: { enabled: false, path_prefix: /admin/reports, default_since: 24h, max_range: 31d, max_rows: 500 }
  client_ip: { trusted_proxy_cidrs: [], header_order: [X-Forwarded-For, X-Real-IP], store_ip: true }
providers:
  alpha:
    base_url: http://127.0.0.1:9001/v1
    dialect: openai-chat
    api_key: \${ALPHA_KEY}
    auth_scheme: bearer
    key_id: alpha-main
    headers: { X-Title: router }
    query: { api-version: "2026-05-01" }
    proxy: \${EGRESS_PROXY}
    forward_headers: []
    traffic_shape: { enabled: false }
    models:
      big:
        model: vendor-big-2026
        tier: heavy
        context_tokens: 200000
        max_output_tokens: 64000
        input_modalities: [text, image]
        output_modalities: [text]
        input_price_per_million_usd: 3
        cached_input_price_per_million_usd: 0.3
        cache_write_price_per_million_usd: 3.75
        cache_write_1h_price_per_million_usd: 6
        output_price_per_million_usd: 15
        image_input_price_per_image_usd: 0
        price_tiers: [{ above_input_tokens: 200000, input_price_per_million_usd: 6, output_price_per_million_usd: 22.5 }]
        service_tier_multipliers: { flex: 0.5, priority: 2 }
        pricing_source: https://example.com/prices
        pricing_updated_at: "2026-06-25"
        honors_max_tokens: true
        output_token_field: max_tokens
        tool_support:
          openai_chat: [tools, tool_choice, structured_outputs]
          openai_responses: [function, structured_outputs]
          anthropic_messages: [client_tools]
        reasoning: { supported: true, mode: opt_in, control: effort_enum }
        request_shape_support: { max_request_bytes: 4000000 }
  beta: { base_url: http://127.0.0.1:9002/v1, dialect: openai-chat, auth_scheme: none }
models:
  fast:
    strategy: weighted
    attempt_timeout_ms: 60000
    aliases: [claude-opus-5-5, claude-sonnet-5-5]
    translation: warn
    hosted_tools: pass
    disconnect: abort
    activation: off
    shadow: null
    cache: caller
    targets:
      - { provider: alpha, model_ref: big, weight: 70 }
      - { provider: beta, model: other-model, weight: 30, dialect: openai-chat }
users: [{ id: me, name: Me, type: person, status: active }]
projects: [{ id: lab, name: Lab, status: active, quota: { day: { tokens: 100000000 } } }]
project_memberships: [{ user_id: me, project: lab, role: owner, status: active }]
callers:
  - id: app-1
    owner_user: me
    project: lab
    environment: prod
    status: active
    token_sha256: ${"A1b2".repeat(16)}
    token_id: rtr_me_lab_prod_k1
    tokens: [{ token_sha256: ${"c3D4".repeat(16)}, token_id: rtr_me_lab_prod_k2, expires_at: "2027-01-31T00:00:00Z" }]
    tags: { team: search }
    metrics_admin: false
    allow: [fast]
    rate: { rpm: 120, tpm: 200000, concurrent: 8 }
    quota: { day: { requests: 5000, tokens: 20000000 }, month: { requests: 0, tokens: 400000000 }, soft_pct: 80 }
    key: { lifetime_tokens: 0, soft_pct: 90, on_exhaust: disable }
    spend: { day_usd: 0, month_usd: 0 }
    traffic_shape: { enabled: false }
`

export const FULLER_ENV: Readonly<Record<string, string>> = {
  ALPHA_KEY: "ak-test-0123456789",
  EGRESS_PROXY: "http://user:p%40ssw0rd@127.0.0.1:3128",
  USAGE_DB_DSN: "postgres://u:dsn-password@127.0.0.1/usage",
  REDIS_URL: "redis://:redis-password@127.0.0.1",
}
