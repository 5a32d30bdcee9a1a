/**
 * The schema, as numbered steps that are never edited once released: a change is a further step.
 * Scalars only (INTEGER, REAL, TEXT) and bytes of the cube, so that the same columns work on Postgres (INTEGER there: BIGINT).
 * Every table is clustered on a key that grows with time (request ids begin with their millisecond):
 * inserts append, and a range of ids is a range of time. A further index costs every call, so there is none.
 */
import { ACTIVATION } from "./activation-tables.ts"
import { USAGE_CUBE } from "./cube/tables.ts"
import { CONTENT } from "./content-tables.ts"
import { DECISION_TELEMETRY, REPLAYABLE_SHAPES } from "./decision-tables.ts"
import { EVIDENCE, LAST_TARGETS } from "./evidence-tables.ts"
import { RETENTION } from "./retention/tables.ts"

export interface Migration {
  readonly version: number
  readonly name: string
  readonly statements: readonly string[]
  /**
   * A statement over rows that are there, for the calls of `?1 < request_id <= ?2`. It runs a part at a time, each with its
   * position in one transaction, so that a process that is killed goes on where it was. Running a part twice changes nothing.
   */
  readonly overCalls?: string
}

/** So many calls are one part. */
export const PART_CALLS = 2000
/** Hears which step is at work, and how much of it is done, from 0 to 1. */
export type MigrationListener = (step: Pick<Migration, "version" | "name">, share: number) => void

/** The end of the part that begins after `?1`; no row: these are the last ones. */
export const PART_END: string = `SELECT request_id AS id FROM request_usage WHERE request_id > ?1 ORDER BY request_id LIMIT 1 OFFSET ${PART_CALLS - 1}`
export const LAST_CALL = "SELECT max(request_id) AS id FROM request_usage"
export const FIRST_CALL = "SELECT min(request_id) AS id FROM request_usage"
export const POSITION = "SELECT position FROM migration_positions WHERE version = ?1"
export const SAVE_POSITION =
  "INSERT INTO migration_positions VALUES (?1, ?2) ON CONFLICT (version) DO UPDATE SET position = excluded.position"
export const DONE = "INSERT INTO schema_migrations (version, name, applied_at) VALUES (?1, ?2, ?3)"

/** 1 is said once, when the step is written down as done. */
const MOST_OF_PARTS = 0.999

/** Which part of the calls stands before an id: ids begin with their millisecond. */
export function shareDone(first: string, position: string, last: string): number {
  const share = (msOf(position) - msOf(first)) / (msOf(last) - msOf(first))
  return Number.isFinite(share) ? Math.min(MOST_OF_PARTS, Math.max(0, share)) : 0
}

function msOf(requestId: string): number {
  return Number.parseInt(requestId.slice(4, 16), 16)
}

