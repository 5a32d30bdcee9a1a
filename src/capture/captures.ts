/**
 * Content on its way into the usage database, behind the calls and never in their way: a line with a bound in bytes, from
 * which it is prepared and sealed in a thread and written a little at a time. What cannot be stored is lost, counted and told.
 */
import type { CaptureSettings } from "../config/compile/capture-rule.ts"
import type { ContentRow, ContentStore } from "../ledger/content.ts"
import type { Clock, Timer } from "../system/clock.ts"
import type { Log } from "../system/log.ts"
import type { Loop } from "../system/loop.ts"
import { sizeOf, type Content } from "./content.ts"
import { DataKeys, KeyUnusable } from "./data-keys.ts"
import type { Seals } from "./sealer.ts"

/**
 * Why content is not stored. `key`: the configured key does not fit. `disk`: too little room is left. `database`: it takes
 * no rows. `queue`: more came than can be stored. `unprepared`: this content could not be prepared. `stopped`: the router ended.
 */
export const LOSSES = ["key", "disk", "database", "queue", "unprepared", "stopped"] as const
export type LossReason = (typeof LOSSES)[number]

export interface CaptureStatus {
  /** Null: what comes is stored. */
  readonly stopped: { readonly reason: "key" | "disk" | "database"; readonly message: string } | null
  readonly waiting: number
  readonly waitingBytes: number
  /** Calls whose content was stored, and was not, since the start. */
  readonly kept: number
  readonly lost: Readonly<Record<LossReason, number>>
}

export interface CaptureTools {
  readonly store: ContentStore
  readonly seals: Seals
  /** Of the disk that the database grows on; null: nobody can tell. */
  readonly room: (() => Promise<{ readonly freeBytes: number; readonly allBytes: number }>) | null
  readonly clock: Clock
  readonly log: Log
  readonly loop: Pick<Loop, "turn">
}

const MOST_WAITING_BYTES = 1 << 26
const MOST_WAITING = 10_000
/** Of one order to the thread. */
const BATCH_BYTES = 1 << 22
const BATCH_CALLS = 64
/** Of one statement. */
const STATEMENT_BYTES = 1 << 18
const STATEMENT_ROWS = 64
/** So that calls which end together are stored together. */
const GATHER_MS = 20
const FIRST_RETRY_MS = 250
const SLOWEST_RETRY_MS = 5000
/** Rows of calls need what is left. */
const LEAST_FREE_BYTES = 1 << 28
const LEAST_FREE_SHARE = 0.1
const ROOM_LOOK_MS = 1000
const CLOSING_MS = 5000
const SWEEP_MS = 600_000
const SWEEP_PAUSE_MS = 20
const TOLD_EVERY_MS = 60_000

export class Captures {
  readonly #tools: CaptureTools
  readonly #keys: DataKeys
  readonly #sweeper: Timer
  #settings: CaptureSettings | null
  #line: Content[] = []
  #bytes = 0
  #stopped: CaptureStatus["stopped"] = null
  #kept = 0
  readonly #lost: Record<LossReason, number> = { key: 0, disk: 0, database: 0, queue: 0, unprepared: 0, stopped: 0 }
  #running: Promise<void> | null = null
  /** Wakes a pause; null: none goes on. */
  #wake: (() => void) | null = null
  #isClosing = false
  /** Calls that are handed to the thread one by one, since one of them cannot be prepared. */
  #single = 0
  #roomLookedAt = -Infinity
  #hasRoom = true
  #toldAt = -Infinity

  constructor(settings: CaptureSettings | null, tools: CaptureTools) {
    this.#settings = settings
    this.#tools = tools
    this.#keys = new DataKeys(tools.store)
    this.#sweeper = tools.clock.every(SWEEP_MS, () => void this.sweep())
    this.#sweeper.unref()
  }

  /** Another configuration is in force. */
  follow(settings: CaptureSettings | null): void {
    this.#settings = settings
    this.#wake?.()
  }

