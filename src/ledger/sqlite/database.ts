/** The ledger's SQLite file: writes, reads, and a new connection when the file goes away. Never waits for a lock. */
import { Database } from "bun:sqlite"
import { open } from "node:fs/promises"
import { Checkpointer } from "./checkpoint.ts"
import { type Connection, connect, type DatabaseOptions, disconnect, emptyLog, inodeOf } from "./connection.ts"
import type { LedgerDatabase, Scalar } from "../database.ts"
import type { DatabaseFailure } from "../failure.ts"
import { pauseForLock } from "../locked.ts"
import { isCode } from "../../system/owner-only.ts"
import type { CallRecord } from "../record.ts"
import { DatabaseMoved, explained, failureOf, LogHeld, NotConnected, whyNotOpened } from "./failure.ts"

/** What a group of one writes to the write-ahead log, in pages; each further call adds about half a page. */
const PAGES_PER_GROUP = 6
const PAGE_BYTES = 4096
const INDEX_LOOK_MS = 250
const SAVE_TRIES = 50
const SAVE_WAIT_MS = 20
/** Eight pages. */
const PROBE_FILLER = " ".repeat(32_768)

export class SqliteDatabase implements LedgerDatabase {
  readonly #options: DatabaseOptions
  /** Null before the first `reopen`, and after one that failed. */
  #connection: Connection | null = null
  /** Why there is none. */
  #refusal: Error | null = null
  #checkpointer: Checkpointer
  #pages = 0
  #indexLookedAtMs = Number.NEGATIVE_INFINITY
  #reopening: Promise<void> | null = null
  readonly #readings = new Set<Database>()

  constructor(options: DatabaseOptions) {
    this.#options = options
    this.#checkpointer = this.#newCheckpointer()
  }

