/** A ledger as the first version of the router left it, with calls in it. Every tenth call failed at its second target. */
import { Database } from "bun:sqlite"
import { mkdirSync } from "node:fs"
import { dirname } from "node:path"
import { MIGRATIONS, MIGRATION_TABLE } from "../../src/ledger/migrations.ts"
import { postgresStatement } from "../../src/ledger/postgres/migrate.ts"
import { execute } from "./postgres.ts"
import type { LedgerState } from "./ledger-drivers.ts"

const [OLDEST] = MIGRATIONS

interface Words {
  /** A table `numbers` with a column `i`, from 0. */
  readonly numbers: string
  readonly id: string
}

const TS = 1_700_000_000_000

function fill({ numbers, id }: Words): readonly string[] {
  const usage = `INSERT INTO request_usage (request_id, ts, caller_id, caller_user, caller_project, caller_environment,
    token_id, client, inbound_dialect, requested_model, resolved_group, strategy, target_provider, target_model,
    target_dialect, stream, cache, status, attempts, fallback_used, latency_ms, usage_source, input_tokens,
    output_tokens, total_tokens, router_version, routing_config_fingerprint, pricing_catalog_fingerprint, error)
    SELECT ${id}, ${TS} + i, 'app-' || (i % 40), 'me', 'lab', 'prod', 'k1', 'curl', 'openai-chat', 'fast', 'fast', 'failover',
    CASE WHEN i % 10 = 0 THEN NULL ELSE 'alpha' END, CASE WHEN i % 10 = 0 THEN NULL ELSE 'big' END,
    CASE WHEN i % 10 = 0 THEN NULL ELSE 'openai-chat' END, 0, 'off', CASE WHEN i % 10 = 0 THEN 502 ELSE 200 END,
    CASE WHEN i % 10 = 0 THEN 2 ELSE 1 END, 0, 100, 'provider', 10, 20, 30, '0.1.0', 'f', 'p',
    CASE WHEN i % 10 = 0 THEN 'upstream-failed' ELSE NULL END FROM numbers`
  const attempts = `INSERT INTO request_attempts (request_id, attempt_index, ts, provider, model, dialect, duration_ms,
    retryable, timed_out, client_canceled, selected, request_bytes, response_bytes, attempt_timeout_ms)
    SELECT ${id}, tries.n, ${TS} + i, CASE WHEN tries.n = 0 THEN 'alpha' ELSE 'beta' END, 'big', 'openai-chat', 50, 0, 0, 0, 0, 1, 1, 1
    FROM numbers JOIN (SELECT 0 AS n UNION ALL SELECT 1) AS tries ON tries.n = 0 OR i % 10 = 0`
  return [usage, attempts].map((sql) => `WITH RECURSIVE numbers(i) AS (${numbers}) ${sql}`)
}

/** Makes the tables of version 1 where the ledger of `state` will be, with so many calls. */
export async function oldestLedger(
  { path, usageDb }: Pick<LedgerState, "path" | "usageDb">,
  calls: number,
): Promise<void> {
  if (OLDEST === undefined) throw new Error("there are no migrations")
  const applied = `INSERT INTO schema_migrations VALUES (1, 'ledger', 0)`
  if (usageDb.dsn !== undefined) {
    const numbers = `SELECT CAST(i AS BIGINT) FROM generate_series(0, ${calls - 1}) AS i`
    const id = `'req_' || lpad(to_hex(${TS} + i), 12, '0') || lpad(to_hex(i), 20, '0')`
    const tables = [MIGRATION_TABLE, ...OLDEST.statements].map(postgresStatement)
    await execute(usageDb.dsn, [...tables, applied, ...fill({ numbers, id })].join(";\n"))
    return
  }
  mkdirSync(dirname(path), { recursive: true })
  using database = new Database(path)
  database.run("PRAGMA journal_mode=WAL")
  const numbers = `SELECT 0 UNION ALL SELECT i + 1 FROM numbers WHERE i < ${calls - 1}`
  const id = `printf('req_%012x%020x', ${TS} + i, i)`
  for (const sql of [MIGRATION_TABLE, ...OLDEST.statements, applied, ...fill({ numbers, id })]) database.run(sql)
}
