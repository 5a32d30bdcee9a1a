/** The ledger for reading only: nothing is made, migrated or written, and a router that is running is not disturbed. */
import { Database } from "bun:sqlite"
import { existsSync } from "node:fs"
import type { Clock } from "../system/clock.ts"
import type { Log } from "../system/log.ts"
import type { Scalar } from "./database.ts"
import { NEWEST, refuseForeign } from "./migrations.ts"
import { PostgresDatabase } from "./postgres/database.ts"

export interface LedgerReader {
  /** Portable SQL, as in `LedgerDatabase`. */
  query<Row>(sql: string, parameters: readonly Scalar[]): Row[] | Promise<Row[]>
  close(): void | Promise<void>
}

/** The usage database cannot be read: the message is a sentence for the operator. */
export class LedgerUnreadable extends Error {}

/** The newest migration that reading decisions needs. */
const NEEDED = 12
const BUSY_MS = 5000
const LIMITS = { connectMs: 5000, answerMs: 60_000, queryMs: 60_000 }

interface ReaderAddress {
  /** Of SQLite. */
  readonly path: string
  /** Of PostgreSQL, in place of SQLite. */
  readonly dsn: string | undefined
}

/** @throws LedgerUnreadable, also by every query */
export async function openReader(
  { path, dsn }: ReaderAddress,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
): Promise<LedgerReader> {
  const query = async <Row>(sql: string, parameters: readonly Scalar[]): Promise<Row[]> => {
    try {
      return await reader.query<Row>(sql, parameters)
    } catch (cause) {
      throw unreadable({ path, dsn }, cause)
    }
  }
  const reader = readerOf({ path, dsn }, { clock, log })
  try {
    checkVersion(await versionOf(reader))
    return { query, close: () => reader.close() }
  } catch (cause) {
    await reader.close()
    throw unreadable({ path, dsn }, cause)
  }
}

function readerOf(
  { path, dsn }: ReaderAddress,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
): LedgerReader {
  return dsn === undefined
    ? sqliteReader(path)
    : new PostgresDatabase({ dsn, clock, log, limits: LIMITS, onMigration: () => {} })
}

function unreadable({ path, dsn }: ReaderAddress, cause: unknown): LedgerUnreadable {
  if (cause instanceof LedgerUnreadable) return cause
  const reason = cause instanceof Error ? cause.message : String(cause)
  const place = dsn === undefined ? `${path} ` : ""
  return new LedgerUnreadable(`The usage database ${place}cannot be read: ${reason}.`, { cause })
}

export interface AppliedStep {
  readonly version: number
  readonly name: string
  /** Unix milliseconds. */
  readonly applied_at: number
}

/** The steps that the schema has taken, the oldest first; none: no router has been here. @throws LedgerUnreadable */
export async function appliedSteps(
  { path, dsn }: ReaderAddress,
  means: { readonly clock: Clock; readonly log: Log },
): Promise<readonly AppliedStep[]> {
  if (dsn === undefined && !existsSync(path)) return []
  const reader = readerOf({ path, dsn }, means)
  try {
    if ((await versionOf(reader)) === 0) return []
    const sql = "SELECT version, name, applied_at FROM schema_migrations ORDER BY version"
    return await reader.query<AppliedStep>(sql, [])
  } catch (cause) {
    throw unreadable({ path, dsn }, cause)
  } finally {
    await reader.close()
  }
}

/** 0: a router has never been here. */
async function versionOf(reader: LedgerReader): Promise<number> {
  try {
    const sql = "SELECT max(version) AS version FROM schema_migrations"
    const [row] = await reader.query<{ readonly version: number | null }>(sql, [])
    return row?.version ?? 0
  } catch (error) {
    if (/no such table|does not exist/.test(error instanceof Error ? error.message : "")) return 0
    throw error
  }
}

function checkVersion(version: number): void {
  if (version === 0) throw new Error("it is none of smart-router, or no router has used it yet")
  if (version > NEWEST) refuseForeign(version)
  if (version < NEEDED)
    throw new Error(
      `its schema has version ${version}, and this smart-router reads from ${NEEDED} on: start the router once, which brings it up to date`,
    )
}

function sqliteReader(path: string): LedgerReader {
  let database: Database
  try {
    database = new Database(path, { readonly: true })
  } catch (cause) {
    const reason = "there is no such file, or it may not be opened"
    throw new LedgerUnreadable(`The usage database ${path} cannot be read: ${reason}.`, { cause })
  }
  database.run(`PRAGMA busy_timeout=${BUSY_MS}`)
  return {
    query: <Row>(sql: string, parameters: readonly Scalar[]) => database.query<Row, Scalar[]>(sql).all(...parameters),
    close: () => database.close(),
  }
}
