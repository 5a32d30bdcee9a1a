/** What the section `routing` counts of decisions. */
import { dimensionColumn } from "../breakdown.ts"
import { columnOf } from "../figure-makers.ts"
import type { Column } from "../section.ts"
import { bucketOf, type Detailed, GROUP, TARGET, text } from "./routing-table.ts"

const OFF = "No decision is recorded in this range: server.decision_telemetry.enabled: true records them from then on."

export const COUNT: Column = { ...columnOf("events", "count", "Decisions", "How often."), bar: true }

const MEAN: Column = { ...columnOf("mean", "rate", "Mean", "The mean value of the term."), unit: "" }

const TARGET_AND_GROUP: readonly string[] = [
  "d.provider AS provider",
  "d.model AS model",
  "u.resolved_group AS group_name",
]
const NO_SCORES =
  "No score is recorded in this range: groups with dynamic_score record them where server.decision_telemetry is on."

export const OF_DECISIONS: readonly Detailed[] = [
  {
    id: "decisions",
    title: "Decisions by strategy",
    table: "request_routing_decisions",
    kept: [
      "d.strategy AS strategy",
      "d.mode AS mode",
      "d.outcome AS outcome",
      "d.rank_mode AS rank_mode",
      "d.pin_kind AS pin_kind",
      "d.eligible_count AS eligible_count",
      "u.resolved_group AS group_name",
    ],
    by: [
      GROUP,
      ["strategy", text("strategy", "Strategy", "The strategy that decided.")],
      ["mode", text("mode", "Mode", "live: it counted; shadow: it was only recorded.")],
      ["outcome", text("outcome", "Outcome", "decided, failed or unanswered.")],
      ["coalesce(rank_mode, '')", text("rank_mode", "Ranked by", "How the strategy made its order.")],
    ],
    more: [
      [
        "sum(CASE WHEN pin_kind IS NULL THEN 0 ELSE 1 END)",
        columnOf("pinned", "count", "Pinned", "Calls that stayed where their conversation was."),
      ],
      [
        "min(eligible_count)",
        columnOf("least_eligible", "count", "Fewest eligible", "The fewest targets that could serve a call."),
      ],
    ],
    empty: OFF,
  },
  {
    id: "left_out",
    title: "Why targets were left out",
    table: "request_target_filter_reasons",
    kept: [
      "d.provider AS provider",
      "d.model AS model",
      "d.effect AS effect",
      "d.reason AS reason",
      "u.resolved_group AS group_name",
    ],
    by: [
      GROUP,
      ["provider", dimensionColumn("provider")],
      ["model", dimensionColumn("model")],
      ["effect", text("effect", "Effect", "rejected, rejected_late, beyond (put last) or unknown (it stayed).")],
      ["reason", text("reason", "Reason", "The reason against the target.")],
    ],
    empty: OFF,
  },
  {
    id: "choices",
    title: "What strategies chose",
    table: "request_routing_decisions",
    kept: ["d.mode AS mode", "d.provider AS provider", "d.model AS model", "u.resolved_group AS group_name"],
    by: [
      GROUP,
      ["mode", text("mode", "Mode", "live: it counted; shadow: it was only recorded.")],
      ["coalesce(provider, '')", text("provider", "Provider", "Of the target that the strategy put first.")],
      ["coalesce(model, '')", text("model", "Model", "Of the target that the strategy put first.")],
    ],
    empty: OFF,
  },
  {
    id: "score_terms",
    title: "Terms of scores",
    table: "request_dynamic_score_terms",
    kept: [
      "d.mode AS mode",
      "d.term AS term",
      "d.role AS role",
      "d.value AS value",
      "d.weight AS weight",
      "u.resolved_group AS group_name",
    ],
    by: [
      GROUP,
      ["mode", text("mode", "Mode", "live or shadow.")],
      ["term", text("term", "Term", "The term of the score.")],
      ["role", text("role", "Role", "adds or multiplies.")],
    ],
    more: [
      [
        "sum(CASE WHEN value IS NULL THEN 1 ELSE 0 END)",
        columnOf("unknown", "count", "Unknown", "How often the term had no value."),
      ],
      ["avg(value)", MEAN],
    ],
    empty: NO_SCORES,
  },
  {
    id: "policies",
    title: "Scripts and policy services",
    table: "request_policy_executions",
    kept: [
      "d.kind AS kind",
      "d.mode AS mode",
      "d.outcome AS outcome",
      "d.duration_us AS duration_us",
      "d.error AS error",
      "u.resolved_group AS group_name",
    ],
    by: [
      GROUP,
      ["kind", text("kind", "Kind", "script or service.")],
      ["mode", text("mode", "Mode", "live or shadow.")],
      ["outcome", text("outcome", "Outcome", "How it ended.")],
      ["coalesce(error, '')", text("error", "Error", "Why it failed.")],
    ],
    more: [["CAST(max(duration_us) / 1000 AS BIGINT)", columnOf("max_ms", "ms", "Longest", "The longest run.")]],
    empty: "No script and no policy service ran in this range, or server.decision_telemetry was off.",
  },
  {
    id: "thresholds",
    title: "Targets beyond a threshold",
    table: "request_target_filter_reasons",
    condition: "d.effect = 'beyond'",
    kept: TARGET_AND_GROUP.concat("d.reason AS reason"),
    by: [GROUP, ...TARGET, ["reason", text("reason", "Threshold", "Which threshold of the group it was beyond.")]],
    empty:
      "No target was beyond a threshold of its group (thresholds of dynamic_score), or server.decision_telemetry was off.",
  },
  {
    id: "score_buckets",
    title: "Scores of targets",
    table: "request_target_candidates",
    kept: TARGET_AND_GROUP.concat(
      "d.score AS score",
      "d.cold_start AS cold_start",
      "d.observations AS observations",
      "d.final_rank AS final_rank",
    ),
    condition: "d.score IS NOT NULL",
    by: [
      GROUP,
      ...TARGET,
      [bucketOf("score", [0.2, 0.4, 0.6, 0.8, 1, 1.5, 2]), text("score", "Score", "In this range.")],
    ],
    more: [
      [
        "sum(CASE WHEN final_rank = 0 THEN 1 ELSE 0 END)",
        columnOf("chosen", "count", "Came first", "How often it was tried first."),
      ],
      [
        "sum(coalesce(cold_start, 0))",
        columnOf("cold_starts", "count", "Cold", "How often there were too few attempts to score it."),
      ],
      [
        "min(observations)",
        columnOf("least_observations", "count", "Fewest attempts", "The fewest attempts that a score was made of."),
      ],
    ],
    empty: NO_SCORES,
  },
  {
    id: "classes",
    title: "Classes of calls",
    table: "request_routing_decisions",
    kept: [
      "d.mode AS mode",
      "d.call_class AS call_class",
      "d.class_label AS class_label",
      "u.resolved_group AS group_name",
    ],
    by: [
      GROUP,
      ["mode", text("mode", "Mode", "live: it counted; shadow: it was only recorded.")],
      ["coalesce(call_class, '')", text("class", "Class", "Of the call, by its size and tools.")],
      ["coalesce(class_label, '')", text("label", "Label", "That a policy gave to the call.")],
    ],
    empty: OFF,
  },
]
