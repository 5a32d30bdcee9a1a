/** Migration 16: what reports need beside the rows that there were. */

const REQUEST_TRANSLATION_SHAPES = `CREATE TABLE request_translation_shapes (
  request_id TEXT NOT NULL, attempt_index INTEGER NOT NULL, client_dialect TEXT NOT NULL, stream INTEGER NOT NULL,
  message_count INTEGER NOT NULL, tool_count INTEGER NOT NULL, tool_choice TEXT NOT NULL, output_cap_field TEXT,
  output_cap_tokens INTEGER, reasoning_field TEXT, structured_output INTEGER NOT NULL,
  request_losses INTEGER NOT NULL, losses INTEGER NOT NULL, PRIMARY KEY (request_id, attempt_index)
) WITHOUT ROWID`

const SECURITY_ACCESS_EVENTS = `CREATE TABLE security_access_events (
  event_id TEXT NOT NULL PRIMARY KEY, ts INTEGER NOT NULL, last_ts INTEGER NOT NULL, count INTEGER NOT NULL,
  event_type TEXT NOT NULL, outcome TEXT NOT NULL, reason_code TEXT, status_code INTEGER NOT NULL,
  surface TEXT NOT NULL, http_method TEXT NOT NULL, path_template TEXT NOT NULL, request_id TEXT NOT NULL,
  auth_source TEXT NOT NULL, caller_id TEXT, caller_user TEXT, caller_project TEXT, caller_environment TEXT,
  token_id TEXT, admin_subject TEXT, admin_domain TEXT, client TEXT NOT NULL, ip_address TEXT, requested_model TEXT
) WITHOUT ROWID`

const CALLER_TAGS = `CREATE TABLE caller_tags (
  caller_id TEXT NOT NULL, name TEXT NOT NULL, since INTEGER NOT NULL, value TEXT NOT NULL, until INTEGER,
  PRIMARY KEY (caller_id, name, since)
) WITHOUT ROWID`

/** So that no two routers begin the same. */
const CALLER_TAGS_CURRENT =
  "CREATE UNIQUE INDEX caller_tags_current ON caller_tags (caller_id, name) WHERE until IS NULL"

/** How far the step of a version has come that goes through rows. */
const MIGRATION_POSITIONS =
  "CREATE TABLE migration_positions (version INTEGER NOT NULL PRIMARY KEY, position TEXT NOT NULL)"

const COLUMNS: Readonly<Record<string, readonly string[]>> = {
  request_usage: [
    "end_user TEXT",
    "model_group_config_fingerprint TEXT",
    "routing_policy_fingerprint TEXT",
    "reserved_output_tokens INTEGER",
    "reserved_nano_usd INTEGER",
  ],
  request_attempts: [
    "reasoning_tokens INTEGER",
    "upstream_error_code TEXT",
    "upstream_error_type TEXT",
    "upstream_error_field TEXT",
  ],
  request_trace_events: ["dialect TEXT", "attempt_index INTEGER", "status_code INTEGER", "duration_ms INTEGER"],
  request_errors: ["retryable INTEGER", "attempts INTEGER", "provider TEXT", "model TEXT", "dialect TEXT"],
  request_decision_shape_features: [
    "sets_parallel_tool_calls INTEGER",
    "sets_store INTEGER",
    "sets_metadata INTEGER",
    "sets_truncation INTEGER",
  ],
}

export const EVIDENCE: readonly string[] = [
  ...Object.entries(COLUMNS).flatMap(([table, columns]) =>
    columns.map((column) => `ALTER TABLE ${table} ADD COLUMN ${column}`),
  ),
  REQUEST_TRANSLATION_SHAPES,
  SECURITY_ACCESS_EVENTS,
  CALLER_TAGS,
  CALLER_TAGS_CURRENT,
  MIGRATION_POSITIONS,
]

const LAST_TRIED = (column: string): string =>
  `(SELECT ${column} FROM request_attempts AS tried WHERE tried.request_id = request_usage.request_id
    ORDER BY attempt_index DESC LIMIT 1)`

/** Migration 17: calls that failed name the target that was tried last. For the rows of `?1 < request_id <= ?2`. */
export const LAST_TARGETS: string = `UPDATE request_usage SET target_provider = ${LAST_TRIED("provider")},
  target_model = ${LAST_TRIED("model")}, target_dialect = ${LAST_TRIED("dialect")}
  WHERE request_id > ?1 AND request_id <= ?2 AND target_provider IS NULL AND attempts > 0`
