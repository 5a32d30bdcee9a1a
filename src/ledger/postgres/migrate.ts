/** Brings the schema of a PostgreSQL database to the newest version. */
import type { Client } from "pg"
import { type Migration, MIGRATIONS, MIGRATION_TABLE, NEWEST, refuseForeign } from "../migrations.ts"

/** Held while the schema is changed, so that any number of routers may start at once. Any fixed number does. */
const LOCK_KEY = 7_249_305_114_613
const LONGEST_MS = 600_000

const TYPES: readonly (readonly [sqlite: RegExp, postgres: string])[] = [
  [/\bINTEGER\b/g, "BIGINT"],
  // byte by byte, as SQLite compares, whatever the database's language
  [/\bTEXT\b/g, 'TEXT COLLATE "C"'],
  [/\bREAL\b/g, "DOUBLE PRECISION"],
  [/\bBLOB\b/g, "BYTEA"],
  [/\)\s*WITHOUT ROWID\s*$/, ")"],
]

/** A statement of the migrations, which are written for SQLite. What stands in quotes stays. */
export function postgresStatement(statement: string): string {
  const parts = statement.split(/('(?:[^']|'')*')/)
  return parts
    .map((part, index) =>
      index % 2 === 1 ? part : TYPES.reduce((text, [sqlite, postgres]) => text.replace(sqlite, postgres), part),
    )
    .join("")
}

/**
 * All steps or none. Throws an `Error` with a sentence for the operator when a newer binary has been here,
 * unless `acceptsNewer`: a router that runs goes on while its successors are already there, columns are only ever added.
 */
export async function migrate(
  client: Client,
  nowMs: number,
  acceptsNewer: boolean,
  steps: readonly Migration[] = MIGRATIONS,
): Promise<void> {
  const newest = steps.at(-1)?.version ?? 0
  const found = await versionOf(client)
  if (found > NEWEST && !acceptsNewer) refuseForeign(found)
  if (found >= newest) return
  await inTransaction(client, async () => {
    await client.query("SET LOCAL statement_timeout = 0")
    await patiently(client, `SELECT pg_advisory_xact_lock(${LOCK_KEY})`)
    await client.query(postgresStatement(MIGRATION_TABLE))
    const applied = await versionOf(client)
    for (const { version, name, statements } of steps) {
      if (version <= applied) continue
      for (const statement of statements) await patiently(client, postgresStatement(statement))
      const done = "INSERT INTO schema_migrations (version, name, applied_at) VALUES ($1, $2, $3)"
      await client.query(done, [version, name, nowMs])
    }
  })
}

export async function inTransaction(client: Client, work: () => Promise<void>): Promise<void> {
  await client.query("BEGIN")
  try {
    await work()
    await client.query("COMMIT")
  } catch (error) {
    await client.query("ROLLBACK").catch(() => {})
    throw error
  }
}

async function patiently(client: Client, text: string): Promise<void> {
  const statement: { readonly text: string; readonly query_timeout: number } = { text, query_timeout: LONGEST_MS }
  await client.query(statement)
}

async function versionOf(client: Client): Promise<number> {
  // asked first: another router may make both at this moment
  const isInUse = await hasTable(client, "request_usage")
  if (!(await hasTable(client, "schema_migrations"))) {
    if (isInUse) refuseForeign(null)
    return 0
  }
  const { rows } = await client.query<{ version: number | null }>(
    "SELECT max(version) AS version FROM schema_migrations",
  )
  return rows[0]?.version ?? 0
}

/** In the schemas that statements without one look into. */
async function hasTable(client: Client, name: string): Promise<boolean> {
  const { rows } = await client.query<{ found: boolean }>("SELECT to_regclass($1) IS NOT NULL AS found", [name])
  return rows[0]?.found ?? false
}
