/** Copies of a usage database of SQLite: made while a router writes, judged before they are trusted, put in its place. */
import { Database } from "bun:sqlite"
import { closeSync, copyFileSync, existsSync, fsyncSync, linkSync, openSync, renameSync, rmSync } from "node:fs"
import { dirname } from "node:path"
import { OWNER_FILE } from "../../system/owner-only.ts"
import { NEWEST, refuseForeign } from "../migrations.ts"

/** What a copy holds. */
export interface BackupFacts {
  /** Of the schema. */
  readonly version: number
  readonly calls: number
  /** Of the newest call, Unix milliseconds; null: there is no call. */
  readonly newestMs: number | null
  readonly bytes: number
  readonly sha256: string
}

/** The copy or the place is not usable. The message is a sentence for the operator. */
export class BackupRefused extends Error {}

const BUSY_MS = 10_000

/**
 * Writes a copy of one moment to `target`, which must not be there yet, and judges it. Routers go on writing meanwhile.
 * @throws BackupRefused
 */
export async function backUp(path: string, target: string): Promise<BackupFacts> {
  if (existsSync(target)) throw new BackupRefused(`${target} is there already: name another file, or move it away.`)
  const temporary = `${target}.${process.pid}.tmp`
  try {
    // SQLite takes an empty file for one that is not there, and keeps its mode
    closeSync(openSync(temporary, "wx", OWNER_FILE))
    using database = new Database(path, { readonly: true })
    database.run(`PRAGMA busy_timeout=${BUSY_MS}`)
    database.query("VACUUM INTO ?1").run(temporary)
    const facts = await judge(temporary)
    sync(temporary)
    // unlike renaming, this fails where another one has made the file meanwhile
    linkSync(temporary, target)
    sync(dirname(target))
    return facts
  } catch (error) {
    throw refusal(error, `${path} cannot be copied to ${target}`)
  } finally {
    rmSync(temporary, { force: true })
  }
}

/** Reads the whole file: is it a sound usage database that this version can use? @throws BackupRefused */
export async function judge(path: string): Promise<BackupFacts> {
  try {
    using database = new Database(path, { readonly: true })
    const faults = database.query<{ readonly integrity_check: string }, []>("PRAGMA integrity_check(3)").all()
    const texts = faults.map((fault) => fault.integrity_check)
    if (texts[0] !== "ok") throw new BackupRefused(`${path} is damaged: ${texts.join("; ")}.`)
    const [schema] = database
      .query<{ readonly version: number | null }, []>("SELECT max(version) AS version FROM schema_migrations")
      .all()
    const version = schema?.version ?? 0
    if (version === 0 || version > NEWEST) refuseForeign(schema?.version ?? null)
    const [calls] = database
      .query<{ readonly count: number; readonly newest: number | null }, []>(
        "SELECT count(*) AS count, max(ts) AS newest FROM request_usage",
      )
      .all()
    const file = Bun.file(path)
    const hasher = new Bun.CryptoHasher("sha256")
    for await (const piece of file.stream()) hasher.update(piece)
    return {
      version,
      calls: calls?.count ?? 0,
      newestMs: calls?.newest ?? null,
      bytes: file.size,
      sha256: hasher.digest("hex"),
    }
  } catch (error) {
    throw refusal(error, `${path} is no usage database that can be used`)
  }
}

export interface Restored {
  readonly facts: BackupFacts
  /** Where the database stands that was in the place; null: there was none. */
  readonly keptAt: string | null
}

/**
 * Puts a copy in the place of a usage database that nobody has open. What was there is kept beside it, with its
 * write-ahead log: SQLite would write such a log, left in place, into the restored file.
 * @throws BackupRefused
 */
export async function restore(backup: string, path: string, suffix: string): Promise<Restored> {
  const facts = await judge(backup)
  const kept = `${path}.${suffix}`
  const temporary = `${path}.${process.pid}.tmp`
  try {
    closeSync(openSync(temporary, "wx", OWNER_FILE))
    copyFileSync(backup, temporary)
    sync(temporary)
    const copied = await judge(temporary)
    if (copied.sha256 !== facts.sha256) throw new BackupRefused(`${backup} changed while it was copied: try again.`)
    const hasOld = existsSync(path)
    if (hasOld) emptyLog(path)
    for (const sidecar of ["-wal", "-shm", "-journal"])
      if (existsSync(path + sidecar)) renameSync(path + sidecar, kept + sidecar)
    if (hasOld) renameSync(path, kept)
    renameSync(temporary, path)
    sync(dirname(path))
    return { facts, keptAt: hasOld ? kept : null }
  } catch (error) {
    throw refusal(error, `${backup} cannot be put in the place of ${path}`)
  } finally {
    rmSync(temporary, { force: true })
  }
}

/** So that the file that is kept is whole in itself. A damaged one is kept as it is, with its log. @throws BackupRefused */
function emptyLog(path: string): void {
  try {
    using database = new Database(path, { readwrite: true })
    database.run("PRAGMA locking_mode=EXCLUSIVE")
    database.run("BEGIN EXCLUSIVE")
    database.run("COMMIT")
    database.run("PRAGMA wal_checkpoint(TRUNCATE)")
  } catch (error) {
    if (error instanceof Error && /lock|busy/i.test(error.message))
      throw new BackupRefused(`${path} is in use by another process: stop the router first.`, { cause: error })
  }
}

function sync(path: string): void {
  const descriptor = openSync(path, "r")
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

function refusal(error: unknown, what: string): BackupRefused {
  if (error instanceof BackupRefused) return error
  const reason = error instanceof Error ? error.message : String(error)
  return new BackupRefused(`${what}: ${reason.replace(/\.$/, "")}.`, { cause: error })
}