const REQUEST_USAGE = `CREATE TABLE request_usage (
  request_id TEXT NOT NULL PRIMARY KEY, ts INTEGER NOT NULL,
  caller_id TEXT NOT NULL, caller_user TEXT NOT NULL, caller_project TEXT NOT NULL, caller_environment TEXT NOT NULL,
  caller_ip TEXT, token_id TEXT NOT NULL, client TEXT NOT NULL, inbound_dialect TEXT NOT NULL,
  requested_model TEXT NOT NULL, resolved_group TEXT NOT NULL, strategy TEXT NOT NULL,
  target_provider TEXT, target_model TEXT, target_dialect TEXT, target_region TEXT,
  stream INTEGER NOT NULL, cache TEXT NOT NULL, status INTEGER NOT NULL,
  attempts INTEGER NOT NULL, fallback_used INTEGER NOT NULL,
  latency_ms INTEGER NOT NULL, ttfb_ms INTEGER, upstream_duration_ms INTEGER, downstream_duration_ms INTEGER,
  input_tokens INTEGER, fresh_input_tokens INTEGER, cached_input_tokens INTEGER,
  cache_write_5m_tokens INTEGER, cache_write_1h_tokens INTEGER,
  output_tokens INTEGER, reasoning_tokens INTEGER, total_tokens INTEGER,
  input_has_image INTEGER, input_image_count INTEGER,
  usage_source TEXT NOT NULL, stop_reason TEXT, service_tier TEXT,
  input_price_nano_usd_per_million INTEGER, cached_input_price_nano_usd_per_million INTEGER,
  cache_write_price_nano_usd_per_million INTEGER, cache_write_1h_price_nano_usd_per_million INTEGER,
  output_price_nano_usd_per_million INTEGER,
  input_cost_nano_usd INTEGER, cached_input_cost_nano_usd INTEGER, cache_write_cost_nano_usd INTEGER,
  output_cost_nano_usd INTEGER, image_cost_nano_usd INTEGER, total_cost_nano_usd INTEGER,
  upstream_reported_total_cost_nano_usd INTEGER,
  pricing_source TEXT, pricing_updated_at TEXT, upstream_request_id TEXT,
  router_version TEXT NOT NULL, routing_config_fingerprint TEXT NOT NULL, pricing_catalog_fingerprint TEXT NOT NULL,
  error TEXT
) WITHOUT ROWID`

const REQUEST_ATTEMPTS = `CREATE TABLE request_attempts (
  request_id TEXT NOT NULL, attempt_index INTEGER NOT NULL, ts INTEGER NOT NULL,
  provider TEXT NOT NULL, model TEXT NOT NULL, dialect TEXT NOT NULL, key_id TEXT,
  duration_ms INTEGER NOT NULL, status_code INTEGER, error_class TEXT, error_message TEXT,
  retryable INTEGER NOT NULL, timed_out INTEGER NOT NULL, client_canceled INTEGER NOT NULL, selected INTEGER NOT NULL,
  fallback_reason TEXT, request_bytes INTEGER NOT NULL, response_bytes INTEGER NOT NULL,
  attempt_timeout_ms INTEGER NOT NULL, retry_after_ms INTEGER, upstream_request_id TEXT,
  PRIMARY KEY (request_id, attempt_index)
) WITHOUT ROWID`

const REQUEST_TRACE_EVENTS = `CREATE TABLE request_trace_events (
  request_id TEXT NOT NULL, seq INTEGER NOT NULL, ts INTEGER NOT NULL, event TEXT NOT NULL,
  target_provider TEXT, target_model TEXT, reason TEXT, value REAL,
  PRIMARY KEY (request_id, seq)
) WITHOUT ROWID`

const REQUEST_ERRORS = `CREATE TABLE request_errors (
  request_id TEXT NOT NULL PRIMARY KEY, ts INTEGER NOT NULL, code TEXT NOT NULL, status INTEGER NOT NULL,
  blame TEXT NOT NULL, error_class TEXT, upstream_status INTEGER, message TEXT NOT NULL, param TEXT
) WITHOUT ROWID`

/** `hour`: whole hours since 1970. The hour leads, so that concurrent callers share a page. */
const USAGE_ROLLUP_HOURLY = `CREATE TABLE usage_rollup_hourly (
  hour INTEGER NOT NULL, caller_id TEXT NOT NULL, resolved_group TEXT NOT NULL,
  requests INTEGER NOT NULL, errors INTEGER NOT NULL,
  input_tokens INTEGER NOT NULL, cached_input_tokens INTEGER NOT NULL,
  output_tokens INTEGER NOT NULL, reasoning_tokens INTEGER NOT NULL, total_tokens INTEGER NOT NULL,
  cost_nano_usd INTEGER NOT NULL, cost_unknown_requests INTEGER NOT NULL,
  PRIMARY KEY (hour, caller_id, resolved_group)
) WITHOUT ROWID`

/** Written to find out whether the database takes writes. */
const LEDGER_PROBE = "CREATE TABLE ledger_probe (id INTEGER NOT NULL PRIMARY KEY, probed_at TEXT NOT NULL)"

