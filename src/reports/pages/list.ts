/** All pages of the console, in the order of its menu. */
import type { Dimension, Filter } from "../query.ts"
import type { PageDefinition, PageName } from "./page.ts"

const ANY: readonly Dimension[] = [
  "project",
  "model",
  "provider",
  "group",
  "caller",
  "user",
  "environment",
  "client",
  "token",
  "requested_model",
  "client_dialect",
  "status",
  "error",
  "cache",
  "stream",
]
/** Calls that a target was found for. */
const SENT: readonly Filter[] = [{ dimension: "provider", not: [""] }]
const FAILED: readonly Filter[] = [{ dimension: "error", not: [""] }]

const overview: PageDefinition = {
  name: "overview",
  title: "Overview",
  about: "How much is asked, what it costs, and what needs a look.",
  by: ANY,
  hasRange: true,
  blocks: [
    { show: "part", part: "now", id: "now", title: "Right now", live: true },
    {
      show: "tiles",
      id: "headline",
      title: "Against the period before",
      figures: ["calls", "error_rate", "cost", "tokens", "latency_p95", "ttfb_p95"],
    },
    { show: "over-time", chart: "area", figure: "cost", by: "chosen", id: "cost", title: "Cost by {by}", half: true },
    {
      show: "over-time",
      chart: "area",
      figure: "calls",
      by: "chosen",
      id: "calls",
      title: "Calls by {by}",
      half: true,
    },
    {
      show: "changes",
      figure: "cost",
      by: "chosen",
      id: "changes",
      title: "What changed most, by {by}",
      half: true,
    },
    {
      show: "figures-over-time",
      figures: ["latency_p50", "latency_p95", "ttfb_p95"],
      id: "latency",
      title: "Latency",
      half: true,
    },
  ],
}

const spend: PageDefinition = {
  name: "spend",
  title: "Spend",
  about: "Who spent what, on which models, against which budget.",
  by: ANY,
  hasRange: true,
  blocks: [
    {
      show: "tiles",
      id: "headline",
      title: "Against the period before",
      figures: ["cost", "cost_per_call", "coverage", "unknown_cost_calls", "reported_cost", "cached_share"],
    },
    { show: "over-time", chart: "area", figure: "cost", by: "chosen", id: "cost", title: "Cost by {by}" },
    {
      show: "groups",
      by: ["chosen"],
      share: "cost",
      figures: ["cost", "calls", "input_cost", "cached_cost", "cache_write_cost", "output_cost", "unknown_cost_calls"],
      id: "shares",
      title: "Cost by {by}",
      note: "Calls of unknown cost used something that has no price; they are not in the sums.",
    },
    { show: "part", part: "budgets", id: "budgets", title: "Budgets" },
    { show: "part", part: "savings", id: "savings", title: "Savings against a baseline" },
    {
      show: "groups",
      by: ["project", "model"],
      figures: ["cost", "calls", "input_tokens", "output_tokens", "unknown_cost_calls"],
      id: "chargeback",
      title: "Chargeback: projects and models",
      note: "Print the page or save the table as CSV; every call of the range is in the total.",
    },
  ],
}

const performance: PageDefinition = {
  name: "performance",
  title: "Performance",
  about: "How long calls take, and how much of it is the router's own.",
  by: ["model", "provider", "group", "project", "client", "client_dialect", "stream", "caller"],
  hasRange: true,
  blocks: [
    {
      show: "tiles",
      id: "headline",
      title: "Against the period before",
      figures: ["latency_p50", "latency_p95", "latency_p99", "ttfb_p95", "overhead_p95", "speed_p50"],
    },
    {
      show: "over-time",
      chart: "line",
      figure: "latency_p95",
      by: "chosen",
      where: SENT,
      id: "p95",
      title: "Latency p95 by {by}",
      half: true,
    },
    {
      show: "figures-over-time",
      figures: ["latency_p50", "latency_p95", "latency_p99"],
      id: "latency",
      title: "Latency of all calls",
      half: true,
    },
    {
      show: "over-time",
      chart: "line",
      figure: "upstream_p95",
      by: "provider",
      where: SENT,
      id: "upstream",
      title: "The providers' own time, p95",
      half: true,
    },
    {
      show: "figures-over-time",
      figures: ["overhead_p50", "overhead_p95", "overhead_p99"],
      id: "overhead",
      title: "The router's own time",
      note: "The router's time is the latency without the last attempt's time at its target.",
      half: true,
    },
    {
      show: "over-time",
      chart: "area",
      figure: "output_tokens",
      by: "chosen",
      where: SENT,
      id: "throughput",
      title: "Output tokens by {by}",
      half: true,
    },
    { show: "histogram", histogram: "latency_ms", id: "latencies", title: "Calls by latency", half: true },
    { show: "histogram", histogram: "ttfb_ms", id: "ttfb", title: "Calls by time to first token", half: true },
    {
      show: "groups",
      by: ["provider", "model"],
      where: SENT,
      figures: ["calls", "latency_p50", "latency_p95", "latency_p99", "ttfb_p95", "upstream_p95", "speed_p50"],
      id: "targets",
      title: "Providers and models",
    },
    { show: "calls", limit: 20, sort: "latency", id: "slowest", title: "Slowest calls" },
    { show: "part", part: "engines", id: "engines", title: "Load of private engines", live: true },
  ],
}

