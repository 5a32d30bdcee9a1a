/** How a call was decided, as rows: written with the call where `server.decision_telemetry` is on. */
import type { RowOf } from "./column.ts"
import type {
  REQUEST_DECISION_SHAPE_FEATURES,
  REQUEST_DYNAMIC_SCORE_TERMS,
  REQUEST_FALLBACK_TRANSITIONS,
  REQUEST_POLICY_EXECUTIONS,
  REQUEST_ROUTING_DECISIONS,
  REQUEST_TARGET_CANDIDATES,
  REQUEST_TARGET_FILTER_REASONS,
} from "./tables/decisions.ts"

export type ShapeFeatureRow = RowOf<typeof REQUEST_DECISION_SHAPE_FEATURES>
export type CandidateRow = RowOf<typeof REQUEST_TARGET_CANDIDATES>
export type FilterReasonRow = RowOf<typeof REQUEST_TARGET_FILTER_REASONS>
export type RoutingDecisionRow = RowOf<typeof REQUEST_ROUTING_DECISIONS>
export type DecisionMode = RoutingDecisionRow["mode"]
export type ScoreTermRow = RowOf<typeof REQUEST_DYNAMIC_SCORE_TERMS>
export type PolicyExecutionRow = RowOf<typeof REQUEST_POLICY_EXECUTIONS>
export type FallbackTransitionRow = RowOf<typeof REQUEST_FALLBACK_TRANSITIONS>

export interface DecisionRows {
  readonly shape: ShapeFeatureRow | null
  readonly candidates: readonly CandidateRow[]
  readonly filterReasons: readonly FilterReasonRow[]
  readonly decisions: readonly RoutingDecisionRow[]
  readonly terms: readonly ScoreTermRow[]
  readonly policies: readonly PolicyExecutionRow[]
  readonly fallbacks: readonly FallbackTransitionRow[]
}
