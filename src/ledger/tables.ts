/**
 * The tables of the ledger, once for both databases, the spool and the documents: their columns, and which rows of a call
 * go there. A new column stands in `tables/` and in a migration; a new table also here.
 */
import type { Columns } from "./column.ts"
import type { CallRecord } from "./record.ts"
import { ACTIVATION_LEASE, ACTIVATION_RECORDS } from "./tables/activation.ts"
import * as calls from "./tables/calls.ts"
import * as content from "./tables/content.ts"
import * as cube from "./tables/cube.ts"
import * as decisions from "./tables/decisions.ts"
import * as housekeeping from "./tables/housekeeping.ts"
import * as retention from "./tables/retention.ts"
import { CALLER_TAGS, SECURITY_ACCESS_EVENTS } from "./tables/security.ts"
import { BACKGROUND_RESPONSES, STORED_STATE } from "./tables/state.ts"
import { REQUEST_USAGE } from "./tables/usage.ts"

export interface LedgerTable<Name extends string = string> {
  readonly name: Name
  readonly columns: Columns
  /** For the documents: what a row is. */
  readonly about: string
}

/** A table with any number of rows for each row of `request_usage`. */
export interface ChildTable extends LedgerTable<Table> {
  /** Their `request_id` is that of the call, and may be missing. */
  readonly rowsOf: (call: CallRecord) => readonly object[]
}

export type Table =
  | "request_attempts"
  | "request_trace_events"
  | "request_losses"
  | "request_translation_shapes"
  | "request_upstream_shape_events"
  | "request_traffic_shape_events"
  | "request_errors"
  | "background_responses"
  | "request_contracts"
  | "request_decision_shape_features"
  | "request_target_candidates"
  | "request_target_filter_reasons"
  | "request_routing_decisions"
  | "request_dynamic_score_terms"
  | "request_policy_executions"
  | "request_fallback_transitions"

const REQUEST_ID = { request_id: ["text", "The call."] } as const
const NONE: readonly object[] = []

function child(name: Table, columns: Columns, about: string, rowsOf: ChildTable["rowsOf"]): ChildTable {
  return { name, columns: { ...REQUEST_ID, ...columns }, about, rowsOf }
}

/** Nearly every call has rows in the first of them. */
export const CHILDREN: readonly ChildTable[] = [
  child("request_attempts", calls.REQUEST_ATTEMPTS, "One upstream attempt.", (call) => call.attempts),
  child("request_trace_events", calls.REQUEST_TRACE_EVENTS, "One decision of the router.", (call) => call.trace),
  child(
    "request_translation_shapes",
    calls.REQUEST_TRANSLATION_SHAPES,
    "What a translated attempt asked its target for.",
    ({ translations }) => translations ?? NONE,
  ),
  child("request_losses", calls.REQUEST_LOSSES, "Something that a translation could not carry.", (call) => call.losses),
  child(
    "request_upstream_shape_events",
    calls.REQUEST_UPSTREAM_SHAPE_EVENTS,
    "A decision about capacity that all callers share, other than a plain admission.",
    (call) => call.upstreamShapes,
  ),
  child(
    "request_traffic_shape_events",
    calls.REQUEST_TRAFFIC_SHAPE_EVENTS,
    "What a token bucket of the caller did, where it did more than let the call pass.",
    (call) => call.callerShapes,
  ),
  child("request_errors", calls.REQUEST_ERRORS, "Why the call failed; at most one.", ({ error }) =>
    error === null ? NONE : [error],
  ),
  {
    name: "background_responses",
    columns: BACKGROUND_RESPONSES,
    about: "A response that its provider makes in the background, until its usage is booked by a further row.",
    rowsOf: ({ background }) => (background === undefined ? NONE : [background]),
  },
  child(
    "request_contracts",
    calls.REQUEST_CONTRACTS,
    "What a call of a group with a contract was promised.",
    ({ contract }) => (contract === undefined ? NONE : [contract]),
  ),
  child(
    "request_decision_shape_features",
    decisions.REQUEST_DECISION_SHAPE_FEATURES,
    "What a decision could know of the call. Counts and flags, never content.",
    ({ decision, shape = decision?.shape ?? undefined }) => (shape === undefined ? NONE : [shape]),
  ),
  child(
    "request_target_candidates",
    decisions.REQUEST_TARGET_CANDIDATES,
    "One target of the group.",
    ({ decision }) => decision?.candidates ?? NONE,
  ),
  child(
    "request_target_filter_reasons",
    decisions.REQUEST_TARGET_FILTER_REASONS,
    "Something that speaks against a target.",
    ({ decision }) => decision?.filterReasons ?? NONE,
  ),
  child(
    "request_routing_decisions",
    decisions.REQUEST_ROUTING_DECISIONS,
    "What a strategy chose.",
    ({ decision }) => decision?.decisions ?? NONE,
  ),
  child(
    "request_dynamic_score_terms",
    decisions.REQUEST_DYNAMIC_SCORE_TERMS,
    "One term of a score.",
    ({ decision }) => decision?.terms ?? NONE,
  ),
  child(
    "request_policy_executions",
    decisions.REQUEST_POLICY_EXECUTIONS,
    "One run of a script or a policy service.",
    ({ decision }) => decision?.policies ?? NONE,
  ),
  child(
    "request_fallback_transitions",
    decisions.REQUEST_FALLBACK_TRANSITIONS,
    "From a target that failed to the next one.",
    ({ decision }) => decision?.fallbacks ?? NONE,
  ),
]