const reliability: PageDefinition = {
  name: "reliability",
  title: "Reliability",
  about: "What fails, whose fault it is, and what the router did about it.",
  by: ["error", "provider", "model", "group", "project", "caller", "client", "status"],
  hasRange: true,
  blocks: [
    {
      show: "tiles",
      id: "headline",
      title: "Against the period before",
      figures: ["error_rate", "errors", "upstream_errors", "router_errors", "caller_errors", "fallback_rate"],
    },
    {
      show: "over-time",
      chart: "area",
      figure: "errors",
      by: "chosen",
      where: FAILED,
      id: "errors",
      title: "Failed calls by {by}",
      half: true,
    },
    {
      show: "over-time",
      chart: "area",
      figure: "errors",
      by: "blame",
      where: FAILED,
      id: "blame",
      title: "Failed calls by whose fault it is",
      half: true,
    },
    { show: "groups", by: ["error", "blame"], figures: ["errors"], where: FAILED, id: "codes", title: "Error codes" },
    {
      show: "over-time",
      chart: "line",
      figure: "calls",
      by: "error",
      where: [{ dimension: "status", is: ["429"] }],
      id: "limited",
      title: "Calls answered with 429, by error",
      note: "Limits of callers and of providers are different errors.",
      half: true,
    },
    {
      show: "over-time",
      chart: "line",
      figure: "fallback_rate",
      id: "fallbacks",
      title: "Share of calls that fell back",
      half: true,
    },
    { show: "part", part: "flows", id: "flows", title: "From target to target" },
    { show: "part", part: "shaping", id: "shaping", title: "Queues and pauses" },
    { show: "part", part: "breakers", id: "breakers", title: "Breakers and pauses", live: true },
    {
      show: "groups",
      by: ["provider", "model"],
      where: SENT,
      figures: ["errors", "calls", "error_rate", "upstream_errors", "attempts", "fallbacks"],
      id: "targets",
      title: "Providers and models",
    },
  ],
}

const routing: PageDefinition = {
  name: "routing",
  title: "Routing",
  about: "Why calls went where they went.",
  by: ["strategy", "group", "provider", "model", "project", "caller"],
  hasRange: true,
  blocks: [
    {
      show: "tiles",
      id: "headline",
      title: "Against the period before",
      figures: ["calls", "attempts", "fallbacks", "fallback_rate", "latency_p95"],
    },
    {
      show: "over-time",
      chart: "area",
      figure: "calls",
      by: "chosen",
      id: "decided",
      title: "Calls by {by}",
      half: true,
    },
    {
      show: "over-time",
      chart: "area",
      figure: "calls",
      by: "model",
      id: "models",
      title: "Calls by model that answered",
      half: true,
    },
    {
      show: "groups",
      by: ["group", "strategy", "model"],
      figures: ["calls", "errors", "fallbacks", "latency_p50", "cost_per_call"],
      id: "groups",
      title: "What groups chose",
    },
    { show: "part", part: "decisions", id: "decisions", title: "Decisions by reason" },
    { show: "part", part: "left-out", id: "left-out", title: "Why targets were left out" },
    { show: "part", part: "shadow", id: "shadow", title: "Shadow against live" },
    { show: "part", part: "score-terms", id: "score-terms", title: "Terms of the score" },
    { show: "part", part: "affinity", id: "affinity", title: "Conversations kept together" },
  ],
}

const calls: PageDefinition = {
  name: "calls",
  title: "Calls",
  about: "Find calls by whatever is known of them. Each opens its whole story.",
  by: [],
  hasRange: true,
  blocks: [{ show: "calls", limit: 50, id: "calls", title: "Calls" }],
}

/** Not in the menu: a row of a list of calls opens it. */
const call: PageDefinition = {
  name: "call",
  title: "Call",
  about: "What happened to one call, from its first byte to its last row.",
  by: [],
  hasRange: false,
  blocks: [{ show: "part", part: "call", id: "call", title: "The call" }],
}

const catalogue: PageDefinition = {
  name: "catalogue",
  title: "Catalogue",
  about: "Which models there are, what they cost, and which of them serve.",
  by: [],
  hasRange: false,
  blocks: [
    { show: "part", part: "targets", id: "targets", title: "Targets" },
    { show: "part", part: "prices", id: "prices", title: "Prices" },
    { show: "part", part: "findings", id: "findings", title: "What the configuration's check says" },
  ],
}

const limits: PageDefinition = {
  name: "limits",
  title: "Limits",
  about: "Who may use how much, who is near the end, nearest first.",
  by: [],
  hasRange: false,
  blocks: [{ show: "part", part: "limits", id: "limits", title: "Limits of callers and projects", live: true }],
}

const security: PageDefinition = {
  name: "security",
  title: "Security",
  about: "Who signed in, who was refused, who read and exported what.",
  by: [],
  hasRange: true,
  blocks: [{ show: "part", part: "security", id: "security", title: "Events" }],
}

const system: PageDefinition = {
  name: "system",
  title: "System",
  about: "Which version runs with which configuration, and how its stores are.",
  by: [],
  hasRange: false,
  blocks: [
    { show: "part", part: "system", id: "system", title: "The router", half: true, live: true },
    { show: "part", part: "state", id: "state", title: "Stores", half: true, live: true },
    { show: "part", part: "retention", id: "retention", title: "What is kept, and how long" },
    { show: "part", part: "inactive", id: "inactive", title: "Accepted, but not active" },
  ],
}

export const PAGES: Readonly<Record<PageName, PageDefinition>> = {
  overview,
  spend,
  performance,
  reliability,
  routing,
  calls,
  call,
  catalogue,
  limits,
  security,
  system,
}
