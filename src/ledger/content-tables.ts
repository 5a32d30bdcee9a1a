/** Migration 20: content of calls. */

const REQUEST_CONTENT_CAPTURES = `CREATE TABLE request_content_captures (
  request_id TEXT NOT NULL, part TEXT NOT NULL, piece INTEGER NOT NULL, pieces INTEGER NOT NULL, ts INTEGER NOT NULL,
  caller_id TEXT NOT NULL, caller_project TEXT NOT NULL, caller_environment TEXT NOT NULL, resolved_group TEXT NOT NULL,
  form TEXT NOT NULL, coding TEXT NOT NULL, original_bytes INTEGER NOT NULL, kept_bytes INTEGER NOT NULL,
  truncated INTEGER NOT NULL, redactions INTEGER NOT NULL, left_out INTEGER NOT NULL,
  day TEXT NOT NULL, local_key_id TEXT NOT NULL, retention_until INTEGER NOT NULL, sealed BLOB NOT NULL,
  PRIMARY KEY (request_id, part, piece)
)`
/** Grows with time, so it appends. */
const REQUEST_CONTENT_EXPIRY = "CREATE INDEX request_content_expiry ON request_content_captures (retention_until)"

const CONTENT_DATA_KEYS = `CREATE TABLE content_data_keys (
  day TEXT NOT NULL, local_key_id TEXT NOT NULL, key_print TEXT NOT NULL, created_at INTEGER NOT NULL,
  wrapped BLOB NOT NULL, PRIMARY KEY (day, local_key_id)
)`

const REQUEST_CONTENT_AUDIT_EVENTS = `CREATE TABLE request_content_audit_events (
  event_id TEXT NOT NULL PRIMARY KEY, ts INTEGER NOT NULL, action TEXT NOT NULL, actor TEXT NOT NULL,
  actor_domain TEXT NOT NULL, request_id TEXT, caller_id TEXT, asked_by TEXT NOT NULL
) WITHOUT ROWID`

export const CONTENT: readonly string[] = [
  REQUEST_CONTENT_CAPTURES,
  REQUEST_CONTENT_EXPIRY,
  CONTENT_DATA_KEYS,
  REQUEST_CONTENT_AUDIT_EVENTS,
]
