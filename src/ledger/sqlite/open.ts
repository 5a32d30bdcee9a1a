import { pauseForLock } from "../locked.ts"
import type { DatabaseOptions } from "./connection.ts"
import { SqliteDatabase } from "./database.ts"
import { failureOf, mayComeBack } from "./failure.ts"

interface OpenedSqlite {
  readonly database: SqliteDatabase
  /** Null unless it is locked, damaged or full: the router starts all the same, in an outage. */
  readonly outageCause: Error | null
}

const RETRY_MS = 50

/** Throws a sentence for the operator where no wait helps: a folder, a right, a schema. */
export async function openSqlite(options: DatabaseOptions, budgetMs: number): Promise<OpenedSqlite> {
  const database = new SqliteDatabase(options)
  for (let waitedMs = 0; ; waitedMs += RETRY_MS) {
    try {
      await database.reopen()
      return { database, outageCause: null }
    } catch (thrown) {
      const cause = thrown instanceof Error ? thrown : new Error(String(thrown))
      const isLocked = failureOf(cause) === "busy"
      if (!isLocked || waitedMs >= budgetMs) {
        if (mayComeBack(cause)) return { database, outageCause: cause }
        await database.close()
        throw cause
      }
    }
    await pauseForLock(RETRY_MS)
  }
}
