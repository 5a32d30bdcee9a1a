/** Groups of docs/configuration.md: each with an example that a test loads, and the blocks that it describes. */

export interface Group {
  readonly title: string
  /** A sentence or two, with links. */
  readonly text: string
  /** YAML that stands in a whole file beside one provider, one group and one caller. */
  readonly example: string
  /** Blocks by the beginning of their path; the longest beginning decides. */
  readonly blocks: readonly string[]
}

export const GROUPS: readonly Group[] = [
  {
    title: "The whole file",
    text: "A small file has one provider, one model group and one caller. `smart-router init` writes such a file, with comments.",
    example: `server:
  listen: 127.0.0.1:8080
providers:
  openai:
    base_url: https://api.openai.com/v1
    dialect: openai-chat
    api_key: \${OPENAI_API_KEY}
models:
  default:
    strategy: static
    targets:
      - { provider: openai, model: gpt-5-mini }
users: [{ id: me }]
projects: [{ id: lab }]
project_memberships: [{ user_id: me, project: lab }]
callers:
  - id: app-1
    owner_user: me
    project: lab
    environment: prod
    token_sha256: 5e884898da28047151d0e56f8dc6292773603d0d6aabbd62a11ef721d1542d8f # smart-router token create
    token_id: app-1
    allow: [default]
`,
    blocks: ["The file"],
  },
  {
    title: "The process",
    text: "Address, bounds, timeouts and what clients see. See [operations](operations.md) and [HTTP](http.md).",
    example: `server:
  listen: ":8080"
  public_url: https://router.example.com # error answers then lead to their entry in the docs
  default_model_group: default
  drain_ms: 60000
  client_ip: { trusted_proxy_cidrs: [10.0.0.0/8] }
  upstream: { default_attempt_timeout_ms: 120000 }
  breaker: { failures: 5, window: 30s, cooldown: 15s }
`,
    blocks: ["server"],
  },
  {
    title: "Records and shared state",
    text: "The usage database, logs, the response cache, retention and captured content. See [the ledger](ledger.md), [caching](caching.md), [retention](retention.md) and [content capture](capture.md).",
    example: `server:
  usage_db: { driver: sqlite, path: state/usage.sqlite }
  logging: { path: logs/requests.jsonl }
  cache: { enabled: true, default_ttl: 15m }
  retention:
    enabled: true
    dry_run: true # counts rows and deletes none
    classes: [{ data_class: usage_diagnostics, retention_days: 30 }]
`,
    blocks: [
      "server.usage_db",
      "server.state",
      "server.logging",
      "server.cache",
      "server.diagnostics",
      "server.decision_telemetry",
      "server.content_capture",
      "server.retention",
    ],
  },
  {
    title: "Metrics, traces and logs",
    text: "Names and labels of metrics, and where spans, logs and metrics are sent. See [observability](observability.md).",
    example: `server:
  telemetry:
    caller_labels: [caller, project]
    otlp:
      endpoint: http://127.0.0.1:4318
      traces: { ratio: 0.1 }
`,
    blocks: ["server.telemetry"],
  },
  {
    title: "Limits for all callers",
    text: "What every caller starts from. A caller's own keys win. See [limits](limits.md).",
    example: `server:
  default_caller:
    rate: { rpm: 60, concurrent: 8 }
    quota: { day: { tokens: 5000000 }, soft_pct: 80 }
    spend: { month_usd: 100 }
  traffic_shape:
    enabled: true
    default_caller: { request_start_per_sec: 3, request_burst: 12 }
`,
    blocks: ["server.default_caller", "server.traffic_shape"],
  },
  {
    title: "Administrators and reports",
    text: "Sign-in by password or by an identity provider, and what each administrator may do. See [administrators](admin.md) and [reports](reports.md).",
    example: `server:
  admin_auth:
    basic:
      enabled: true
      users: [{ username: ann, password_hash_env: ADMIN_ANN_HASH, domain: "*" }]
    authorization: { enabled: true }
  admin_reports: { enabled: true, max_range: 31d }
`,
    blocks: ["server.admin_auth", "server.admin_reports"],
  },
  {
    title: "Providers",
    text: "One entry for each API of each upstream. [Providers](providers.md) has entries for many services.",
    example: `providers:
  anthropic:
    base_url: https://api.anthropic.com
    dialect: anthropic
    api_key: \${ANTHROPIC_API_KEY}
  local:
    base_url: http://127.0.0.1:8000/v1
    dialect: openai-chat
    engine: vllm
    auth_scheme: none
    traffic_shape: { enabled: true, request_start_per_sec: 5, request_burst: 20 }
`,
    blocks: ["providers.<name>"],
  },
  {
    title: "Facts about models",
    text: "The catalogue of a provider: prices, sizes and capabilities. A target may state the same facts itself.",
    example: `providers:
  openai:
    base_url: https://api.openai.com/v1
    dialect: openai-chat
    api_key: \${OPENAI_API_KEY}
    models:
      mini:
        model: gpt-5-mini
        context_tokens: 400000
        max_output_tokens: 128000
        input_modalities: [text, image]
        input_price_per_million_usd: 0.25
        output_price_per_million_usd: 2
        tool_support: { openai_chat: [tools, tool_choice, structured_outputs] }
        reasoning: { supported: true, control: effort_enum }
`,
    blocks: ["providers.<name>.models.<name>"],
  },
  {
    title: "Model groups",
    text: "The names that callers put into `model`, and how each group orders its targets. See [routing](routing.md) and [privacy](privacy.md).",
    example: `models:
  coding:
    strategy: failover
    aliases: [claude-coding]
    attempt_timeout_ms: 90000
    targets:
      - { provider: openai, model: gpt-5 }
      - { provider: openai, model: gpt-5-mini }
    pii_filter: { enabled: true, mode: redact_and_restore }
`,
    blocks: ["models.<name>"],
  },
  {
    title: "Scripts, policies and scores",
    text: "For groups whose order is computed. See [routing policies](policies.md) and [scores](routing.md#scores).",
    example: `models:
  scored:
    strategy: dynamic_score
    routing_policy:
      dynamic_score: { min_observations: 20, max_score_adjustment_percent: 70 }
    targets:
      - { provider: openai, model: gpt-5, weight: 1 }
      - { provider: openai, model: gpt-5-mini, weight: 3 }
  asked:
    strategy: external
    external_policy: { url: "https://policy.internal/decide", allow_hosts: [policy.internal], on_error: fallback }
    targets:
      - { provider: openai, model: gpt-5 }
`,
    blocks: [
      "models.<name>.shadow",
      "models.<name>.script_limits",
      "models.<name>.script_http",
      "models.<name>.external_policy",
      "models.<name>.routing_policy",
    ],
  },
  {
    title: "Targets",
    text: "The provider and model pairs of a group. Only these are active.",
    example: `models:
  fast:
    strategy: weighted
    targets:
      - { provider: openai, model: gpt-5-mini, weight: 70 }
      - { provider: openai, model: gpt-5-nano, weight: 30, timeout_ms: 20000 }
      - { provider: openai, model: gpt-5, weight: 0 } # only as a fallback
`,
    blocks: ["models.<name>.targets[]"],
  },
  {
    title: "Users, projects and callers",
    text: "Each caller belongs to a user and a project. `smart-router token create` writes entries. See [limits](limits.md).",
    example: `users: [{ id: ann, name: Ann, type: person }]
projects: [{ id: shop, spend: { month_usd: 500 } }]
project_memberships: [{ user_id: ann, project: shop }]
callers:
  - id: shop-prod
    owner_user: ann
    project: shop
    environment: prod
    token_sha256: 5e884898da28047151d0e56f8dc6292773603d0d6aabbd62a11ef721d1542d8e
    token_id: rtr_ann_shop_prod_k1
    allow: [default]
    rate: { rpm: 120, tpm: 200000, concurrent: 8 }
    spend: { day_usd: 25 }
    tags: { team: checkout }
`,
    blocks: ["users[]", "projects[]", "project_memberships[]", "callers[]"],
  },
]

/** The group that describes a block. */
export function groupOf(heading: string): Group {
  const reach = ({ blocks }: Group): number =>
    Math.max(-1, ...blocks.filter((block) => isWithin(heading, block)).map(({ length }) => length))
  const found = GROUPS.toSorted((a, b) => reach(b) - reach(a))[0]
  if (found === undefined || reach(found) < 0) throw new Error(`scripts/config-guide.ts has no group for ${heading}`)
  return found
}

function isWithin(heading: string, block: string): boolean {
  return heading === block || heading.startsWith(`${block}.`)
}
