/** LiteLLM's settings beside the list of models. */
import type { Block } from "./block.ts"
import type { Json } from "./litellm-deployment.ts"

export interface Settings {
  /** `router_settings`. */
  readonly router: Block
  /** `litellm_settings`. */
  readonly library: Block
  /** `general_settings`. */
  readonly general: Block
}

const MS = 1000

/** The router's timeout counts before the library's, as there. */
export function timeoutOf({ router, library }: Settings): Json {
  const seconds = [router.number("timeout"), library.number("request_timeout")].find((value) => value !== undefined)
  return seconds === undefined ? {} : { upstream: { default_attempt_timeout_ms: Math.round(seconds * MS) } }
}

export function breakerOf(router: Block): Json {
  const failures = router.number("allowed_fails")
  const cooldown = router.number("cooldown_time")
  if (failures === undefined && cooldown === undefined) return {}
  return {
    breaker: {
      ...(failures === undefined ? {} : { failures: Math.floor(failures) + 1, window: "60s" }),
      ...(cooldown === undefined ? {} : { cooldown: `${Math.round(cooldown * MS)}ms` }),
    },
  }
}

/** The budget of the whole proxy: that of the one project. Null: there is none, or none for a day or a month. */
export function projectSpend(library: Block): Json | null {
  const budget = library.number("max_budget")
  const span = library.text("budget_duration") ?? "30d"
  if (budget === undefined || budget === 0) return null
  const key = { "1d": "day_usd", "24h": "day_usd", "30d": "month_usd", "1mo": "month_usd" }[span]
  if (key === undefined) {
    library.leave("max_budget", `Budgets here last a UTC day or month, not ${span}: set \`projects[].spend\`.`)
    return null
  }
  library.change(
    "max_budget",
    `It is \`spend.${key}\` of the project \`litellm\`, for a UTC ${key === "day_usd" ? "day" : "calendar month"}.`,
  )
  return { [key]: budget }
}

/** Reports all that nothing took. */
export function leaveOthers(root: Block, { router, library, general }: Settings): void {
  router.leaveRest(ROUTER_ADVICE)
  library.leaveRest(LIBRARY_ADVICE)
  general.leaveRest(GENERAL_ADVICE)
  root.leaveRest(ROOT_ADVICE)
}

const ONCE = "The router tries each target of a group once, then the next."
const REDIS = "For several processes, set `server.state: { driver: redis, url: … }`."
const RECORDS = "The router writes each call into its usage database and the request log."
const KEYS = "Keys of the database are callers here: see docs/moving-from-litellm.md."

const ROUTER_ADVICE: Readonly<Record<string, string>> = {
  num_retries: ONCE,
  retry_after: ONCE,
  retry_policy: ONCE,
  model_group_retry_policy: ONCE,
  allowed_fails_policy: "`server.breaker` counts faults of providers alone.",
  redis_url: REDIS,
  redis_host: REDIS,
  redis_port: REDIS,
  redis_password: REDIS,
  content_policy_fallbacks: "An answer that a model declines is an answer, and is passed on.",
  enable_pre_call_checks: "The router always leaves out targets whose `context_tokens` are too few.",
  provider_budget_config: "Budgets belong to callers and projects: `spend`.",
  enable_tag_filtering: "Routing by tags is a script's work: `strategy: script`.",
  routing_strategy_args: "`strategy: dynamic_score` has settings of its own.",
}

const LIBRARY_ADVICE: Readonly<Record<string, string>> = {
  num_retries: ONCE,
  drop_params:
    "The group's `translation` decides what happens to parts that a target cannot take; `warn` is the default.",
  cache: "Set `server.cache: { enabled: true }`.",
  cache_params: "Set `server.cache: { enabled: true, default_ttl: … }`.",
  callbacks: RECORDS,
  success_callback: RECORDS,
  failure_callback: RECORDS,
  service_callback: RECORDS,
  set_verbose: "The router logs what operators need without a switch.",
  json_logs: "The router's log is JSON lines.",
  telemetry: "The router sends nothing to anybody.",
  default_team_settings: "Teams are projects here.",
  budget_duration: "It says nothing without `max_budget`.",
}

const GENERAL_ADVICE: Readonly<Record<string, string>> = {
  database_url: `The router keeps its records in a database of its own (\`server.usage_db\`). ${KEYS}`,
  store_model_in_db: "The configuration is one file. Models of the database are not carried.",
  alerting: "Alerts come from the metrics: see docs/metrics.md.",
  custom_auth: "Callers have tokens; administrators may sign in by OIDC.",
  enable_jwt_auth: "Callers have tokens; administrators may sign in by OIDC.",
  max_parallel_requests: "Limits of calls at once belong to callers: `rate.concurrent`.",
  global_max_parallel_requests: "`server.connections` bounds the whole.",
  allowed_routes: "`callers[].allow` lists the groups of each caller.",
  pass_through_endpoints: "The router serves Chat Completions, Responses and Messages.",
}

const ROOT_ADVICE: Readonly<Record<string, string>> = {
  include: "Import each of these files, and join the results.",
  guardrails: "`pii_filter` of a group takes personal data out of requests.",
  mcp_servers: "The router serves no MCP.",
  files_settings: "The router serves no files.",
  finetune_settings: "The router serves no fine-tuning.",
}
