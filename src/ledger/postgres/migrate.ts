/** Brings the schema of a PostgreSQL database to the newest version. */
import type { Client, QueryConfig } from "pg"
import {
  DONE,
  FIRST_CALL,
  LAST_CALL,
  type Migration,
  type MigrationListener,
  MIGRATIONS,
  MIGRATION_TABLE,
  NEWEST,
  PART_END,
  POSITION,
  refuseForeign,
  SAVE_POSITION,
  shareDone,
} from "../migrations.ts"

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

interface MigrationTools {
  readonly nowMs: () => number
  /** A router that runs goes on while its successors are already there: columns are only ever added. */
  readonly acceptsNewer: boolean
  readonly onProgress: MigrationListener
  readonly steps?: readonly Migration[]
}

/**
 * Brings the schema to the newest version, each step in one transaction, or, where it goes through calls, a part at a time:
 * a process that is killed goes on where it was. Of several routers that start at once, each part is done by one.
 * Rejects with a sentence for the operator when a newer binary has been here, unless `acceptsNewer`.
 */
export async function migrate(
  client: Client,
  { nowMs, acceptsNewer, onProgress, steps = MIGRATIONS }: MigrationTools,
): Promise<void> {
  const found = await versionOf(client)
  if (found > NEWEST && !acceptsNewer) refuseForeign(found)
  const report: MigrationListener = found === 0 ? () => {} : onProgress
  for (const step of steps) {
    if (step.version <= found) continue
    report(step, 0)
    if (step.overCalls !== undefined) await goThrough(client, step, step.overCalls, report)
    await alone(client, () => applyOnce(client, step, nowMs()))
    report(step, 1)
  }
}

/** Another router may have been here meanwhile. */
async function applyOnce(client: Client, { version, name, statements }: Migration, nowMs: number): Promise<void> {
  await patiently(client, postgresStatement(MIGRATION_TABLE))
  if ((await versionOf(client)) >= version) return
  for (const statement of statements) await patiently(client, postgresStatement(statement))
  await patiently(client, numbered(DONE), [version, name, nowMs])
}

async function goThrough(client: Client, step: Migration, statement: string, report: MigrationListener): Promise<void> {
  const first = await idOf(client, FIRST_CALL)
  const last = await idOf(client, LAST_CALL)
  if (first === null || last === null) return
  let end: string | null = ""
  while (end !== null) {
    end = await alone(client, async () => {
      const saved = await patiently<{ readonly position: string }>(client, numbered(POSITION), [step.version])
      const from = saved[0]?.position ?? ""
      if (from >= last) return null
      const to = (await idOf(client, PART_END, [from])) ?? last
      await patiently(client, numbered(statement), [from, to])
      await patiently(client, numbered(SAVE_POSITION), [step.version, to])
      return to
    })
    if (end !== null) report(step, shareDone(first, end, last))
  }
}

async function idOf(client: Client, sql: string, values: readonly string[] = []): Promise<string | null> {
  const [row] = await patiently<{ readonly id: string | null }>(client, numbered(sql), values)
  return row?.id ?? null
}

/** In a transaction, while no other router changes the schema. */
async function alone<Result>(client: Client, work: () => Promise<Result>): Promise<Result> {
  return await inTransaction(client, async () => {
    await client.query("SET LOCAL statement_timeout = 0")
    await patiently(client, `SELECT pg_advisory_xact_lock(${LOCK_KEY})`)
    return await work()
  })
}

/** Parameters as PostgreSQL names them. */
function numbered(sql: string): string {
  return sql.replaceAll(/\?(\d)/g, "$$$1")
}

export async function inTransaction<Result>(client: Client, work: () => Promise<Result>): Promise<Result> {
  await client.query("BEGIN")
  try {
    const result = await work()
    await client.query("COMMIT")
    return result
  } catch (error) {
    await client.query("ROLLBACK").catch(() => {})
    throw error
  }
}

async function patiently<Row>(
  client: Client,
  text: string,
  values: readonly (string | number)[] = [],
): Promise<readonly Row[]> {
  const { rows } = await client.query({ text, values: [...values], query_timeout: LONGEST_MS } as QueryConfig)
  return rows as readonly Row[]
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
