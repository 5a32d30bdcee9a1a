/** Which rows of a call go to which table, beside its row of `request_usage`. */
import type { Table } from "./columns.ts"
import type { CallRecord } from "./record.ts"

interface ChildTable {
  readonly table: Exclude<Table, "request_usage">
  /** Without their `request_id`. */
  readonly rowsOf: (call: CallRecord) => readonly object[]
}

const NONE: readonly object[] = []

/** Tables with rows only where somebody wants to know how calls are decided, or what was promised. */
export const DECISION_CHILDREN: readonly ChildTable[] = [
  {
    table: "request_decision_shape_features",
    rowsOf: ({ decision }) => (decision === null || decision.shape === null ? NONE : [decision.shape]),
  },
  { table: "request_target_candidates", rowsOf: ({ decision }) => decision?.candidates ?? NONE },
  { table: "request_target_filter_reasons", rowsOf: ({ decision }) => decision?.filterReasons ?? NONE },
  { table: "request_routing_decisions", rowsOf: ({ decision }) => decision?.decisions ?? NONE },
  { table: "request_dynamic_score_terms", rowsOf: ({ decision }) => decision?.terms ?? NONE },
  { table: "request_policy_executions", rowsOf: ({ decision }) => decision?.policies ?? NONE },
  { table: "request_fallback_transitions", rowsOf: ({ decision }) => decision?.fallbacks ?? NONE },
  { table: "request_contracts", rowsOf: ({ contract }) => (contract === undefined ? NONE : [contract]) },
]

/** Tables with any number of rows for each row of `request_usage`. */
export const CHILDREN: readonly ChildTable[] = [
  { table: "request_attempts", rowsOf: (call) => call.attempts },
  { table: "request_trace_events", rowsOf: (call) => call.trace },
  { table: "request_losses", rowsOf: (call) => call.losses },
  { table: "request_upstream_shape_events", rowsOf: (call) => call.upstreamShapes },
  { table: "request_traffic_shape_events", rowsOf: (call) => call.callerShapes },
  { table: "request_errors", rowsOf: (call) => (call.error === null ? NONE : [call.error]) },
  {
    table: "background_responses",
    rowsOf: ({ background }) => (background === undefined ? NONE : [background]),
  },
  ...DECISION_CHILDREN,
]
