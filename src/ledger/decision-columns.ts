/** The columns of the rows in `decision-record.ts`. */
import type { Columns } from "./columns.ts"
import type {
  CandidateRow,
  FallbackTransitionRow,
  FilterReasonRow,
  PolicyExecutionRow,
  RoutingDecisionRow,
  ScoreTermRow,
  ShapeFeatureRow,
} from "./decision-record.ts"

interface Identified {
  readonly request_id: string
}

export const SHAPE_FEATURE_COLUMNS: Columns<Identified & ShapeFeatureRow> = {
  request_id: "text",
  ts: "integer",
  dialect: "text",
  stream: "integer",
  choices: "integer",
  output_cap_field: "text",
  output_cap_tokens: "integer",
  body_bytes: "integer",
  encoded_bytes: "integer",
  estimated_input_tokens: "integer",
  image_count: "integer",
  tool_count: "integer",
  hosted_tool_count: "integer",
  tool_schema_bytes: "integer",
  has_tool_history: "integer",
  has_seals: "integer",
  tool_choice: "text",
  structured_output: "integer",
  reasoning_requested: "integer",
  reasoning_kind: "text",
  reasoning_effort: "text",
  reasoning_budget_tokens: "integer",
  temperature_set: "integer",
  uses_previous_response_id: "integer",
  uses_function_call_output: "integer",
  uses_stream_options: "integer",
  message_count: "integer",
  text_chars: "integer",
  uses_include: "integer",
  conversation_kind: "text",
  conversation_key: "text",
  conversation_opening: "text",
}

export const CANDIDATE_COLUMNS: Columns<Identified & CandidateRow> = {
  request_id: "text",
  target_index: "integer",
  provider: "text",
  model: "text",
  dialect: "text",
  eligible: "integer",
  weight: "real",
  strategy_rank: "integer",
  final_rank: "integer",
  score: "real",
  adjusted_weight: "real",
  cold_start: "integer",
  observations: "integer",
  expected_cost_nano_usd: "integer",
  pinned: "integer",
  hindrance: "text",
  hindrance_ms: "milliseconds",
}

export const FILTER_REASON_COLUMNS: Columns<Identified & FilterReasonRow> = {
  request_id: "text",
  seq: "integer",
  target_index: "integer",
  provider: "text",
  model: "text",
  dialect: "text",
  effect: "text",
  reason: "text",
}

export const ROUTING_DECISION_COLUMNS: Columns<Identified & RoutingDecisionRow> = {
  request_id: "text",
  mode: "text",
  strategy: "text",
  outcome: "text",
  rank_mode: "text",
  class_label: "text",
  call_class: "text",
  eligible_count: "integer",
  order_count: "integer",
  target_index: "integer",
  provider: "text",
  model: "text",
  dialect: "text",
  expected_cost_nano_usd: "integer",
  pin_kind: "text",
  error: "text",
}

export const SCORE_TERM_COLUMNS: Columns<Identified & ScoreTermRow> = {
  request_id: "text",
  seq: "integer",
  mode: "text",
  target_index: "integer",
  term: "text",
  role: "text",
  value: "real",
  weight: "real",
}

export const POLICY_EXECUTION_COLUMNS: Columns<Identified & PolicyExecutionRow> = {
  request_id: "text",
  seq: "integer",
  kind: "text",
  mode: "text",
  outcome: "text",
  duration_us: "integer",
  class_label: "text",
  target_index: "integer",
  fallback_count: "integer",
  error: "text",
  error_detail: "text",
}

export const FALLBACK_TRANSITION_COLUMNS: Columns<Identified & FallbackTransitionRow> = {
  request_id: "text",
  seq: "integer",
  from_target_index: "integer",
  from_provider: "text",
  from_model: "text",
  to_target_index: "integer",
  to_provider: "text",
  to_model: "text",
  reason: "text",
}
