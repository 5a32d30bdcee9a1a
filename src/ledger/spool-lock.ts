/** Holds a spool for one process. The lock dies with the process, however it dies. */
import { Database } from "bun:sqlite"
import type { Log } from "../system/log.ts"
import { ensureOwnerFile } from "../system/owner-only.ts"
import { failureOf } from "./sqlite/failure.ts"

export interface SpoolLock {
  release(): void
}

/** SQLite's file lock, the only one that the runtime offers. Null: another process holds it. */
export function lockSpool(path: string, log: Log): SpoolLock | null {
  ensureOwnerFile(path, log)
  const database = new Database(path, { readwrite: true, create: true })
  try {
    database.run("PRAGMA busy_timeout=0")
    database.run("BEGIN EXCLUSIVE")
    return { release: () => database.close() }
  } catch (error) {
    database.close()
    if (failureOf(error) === "busy") return null
    throw error
  }
}
