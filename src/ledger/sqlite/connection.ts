/** A configured connection to the ledger's SQLite file, and which file that is. */
import { Database } from "bun:sqlite"
import { statSync } from "node:fs"
import { dirname } from "node:path"
import type { Clock } from "../../system/clock.ts"
import type { Log } from "../../system/log.ts"
import { ensureOwnerFile, ensureOwnerFolder, narrowFile } from "../../system/owner-only.ts"
import { CallInserter } from "../insert.ts"
import { migrate } from "./migrate.ts"

export interface DatabaseOptions {
  readonly path: string
  readonly clock: Clock
  readonly log: Log
  /** So many pages in the write-ahead log start a checkpoint. */
  readonly checkpointPages: number
  /** For tests: a database that is full at so many pages. */
  readonly maxPageCount?: number | undefined
}

export interface Connection {
  readonly database: Database
  readonly inserter: CallInserter
  readonly inode: number
}

const SIDECARS = ["-wal", "-shm", "-journal"] as const

/** Makes the file when it is missing. Throws what SQLite throws, or an `Error` when the file is none of ours. */
export function connect(options: DatabaseOptions): Connection {
  const { path, log } = options
  ensureOwnerFolder(dirname(path), log)
  // SQLite gives its sidecars the mode of the database file, so that must be narrow before it is opened.
  ensureOwnerFile(path, log)
  for (const sidecar of SIDECARS) narrowFile(path + sidecar, log)
  const database = new Database(path, { readwrite: true, create: true })
  try {
    configure(database, options)
    migrate(database, options.clock.now())
    return { database, inserter: new CallInserter(database), inode: inodeOf(path) }
  } catch (error) {
    database.close()
    throw error
  }
}

/** A file that was moved away first gets what is still in its write-ahead log. */
export function disconnect(connection: Connection, log: Log): void {
  connection.inserter.close()
  try {
    connection.database.run("PRAGMA wal_checkpoint(TRUNCATE)")
  } catch (error) {
    log.warn("the usage database was closed without a checkpoint", { error })
  }
  connection.database.close()
}

/** 0 when there is no such file, or nobody can tell. */
export function inodeOf(path: string): number {
  try {
    return statSync(path, { throwIfNoEntry: false })?.ino ?? 0
  } catch {
    return 0
  }
}

function configure(database: Database, options: DatabaseOptions): void {
  database.run("PRAGMA busy_timeout=0")
  database.run("PRAGMA page_size=4096")
  database.run("PRAGMA journal_mode=WAL")
  database.run("PRAGMA synchronous=NORMAL")
  database.run("PRAGMA wal_autocheckpoint=0")
  database.run("PRAGMA journal_size_limit=67108864")
  database.run("PRAGMA cache_size=-8192")
  if (options.maxPageCount !== undefined) database.run(`PRAGMA max_page_count=${options.maxPageCount}`)
}
