/** Brings the schema of a SQLite file to the newest version. */
import type { Database } from "bun:sqlite"
import {
  DONE,
  FIRST_CALL,
  LAST_CALL,
  type Migration,
  type MigrationListener,
  MIGRATIONS,
  MIGRATION_TABLE,
  PART_END,
  POSITION,
  refuseForeign,
  SAVE_POSITION,
  shareDone,
} from "../migrations.ts"

interface MigrationTools {
  readonly nowMs: () => number
  readonly onProgress: MigrationListener
  readonly steps?: readonly Migration[]
}

/**
 * Brings the schema to the newest version, each step in one transaction, or, where it goes through calls, a part at a time:
 * a process that is killed goes on where it was. The event loop turns between parts.
 * Rejects with a sentence for the operator when a newer binary has been here.
 */
export async function migrate(
  database: Database,
  { nowMs, onProgress, steps = MIGRATIONS }: MigrationTools,
): Promise<void> {
  const found = versionOf(database)
  const report: MigrationListener = found === 0 ? () => {} : onProgress
  // one time for all steps: so the cube knows that it was made together with the ledger
  const atMs = nowMs()
  for (const step of steps) {
    if (step.version <= found) continue
    report(step, 0)
    if (step.overCalls !== undefined) await goThrough(database, step, step.overCalls, report)
    inTransaction(database, () => applyOnce(database, step, atMs))
    report(step, 1)
  }
}

/** Another process may have been here meanwhile. */
function applyOnce(database: Database, { version, name, statements }: Migration, nowMs: number): void {
  database.run(MIGRATION_TABLE)
  if (versionOf(database) >= version) return
  for (const statement of statements) database.run(statement)
  database.run(DONE, [version, name, nowMs])
}

const PARTS_PER_CHECKPOINT = 32

async function goThrough(
  database: Database,
  step: Migration,
  statement: string,
  onProgress: MigrationListener,
): Promise<void> {
  const first = idOf(database, FIRST_CALL, [])
  const last = idOf(database, LAST_CALL, [])
  if (first === null || last === null) return
  let parts = 0
  for (let end: string | null = ""; end !== null;) {
    end = inTransaction(database, () => {
      using saved = database.prepare<{ position: string }, [number]>(POSITION)
      const from = saved.get(step.version)?.position ?? ""
      if (from >= last) return null
      const to = idOf(database, PART_END, [from]) ?? last
      database.run(statement, [from, to])
      database.run(SAVE_POSITION, [step.version, to])
      return to
    })
    if (end !== null) onProgress(step, shareDone(first, end, last))
    // else the write-ahead log grows as large as the table
    if (++parts % PARTS_PER_CHECKPOINT === 0) database.run("PRAGMA wal_checkpoint(PASSIVE)")
    await new Promise((resolve) => setImmediate(resolve))
  }
}

function idOf(database: Database, sql: string, values: string[]): string | null {
  using statement = database.prepare<{ id: string | null }, string[]>(sql)
  return statement.get(...values)?.id ?? null
}

function inTransaction<Result>(database: Database, work: () => Result): Result {
  database.run("BEGIN IMMEDIATE")
  try {
    const result = work()
    database.run("COMMIT")
    return result
  } catch (error) {
    if (database.inTransaction) database.run("ROLLBACK")
    throw error
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
