/** A configured connection to the ledger's SQLite file, and which file that is. */
import { Database } from "bun:sqlite"
import { realpathSync, statSync } from "node:fs"
import { dirname } from "node:path"
import type { Clock } from "../../system/clock.ts"
import type { Log } from "../../system/log.ts"
import { ensureOwnerFile, ensureOwnerFolder, narrowFile } from "../../system/owner-only.ts"
import { CallInserter } from "../insert.ts"
import type { MigrationListener } from "../migrations.ts"
import { migrate } from "./migrate.ts"

export interface DatabaseOptions {
  readonly path: string
  readonly clock: Clock
  readonly log: Log
  /** So many pages in the write-ahead log start a checkpoint. */
  readonly checkpointPages: number
  /** For tests: a database that is full at so many pages. */
  readonly maxPageCount?: number | undefined
  readonly onMigration: MigrationListener
}

export interface Connection {
  readonly database: Database
  readonly inserter: CallInserter
  readonly files: OpenFiles
}

/** The files that SQLite holds open: which they are, and where they should stand. */
export interface OpenFiles {
  /** The path that links lead to, which is where SQLite keeps the others. */
  readonly realPath: string
  readonly inode: number
  readonly logInode: number
  readonly indexInode: number
}

const SIDECARS = ["-wal", "-shm", "-journal"] as const

/** Makes the file when it is missing. Rejects with what SQLite throws, or an `Error` when the file is none of ours. */
export async function connect(options: DatabaseOptions): Promise<Connection> {
  const { path, log } = options
  ensureOwnerFolder(dirname(path), log)
  // SQLite gives its sidecars the mode of the database file, so that must be narrow before it is opened.
  ensureOwnerFile(path, log)
  for (const sidecar of SIDECARS) narrowFile(path + sidecar, log)
  const database = new Database(path, { readwrite: true, create: true })
  try {
    configure(database, options)
    const { clock, onMigration } = options
    await migrate(database, { nowMs: () => clock.now(), onProgress: onMigration })
    return { database, inserter: new CallInserter(database), files: openFiles(path) }
  } catch (error) {
    database.close()
    throw error
  }
}

/** Moves the rows of the write-ahead log into the database, also where somebody deleted that log. False: a reader is in the way. */
export function emptyLog({ database }: Connection): boolean {
  const outcome = database.query<{ readonly busy: number }, []>("PRAGMA wal_checkpoint(TRUNCATE)").get()
  return outcome?.busy === 0
}

/** A file that was moved away first gets what is still in its write-ahead log. */
export function disconnect(connection: Connection, log: Log): void {
  connection.inserter.close()
  try {
    emptyLog(connection)
  } catch (error) {
    log.warn("the usage database was closed without a checkpoint", { error })
  }
  connection.database.close()
}

function openFiles(path: string): OpenFiles {
  const realPath = realpathSync(path)
  return {
    realPath,
    inode: inodeOf(path),
    logInode: inodeOf(`${realPath}-wal`),
    indexInode: inodeOf(`${realPath}-shm`),
  }
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
  // holds from the first table on: a database that has one keeps what it has
  database.run("PRAGMA auto_vacuum=INCREMENTAL")
  database.run("PRAGMA journal_mode=WAL")
  database.run("PRAGMA synchronous=NORMAL")
  database.run("PRAGMA wal_autocheckpoint=0")
  database.run("PRAGMA journal_size_limit=67108864")
  database.run("PRAGMA cache_size=-8192")
  if (options.maxPageCount !== undefined) database.run(`PRAGMA max_page_count=${options.maxPageCount}`)
}
