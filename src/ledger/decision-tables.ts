/** Migrations 7 and 12: how calls were decided (`decision-record.ts`). */

const REQUEST_DECISION_SHAPE_FEATURES = `CREATE TABLE request_decision_shape_features (
  request_id TEXT NOT NULL PRIMARY KEY, ts INTEGER NOT NULL, dialect TEXT NOT NULL, stream INTEGER NOT NULL,
  choices INTEGER NOT NULL, output_cap_field TEXT, output_cap_tokens INTEGER, body_bytes INTEGER NOT NULL,
  encoded_bytes INTEGER NOT NULL, estimated_input_tokens INTEGER NOT NULL, image_count INTEGER NOT NULL,
  tool_count INTEGER NOT NULL, hosted_tool_count INTEGER NOT NULL, tool_schema_bytes INTEGER NOT NULL,
  has_tool_history INTEGER NOT NULL, has_seals INTEGER NOT NULL, tool_choice TEXT NOT NULL,
  structured_output INTEGER NOT NULL, reasoning_requested INTEGER NOT NULL, reasoning_kind TEXT NOT NULL,
  reasoning_effort TEXT, reasoning_budget_tokens INTEGER, temperature_set INTEGER NOT NULL,
  uses_previous_response_id INTEGER NOT NULL, uses_function_call_output INTEGER NOT NULL,
  uses_stream_options INTEGER NOT NULL
) WITHOUT ROWID`

const REQUEST_TARGET_CANDIDATES = `CREATE TABLE request_target_candidates (
  request_id TEXT NOT NULL, target_index INTEGER NOT NULL, provider TEXT NOT NULL, model TEXT NOT NULL,
  dialect TEXT NOT NULL, eligible INTEGER NOT NULL, weight REAL NOT NULL, strategy_rank INTEGER, final_rank INTEGER,
  score REAL, adjusted_weight REAL, cold_start INTEGER, observations INTEGER, expected_cost_nano_usd INTEGER,
  pinned INTEGER NOT NULL, hindrance TEXT, hindrance_ms INTEGER, PRIMARY KEY (request_id, target_index)
) WITHOUT ROWID`

const REQUEST_TARGET_FILTER_REASONS = `CREATE TABLE request_target_filter_reasons (
  request_id TEXT NOT NULL, seq INTEGER NOT NULL, target_index INTEGER NOT NULL, provider TEXT NOT NULL,
  model TEXT NOT NULL, dialect TEXT NOT NULL, effect TEXT NOT NULL, reason TEXT NOT NULL, PRIMARY KEY (request_id, seq)
) WITHOUT ROWID`

const REQUEST_ROUTING_DECISIONS = `CREATE TABLE request_routing_decisions (
  request_id TEXT NOT NULL, mode TEXT NOT NULL, strategy TEXT NOT NULL, outcome TEXT NOT NULL, rank_mode TEXT,
  class_label TEXT, call_class TEXT, eligible_count INTEGER NOT NULL, order_count INTEGER NOT NULL,
  target_index INTEGER, provider TEXT, model TEXT, dialect TEXT, expected_cost_nano_usd INTEGER, pin_kind TEXT,
  error TEXT, PRIMARY KEY (request_id, mode)
) WITHOUT ROWID`

const REQUEST_DYNAMIC_SCORE_TERMS = `CREATE TABLE request_dynamic_score_terms (
  request_id TEXT NOT NULL, seq INTEGER NOT NULL, mode TEXT NOT NULL, target_index INTEGER NOT NULL,
  term TEXT NOT NULL, role TEXT NOT NULL, value REAL, weight REAL NOT NULL, PRIMARY KEY (request_id, seq)
) WITHOUT ROWID`

const REQUEST_POLICY_EXECUTIONS = `CREATE TABLE request_policy_executions (
  request_id TEXT NOT NULL, seq INTEGER NOT NULL, kind TEXT NOT NULL, mode TEXT NOT NULL, outcome TEXT NOT NULL,
  duration_us INTEGER NOT NULL, class_label TEXT, target_index INTEGER, fallback_count INTEGER, error TEXT,
  error_detail TEXT, PRIMARY KEY (request_id, seq)
) WITHOUT ROWID`

const REQUEST_FALLBACK_TRANSITIONS = `CREATE TABLE request_fallback_transitions (
  request_id TEXT NOT NULL, seq INTEGER NOT NULL, from_target_index INTEGER NOT NULL, from_provider TEXT NOT NULL,
  from_model TEXT NOT NULL, to_target_index INTEGER NOT NULL, to_provider TEXT NOT NULL, to_model TEXT NOT NULL,
  reason TEXT NOT NULL, PRIMARY KEY (request_id, seq)
) WITHOUT ROWID`

export const DECISION_TELEMETRY: readonly string[] = [
  REQUEST_DECISION_SHAPE_FEATURES,
  REQUEST_TARGET_CANDIDATES,
  REQUEST_TARGET_FILTER_REASONS,
  REQUEST_ROUTING_DECISIONS,
  REQUEST_DYNAMIC_SCORE_TERMS,
  REQUEST_POLICY_EXECUTIONS,
  REQUEST_FALLBACK_TRANSITIONS,
]

/** What a replay needs beside: null in older rows. */
export const REPLAYABLE_SHAPES: readonly string[] = [
  "message_count INTEGER",
  "text_chars INTEGER",
  "uses_include INTEGER",
  "conversation_kind TEXT",
  "conversation_key TEXT",
  "conversation_opening TEXT",
].map((column) => `ALTER TABLE request_decision_shape_features ADD COLUMN ${column}`)
