/**
 * Brings spooled calls into the database, beside new ones. A batch that the database does not take is split, until the call
 * is found that it does not take: one that the schema refuses is put aside, one that takes too long is tried again behind
 * the others, and put aside in the end. Every step may be cut off by a kill: replaying twice changes nothing.
 */
import { appendFileSync, closeSync, fsyncSync } from "node:fs"
import type { Log } from "../system/log.ts"
import { openOwnerFile } from "../system/owner-only.ts"
import type { LedgerDatabase } from "./database.ts"
import { pauseForLock } from "./locked.ts"
import type { CallRecord } from "./record.ts"
import type { Spool } from "./spool.ts"

const BUSY_TRIES = 40
const BUSY_WAIT_MS = 5
/** So often a call is tried that takes too long, or breaks the connection, while others are written. */
const TRIES = 8
/** The same where no call was written before: nothing but a probe says that the database is well. */
const LONE_TRIES = 30

/** Waits for a lock that passes, a checkpoint's for one. */
export async function patiently(database: LedgerDatabase, operation: () => void | Promise<void>): Promise<void> {
  for (let tries = 0; ; tries += 1) {
    try {
      await operation()
      return
    } catch (error) {
      if (database.failureOf(error) !== "busy" || tries === BUSY_TRIES) throw error
    }
    await pauseForLock(BUSY_WAIT_MS)
  }
}

/** Appends calls to the file of those that the database does not take; on disk when it returns. */
export function putAside(calls: readonly CallRecord[], file: string, cause: unknown, log: Log): void {
  const request_ids = calls.map(({ usage }) => usage.request_id)
  log.error("the usage database does not take the rows of a call; it was put aside", { file, request_ids, cause })
  const handle = openOwnerFile(file)
  try {
    appendFileSync(handle, calls.map((call) => `${JSON.stringify(call)}\n`).join(""))
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}

export class Replay {
  readonly #database: LedgerDatabase
  readonly #spool: Spool
  readonly #refusedPath: string
  readonly #log: Log
  /** How often a call was tried alone, by its id. */
  readonly #tries = new Map<string, number>()
  /** Ids of calls that were put aside. */
  readonly #asides = new Set<string>()
  /** A call that the database took: written again it changes nothing, and shows whether others could be written. */
  #taken: CallRecord | null = null
  /** Which call of a batch is tried alone next: another one each time, so that a bad one never stands for all. */
  #turn = 0
  /** Calls were put behind the others. */
  hasDeferred = false

  constructor(database: LedgerDatabase, spool: Spool, refusedPath: string, log: Log) {
    this.#database = database
    this.#spool = spool
    this.#refusedPath = refusedPath
    this.#log = log
  }

  /** Throws when the database takes no rows. */
  async write(spooled: readonly CallRecord[]): Promise<void> {
    // a call that was put behind the others may stand in the spool twice
    const calls = spooled.filter(({ usage }) => !this.#asides.has(usage.request_id))
    if (calls.length === 0) return
    const error = await this.#attempt(calls)
    if (error !== null) await this.#afterFailure(calls, error)
    await new Promise((resolve) => setImmediate(resolve))
  }

  async #afterFailure(calls: readonly CallRecord[], error: Error): Promise<void> {
    const failure = this.#database.failureOf(error)
    if (failure === "content") {
      await this.#separate(calls, error)
      return
    }
    if (failure !== "slow" && failure !== "broken") throw error
    const reference = this.#taken ?? (await this.#firstTaken(calls))
    const reason = await this.#attempt([reference])
    if (reason !== null) throw reason
    await this.#sift(calls, reference, error)
  }

  /** A call of these that the database takes. Throws while there is none. */
  async #firstTaken(calls: readonly CallRecord[]): Promise<CallRecord> {
    const sample = calls[this.#turn++ % calls.length] as CallRecord
    const error = await this.#attempt([sample])
    if (error === null) return sample
    await this.#database.probe()
    if (this.#triedOnceMore(sample) >= LONE_TRIES) this.#giveUp(sample, error)
    throw error
  }

  /** The schema refuses a call of these. */
  async #separate(calls: readonly CallRecord[], error: Error): Promise<void> {
    const [only] = calls
    if (calls.length > 1 || only === undefined) for (const half of halves(calls)) await this.write(half)
    else this.#giveUp(only, error)
  }

  /** These failed: half by half, as long as the database takes the call that it took before. Throws when it does not. */
  async #sift(calls: readonly CallRecord[], reference: CallRecord, error: Error): Promise<void> {
    const [only] = calls
    if (calls.length === 1 && only !== undefined) return this.#defer(only, error)
    for (const half of halves(calls)) {
      const failed = await this.#attempt(half)
      if (failed === null) continue
      const reason = await this.#attempt([reference])
      if (reason !== null) throw reason
      await this.#sift(half, reference, failed)
    }
  }

  /** Others were written just now. */
  async #defer(call: CallRecord, error: Error): Promise<void> {
    if (this.#database.failureOf(error) === "content" || this.#triedOnceMore(call) >= TRIES) {
      this.#giveUp(call, error)
      return
    }
    this.hasDeferred = true
    await this.#spool.append([call])
  }

  #triedOnceMore({ usage }: CallRecord): number {
    const tries = (this.#tries.get(usage.request_id) ?? 0) + 1
    this.#tries.set(usage.request_id, tries)
    return tries
  }

  #giveUp(call: CallRecord, error: Error): void {
    this.#tries.delete(call.usage.request_id)
    this.#asides.add(call.usage.request_id)
    putAside([call], this.#refusedPath, error, this.#log)
  }

  /** Null: written. */
  async #attempt(calls: readonly CallRecord[]): Promise<Error | null> {
    try {
      await patiently(this.#database, async () => void (await this.#database.write(calls)))
      this.#taken = calls[0] ?? null
      return null
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error))
    }
  }
}

function halves(calls: readonly CallRecord[]): readonly (readonly CallRecord[])[] {
  const middle = Math.ceil(calls.length / 2)
  return [calls.slice(0, middle), calls.slice(middle)]
}
