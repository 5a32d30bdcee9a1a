import { LockedError } from "../locked.ts"
import type { DatabaseOptions } from "./connection.ts"
import { SqliteDatabase } from "./database.ts"
import { failureOf } from "./failure.ts"

/** Throws a sentence for the operator; a `LockedError` where waiting may help. */
export function openSqlite(options: DatabaseOptions): SqliteDatabase {
  try {
    return new SqliteDatabase(options)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    const sentence = `The usage database ${options.path} cannot be opened: ${reason}.`
    throw failureOf(cause) === "busy" ? new LockedError(sentence, { cause }) : new Error(sentence, { cause })
  }
}