export const USAGE: LedgerTable<"request_usage"> = {
  name: "request_usage",
  columns: REQUEST_USAGE,
  about: "One call of a known caller, written when the call ends.",
}

export const STORED: LedgerTable<"stored_state"> = {
  name: "stored_state",
  columns: STORED_STATE,
  about: "An id of state at a provider that an answer handed out.",
}

export const SECURITY_EVENTS: LedgerTable<"security_access_events"> = {
  name: "security_access_events",
  columns: SECURITY_ACCESS_EVENTS,
  about: "Who was refused, and what administrators did. Equal events of a minute are one row.",
}

export const ACTIVATION: LedgerTable<"activation_records"> = {
  name: "activation_records",
  columns: ACTIVATION_RECORDS,
  about: "What one check of one target showed; [activation](activation.md) says how it counts.",
}

const TAGS: LedgerTable = {
  name: "caller_tags",
  columns: CALLER_TAGS,
  about: "A tag of a caller, and when it held.",
}

export const CONTENT: LedgerTable<"request_content_captures"> = {
  name: "request_content_captures",
  columns: content.REQUEST_CONTENT_CAPTURES,
  about: "Content of a call, sealed, where [content capture](capture.md) is on.",
}

/** Those that are written with a call. */
export const TABLES: readonly LedgerTable[] = [USAGE, ...CHILDREN, STORED]

/** All that there are, for the documents. */
export const ALL_TABLES: readonly LedgerTable[] = [
  ...TABLES,
  SECURITY_EVENTS,
  CONTENT,
  {
    name: "content_data_keys",
    columns: content.CONTENT_DATA_KEYS,
    about: "A key that sealed the content of a day, wrapped by a key of the configuration.",
  },
  {
    name: "request_content_audit_events",
    columns: content.REQUEST_CONTENT_AUDIT_EVENTS,
    about: "Who has read or deleted content; written before it is done.",
  },
  TAGS,
  ACTIVATION,
  { name: "activation_lease", columns: ACTIVATION_LEASE, about: "Which process runs due checks at the moment." },
  {
    name: "usage_rollup_hourly",
    columns: housekeeping.USAGE_ROLLUP_HOURLY,
    about: "Sums of an hour, kept in the transaction of the rows that they sum.",
  },
  {
    name: "usage_cube_batches",
    columns: cube.USAGE_CUBE_BATCHES,
    about: "What one transaction added to the cube of reports, until it is merged.",
  },
  {
    name: "usage_cube_segments",
    columns: cube.USAGE_CUBE_SEGMENTS,
    about: "Up to 65,536 cells of the cube that reports are added up from.",
  },
  {
    name: "usage_cube_columns",
    columns: cube.USAGE_CUBE_COLUMNS,
    about: "One dimension, measure or histogram of a segment.",
  },
  {
    name: "usage_cube_fill",
    columns: cube.USAGE_CUBE_FILL,
    about: "How far calls that are older than the cube were taken into it.",
  },
  { name: "retention_jobs", columns: retention.RETENTION_JOBS, about: "A run of retention." },
  {
    name: "retention_job_table_results",
    columns: retention.RETENTION_JOB_TABLE_RESULTS,
    about: "What a run of retention found in a table, and did there. `eligible` is `candidate` - `held` - `blocked`.",
  },
  { name: "retention_marks", columns: retention.RETENTION_MARKS, about: "Which rows of a class are gone." },
  { name: "retention_lease", columns: retention.RETENTION_LEASE, about: "Which run deletes at the moment." },
  { name: "legal_holds", columns: retention.LEGAL_HOLDS, about: "Rows that may not be deleted." },
  {
    name: "legal_hold_audit_events",
    columns: retention.LEGAL_HOLD_AUDIT_EVENTS,
    about: "What was done with legal holds.",
  },
  { name: "schema_migrations", columns: housekeeping.SCHEMA_MIGRATIONS, about: "A step of the schema that is done." },
  {
    name: "migration_positions",
    columns: housekeeping.MIGRATION_POSITIONS,
    about: "How far a step has come that goes through calls.",
  },
  { name: "installation", columns: housekeeping.INSTALLATION, about: "A secret of this installation." },
  {
    name: "ledger_probe",
    columns: housekeeping.LEDGER_PROBE,
    about: "Written to find out whether the database takes writes.",
  },
]
