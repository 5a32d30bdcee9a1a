/** What the section `routing` counts of calls: what they asked for, and what they were promised. */
import { columnOf } from "../figure-makers.ts"
import type { Column } from "../section.ts"
import { bucketOf, type Detailed, GROUP, TARGET, text, yesNo } from "./routing-table.ts"

const CALLS: Column = { ...columnOf("calls", "count", "Calls", "How often."), bar: true }

const TARGET_OF_CALL: readonly string[] = [
  "coalesce(u.target_provider, '') AS provider",
  "coalesce(u.target_model, '') AS model",
]
const SHAPED: readonly string[] = ["u.error AS error", "u.resolved_group AS group_name"]
const ERRORS_OF = [
  "sum(CASE WHEN error IS NULL THEN 0 ELSE 1 END)",
  columnOf("errors", "count", "Errors", "Calls that ended with an error."),
] as const
const TOKENS = [1000, 4000, 16_000, 64_000, 128_000, 200_000, 1_000_000] as const
const NO_SHAPES =
  "Nothing is recorded of what calls asked for in this range: server.decision_telemetry.enabled: true records it from then on."
const NO_CONTRACTS = "No call of a group with a contract was made in this range that the filters leave."

export const OF_CALLS: readonly Detailed[] = [
  {
    id: "capabilities",
    title: "What calls asked for",
    count: CALLS,
    table: "request_decision_shape_features",
    kept: [
      ...SHAPED,
      "d.stream AS stream",
      "d.tool_count AS tools",
      "d.hosted_tool_count AS hosted",
      "d.tool_choice AS tool_choice",
      "d.image_count AS images",
      "d.structured_output AS structured",
      "d.reasoning_requested AS reasoning",
    ],
    by: [
      GROUP,
      [yesNo("tools > 0"), text("tools", "Tools", "Tools that the client executes were offered.")],
      ["tool_choice", text("tool_choice", "Tool choice", "unset, null, auto, none or forced.")],
      [yesNo("hosted > 0"), text("hosted_tools", "Hosted tools", "Tools that the provider executes were offered.")],
      [yesNo("images > 0"), text("images", "Images", "Images were sent.")],
      [yesNo("structured = 1"), text("structured_outputs", "Structured", "A schema or JSON was asked for.")],
      [yesNo("reasoning = 1"), text("reasoning", "Reasoning", "Reasoning was asked for.")],
      [yesNo("stream = 1"), text("stream", "Streamed", "A stream was asked for.")],
    ],
    more: [ERRORS_OF],
    empty: NO_SHAPES,
  },
  {
    id: "input_sizes",
    title: "Calls by input",
    count: CALLS,
    table: "request_decision_shape_features",
    kept: [...SHAPED, "d.estimated_input_tokens AS input_tokens"],
    by: [
      GROUP,
      [bucketOf("input_tokens", TOKENS), text("input", "Input tokens", "As routing estimated them, in this range.")],
    ],
    more: [ERRORS_OF],
    empty: NO_SHAPES,
  },
  {
    id: "output_caps",
    title: "Calls by output cap",
    count: CALLS,
    table: "request_decision_shape_features",
    kept: [...SHAPED, "d.output_cap_field AS field", "d.output_cap_tokens AS cap"],
    by: [
      GROUP,
      ["coalesce(field, '')", text("field", "Field", "The field that caps the output; empty: none.")],
      [bucketOf("cap", TOKENS), text("cap", "Output cap", "Tokens, in this range; empty: none.")],
    ],
    more: [ERRORS_OF],
    empty: NO_SHAPES,
  },
  {
    id: "contracts",
    title: "Contracts",
    count: CALLS,
    table: "request_contracts",
    kept: [
      "d.contract_bucket AS bucket",
      "d.contract_workload AS workload",
      "d.contract_failure_reason AS reason",
      "u.error AS error",
      "u.resolved_group AS group_name",
    ],
    by: [
      GROUP,
      [
        "coalesce(bucket, '')",
        text("bucket", "Quality", "That the contract promises, where contract.reporting says so."),
      ],
      [
        "coalesce(workload, '')",
        text("workload", "Workload", "That the contract is for, where contract.reporting says so."),
      ],
      ["coalesce(reason, '')", text("reason", "Left no target", "The promise that left no target; empty: none did.")],
    ],
    more: [ERRORS_OF],
    empty: NO_CONTRACTS,
  },
  {
    id: "validation",
    title: "Evidence of targets that served",
    count: CALLS,
    table: "request_contracts",
    kept: [
      "d.target_validation_status AS status",
      "d.target_validation_workload AS workload",
      "d.target_validation_age_bucket AS age",
      ...TARGET_OF_CALL,
      "u.error AS error",
      "u.resolved_group AS group_name",
    ],
    by: [
      GROUP,
      ...TARGET,
      ["coalesce(status, '')", text("validation", "Validation", "Of the target that served the call.")],
      ["coalesce(workload, '')", text("workload", "Workload", "That the evidence is for.")],
      ["coalesce(age, '')", text("age", "Age", "How old the evidence is.")],
    ],
    more: [ERRORS_OF],
    empty: NO_CONTRACTS,
  },
]
