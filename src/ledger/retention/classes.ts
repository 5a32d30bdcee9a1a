/**
 * Which rows belong to which class of retention: the one list. A table that joins a class needs one entry here, and
 * `classes.test.ts` says where one is missing.
 */

export type DataClass =
  | "usage_diagnostics"
  | "decision_telemetry"
  | "content_capture"
  | "security_access_events"
  | "usage_detail"

export interface RetainedTable {
  readonly name: string
  /** The column whose ids begin with the millisecond of the row, and that the table is clustered by. */
  readonly key: "request_id" | "event_id"
  /** Ids of the key begin with this, an underline, and 12 hexadecimal digits of the millisecond. */
  readonly prefix: "req" | "sec"
}

export interface RetentionClass {
  readonly name: DataClass
  /** Empty: nothing is kept of this class, and the configuration may not name it. */
  readonly tables: readonly RetainedTable[]
  /** Its rows hang on a row of `request_usage`, which stays as long as one of them does. */
  readonly isOfCalls: boolean
}

function ofCalls(names: readonly string[]): readonly RetainedTable[] {
  return names.map((name) => ({ name, key: "request_id", prefix: "req" }))
}

/** In the order of deletion: children before the calls that they hang on. */
export const RETENTION_CLASSES: readonly RetentionClass[] = [
  {
    name: "usage_diagnostics",
    isOfCalls: true,
    tables: ofCalls([
      "request_attempts",
      "request_trace_events",
      "request_translation_shapes",
      "request_losses",
      "request_upstream_shape_events",
      "request_traffic_shape_events",
      "request_errors",
      "request_contracts",
    ]),
  },
  {
    name: "decision_telemetry",
    isOfCalls: true,
    tables: ofCalls([
      "request_decision_shape_features",
      "request_target_candidates",
      "request_target_filter_reasons",
      "request_routing_decisions",
      "request_dynamic_score_terms",
      "request_policy_executions",
      "request_fallback_transitions",
    ]),
  },
  { name: "content_capture", isOfCalls: true, tables: ofCalls(["request_content_captures"]) },
  {
    name: "security_access_events",
    isOfCalls: false,
    tables: [{ name: "security_access_events", key: "event_id", prefix: "sec" }],
  },
  { name: "usage_detail", isOfCalls: false, tables: ofCalls(["request_usage"]) },
]

export const CALLS_TABLE = "request_usage"

/** Rows of calls that have not come to an end: such a call stays. */
export const UNFINISHED: readonly string[] = ["background_responses"]

/** The classes whose rows keep a call from being deleted. */
export const CHILD_CLASSES: readonly RetentionClass[] = RETENTION_CLASSES.filter(({ isOfCalls }) => isOfCalls)

/** Ids of rows from this time on, Unix milliseconds, are not before it. */
export function idFrom(prefix: RetainedTable["prefix"], ms: number): string {
  return `${prefix}_${hexOf(ms)}`
}

/** The first digits of ids of that millisecond. */
export function hexOf(ms: number): string {
  return Math.max(0, Math.ceil(ms)).toString(16).padStart(12, "0")
}

/** Unix milliseconds; of an id that is made otherwise: 0. */
export function timeOf(id: string): number {
  const digits = /^[a-z]+_([0-9a-f]{12})/.exec(id)?.[1]
  return digits === undefined ? 0 : Number.parseInt(digits, 16)
}