const REQUEST_LOSSES = `CREATE TABLE request_losses (
  request_id TEXT NOT NULL, seq INTEGER NOT NULL, code TEXT NOT NULL, path TEXT NOT NULL,
  PRIMARY KEY (request_id, seq)
) WITHOUT ROWID`

const REQUEST_UPSTREAM_SHAPE_EVENTS = `CREATE TABLE request_upstream_shape_events (
  request_id TEXT NOT NULL, seq INTEGER NOT NULL, ts INTEGER NOT NULL, scope TEXT NOT NULL,
  provider TEXT NOT NULL, model_ref TEXT, model TEXT NOT NULL, dialect TEXT NOT NULL,
  bucket TEXT NOT NULL, decision TEXT NOT NULL, retry_after_ms INTEGER NOT NULL,
  estimated_input_tokens INTEGER, reserved_output_tokens INTEGER, total_reserved_tokens INTEGER,
  backoff_reason TEXT, queue_wait_ms INTEGER,
  PRIMARY KEY (request_id, seq)
) WITHOUT ROWID`

/** Ids of state at upstreams that answers handed out, hashed with the project that got them. */
const STORED_STATE = `CREATE TABLE stored_state (
  id_sha256 TEXT NOT NULL PRIMARY KEY, request_id TEXT NOT NULL, caller_id TEXT NOT NULL,
  provider TEXT NOT NULL, model TEXT NOT NULL, dialect TEXT NOT NULL, resolved_group TEXT NOT NULL,
  expires_at INTEGER NOT NULL, usage_pending INTEGER NOT NULL
) WITHOUT ROWID`
/** Grows with time, so it appends. */
const STORED_STATE_EXPIRY = "CREATE INDEX stored_state_expiry ON stored_state (expires_at)"
/** Behind the columns that are there: rows are inserted by position. */
const GOVERNANCE_COLUMNS = [
  "quota_state TEXT",
  "key_state TEXT",
  "traffic_shape_applied INTEGER NOT NULL DEFAULT 0",
  "traffic_shape_decision TEXT",
  "traffic_shape_scope TEXT",
  "traffic_shape_bucket TEXT",
  "traffic_shape_retry_after_ms INTEGER",
  "traffic_shape_queue_wait_ms INTEGER",
  "traffic_shape_estimated_input_tokens INTEGER",
  "traffic_shape_reserved_output_tokens INTEGER",
  "traffic_shape_total_reserved_tokens INTEGER",
  "estimated_input_tokens INTEGER",
].map((column) => `ALTER TABLE request_usage ADD COLUMN ${column}`)

const REQUEST_TRAFFIC_SHAPE_EVENTS = `CREATE TABLE request_traffic_shape_events (
  request_id TEXT NOT NULL, seq INTEGER NOT NULL, scope TEXT NOT NULL, bucket TEXT NOT NULL, decision TEXT NOT NULL,
  cost INTEGER NOT NULL, retry_after_ms INTEGER, queue_wait_ms INTEGER,
  estimated_input_tokens INTEGER, reserved_output_tokens INTEGER, total_reserved_tokens INTEGER,
  PRIMARY KEY (request_id, seq)
) WITHOUT ROWID`

/** So that the limits of projects, and quotas of requests, can be counted on after a restart. */
const ROLLUP_COLUMNS = [
  "ALTER TABLE usage_rollup_hourly ADD COLUMN caller_project TEXT NOT NULL DEFAULT ''",
  "ALTER TABLE usage_rollup_hourly ADD COLUMN sent_requests INTEGER NOT NULL DEFAULT 0",
  "UPDATE usage_rollup_hourly SET sent_requests = requests",
]

/**
 * The project belongs to the key: a caller that is moved within an hour has used something in both. `limit_*` are what
 * limits count, which is more than the totals where usage or cost is unknown.
 */
