/**
 * How a call was decided, as rows: written with the call where `server.decision_telemetry` is on. Field names are column
 * names. Targets are named by their place in the group (`target_index`) and by provider, model and dialect.
 */

/** What the decision could know of the call; one row. Counts and flags, never content. */
export interface ShapeFeatureRow {
  readonly ts: number
  readonly dialect: string
  readonly stream: 0 | 1
  readonly choices: number
  readonly output_cap_field: string | null
  readonly output_cap_tokens: number | null
  readonly body_bytes: number
  readonly encoded_bytes: number
  readonly estimated_input_tokens: number
  readonly image_count: number
  readonly tool_count: number
  readonly hosted_tool_count: number
  readonly tool_schema_bytes: number
  readonly has_tool_history: 0 | 1
  readonly has_seals: 0 | 1
  readonly tool_choice: string
  readonly structured_output: 0 | 1
  readonly reasoning_requested: 0 | 1
  readonly reasoning_kind: string
  readonly reasoning_effort: string | null
  readonly reasoning_budget_tokens: number | null
  readonly temperature_set: 0 | 1
  readonly uses_previous_response_id: 0 | 1
  readonly uses_function_call_output: 0 | 1
  readonly uses_stream_options: 0 | 1
  // null in rows of older routers
  /** Null also where the body is large and no policy reads its texts. */
  readonly message_count: number | null
  readonly text_chars: number | null
  readonly uses_include: 0 | 1 | null
  /** By what the conversation is known (`KeyKind`); null: nothing tells it from another. */
  readonly conversation_kind: string | null
  /** Where its next call looks for it: a hash that only this configuration can make again. */
  readonly conversation_key: string | null
  /** Where its first call stands, which is known by its words alone; null: this is the first, or it has a name. */
  readonly conversation_opening: string | null
}

/** One target of the group. */
export interface CandidateRow {
  readonly target_index: number
  readonly provider: string
  readonly model: string
  readonly dialect: string
  readonly eligible: 0 | 1
  readonly weight: number
  /** Place in the strategy's order, from 0; null: not in it. */
  readonly strategy_rank: number | null
  /** Place in the order in which targets were to be tried, after affinity and health; null: not in it. */
  readonly final_rank: number | null
  readonly score: number | null
  readonly adjusted_weight: number | null
  readonly cold_start: 0 | 1 | null
  /** Attempts in the live window. */
  readonly observations: number | null
  /** Of the estimated input and the output cap at the target's prices; null: a price is unknown. */
  readonly expected_cost_nano_usd: number | null
  readonly pinned: 0 | 1
  /** Why it was put after the others (an open breaker, a pause), and for how long. */
  readonly hindrance: string | null
  readonly hindrance_ms: number | null
}

export interface FilterReasonRow {
  readonly seq: number
  readonly target_index: number
  readonly provider: string
  readonly model: string
  readonly dialect: string
  /** `unknown`: it stays eligible. `beyond`: a threshold of the group puts it after the others. */
  readonly effect: "rejected" | "rejected_late" | "unknown" | "beyond"
  readonly reason: string
}

export type DecisionMode = "live" | "shadow"

/** What a strategy chose. */
export interface RoutingDecisionRow {
  readonly mode: DecisionMode
  readonly strategy: string
  /** `failed`: it threw. `unanswered`: the call was over before it answered. */
  readonly outcome: "decided" | "failed" | "unanswered"
  readonly rank_mode: string | null
  readonly class_label: string | null
  readonly call_class: string | null
  readonly eligible_count: number
  readonly order_count: number
  /** The strategy's own choice, before affinity and health. */
  readonly target_index: number | null
  readonly provider: string | null
  readonly model: string | null
  readonly dialect: string | null
  readonly expected_cost_nano_usd: number | null
  /** By what the conversation was known that kept it on its target; null: no pin. */
  readonly pin_kind: string | null
  readonly error: string | null
}

export interface ScoreTermRow {
  readonly seq: number
  readonly mode: DecisionMode
  readonly target_index: number
  readonly term: string
  readonly role: "adds" | "multiplies"
  readonly value: number | null
  readonly weight: number
}

/** One run of a script or a policy service. */
export interface PolicyExecutionRow {
  readonly seq: number
  readonly kind: string
  readonly mode: DecisionMode
  readonly outcome: string
  readonly duration_us: number
  readonly class_label: string | null
  readonly target_index: number | null
  readonly fallback_count: number | null
  readonly error: string | null
  readonly error_detail: string | null
}

/** From a target that failed to the next one. */
export interface FallbackTransitionRow {
  readonly seq: number
  readonly from_target_index: number
  readonly from_provider: string
  readonly from_model: string
  readonly to_target_index: number
  readonly to_provider: string
  readonly to_model: string
  readonly reason: string
}

export interface DecisionRows {
  readonly shape: ShapeFeatureRow | null
  readonly candidates: readonly CandidateRow[]
  readonly filterReasons: readonly FilterReasonRow[]
  readonly decisions: readonly RoutingDecisionRow[]
  readonly terms: readonly ScoreTermRow[]
  readonly policies: readonly PolicyExecutionRow[]
  readonly fallbacks: readonly FallbackTransitionRow[]
}
