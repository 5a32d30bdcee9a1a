/** Migration 24: what is proven of targets. */

const RECORDS = `CREATE TABLE activation_records (
  record_id TEXT NOT NULL PRIMARY KEY, checked_at INTEGER NOT NULL, expires_at INTEGER NOT NULL,
  provider TEXT NOT NULL, model TEXT NOT NULL, model_group TEXT NOT NULL, dialect TEXT NOT NULL,
  capability TEXT NOT NULL, result TEXT NOT NULL, fingerprint TEXT NOT NULL, source TEXT NOT NULL, signer TEXT,
  request_ids TEXT NOT NULL, counters TEXT NOT NULL, timings TEXT NOT NULL, asked_hash TEXT, reason TEXT,
  cost_nano_usd INTEGER
) WITHOUT ROWID`

const LEASE = `CREATE TABLE activation_lease (
  id INTEGER NOT NULL PRIMARY KEY, holder TEXT NOT NULL, until_at INTEGER NOT NULL
)`

export const ACTIVATION: readonly string[] = [RECORDS, LEASE]
