/** Migration 21: runs of retention, legal holds, and which rows are gone. */

const JOBS = `CREATE TABLE retention_jobs (
  job_id TEXT NOT NULL PRIMARY KEY, started_at INTEGER NOT NULL, finished_at INTEGER, asked_by TEXT NOT NULL,
  dry_run INTEGER NOT NULL, state TEXT NOT NULL, fault TEXT
) WITHOUT ROWID`

const RESULTS = `CREATE TABLE retention_job_table_results (
  job_id TEXT NOT NULL, table_name TEXT NOT NULL, data_class TEXT NOT NULL, cutoff_at INTEGER NOT NULL,
  candidate INTEGER NOT NULL, held INTEGER NOT NULL, eligible INTEGER NOT NULL, blocked INTEGER NOT NULL,
  deleted INTEGER NOT NULL, state TEXT NOT NULL,
  PRIMARY KEY (job_id, table_name)
) WITHOUT ROWID`

const MARKS = `CREATE TABLE retention_marks (
  data_class TEXT NOT NULL PRIMARY KEY, gone_before_at INTEGER NOT NULL, recounted_before_at INTEGER NOT NULL
) WITHOUT ROWID`

const LEASE = `CREATE TABLE retention_lease (
  id INTEGER NOT NULL PRIMARY KEY, job_id TEXT NOT NULL, until_at INTEGER NOT NULL
)`

const HOLDS = `CREATE TABLE legal_holds (
  hold_id TEXT NOT NULL PRIMARY KEY, data_class TEXT NOT NULL, request_id TEXT NOT NULL,
  from_at INTEGER, to_at INTEGER, ids_from TEXT NOT NULL, ids_to TEXT NOT NULL, reason TEXT NOT NULL,
  placed_at INTEGER NOT NULL, placed_by TEXT NOT NULL, released_at INTEGER, released_by TEXT
) WITHOUT ROWID`
/** Each row that may be deleted is looked up here. */
const HOLDS_BY_CALL = "CREATE INDEX legal_holds_by_call ON legal_holds (data_class, request_id)"

const AUDIT = `CREATE TABLE legal_hold_audit_events (
  event_id TEXT NOT NULL PRIMARY KEY, ts INTEGER NOT NULL, hold_id TEXT NOT NULL, action TEXT NOT NULL,
  actor TEXT NOT NULL, reason TEXT NOT NULL
) WITHOUT ROWID`

export const RETENTION: readonly string[] = [JOBS, RESULTS, MARKS, LEASE, HOLDS, HOLDS_BY_CALL, AUDIT]
