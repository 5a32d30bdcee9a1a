/** `server.decision_telemetry` and `server.telemetry`: names and labels of metrics, and what is exported over OTLP. */
import type { z } from "zod"
import {
  amount,
  block,
  byDefault,
  choice,
  flag,
  integer,
  key,
  line,
  list,
  milliseconds,
  optional,
  pattern,
  table,
  withRules,
} from "./field.ts"
import { headerName, headerValue, httpUrl } from "./forms.ts"

const OWN_HEADERS = /^(?:connection|content-encoding|content-length|content-type|host|transfer-encoding)$/i

const traces = block(
  {
    enabled: byDefault(flag("Export spans of calls, and send `traceparent` to upstreams."), true),
    ratio: byDefault(amount("The share of traces that is sampled where the client has not decided.", { max: 1 }), 1),
    parent: byDefault(
      flag("Take over whether the client's `traceparent` is sampled. `false`: `ratio` decides for all calls."),
      true,
    ),
    slow_ms: byDefault(
      milliseconds(
        "Calls that take as long are exported whether or not they are sampled, and so are calls of known callers that end in an error. `0`: slow ones are not.",
      ),
      30_000,
    ),
    server_address: byDefault(flag("Write hosts and ports of providers into spans of attempts."), false),
  },
  "Traces.",
  { name: "TracesConfig" },
)

const logs = block(
  {
    enabled: byDefault(flag("Export what the router logs about itself."), false),
    calls: byDefault(flag("Export a log record for each call, too, without content."), false),
  },
  "Logs.",
  { name: "LogsConfig" },
)

const metrics = block(
  {
    enabled: byDefault(flag("Export the families of `GET /metrics`."), false),
    interval_ms: byDefault(milliseconds("Pause between two exports.", { min: 1000, max: 3_600_000 }), 60_000),
  },
  "Metrics.",
  { name: "OtlpMetricsConfig" },
)

const otlp = withRules(
  block(
    {
      endpoint: key(httpUrl, "The receiver; `/v1/traces`, `/v1/logs` and `/v1/metrics` are appended to its path."),
      protocol: byDefault(choice(["protobuf", "json"], "The form of the bodies."), "protobuf"),
      headers: byDefault(
        table(headerName, key(headerValue, "A header value.", { secret: "reference" }), "Headers of each export."),
        {},
      ),
      compression: byDefault(
        choice(["none", "gzip"], "`gzip` takes more CPU than everything else about a span."),
        "none",
      ),
      timeout_ms: byDefault(milliseconds("Time for one export.", { min: 100, max: 60_000 }), 10_000),
      batch_ms: byDefault(
        milliseconds("Longest wait of a span or log record for others.", { min: 10, max: 60_000 }),
        1000,
      ),
      max_queue: byDefault(
        integer("Calls, and log records, that wait for an export. What comes beyond is dropped and counted.", {
          min: 1,
          max: 1_000_000,
        }),
        8192,
      ),
      service_name: byDefault(line("`service.name` of the resource."), "smart-router"),
      resource: byDefault(
        table(
          pattern(/^[A-Za-z][A-Za-z0-9_.-]{0,126}$/, "the name of an attribute", "A name."),
          line("A value."),
          "Further attributes of the resource, such as `deployment.environment.name`.",
        ),
        {},
      ),
      traces: byDefault(traces, {}),
      logs: byDefault(logs, {}),
      metrics: byDefault(metrics, {}),
    },
    "Where traces, logs and metrics are sent, over OTLP and HTTP.",
    { name: "OtlpConfig" },
  ),
  ({ headers }) => {
    const own = Object.keys(headers as object).find((name) => OWN_HEADERS.test(name))
    return own === undefined ? null : { path: ["headers", own], message: "The exporter writes this header itself." }
  },
)

export const telemetry: z.ZodType = byDefault(
  block(
    {
      gen_ai_names: byDefault(
        choice(
          ["old", "both", "new"],
          "Names of OpenTelemetry's GenAI conventions in metrics and spans: until 1.41 (`old`), v0.1.0 (`new`), or both.",
        ),
        "both",
      ),
      caller_labels: byDefault(
        list(
          choice(["caller", "project", "environment"], "A label."),
          "Labels of the metrics of callers; empty: one sum.",
        ),
        ["caller"],
      ),
      max_callers: byDefault(
        integer("Callers with metrics of their own. Further ones share the value `(other)`.", {
          min: 1,
          max: 10_000,
        }),
        1000,
      ),
      otlp: optional(otlp),
    },
    "Metrics, traces and exported logs.",
    { name: "TelemetryConfig" },
  ),
  {},
)

export const decisionTelemetry: z.ZodType = byDefault(
  block(
    {
      enabled: byDefault(flag("Record why targets were chosen and left out."), false),
      max_candidates: byDefault(integer("The most candidates of one call."), 64),
      max_filter_reasons: byDefault(integer("The most reasons of one call."), 256),
      record_candidates: byDefault(flag("Record targets, what spoke against them, and their scores."), true),
      record_cache_reasons: byDefault(flag("Record why the cache was not used.", { pending: true }), true),
    },
    "The record of routing decisions.",
    { name: "DecisionTelemetry" },
  ),
  {},
)
