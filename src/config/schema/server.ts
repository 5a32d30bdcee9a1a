/** `server:` — the process itself. */
import type { z } from "zod"
import { adminAuth } from "./admin.ts"
import { adminReports } from "./admin-reports.ts"
import { contentCapture } from "./capture.ts"
import {
  block,
  byDefault,
  choice,
  duration,
  flag,
  integer,
  key,
  milliseconds,
  nullByDefault,
  optional,
  pattern,
  withRules,
  type Fault,
  type Shape,
} from "./field.ts"
import { identifier } from "./forms.ts"
import { stopping } from "./stopping.ts"
import { storage } from "./storage.ts"
import { outward } from "./outward.ts"
import { upstreamTimeouts } from "./timeouts.ts"
import { request } from "./request.ts"
import { defaultCaller, defaultCallerShaping } from "./limits.ts"
import { retention } from "./retention.ts"
import { decisionTelemetry, telemetry } from "./telemetry.ts"

const LATER = { pending: true } as const
const LISTEN = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]*):(?:0|[1-9]\d{0,4})$/
const STATE_URL = /^(?:redis|valkey)s?:\/\/./

const off = (description: string): z.ZodType => byDefault(flag(description), false)

const bounds: Shape = {
  upstream: byDefault(
    block(
      {
        ...upstreamTimeouts,
        default_attempt_timeout_ms: byDefault(
          milliseconds(
            "Until first content of a stream, or the full body of a unary call, unless the group says otherwise.",
          ),
          0,
        ),
        max_response_bytes: byDefault(integer("The largest unary answer.", { unit: "bytes" }), 33_554_432),
        max_frame_bytes: byDefault(integer("The largest event of a stream.", { unit: "bytes" }), 8_388_608),
        allow_private_image_urls: off(
          "Let requests point at media of private networks. `false`: addresses of images, documents, files, sound and video whose host is or names a machine of a private network, or that are fetched by something else than HTTP, are refused.",
        ),
      },
      "Bounds towards providers.",
      { name: "UpstreamConfig" },
    ),
    {},
  ),
  request,
  connections: byDefault(
    block(
      {
        max: nullByDefault(
          integer("Client connections of one process at once. Further ones get 503 `overloaded` and are closed.", {
            min: 1,
            resolved:
              "half of the files that the process may open (`ulimit -n`), less 64, and at most 10,000; never more than three quarters",
          }),
        ),
        per_address: nullByDefault(
          integer(
            "Of these, connections of one address (IPv6: of one /64). Proxies in `client_ip.trusted_proxy_cidrs` are exempt.",
            { min: 1, resolved: "half of `max`" },
          ),
        ),
      },
      "How many clients may be connected.",
      { name: "ConnectionsConfig" },
    ),
    {},
  ),
  default_output_reservation: byDefault(
    integer("Output tokens that are reserved for a stream without a cap.", { min: 1, unit: "tokens" }),
    4096,
  ),
  unknown_capabilities: byDefault(
    choice(
      ["allow", "refuse"],
      "Whether a target that says nothing about a capability may be asked for it in the client's own dialect.",
    ),
    "allow",
  ),
  breaker: byDefault(
    block(
      {
        failures: byDefault(
          integer("Provider faults in the window that open the breaker of a target. `0`: it never opens."),
          5,
        ),
        window: byDefault(duration("The window."), "30s"),
        cooldown: byDefault(
          duration("How long the breaker stays open before one call at a time may probe the target."),
          "15s",
        ),
      },
      "The circuit breaker of a target. It only reorders targets.",
      { name: "BreakerConfig" },
    ),
    {},
  ),
}

const insight: Shape = {
  diagnostics: byDefault(
    block(
      {
        enabled: byDefault(flag("Record attempts, traces and errors of each call."), true),
        retention_days: byDefault(integer("`server.retention.classes[]` decides.", { ...LATER, unit: "days" }), 30),
        store_sanitized_upstream_errors: byDefault(
          flag("Record code, type and field of upstream errors, where they are plain words."),
          true,
        ),
        max_error_bytes: byDefault(
          integer("The most that is recorded of one; longer ones are left out.", { unit: "bytes" }),
          2048,
        ),
      },
      "The diagnostic rows of a call.",
      { name: "DiagnosticsConfig" },
    ),
    {},
  ),
  decision_telemetry: decisionTelemetry,
  content_capture: optional(contentCapture),
  retention,
  telemetry,
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
  workers: byDefault(
    integer("Processes that serve the address together; more than one needs `state.driver: redis`.", {
      min: 1,
      max: 256,
    }),
    1,
  ),
  ...stopping,
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
      { name: "TrafficShape" },
    ),
    {},
  ),
  admin_auth: adminAuth,
  admin_reports: adminReports,
}

export const server: z.ZodType = byDefault(
  withRules(
    block(shape, "The process itself.", { name: "ServerConfig" }),
    portFault,
    reportsFault,
    databaseFault,
    stateFault,
    workersFault,
    cacheFault,
  ),
  {},
)

type Values = Readonly<Record<string, unknown>>

function portFault({ listen }: Values): Fault | null {
  const port = Number(String(listen).split(":").at(-1))
  return port > 65_535 ? { path: ["listen"], message: "A port is at most 65535." } : null
}

function reportsFault(value: Values): Fault | null {
  const reports = value["admin_reports"] as { readonly enabled: boolean }
  const auth = value["admin_auth"] as { readonly authorization: { readonly enabled: boolean } }
  if (!reports.enabled || auth.authorization.enabled) return null
  return { path: ["admin_reports", "enabled"], message: "Reports need admin_auth.authorization.enabled: true." }
}

function databaseFault(value: Values): Fault | null {
  const usageDb = value["usage_db"] as { readonly driver: string; readonly dsn?: string }
  if (usageDb.driver !== "postgres" || usageDb.dsn !== undefined) return null
  return { path: ["usage_db", "dsn"], message: "The driver postgres needs the key dsn." }
}

function stateFault(value: Values): Fault | null {
  const state = value["state"] as { readonly driver: string; readonly url?: string; readonly tls?: object }
  if (state.driver !== "redis") return null
  if (state.url === undefined) return { path: ["state", "url"], message: "The driver redis needs the key url." }
  if (!STATE_URL.test(state.url) || !URL.canParse(state.url))
    return { path: ["state", "url"], message: "The address must begin with redis:// or rediss:// and name a host." }
  if (state.tls === undefined || /^rediss:/i.test(state.url)) return null
  return { path: ["state", "tls"], message: "Certificates need an address that begins with rediss://." }
}

function cacheFault(value: Values): Fault | null {
  const cache = value["cache"] as { readonly shared: boolean; readonly default_ttl: number }
  const state = value["state"] as { readonly driver: string }
  if (cache.default_ttl === 0)
    return { path: ["cache", "default_ttl"], message: "An answer is kept for more than 0: without, enabled: false." }
  if (!cache.shared || state.driver === "redis") return null
  return { path: ["cache", "shared"], message: "A shared cache needs state.driver: redis." }
}

function workersFault(value: Values): Fault | null {
  const state = value["state"] as { readonly driver: string }
  if (value["workers"] === 1 || state.driver === "redis") return null
  return { path: ["workers"], message: "More than one worker needs state.driver: redis." }
}