  /** Never throws, and takes a microsecond or two. */
  take(content: Content): void {
    const bytes = sizeOf(content)
    // content that nothing can be done with fills no memory
    if (this.#stopped?.reason === "key") this.#lose("key", 1)
    else if (this.#bytes + bytes > MOST_WAITING_BYTES || this.#line.length >= MOST_WAITING)
      this.#lose(this.#stopped?.reason ?? "queue", 1)
    else {
      this.#line.push(content)
      this.#bytes += bytes
    }
    this.#running ??= this.#run()
  }

  status(): CaptureStatus {
    const { length: waiting } = this.#line
    return {
      stopped: this.#stopped,
      waiting,
      waitingBytes: this.#bytes,
      kept: this.#kept,
      lost: { ...this.#lost },
    }
  }

  /** Takes away what has expired. Never rejects: what stays goes next time. */
  async sweep(): Promise<void> {
    const { store, clock, log } = this.#tools
    try {
      while (!this.#isClosing && (await store.removeExpired(clock.now(), null)) > 0) await clock.sleep(SWEEP_PAUSE_MS)
      await store.removeKeys(new Date(clock.now()).toISOString().slice(0, 10))
    } catch (error) {
      log.warn("content of calls that has expired could not be taken away yet", { error })
    }
  }

  /** Resolves when all that waits is stored, or given up. */
  async close(): Promise<void> {
    const { clock, log, seals } = this.#tools
    this.#isClosing = true
    this.#sweeper.close()
    this.#wake?.()
    const late = Promise.withResolvers<void>()
    const timer = clock.after(CLOSING_MS, late.resolve)
    await Promise.race([this.#running, late.promise]).finally(() => timer.close())
    const left = this.#drop()
    this.#lost.stopped += left
    if (left > 0) log.error("content of calls is lost: the router stopped before it could be stored", { calls: left })
    seals.close()
  }

  async #run(): Promise<void> {
    await this.#pause(GATHER_MS)
    let retryMs = FIRST_RETRY_MS
    while (this.#line.length > 0 || this.#stopped?.reason === "key") {
      const why = await this.#storeSome()
      if (why === null) {
        retryMs = FIRST_RETRY_MS
        await this.#tools.loop.turn()
        continue
      }
      if (this.#isClosing && why.reason !== "database") break
      await this.#pause(why.reason === "key" ? SLOWEST_RETRY_MS : retryMs)
      if (this.#isClosing && this.#line.length === 0) break
      retryMs = Math.min(SLOWEST_RETRY_MS, 2 * retryMs)
    }
    this.#running = null
  }

  /** Null: done. */
  async #storeSome(): Promise<CaptureStatus["stopped"]> {
    const { store, seals, clock } = this.#tools
    const batch = this.#batch()
    try {
      if (this.#settings === null) throw new KeyUnusable("key-missing", "The configuration has no key any more.")
      if (!(await this.#looksRoomy()))
        return this.#stop("disk", "Too little room is left on the disk of the usage database.")
      const key = await this.#keys.forSealing(this.#settings.key, clock.now())
      if (batch.length > 0) {
        const report = await seals.seal(batch, key).catch((error: unknown) => this.#unsealed(batch, error))
        if (report === null) return null
        for (const rows of inStatements(report.rows.flatMap((each) => each ?? []))) {
          await store.insert(rows)
          await this.#tools.loop.turn()
        }
        this.#done(batch, report.rows.filter((rows) => rows === null).length, report.faults[0])
      }
      this.#goOn()
      return null
    } catch (error) {
      if (error instanceof KeyUnusable) return this.#stop("key", error.message)
      if (store.failureOf(error) !== "content") return this.#stop("database", String(error))
      this.#done(batch, batch.length, String(error))
      return null
    }
  }

  #batch(): readonly Content[] {
    if (this.#single > 0) return this.#line.slice(0, 1)
    let bytes = 0
    let count = 0
    for (const content of this.#line) {
      bytes += sizeOf(content)
      if (count > 0 && (count === BATCH_CALLS || bytes > BATCH_BYTES)) break
      count += 1
    }
    return this.#line.slice(0, count)
  }

  /** The thread has nothing to say of them: one of them took too long, or it was lost. */
  #unsealed(batch: readonly Content[], error: unknown): null {
    if (batch.length > 1) this.#single = batch.length
    else this.#done(batch, 1, String(error))
    return null
  }

  /** They leave the line. */
  #done(batch: readonly Content[], failed: number, why: string | undefined): void {
    this.#line = this.#line.slice(batch.length)
    for (const content of batch) this.#bytes -= sizeOf(content)
    this.#single = Math.max(0, this.#single - batch.length)
    this.#kept += batch.length - failed
    if (failed === 0) return
    this.#lost.unprepared += failed
    this.#tools.log.error("content of a call is not stored: it could not be prepared", {
      calls: failed,
      error: why,
      request_id: batch[0]?.requestId,
    })
  }

  #stop(reason: "key" | "disk" | "database", message: string): CaptureStatus["stopped"] {
    const before = this.#stopped
    this.#stopped = { reason, message }
    if (before?.reason !== reason)
      this.#tools.log.error("content of calls is not stored at the moment", { reason, error: message })
    if (reason === "key") this.#lost.key += this.#drop()
    return this.#stopped
  }

  #goOn(): void {
    if (this.#stopped === null) return
    this.#stopped = null
    this.#tools.log.info("content of calls is stored again", { lost: { ...this.#lost } })
  }

  #lose(reason: LossReason, calls: number): void {
    this.#lost[reason] += calls
    if (this.#stopped !== null) return
    const now = this.#tools.clock.monotonicMs()
    if (now - this.#toldAt < TOLD_EVERY_MS) return
    this.#toldAt = now
    this.#tools.log.error("content of calls is lost: it comes faster than it can be stored", {
      lost: { ...this.#lost },
    })
  }

  #drop(): number {
    const { length } = this.#line
    this.#line = []
    this.#bytes = 0
    this.#single = 0
    return length
  }

  async #looksRoomy(): Promise<boolean> {
    const { room, clock } = this.#tools
    const now = clock.monotonicMs()
    if (room === null || now - this.#roomLookedAt < ROOM_LOOK_MS) return this.#hasRoom
    this.#roomLookedAt = now
    const found = await room().catch(() => null)
    this.#hasRoom = found === null || found.freeBytes > Math.min(LEAST_FREE_BYTES, LEAST_FREE_SHARE * found.allBytes)
    return this.#hasRoom
  }

  /** Ends early where something has changed. */
  async #pause(ms: number): Promise<void> {
    if (this.#isClosing && ms === GATHER_MS) return
    const woken = Promise.withResolvers<void>()
    const timer = this.#tools.clock.after(this.#isClosing ? FIRST_RETRY_MS : ms, woken.resolve)
    this.#wake = woken.resolve
    await woken.promise
    this.#wake = null
    timer.close()
  }
}

function* inStatements(rows: readonly ContentRow[]): Generator<readonly ContentRow[]> {
  let some: ContentRow[] = []
  let bytes = 0
  for (const row of rows) {
    if (some.length > 0 && (some.length === STATEMENT_ROWS || bytes + row.sealed.length > STATEMENT_BYTES)) {
      yield some
      some = []
      bytes = 0
    }
    some.push(row)
    bytes += row.sealed.length
  }
  if (some.length > 0) yield some
}
