/**
 * The time that the database does not take calls: where they go meanwhile, how its return is noticed,
 * and how the spooled ones get in. Every step may be cut off by a kill: replaying twice changes nothing.
 */
import { RouterError } from "../errors.ts"
import type { Clock, Timer } from "../system/clock.ts"
import type { Log } from "../system/log.ts"
import type { LedgerDatabase } from "./database.ts"
import type { CallRecord } from "./record.ts"
import { patiently, putAside, Replay } from "./replay.ts"
import type { Spool, SpoolPosition } from "./spool.ts"

export interface OutageRules {
  readonly clock: Clock
  readonly log: Log
  /** Calls that the schema will never take are appended to this file. */
  readonly refusedPath: string
  /** Calls are refused while the database is down; a spool is only there to be replayed. */
  readonly refuses: boolean
  readonly firstProbeMs: number
  readonly slowestProbeMs: number
}

const CHECK_MS = 500
const LOOK_MS = 1000
/** Calls may come into the spool while it is emptied. */
const CATCH_UP_TRIES = 3

export class Outage {
  readonly #database: LedgerDatabase
  readonly #spool: Spool | null
  readonly #rules: OutageRules
  readonly #writer: Replay | null
  /** How many there were since the start. */
  count = 0
  #isDown = false
  /** Of the outage that began last. */
  #cause: unknown = null
  #isSpoolFailing = false
  #isClosed = false
  readonly #closing = Promise.withResolvers<void>()
  #checkedMs = Number.NEGATIVE_INFINITY
  #probeMs: number
  #timer: Timer | null = null
  readonly #looking: Timer
  #replay: Promise<void> | null = null

  /** `spool` null: there is none, calls are refused. */
  constructor(database: LedgerDatabase, spool: Spool | null, rules: OutageRules) {
    this.#database = database
    this.#spool = spool
    this.#rules = rules
    this.#writer = spool === null ? null : new Replay(database, spool, rules.refusedPath, rules.log)
    this.#probeMs = rules.firstProbeMs
    this.#looking = rules.clock.every(LOOK_MS, () => void this.#look())
    this.#looking.unref()
  }

  get isDown(): boolean {
    return this.#isDown
  }

  get spooledBytes(): number {
    return this.#spool?.bytes ?? 0
  }

  /** Should calls go to the spool without asking the database first? */
  get isSpooling(): boolean {
    return this.#isDown && !this.#rules.refuses
  }

  /** No spool takes calls while the database is down. */
  get refuses(): boolean {
    return this.#rules.refuses
  }

  accepting(): boolean {
    return !this.#isDown || (!this.#rules.refuses && !this.#isSpoolFailing)
  }

  /** `accepting`, after a look at the database if there was none for a while. Begins the outage that it finds. */
  async check(): Promise<boolean> {
    const nowMs = this.#rules.clock.monotonicMs()
    if (!this.#isDown && !this.#isClosed && nowMs - this.#checkedMs >= CHECK_MS) {
      this.#checkedMs = nowMs
      await patiently(this.#database, () => this.#anew(() => this.#database.probe())).catch((error: unknown) =>
        this.begin(error),
      )
    }
    return this.accepting()
  }

  /** While no call ends: rows that stand where nobody finds them are lost with the process. */
  async #look(): Promise<void> {
    if (this.#isDown) return
    await this.#anew(() => this.#database.look()).catch((error: unknown) => this.begin(error))
  }

