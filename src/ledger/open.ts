/** Opens the ledger: the database, the spool of an earlier process, and the writer in front of both. */
import { existsSync } from "node:fs"
import { dirname } from "node:path"
import { RouterError } from "../errors.ts"
import type { Clock } from "../system/clock.ts"
import type { Log } from "../system/log.ts"
import { ensureOwnerFolder } from "../system/owner-only.ts"
import type { DatabaseOptions } from "./connection.ts"
import { LedgerDatabase } from "./database.ts"
import { failureOf } from "./failure.ts"
import { limitTotals, type LimitTotals } from "./limit-totals.ts"
import { Outage } from "./outage.ts"
import { type CallerUsage, type LedgerQueries, type UsageQuery, usageOf } from "./queries.ts"
import type { CallRecord, Ledger } from "./record.ts"
import { Spool } from "./spool.ts"
import { lockSpool, type SpoolLock } from "./spool-lock.ts"
import { StoredStateIndex, type StoredStates } from "./stored-state.ts"
import { GroupWriter } from "./write.ts"

export interface LedgerOptions {
  /** The database file; its folder is made when missing. */
  readonly path: string
  /** `commit`: `record` resolves when the rows are durable. `async`: at once. */
  readonly durability: "commit" | "async"
  readonly onUnavailable: "spool" | "fail_closed"
  readonly clock: Clock
  readonly log: Log
  /** Default: the database's path with `.spool` appended. */
  readonly spoolPath?: string | undefined
  readonly limits?: Partial<LedgerLimits> | undefined
}

export interface LedgerLimits {
  /** How long a locked database is tried again before calls are spooled or refused. */
  readonly retryMs: number
  /** Finished calls that may wait at the same time. */
  readonly maxWaiting: number
  /** How often a database that is down is tried: at first, and at the slowest. */
  readonly firstProbeMs: number
  readonly slowestProbeMs: number
  /** How long opening waits for locks that other processes hold. */
  readonly openMs: number
  readonly spoolReservedBytes: number
  readonly spoolMaxBytes: number
  /** So many pages in the write-ahead log start a checkpoint. */
  readonly checkpointPages: number
  /** For tests: a database that is full at so many pages. */
  readonly maxPageCount: number | undefined
}

export interface LedgerStore extends Ledger, LedgerQueries {
  /** `accepting`, after a look at the database: for `/readyz`, which must notice an outage that no call has met yet. */
  ready(): Promise<boolean>
  readonly storedStates: StoredStates
  /** What everybody has used in this day and month, and for ever where that is asked. Rejects with `usage-store-unavailable`. */
  limitTotals(ofLifetime: boolean): Promise<LimitTotals>
}

const LIMITS: LedgerLimits = {
  retryMs: 250,
  maxWaiting: 10_000,
  firstProbeMs: 250,
  slowestProbeMs: 2000,
  openMs: 5000,
  spoolReservedBytes: 8 << 20,
  spoolMaxBytes: 1 << 30,
  checkpointPages: 4096,
  maxPageCount: undefined,
}
const OPEN_RETRY_MS = 50

/**
 * Resolves when calls can be recorded and what an earlier process spooled is in the database,
 * or, where the database does not take it yet, is on its way. Throws an `Error` with a sentence for the operator.
 */
export async function openLedger(options: LedgerOptions): Promise<LedgerStore> {
  const limits = { ...LIMITS, ...options.limits }
  const databaseOptions = { ...options, checkpointPages: limits.checkpointPages, maxPageCount: limits.maxPageCount }
  const database = await patiently(limits.openMs, () => openDatabase(databaseOptions))
  let spooling: Spooling | null = null
  try {
    spooling = await openSpool(options, limits)
  } catch (error) {
    await database.close()
    throw error
  }
  const rules = { ...limits, refuses: options.onUnavailable === "fail_closed" }
  const outage = new Outage(database, spooling?.spool ?? null, databaseOptions, rules)
  await Promise.race([outage.replay(), Bun.sleep(limits.openMs)])
  const { clock, log, durability } = options
  const writer = new GroupWriter(database, outage, { clock, log, limits, isAsync: durability === "async" })
  const storedStates = new StoredStateIndex(database, clock, log)
  return {
    storedStates,
    record: (call: CallRecord) => writer.record(call),
    accepting: () => writer.accepting(),
    ready: async () => (await outage.check()) && writer.accepting(),
    usageOf: async (callerId: string, query: UsageQuery): Promise<CallerUsage> => {
      try {
        return await usageOf(database, clock, callerId, query)
      } catch (cause) {
        throw new RouterError("usage-store-unavailable", { cause })
      }
    },
    limitTotals: (ofLifetime: boolean) => {
      try {
        return Promise.resolve(limitTotals(database, clock.now(), ofLifetime))
      } catch (cause) {
        return Promise.reject(new RouterError("usage-store-unavailable", { cause }))
      }
    },
    close: async () => {
      storedStates.close()
      await writer.close()
      await outage.close()
      spooling?.lock.release()
      await database.close()
    },
  }
}

interface Spooling {
  readonly spool: Spool
  readonly lock: SpoolLock
}

/** Null where calls are refused instead; but a spool with calls in it is opened, to replay it. */
async function openSpool(options: LedgerOptions, limits: LedgerLimits): Promise<Spooling | null> {
  const path = options.spoolPath ?? `${options.path}.spool`
  const { clock, log } = options
  const isWanted = options.onUnavailable === "spool"
  if (!isWanted && !existsSync(path)) return null
  ensureOwnerFolder(dirname(path), log)
  const lock = await patiently(limits.openMs, () => lockedSpool(path, log))
  const reservedBytes = isWanted ? limits.spoolReservedBytes : 0
  return { spool: await Spool.open({ path, reservedBytes, maxBytes: limits.spoolMaxBytes, clock, log }), lock }
}

function lockedSpool(path: string, log: Log): SpoolLock {
  const lock = lockSpool(`${path}.lock`, log)
  if (lock === null) throw new LockedError(`Another process uses the spool ${path}.`)
  return lock
}

function openDatabase(options: DatabaseOptions): LedgerDatabase {
  try {
    return new LedgerDatabase(options)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    const sentence = `The usage database ${options.path} cannot be opened: ${reason}.`
    throw failureOf(cause) === "busy" ? new LockedError(sentence, { cause }) : new Error(sentence, { cause })
  }
}

/** Another process holds what is needed: a predecessor that is on its way out, perhaps. */
class LockedError extends Error {}

async function patiently<Result>(budgetMs: number, open: () => Result): Promise<Result> {
  for (let waitedMs = 0; ; waitedMs += OPEN_RETRY_MS) {
    try {
      return open()
    } catch (error) {
      if (!(error instanceof LockedError) || waitedMs >= budgetMs) throw error
    }
    await Bun.sleep(OPEN_RETRY_MS)
  }
}
