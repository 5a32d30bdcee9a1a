/** Brings the schema of a SQLite file to the newest version. */
import type { Database } from "bun:sqlite"
import { MIGRATIONS, MIGRATION_TABLE, NEWEST, refuseForeign } from "../migrations.ts"

/**
 * Brings the schema to the newest version, in one transaction: all steps or none.
 * Throws an `Error` with a sentence for the operator when a newer binary has been here.
 */
export function migrate(database: Database, nowMs: number): void {
  if (versionOf(database) === NEWEST) return
  database.run("BEGIN IMMEDIATE")
  try {
    applyMissing(database, nowMs)
    database.run("COMMIT")
  } catch (error) {
    if (database.inTransaction) database.run("ROLLBACK")
    throw error
  }
}

function applyMissing(database: Database, nowMs: number): void {
  database.run(MIGRATION_TABLE)
  const applied = versionOf(database)
  for (const migration of MIGRATIONS) {
    if (migration.version <= applied) continue
    for (const statement of migration.statements) database.run(statement)
    const done = "INSERT INTO schema_migrations (version, name, applied_at) VALUES (?, ?, ?)"
    database.run(done, [migration.version, migration.name, nowMs])
  }
}

function versionOf(database: Database): number {
  if (!hasTable(database, "schema_migrations")) {
    if (hasTable(database, "request_usage")) refuseForeign(null)
    return 0
  }
  using newest = database.prepare<{ version: number | null }, []>(
    "SELECT max(version) AS version FROM schema_migrations",
  )
  const version = newest.get()?.version ?? 0
  refuseForeign(version)
  return version
}

function hasTable(database: Database, name: string): boolean {
  using found = database.prepare<{ name: string }, [string]>(
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name = ?",
  )
  return found.get(name) !== null
}