  begin(cause: unknown): void {
    if (this.#isDown) return
    this.#isDown = true
    this.#cause = cause
    this.count += 1
    this.#probeMs = this.#rules.firstProbeMs
    const meanwhile = this.#rules.refuses ? "calls are refused" : "calls go to the spool"
    this.#rules.log.error(`the usage database takes no rows; ${meanwhile}`, { cause })
    this.#schedule()
  }

  /** Resolves when the calls are safe in the spool. Rejects with `usage-store-unavailable`. */
  async take(calls: readonly CallRecord[]): Promise<void> {
    if (this.#spool === null || this.#rules.refuses) throw new RouterError("usage-store-unavailable")
    try {
      await this.#spool.append(calls)
      this.#isSpoolFailing = false
    } catch (cause) {
      if (!this.#isSpoolFailing) this.#rules.log.error("the spool takes no calls either", { cause })
      this.#isSpoolFailing = true
      throw new RouterError("usage-store-unavailable", { cause })
    }
    // The database may have come back while the disk was slow.
    if (!this.#isDown) void this.replay()
  }

  /** The database took rows again. */
  end(): void {
    if (!this.#isDown) return
    this.#isDown = false
    this.#cancel()
    this.#rules.log.info("the usage database takes rows again")
    void this.replay()
  }

  get hasSpooled(): boolean {
    return this.#spool !== null && !this.#spool.isEmpty
  }

  /** Resolves when all that was spooled is in the database. Rejects while that takes no rows. */
  async caughtUp(): Promise<void> {
    for (let tries = 0; this.hasSpooled; tries += 1) {
      if (this.#isDown || this.#isClosed || tries === CATCH_UP_TRIES) {
        throw new Error("the usage database does not take what is spooled", { cause: this.#cause })
      }
      await this.replay()
    }
  }

  /** One call, now: true where it was not there before. Rejects while the database takes no rows, and spools nothing. */
  async writeNow(call: CallRecord): Promise<boolean> {
    if (this.#isDown) throw new RouterError("usage-store-unavailable")
    let written = 0
    await patiently(this.#database, async () => {
      written = await this.#database.write([call])
    })
    return written > 0
  }

  /** Writes what is spooled to the database. Resolves when that is done, or the database is down again. */
  replay(): Promise<void> {
    if (this.#isClosed || this.#spool === null || this.#writer === null || this.#spool.isEmpty)
      return this.#replay ?? Promise.resolve()
    this.#replay ??= this.#replayAll(this.#spool, this.#writer).finally(() => {
      this.#replay = null
    })
    return this.#replay
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#looking.close()
    this.#closing.resolve()
    this.#cancel()
    await this.#replay
    await this.#spool?.close()
  }

  async #replayAll(spool: Spool, writer: Replay): Promise<void> {
    let done: SpoolPosition = spool.start
    let calls = 0
    try {
      for (let last = -1; last !== done.offset || !spool.isCurrent(done);) {
        if (!spool.isCurrent(done)) done = spool.start
        last = done.offset
        for await (const batch of spool.batches(done)) {
          await writer.write(batch.calls)
          done = batch.end
          calls += batch.calls.length
          if (this.#isClosed) return
        }
        await this.#database.sync()
        if (!(await spool.reset(done))) {
          await this.#pauseFor(writer)
          if (this.#isClosed) return
          continue
        }
        this.#rules.log.info("the spooled calls are in the usage database", { calls })
        return
      }
      this.#rules.log.error("the spool cannot be read to its end", { calls })
    } catch (error) {
      this.begin(error)
    }
  }

  /** Before calls are tried again that were put behind the others. */
  async #pauseFor(writer: Replay): Promise<void> {
    if (!writer.hasDeferred) return
    writer.hasDeferred = false
    await Promise.race([this.#rules.clock.sleep(this.#rules.slowestProbeMs), this.#closing.promise])
  }

  /** A call that the database will never take is kept in a file. */
  putAside(call: CallRecord, cause: unknown): void {
    putAside([call], this.#rules.refusedPath, cause, this.#rules.log)
  }

  #schedule(): void {
    if (this.#isClosed) return
    this.#timer = this.#rules.clock.after(this.#probeMs, () => void this.#probe())
    this.#timer.unref()
    this.#probeMs = Math.min(this.#probeMs * 2, this.#rules.slowestProbeMs)
  }

  #cancel(): void {
    this.#timer?.close()
    this.#timer = null
  }

  async #probe(): Promise<void> {
    if (this.#spool !== null && this.#isSpoolFailing) {
      this.#isSpoolFailing = await this.#spool.check().then(
        () => false,
        () => true,
      )
    }
    if (await this.#takesRows()) this.end()
    else this.#schedule()
  }

  async #takesRows(): Promise<boolean> {
    try {
      await this.#anew(() => this.#tryRows())
      return true
    } catch {
      return false
    }
  }

  /** Once more on a new connection, where that may help. */
  async #anew(operation: () => void | Promise<void>): Promise<void> {
    try {
      await operation()
    } catch (error) {
      if (this.#database.failureOf(error) !== "broken" || this.#isClosed) throw error
      await this.#database.reopen()
      await operation()
    }
  }

  /** Real rows where there are some: a probe may fit where they do not. */
  async #tryRows(): Promise<void> {
    await this.#database.probe()
    if (this.#spool === null || this.#writer === null || this.#replay !== null) return
    for await (const batch of this.#spool.batches(this.#spool.start)) {
      await this.#writer.write(batch.calls)
      return
    }
  }
}
