/** The ledger for reading only: nothing is made, migrated or written, and a router that is running is not disturbed. */
import { Database } from "bun:sqlite"
import type { Clock } from "../system/clock.ts"
import type { Log } from "../system/log.ts"
import type { Scalar } from "./database.ts"
import { PostgresDatabase } from "./postgres/database.ts"

export interface LedgerReader {
  /** Portable SQL, as in `LedgerDatabase`. */
  query<Row>(sql: string, parameters: readonly Scalar[]): Row[] | Promise<Row[]>
  close(): void | Promise<void>
}

/** The newest migration that reading decisions needs. */
const NEEDED = 8
const BUSY_MS = 5000
const LIMITS = { connectMs: 5000, answerMs: 60_000, queryMs: 60_000 }

/** @throws Error with a sentence for the operator */
export async function openReader(
  { path, dsn }: { readonly path: string; readonly dsn: string | undefined },
  { clock, log }: { readonly clock: Clock; readonly log: Log },
): Promise<LedgerReader> {
  const reader = dsn === undefined ? sqliteReader(path) : new PostgresDatabase({ dsn, clock, log, limits: LIMITS })
  try {
    const [row] = await reader.query<{ version: number | null }>(
      "SELECT max(version) AS version FROM schema_migrations",
      [],
    )
    if ((row?.version ?? 0) < NEEDED)
      throw new Error("its schema is older than this smart-router: start the router once")
    return reader
  } catch (cause) {
    await reader.close()
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new Error(`The usage database ${dsn === undefined ? `${path} ` : ""}cannot be read: ${reason}.`, { cause })
  }
}

function sqliteReader(path: string): LedgerReader {
  let database: Database
  try {
    database = new Database(path, { readonly: true })
  } catch (cause) {
    throw new Error(`The usage database ${path} cannot be read: there is no such file, or it may not be opened.`, {
      cause,
    })
  }
  database.run(`PRAGMA busy_timeout=${BUSY_MS}`)
  return {
    query: <Row>(sql: string, parameters: readonly Scalar[]) => database.query<Row, Scalar[]>(sql).all(...parameters),
    close: () => database.close(),
  }
}
