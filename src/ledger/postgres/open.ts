import { PostgresDatabase, type PostgresOptions } from "./database.ts"
import { PostgresFailure } from "./failure.ts"

interface OpenedPostgres {
  readonly database: PostgresDatabase
  /** Null unless nobody answered in time: the router starts all the same, in an outage. */
  readonly outageCause: PostgresFailure | null
}

const RETRY_MS = 100

/** Throws a sentence for the operator where the server refuses: a password, a name, a right, a schema. */
export async function openPostgres(options: PostgresOptions, budgetMs: number): Promise<OpenedPostgres> {
  const database = new PostgresDatabase(options)
  const until = options.clock.monotonicMs() + budgetMs
  for (;;) {
    try {
      await database.reopen()
      return { database, outageCause: null }
    } catch (cause) {
      if (!(cause instanceof PostgresFailure) || !cause.isOutage) {
        await database.close()
        const reason = cause instanceof Error ? cause.message : String(cause)
        throw new Error(`The usage database cannot be opened: ${reason}.`, { cause })
      }
      if (options.clock.monotonicMs() >= until) return { database, outageCause: cause }
    }
    await options.clock.sleep(RETRY_MS)
  }
}