  /** All calls in one transaction. Throws when they are not committed, or were committed to a file that is gone. */
  write(calls: readonly CallRecord[]): number {
    const connection = this.#connected()
    let written = 0
    try {
      written = connection.inserter.insert(calls)
    } catch (error) {
      this.#rollback(connection)
      throw explained(error, this.#options.path)
    }
    this.#lookAt(connection)
    this.#wrote(PAGES_PER_GROUP + calls.length / 2)
    return written
  }

  /** Throws unless the database takes writes that need room. */
  probe(): void {
    const connection = this.#connected()
    this.#indexLookedAtMs = Number.NEGATIVE_INFINITY
    this.#lookAt(connection)
    const { database } = connection
    try {
      database.run("BEGIN IMMEDIATE")
      database.run("INSERT INTO ledger_probe VALUES (2, ?)", [PROBE_FILLER])
      database.run("DELETE FROM ledger_probe WHERE id = 2")
      const touch = "INSERT INTO ledger_probe VALUES (1, ?) ON CONFLICT DO UPDATE SET probed_at = excluded.probed_at"
      database.run(touch, [new Date(this.#options.clock.now()).toISOString()])
      database.run("COMMIT")
    } catch (error) {
      this.#rollback(connection)
      throw error
    }
  }

  look(): void {
    if (this.#connection !== null) this.#lookAt(this.#connection)
  }

  query<Row>(sql: string, parameters: readonly Scalar[]): Row[] {
    const { database } = this.#connected()
    const rows = this.#explaining(() => database.query<Row, Scalar[]>(sql).all(...parameters))
    for (const value of parameters) if (value instanceof Uint8Array) this.#wrote(1 + value.length / PAGE_BYTES)
    return rows
  }

  /** On a connection of its own. A new connection to a new file ends it: then it rejects. */
  async reading<Result>(work: (at: Pick<LedgerDatabase, "query">) => Promise<Result>): Promise<Result> {
    this.#connected()
    const database = new Database(this.#options.path, { readonly: true })
    this.#readings.add(database)
    const query = <Row>(sql: string, parameters: readonly Scalar[]): Row[] =>
      this.#explaining(() => {
        // what is left unfinished would hold the moment, and with it the log, beyond the end
        using statement = database.prepare<Row, Scalar[]>(sql)
        return statement.all(...parameters)
      })
    try {
      database.run("BEGIN")
      return await work({ query })
    } finally {
      this.#readings.delete(database)
      database.close()
    }
  }

  /**
   * A new connection, to a new file when there is none. Rejects with a sentence for the operator.
   * Every old connection is closed before: SQLite's lock file would be cut short under them.
   */
  reopen(): Promise<void> {
    this.#reopening ??= this.#reopen().finally(() => {
      this.#reopening = null
    })
    return this.#reopening
  }

  failureOf(error: unknown): DatabaseFailure {
    return failureOf(error)
  }

  /** Off the event loop. */
  async sync(): Promise<void> {
    const file = await open(`${this.#options.path}-wal`, "r+").catch((error: unknown) => {
      if (isCode(error, "ENOENT")) return null
      throw error
    })
    if (file === null) return
    try {
      await file.datasync()
    } finally {
      await file.close()
    }
  }

  async close(): Promise<void> {
    await this.#reopening?.catch(() => {})
    await this.#disconnect()
  }

  async #reopen(): Promise<void> {
    if (this.#connection !== null) await this.#saveRows(this.#connection)
    await this.#disconnect()
    try {
      this.#connection = await connect(this.#options)
      this.#refusal = null
    } catch (error) {
      this.#refusal = whyNotOpened(error, this.#options.path)
      throw this.#refusal
    }
    this.#checkpointer = this.#newCheckpointer()
  }

  /** SQLite goes on writing into files that are deleted, without a word. */
  #lookAt({ files }: Connection): void {
    if (inodeOf(this.#options.path) !== files.inode) throw new DatabaseMoved()
    if (inodeOf(`${files.realPath}-wal`) !== files.logInode) throw new DatabaseMoved("write-ahead log")
    // without the index of the log other processes neither see its locks nor lose its rows
    const nowMs = this.#options.clock.monotonicMs()
    if (nowMs - this.#indexLookedAtMs < INDEX_LOOK_MS) return
    this.#indexLookedAtMs = nowMs
    if (inodeOf(`${files.realPath}-shm`) !== files.indexInode) throw new DatabaseMoved("index of the write-ahead log")
  }

  /** Before a connection goes whose log stands nowhere any more: that holds all rows since the last checkpoint. */
  async #saveRows(connection: Connection): Promise<void> {
    const { realPath, logInode } = connection.files
    if (inodeOf(`${realPath}-wal`) === logInode) return
    for (let tries = 0; ; tries += 1) {
      if (emptyLog(connection)) return
      if (tries === SAVE_TRIES) throw new LogHeld()
      await pauseForLock(SAVE_WAIT_MS)
    }
  }

  #wrote(pages: number): void {
    this.#pages += pages
    if (this.#pages < this.#options.checkpointPages) return
    this.#pages = 0
    this.#checkpointer.request()
  }

  #explaining<Answer>(ask: () => Answer): Answer {
    try {
      return ask()
    } catch (error) {
      throw explained(error, this.#options.path)
    }
  }

  #connected(): Connection {
    if (this.#connection === null) throw new NotConnected(this.#refusal)
    return this.#connection
  }

  async #disconnect(): Promise<void> {
    const connection = this.#connection
    this.#connection = null
    await this.#checkpointer.close()
    for (const reading of this.#readings) reading.close()
    if (connection !== null) disconnect(connection, this.#options.log)
  }

  #newCheckpointer(): Checkpointer {
    const { path, log, checkpointPages } = this.#options
    const job = { path, restartAbovePages: 3 * checkpointPages }
    const always = (): void => void this.#connection?.database.run(`PRAGMA wal_autocheckpoint=${checkpointPages}`)
    return new Checkpointer(job, log, always, () => this.#checkpointHere())
  }

  #checkpointHere(): void {
    try {
      this.#connection?.database.run("PRAGMA wal_checkpoint(PASSIVE)")
    } catch (error) {
      this.#options.log.warn("a checkpoint of the usage database failed", { error })
    }
  }

  #rollback({ database }: Connection): void {
    try {
      if (database.inTransaction) database.run("ROLLBACK")
    } catch (error) {
      this.#options.log.warn("the usage database did not roll back", { error })
    }
  }
}