const ROLLUP_BY_PROJECT = `CREATE TABLE usage_rollup_by_project (
  hour INTEGER NOT NULL, caller_id TEXT NOT NULL, resolved_group TEXT NOT NULL, caller_project TEXT NOT NULL,
  requests INTEGER NOT NULL, errors INTEGER NOT NULL,
  input_tokens INTEGER NOT NULL, cached_input_tokens INTEGER NOT NULL,
  output_tokens INTEGER NOT NULL, reasoning_tokens INTEGER NOT NULL, total_tokens INTEGER NOT NULL,
  cost_nano_usd INTEGER NOT NULL, cost_unknown_requests INTEGER NOT NULL, sent_requests INTEGER NOT NULL,
  limit_tokens INTEGER NOT NULL, limit_nano_usd INTEGER NOT NULL,
  PRIMARY KEY (hour, caller_id, resolved_group, caller_project)
) WITHOUT ROWID`
const LIMIT_SUMS = [
  "ALTER TABLE request_usage ADD COLUMN limit_tokens INTEGER",
  "ALTER TABLE request_usage ADD COLUMN limit_nano_usd INTEGER",
  "ALTER TABLE request_usage ADD COLUMN books_request_id TEXT",
  ROLLUP_BY_PROJECT,
  `INSERT INTO usage_rollup_by_project SELECT hour, caller_id, resolved_group, caller_project, requests, errors,
    input_tokens, cached_input_tokens, output_tokens, reasoning_tokens, total_tokens, cost_nano_usd,
    cost_unknown_requests, sent_requests, total_tokens, cost_nano_usd FROM usage_rollup_hourly`,
  "DROP TABLE usage_rollup_hourly",
  "ALTER TABLE usage_rollup_by_project RENAME TO usage_rollup_hourly",
]

/** Short-lived rows: answers that are made in the background and whose usage no row has yet. */
const BACKGROUND_RESPONSES = `CREATE TABLE background_responses (
  request_id TEXT NOT NULL PRIMARY KEY, ts INTEGER NOT NULL, response_id TEXT NOT NULL,
  caller_id TEXT NOT NULL, caller_user TEXT NOT NULL, caller_project TEXT NOT NULL, caller_environment TEXT NOT NULL,
  token_id TEXT NOT NULL, requested_model TEXT NOT NULL, resolved_group TEXT NOT NULL, strategy TEXT NOT NULL,
  provider TEXT NOT NULL, model TEXT NOT NULL, dialect TEXT NOT NULL,
  input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL, nano_usd INTEGER NOT NULL, image_count INTEGER,
  next_poll_at INTEGER NOT NULL
) WITHOUT ROWID`
const BACKGROUND_DUE = "CREATE INDEX background_responses_due ON background_responses (next_poll_at)"

/** What calls of groups with a contract were promised. */
const REQUEST_CONTRACTS = `CREATE TABLE request_contracts (
  request_id TEXT NOT NULL PRIMARY KEY, contract_bucket TEXT, contract_workload TEXT, contract_failure_reason TEXT,
  target_validation_status TEXT, target_validation_workload TEXT, target_validation_age_bucket TEXT
) WITHOUT ROWID`

/** What costs beside the counters that every call has, and why a cost is not known. */
const USAGE_PARTS = [
  "input_image_tokens INTEGER",
  "input_audio_tokens INTEGER",
  "output_image_tokens INTEGER",
  "output_audio_tokens INTEGER",
  "image_input_price_nano_usd_per_million INTEGER",
  "image_input_price_nano_usd_per_image INTEGER",
  "audio_input_price_nano_usd_per_million INTEGER",
  "image_output_price_nano_usd_per_million INTEGER",
  "audio_output_price_nano_usd_per_million INTEGER",
  "hosted_tool_uses INTEGER",
  "hosted_tool_cost_nano_usd INTEGER",
  "speed TEXT",
  "inference_geo TEXT",
  "upstream_reported_input_cost_nano_usd INTEGER",
  "upstream_reported_output_cost_nano_usd INTEGER",
  "cost_unknown_reason TEXT",
].map((column) => `ALTER TABLE request_usage ADD COLUMN ${column}`)

