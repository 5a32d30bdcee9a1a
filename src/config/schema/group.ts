/** `models:` — the model groups that callers name in `model`. */
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
  nullByDefault,
  optional,
  withRules,
  text,
} from "./field.ts"
import { activation } from "./activation.ts"
import { ownContentCapture } from "./capture.ts"
import { spendCeiling } from "./limits.ts"
import { apiShape, displayName, identifier, modality } from "./forms.ts"
import { target } from "./model.ts"
import { piiFilter } from "./pii.ts"
import { affinity, externalPolicy, routingPolicy, script, scriptHttp, scriptLimits } from "./policy.ts"

const STRATEGIES = ["static", "failover", "weighted", "dynamic_score", "script", "external"]

const strategy: z.ZodType = choice(STRATEGIES, "How the eligible targets are ordered.", {})

const needs = (value: Readonly<Record<string, unknown>>) =>
  value["strategy"] === "script" && value["script"] === undefined
    ? { path: ["strategy"], message: "The strategy script needs the key script." }
    : value["strategy"] === "external" && value["external_policy"] === undefined
      ? { path: ["strategy"], message: "The strategy external needs the block external_policy." }
      : null

const shadow: z.ZodType = nullByDefault(
  withRules(
    block(
      {
        strategy: key(strategy, "The strategy to compare with."),
        script,
        script_limits: scriptLimits,
        script_http: scriptHttp,
        external_policy: externalPolicy,
        routing_policy: routingPolicy,
      },
      "A second strategy whose choice is only recorded.",
      { name: "ShadowStrategy" },
    ),
    needs,
  ),
)

const contract: z.ZodType = optional(
  block(
    {
      display_name: optional(displayName),
      caller_visible_notes: optional(text("Notes for callers; shown by /v1/models.")),
      intended_workloads: byDefault(list(line("A workload."), "Purposes of the group."), []),
      supported_api_shapes: byDefault(list(apiShape, "The APIs that the group promises to serve."), []),
      required_capabilities: optional(
        block(
          {
            tools: optional(flag("Targets must take tools.")),
            forced_tool_choice: optional(flag("Targets must take a forced tool choice.")),
            structured_outputs: optional(flag("Targets must take structured outputs.")),
            input_modalities: optional(list(modality, "Targets must take all of these.")),
            output_modalities: optional(list(modality, "Targets must return all of these.")),
            min_context_tokens: optional(
              integer("Targets must have at least this context window.", { unit: "tokens" }),
            ),
            reasoning: optional(flag("Targets must reason.")),
            honors_max_tokens_when_caller_capped: optional(flag("Targets must honour caps.")),
          },
          "Abilities that every target of the group must have.",
          { name: "ContractCapabilities" },
        ),
      ),
      quality_floor: optional(
        block(
          {
            require_tags: byDefault(list(identifier, "Targets must carry all of these tags."), []),
            min_eval_quality_score: optional(amount("The lowest quality score.", { max: 1 })),
            min_eval_pass_rate: optional(amount("The lowest pass rate.", { max: 1 })),
            max_eval_age_days: optional(integer("The oldest evidence. `0`: any age.", { unit: "days" })),
            allowed_validation_status: byDefault(list(text("A status."), "The statuses that count. Empty: any."), []),
          },
          "Evidence that every target must have.",
          { name: "ContractQualityFloor" },
        ),
      ),
      operational_targets: optional(
        block(
          {
            max_p95_latency_ms: optional(milliseconds("The highest p95 latency. `0`: any.")),
            max_error_rate: optional(amount("The highest error rate.", { max: 1 })),
            max_timeout_rate: optional(amount("The highest timeout rate.", { max: 1 })),
            min_output_tokens_per_sec: optional(amount("The lowest output rate.", { unit: "tokens per second" })),
          },
          "Live figures that a target must keep, once enough was observed.",
          { name: "ContractOperationalTargets" },
        ),
      ),
      reporting: optional(
        block(
          {
            expose_workload_labels: byDefault(flag("Record the first of the intended workloads."), false),
            expose_quality_floor_bucket: byDefault(flag("Record the bucket of the promised quality."), false),
          },
          "Parts of the contract that rows hold.",
          { name: "ContractReporting" },
        ),
      ),
    },
    "The promise of the group. A filter before the strategy, after what the call itself needs.",
    { name: "GroupContract" },
  ),
)

export const group: z.ZodType = withRules(
  block(
    {
      strategy,
      attempt_timeout_ms: optional(
        milliseconds("Until first content of a stream, or the full body of a unary call. Absent: `server.upstream`'s."),
      ),
      aliases: byDefault(
        list(key(identifier, "A further name."), "Further names that callers may use; governed as the group."),
        [],
      ),
      translation: byDefault(
        choice(["off", "warn", "enforce"], "When a call must change dialect and would lose something."),
        "warn",
      ),
      prefer_native: byDefault(
        flag(
          "Of `static` and `failover`: targets that speak the client's dialect are tried first, the others follow as listed. The other strategies do so anyway, or leave it to their policy.",
        ),
        false,
      ),
      hosted_tools: byDefault(choice(["pass", "strip", "refuse"], "Tools that the provider executes."), "pass"),
      disconnect: byDefault(
        choice(["abort", "drain"], "The fate of the request at the upstream when the client leaves."),
        "abort",
      ),
      activation,
      shadow,
      cache: byDefault(
        choice(
          ["caller", "shared", "off"],
          "The callers that share answers of the response cache: `caller`: each caller has its own, `shared`: all callers of the group. Counts where `server.cache` is enabled.",
        ),
        "caller",
      ),
      default_output_reservation: optional(
        integer("Output tokens that are reserved for a stream without a cap.", { min: 1, unit: "tokens" }),
      ),
      affinity,
      script,
      script_limits: scriptLimits,
      script_http: scriptHttp,
      external_policy: externalPolicy,
      routing_policy: routingPolicy,
      contract,
      spend_ceiling: spendCeiling,
      pii_filter: piiFilter,
      content_capture: optional(ownContentCapture),
      targets: list(target, "The targets; only these are active."),
    },
    "A model group: a name for callers, and what may serve it.",
    { name: "GroupConfig" },
  ),
  needs,
)
