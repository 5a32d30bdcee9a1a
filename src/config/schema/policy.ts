/** Routing policies of a model group: dynamic_score, script, external. */
import type { z } from "zod"
import {
  amount,
  block,
  byDefault,
  checked,
  choice,
  flag,
  integer,
  key,
  list,
  milliseconds,
  optional,
  ruled,
  table,
  text,
} from "./field.ts"
import { isFault, parseLinear } from "./linear-expression.ts"
import { COMPLEXITIES, PROMPT_FEATURES, type Complexity } from "./word-lists.ts"
import { file, headerName, headerValue, host, httpUrl, identifier } from "./forms.ts"

const MAY_HOLD_SECRET = { secret: "reference" } as const

const headers = (description: string): z.ZodType =>
  byDefault(table(headerName, key(headerValue, "A header value.", MAY_HOLD_SECRET), description, MAY_HOLD_SECRET), {})

const allowHosts: z.ZodType = byDefault(list(host, "The hosts that may be called: exact names, no wildcards."), [])

export const script: z.ZodType = optional(
  key(
    file("The TypeScript file whose `route` function picks the target."),
    "The TypeScript file whose `route` function picks the target.",
  ),
)

export const scriptLimits: z.ZodType = optional(
  block(
    {
      deadline_ms: byDefault(
        milliseconds("Computing time of one call; what takes longer is stopped.", { min: 1, max: 1000 }),
        50,
      ),
      max_memory_bytes: byDefault(
        integer("The memory of the script.", { min: 1_048_576, max: 1_073_741_824, unit: "bytes" }),
        67_108_864,
      ),
      on_error: byDefault(
        choice(["fail_closed", "fallback"], "`fallback`: the configured order when the script fails."),
        "fail_closed",
      ),
    },
    "How far a script may go, and what happens when it fails.",
    { name: "ScriptLimits" },
  ),
)

export const scriptHttp: z.ZodType = optional(
  block(
    {
      enabled: byDefault(flag("Let the script call the hosts below."), false),
      allow_hosts: allowHosts,
      timeout_ms: byDefault(milliseconds("Time for one call.", { min: 1, max: 5000 }), 500),
      max_response_bytes: byDefault(integer("The largest answer.", { min: 1, unit: "bytes" }), 65_536),
      headers: headers("Headers that are added by the router and stay invisible to the script."),
      allow_http: byDefault(flag("Also call hosts other than loopback without TLS."), false),
    },
    "What `router.fetchJSON` may reach.",
    { name: "ScriptHttp" },
  ),
)

const feedback: z.ZodType = block(
  {
    enabled: byDefault(flag("Report each finished call to the policy service."), false),
    url: optional(key(httpUrl, "Where to. Absent: the policy's URL with `feedback` as its last segment.")),
    timeout_ms: byDefault(milliseconds("Time for one delivery.", { min: 1 }), 500),
    max_retries: byDefault(integer("Further tries.", { max: 5 }), 2),
    retry_backoff_ms: byDefault(milliseconds("Pause before a further try; grows linearly."), 100),
    max_request_bytes: byDefault(integer("The largest report.", { min: 1, unit: "bytes" }), 4096),
    on_delivery_failure: byDefault(choice(["log", "ignore"], "What a failed delivery leads to."), "log"),
  },
  "Reports to the policy service after a call. Never affects the caller.",
  { name: "PolicyFeedback" },
)

const verifierHints: z.ZodType = block(
  {
    enabled: byDefault(flag("Pass on what callers say about how an answer can be verified."), false),
    allowed_kinds: byDefault(
      list(choice(["none", "exact", "regex", "json_schema"], "A kind."), "The kinds that are passed on."),
      ["none"],
    ),
    max_spec_bytes: byDefault(integer("The largest hint.", { min: 1, unit: "bytes" }), 4096),
    max_version_len: byDefault(integer("The longest version label.", { min: 1, unit: "characters" }), 64),
  },
  "Hints on verification in the `metadata` of calls, which travel to the policy service. The router runs none of them.",
  { name: "VerifierHints" },
)

export const externalPolicy: z.ZodType = optional(
  block(
    {
      url: key(httpUrl, "The policy service."),
      allow_hosts: allowHosts,
      timeout_ms: byDefault(milliseconds("Time for a decision.", { min: 1, max: 60_000 }), 500),
      max_response_bytes: byDefault(integer("The largest answer.", { min: 1, unit: "bytes" }), 65_536),
      headers: headers("Headers of the call to the service."),
      mode: byDefault(
        choice(
          ["live", "enforce", "shadow", "baseline"],
          "`live` (or `enforce`): the service decides. `shadow`: it is asked and recorded, the configured order counts. `baseline`: it is not asked.",
        ),
        "live",
      ),
      on_error: byDefault(
        choice(["fail_closed", "fallback"], "`fallback`: the configured order when the service fails."),
        "fail_closed",
      ),
      allow_http: byDefault(flag("Also call hosts other than loopback without TLS."), false),
      include_request: byDefault(flag("Send the content of the call to the service."), false),
      conversation_key: optional(
        block(
          { salt: text("Salt of the conversation key.", { secret: "value" }) },
          "A stable, anonymous key of the conversation.",
          {
            name: "ConversationKey",
          },
        ),
      ),
      feedback: optional(feedback),
      verifier_hints: optional(verifierHints),
    },
    "An HTTP service that picks the target.",
    { name: "ExternalPolicy" },
  ),
)