/** Of this installation alone. */
const INSTALLATION = "CREATE TABLE installation (name TEXT NOT NULL PRIMARY KEY, secret TEXT NOT NULL)"

const RESPONSE_CACHE =
  "reason TEXT, enabled INTEGER, items INTEGER, bytes INTEGER, max_bytes INTEGER, occupancy_pct REAL, age_s INTEGER, saved_input_tokens INTEGER, saved_output_tokens INTEGER, saved_nano_usd INTEGER"
    .split(", ")
    .map((column) => `ALTER TABLE request_usage ADD COLUMN cache_${column}`)

export const MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    name: "ledger",
    statements: [
      REQUEST_USAGE,
      REQUEST_ATTEMPTS,
      REQUEST_TRACE_EVENTS,
      REQUEST_ERRORS,
      USAGE_ROLLUP_HOURLY,
      LEDGER_PROBE,
    ],
  },
  { version: 2, name: "losses", statements: [REQUEST_LOSSES] },
  {
    version: 3,
    name: "governance",
    statements: [...GOVERNANCE_COLUMNS, REQUEST_TRAFFIC_SHAPE_EVENTS, ...ROLLUP_COLUMNS],
  },
  { version: 4, name: "upstream-shaping", statements: [REQUEST_UPSTREAM_SHAPE_EVENTS] },
  { version: 5, name: "stored-state", statements: [STORED_STATE, STORED_STATE_EXPIRY] },
  { version: 7, name: "decision-telemetry", statements: DECISION_TELEMETRY },
  { version: 8, name: "limit-sums", statements: LIMIT_SUMS },
  { version: 9, name: "background-responses", statements: [BACKGROUND_RESPONSES, BACKGROUND_DUE] },
  { version: 12, name: "replayable-shapes", statements: REPLAYABLE_SHAPES },
  { version: 13, name: "contracts", statements: [REQUEST_CONTRACTS] },
  { version: 14, name: "usage-parts", statements: USAGE_PARTS },
  { version: 15, name: "installation", statements: [INSTALLATION] },
  { version: 16, name: "usage-cube", statements: USAGE_CUBE },
  { version: 17, name: "evidence", statements: EVIDENCE },
  { version: 18, name: "last-targets", statements: [], overCalls: LAST_TARGETS },
  {
    version: 19,
    name: "router-overhead",
    statements: ["ALTER TABLE request_usage ADD COLUMN router_overhead_us INTEGER"],
  },
  { version: 20, name: "content", statements: CONTENT },
  { version: 21, name: "retention", statements: RETENTION },
  {
    version: 22,
    name: "personal-data",
    statements: ["applied INTEGER", "mode TEXT", "replacements INTEGER", "rule_count INTEGER"].map(
      (column) => `ALTER TABLE request_usage ADD COLUMN pii_filter_${column}`,
    ),
  },
  { version: 23, name: "response-cache", statements: RESPONSE_CACHE },
  { version: 24, name: "activation", statements: ACTIVATION },
]

/** The version of the schema that this binary writes. */
export const NEWEST: number = MIGRATIONS.at(-1)?.version ?? 0

export const MIGRATION_TABLE = `CREATE TABLE IF NOT EXISTS schema_migrations (
  version INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL, applied_at INTEGER NOT NULL
)`

/** A sentence for the operator: this database is not one to write to. */
export class SchemaRefused extends Error {}

/** `version`: of the schema that was found; null: there is none, but tables of the same names. */
export function refuseForeign(version: number | null): void {
  if (version === null) throw new SchemaRefused("it holds the tables of another product")
  if (version > NEWEST) {
    const known = `this smart-router knows up to ${NEWEST}`
    throw new SchemaRefused(`its schema has version ${version}, ${known}: use the newer binary`)
  }
}
