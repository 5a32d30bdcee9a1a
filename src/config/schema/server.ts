/** `server:` — the process itself. */
import type { z } from "zod"
import { adminAuth, adminReports } from "./admin.ts"
import { contentCapture, retention } from "./capture.ts"
import {
  block,
  byDefault,
  choice,
  duration,
  flag,
  integer,
  key,
  list,
  milliseconds,
  nullByDefault,
  optional,
  pattern,
  ruled,
  text,
  type Shape,
} from "./field.ts"
import { cidr, file, headerName, identifier } from "./forms.ts"
import { defaultCaller, defaultCallerShaping } from "./limits.ts"

const LATER = { pending: true } as const
const LISTEN = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]*):\d{1,5}$/
const ORIGIN = /^(\*|https?:\/\/[^\s/?#@]+)$/

const off = (description: string): z.ZodType => byDefault(flag(description), false)

const storage: Shape = {
  cache: byDefault(
    block(
      {
        enabled: off("Answer repeated calls from memory."),
        max_bytes: byDefault(integer("Memory for answers.", { unit: "bytes" }), 134_217_728),
        default_ttl: byDefault(duration("How long an answer is kept."), "15m"),
      },
      "The response cache.",
      { ...LATER, name: "CacheConfig" },
    ),
    {},
  ),
  logging: byDefault(
    block(
      {
        path: byDefault(file("The request log: one JSON line for each call."), "logs/requests.jsonl"),
        rotate_mb: byDefault(integer("The file is rotated at this size.", { unit: "MB" }), 256),
        keep: byDefault(integer("Rotated files that are kept.", { unit: "files" }), 14),
      },
      "The request log.",
      { name: "LoggingConfig" },
    ),
    {},
  ),
  usage_db: byDefault(
    block(
      {
        driver: byDefault(
          choice(["sqlite", "postgres"], "The kind of database.", { pendingValues: ["postgres"] }),
          "sqlite",
        ),
        path: byDefault(file("The database file of the driver sqlite."), "state/usage.sqlite"),
        dsn: optional(text("The address of the driver postgres.", { ...LATER, secret: "value" })),
        durability: byDefault(
          choice(["commit", "async"], "`commit`: a call's row is committed before its last byte leaves."),
          "commit",
        ),
        on_unavailable: byDefault(
          choice(
            ["spool", "fail_closed"],
            "`spool`: rows go to a synced local file and are replayed. `fail_closed`: calls are refused.",
          ),
          "spool",
        ),
      },
      "The usage database.",
      { name: "UsageDbConfig" },
    ),
    {},
  ),
  state: byDefault(
    block(
      {
        driver: byDefault(
          choice(["memory", "redis"], "Where limits are counted.", { pendingValues: ["redis"] }),
          "memory",
        ),
        url: optional(text("The address of the driver redis.", { ...LATER, secret: "value" })),
        on_unavailable: byDefault(
          choice(["fail_closed", "local"], "What happens while the shared state cannot be reached.", LATER),
          "fail_closed",
        ),
      },
      "The state that limits need.",
      { name: "StateConfig" },
    ),
    {},
  ),
}

const bounds: Shape = {
  upstream: byDefault(
    block(
      {
        timeout_ms: byDefault(milliseconds("The whole of a unary call; for a stream the longest silence."), 600_000),
        default_attempt_timeout_ms: byDefault(
          milliseconds(
            "Until first content of a stream, or the full body of a unary call, unless the group says otherwise.",
          ),
          0,
        ),
        max_response_bytes: byDefault(integer("The largest unary answer.", { unit: "bytes" }), 33_554_432),
        max_frame_bytes: byDefault(integer("The largest event of a stream.", { unit: "bytes" }), 8_388_608),
      },
      "Bounds towards providers.",
      { name: "UpstreamConfig" },
    ),
    {},
  ),
  request: byDefault(
    block(
      {
        max_body_bytes: byDefault(integer("The largest request body.", { unit: "bytes" }), 33_554_432),
        max_depth: byDefault(integer("The deepest nesting of a request body.", { max: 10_000, unit: "levels" }), 512),
      },
      "Bounds towards clients.",
      { name: "RequestConfig" },
    ),
    {},
  ),
  default_output_reservation: byDefault(
    integer("Output tokens that are reserved for a call without a cap.", { ...LATER, min: 1, unit: "tokens" }),
    4096,
  ),
  unknown_capabilities: byDefault(
    choice(
      ["allow", "refuse"],
      "Whether a target that says nothing about a capability may be asked for it in the client's own dialect.",
      LATER,
    ),
    "allow",
  ),
  breaker: byDefault(
    block(
      {
        failures: byDefault(integer("Failures in the window that open the breaker of a target."), 5),
        window: byDefault(duration("The window."), "30s"),
        cooldown: byDefault(duration("How long the breaker stays open."), "15s"),
      },
      "The circuit breaker. It only reorders targets.",
      { ...LATER, name: "BreakerConfig" },
    ),
    {},
  ),
}

const outward: Shape = {
  cors: byDefault(
    block(
      {
        allow_origins: byDefault(
          list(
            pattern(ORIGIN, "an origin such as https://app.example.com, or *", "An origin."),
            "Origins of browser pages that may call.",
          ),
          [],
        ),
      },
      "Calls from browser pages.",
      { name: "CorsConfig" },
    ),
    {},
  ),
  responses: byDefault(
    block(
      {
        model_identity: byDefault(
          choice(["upstream", "requested_group"], "Which name answers carry in `model`.", {
            pendingValues: ["requested_group"],
          }),
          "upstream",
        ),
      },
      "What answers say.",
      { name: "ResponsesConfig" },
    ),
    {},
  ),
  client_ip: byDefault(
    block(
      {
        trusted_proxy_cidrs: byDefault(list(cidr, "Proxies whose forwarding headers count."), []),
        header_order: byDefault(list(headerName, "The headers to look at, first to last."), [
          "X-Forwarded-For",
          "X-Real-IP",
        ]),
        store_ip: byDefault(flag("Record the address of the client."), true),
      },
      "The address of the client.",
      { name: "ClientIpConfig" },
    ),
    {},
  ),
}

const insight: Shape = {
  diagnostics: byDefault(
    block(
      {
        enabled: byDefault(flag("Record attempts, traces and errors of each call."), true),
        retention_days: byDefault(integer("How long they are kept.", { ...LATER, unit: "days" }), 30),
        store_sanitized_upstream_errors: byDefault(flag("Record allow-listed fields of upstream errors.", LATER), true),
        max_error_bytes: byDefault(integer("The most that is recorded of one.", { ...LATER, unit: "bytes" }), 2048),
      },
      "The diagnostic rows of a call.",
      { name: "DiagnosticsConfig" },
    ),
    {},
  ),
  decision_telemetry: byDefault(
    block(
      {
        enabled: off("Record why targets were chosen and left out."),
        max_candidates: byDefault(integer("The most candidates of one call."), 64),
        max_filter_reasons: byDefault(integer("The most reasons of one call."), 256),
        record_candidates: byDefault(flag("Record candidates."), true),
        record_cache_reasons: byDefault(flag("Record why the cache was not used."), true),
      },
      "The record of routing decisions.",
      { ...LATER, name: "DecisionTelemetry" },
    ),
    {},
  ),
  content_capture: optional(contentCapture),
  retention,
}

const shape: Shape = {
  listen: byDefault(
    pattern(LISTEN, "an address such as 127.0.0.1:8080, [::1]:8080 or :8080", "The address to serve."),
    "127.0.0.1:8080",
  ),
  default_model_group: nullByDefault(
    key(identifier, "The model group of calls that name no model.", {
      resolved: "the group `default`, if there is one",
    }),
  ),
  workers: byDefault(integer("Processes on one address.", { min: 1, max: 256, pending: true }), 1),
  watch_config: off("Reload the configuration when its file changes. SIGHUP always does."),
  ...storage,
  ...bounds,
  default_caller: defaultCaller,
  ...outward,
  ...insight,
  traffic_shape: byDefault(
    block(
      { enabled: off("Shape the calls of callers."), default_caller: defaultCallerShaping },
      "Shaping of callers.",
      {
        ...LATER,
        name: "TrafficShape",
      },
    ),
    {},
  ),
  admin_auth: adminAuth,
  admin_reports: adminReports,
}

export const server: z.ZodType = byDefault(
  ruled(
    block(shape, "The process itself.", { name: "ServerConfig" }),
    (value) => portFault(value["listen"]) ?? reportsFault(value),
  ),
  {},
)

function portFault(listen: unknown): Readonly<{ path: readonly string[]; message: string }> | null {
  const port = Number(String(listen).split(":").at(-1))
  return port > 65_535 ? { path: ["listen"], message: "A port is at most 65535." } : null
}

function reportsFault(
  value: Readonly<Record<string, unknown>>,
): Readonly<{ path: readonly string[]; message: string }> | null {
  const reports = value["admin_reports"] as { readonly enabled: boolean }
  const auth = value["admin_auth"] as { readonly authorization: { readonly enabled: boolean } }
  if (!reports.enabled || auth.authorization.enabled) return null
  return { path: ["admin_reports", "enabled"], message: "Reports need admin_auth.authorization.enabled: true." }
}