const signal = (name: string): z.ZodType =>
  optional(
    block({ enabled: byDefault(flag("Whether this counts."), true) }, `Whether ${name} counts.`, {
      name: "SignalSwitch",
    }),
  )

const signals: z.ZodType = block(
  {
    request_shape: signal("the shape of the request"),
    prompt_features: optional(
      block(
        {
          enabled: byDefault(flag("Look for features in the prompt."), true),
          max_scan_bytes: byDefault(integer("How far the prompt is read.", { unit: "bytes" }), 16_384),
          features: byDefault(
            list(choice(PROMPT_FEATURES, "A feature."), "The features to look for."),
            PROMPT_FEATURES,
          ),
        },
        "Features that are found in the prompt.",
        { name: "PromptFeatures" },
      ),
    ),
    complexity: signal("the complexity bucket"),
    observed_performance: signal("the live windows"),
    cost: signal("the price"),
    evaluation_metadata: signal("the evaluation scores"),
  },
  "What the score may look at.",
  { name: "ScoreSignals" },
)

const complexity = choice(COMPLEXITIES, "A complexity bucket.")

const expression: z.ZodType = checked(
  text("A linear formula over score names, e.g. `0.6*cost_score + 0.4*latency_score`.", {
    expects: "numbers and score names with +, -, * and parentheses",
  }),
  (value) => {
    const parsed = parseLinear(String(value))
    if (!isFault(parsed)) return null
    return { path: [], message: `The expression has a fault at its character ${parsed.character}: ${parsed.message}.` }
  },
)

const scoreTerm: z.ZodType = ruled(
  block(
    {
      name: key(identifier, "A name for traces."),
      when: optional(
        block(
          {
            complexity_lte: optional(key(complexity, "Calls up to this complexity.")),
            complexity_gte: optional(key(complexity, "Calls from this complexity on.")),
          },
          "The calls that this term counts for. Absent: all.",
          { name: "ScoreCondition" },
        ),
      ),
      require_tags: byDefault(list(identifier, "Only targets with all of these tags score; for others it is 0."), []),
      expression,
    },
    "One term of the score.",
    { name: "ScoreTerm" },
  ),
  ({ when }) => {
    const { complexity_gte: from, complexity_lte: to } = (when ?? {}) as Partial<Record<string, Complexity>>
    return from !== undefined && to !== undefined && COMPLEXITIES.indexOf(from) > COMPLEXITIES.indexOf(to)
      ? { path: ["when"], message: "No call is both: complexity_gte is above complexity_lte." }
      : null
  },
)

const FILTERS: readonly (readonly [string, string])[] = [
  ["require_requested_api_skin", "Only targets that speak the client's API."],
  ["require_input_modalities", "Only targets that take what the call holds."],
  ["require_tool_support_when_tools_present", "Only targets with tools, where the call has some."],
  ["require_reasoning_support_when_requested", "Only targets that reason, where the call asks for it."],
  ["require_honors_max_tokens_when_caller_capped", "Only targets that honour caps, where the call has one."],
]

export const affinity: z.ZodType = optional(
  block(
    {
      enabled: byDefault(flag("Keep the calls of a conversation on one target."), true),
      ttl_seconds: byDefault(
        integer("How long a pin lasts without a call. Where only the issuer can read the reasoning, it lasts a day.", {
          min: 1,
          unit: "s",
        }),
        600,
      ),
      max_entries: byDefault(
        integer("The most pins of the group; those used least recently give way. `0`: none."),
        10_000,
      ),
    },
    "Pins of conversations to targets; they only reorder what is eligible. Absent: as by default.",
    { name: "Affinity" },
  ),
)

export const routingPolicy: z.ZodType = optional(
  block(
    {
      dynamic_score: optional(
        block(
          {
            cold_start_policy: byDefault(
              choice(["configured_weight"], "The order until enough was observed."),
              "configured_weight",
            ),
            min_observations: byDefault(integer("Observations of a target before its score counts in full."), 20),
            observation_window_seconds: byDefault(
              integer("How far back observations count.", { min: 1, unit: "s" }),
              600,
            ),
            max_score_adjustment_percent: byDefault(
              integer("How far a score may move a weight.", { max: 100, unit: "%" }),
              70,
            ),
            exploration_percent: byDefault(
              amount("Share of the calls that begin with another target, to learn about it.", { max: 50, unit: "%" }),
              2,
            ),
            hard_filters: optional(
              block(
                Object.fromEntries(FILTERS.map(([name, about]) => [name, optional(flag(about))])),
                "Filters before the score.",
                { name: "HardFilters" },
              ),
            ),
            signals: optional(signals),
            score_terms: byDefault(list(scoreTerm, "The terms of the score. None: a formula of its own."), []),
            thresholds: optional(
              block(
                {
                  max_error_rate: optional(amount("The highest error rate.", { max: 1 })),
                  max_timeout_rate: optional(amount("The highest timeout rate.", { max: 1 })),
                  max_p95_latency_ms: optional(milliseconds("The highest p95 latency.")),
                },
                "Targets beyond these come after the others, once enough was observed.",
                { name: "ScoreThresholds" },
              ),
            ),
            affinity,
          },
          "Score the targets of the group by live figures.",
          { name: "DynamicScore" },
        ),
      ),
    },
    "Settings of the strategy `dynamic_score`.",
    { name: "RoutingPolicy" },
  ),
)
