/** Opens the ledger: the database, the spool of an earlier process, and the writer in front of both. */
import type { Clock } from "../system/clock.ts"
import type { Log } from "../system/log.ts"
import { type ActivationRows, activationRows } from "./activation.ts"
import { answering } from "./answering.ts"
import { type BackgroundResponses, backgroundResponses } from "./background.ts"
import { type ContentStore, contentStore } from "./content.ts"
import type { LedgerDatabase } from "./database.ts"
import { decidedCall, type DecidedCall } from "./decision-queries.ts"
import { type CallerTags, keepTags } from "./caller-tags.ts"
import { type CallAmounts, limitTotals, type LimitTotals, usedBy } from "./limit-totals.ts"
import { patiently } from "./locked.ts"
import type { MigrationListener } from "./migrations.ts"
import { Outage } from "./outage.ts"
import { openPostgres } from "./postgres/open.ts"
import { type LedgerQueries, type UsageQuery, usageOf } from "./queries.ts"
import type { CallRecord, Ledger, UsageRow } from "./record.ts"
import { installationSecret } from "./installation.ts"
import { whyNoCall } from "./retention/marks.ts"
import { type KeptSecurityRecord, SecurityEvents } from "./security-events.ts"
import { Spool } from "./spool.ts"
import { adoptSpools, hasSpools, slotCount, type SpoolSlot, takeSlot } from "./spool-slot.ts"
import { openSqlite } from "./sqlite/open.ts"
import { StoredStateIndex, type StoredStates } from "./stored-state.ts"
import { type CommitListener, GroupWriter } from "./write.ts"

export interface LedgerOptions {
  /** The SQLite file; its folder is made when missing. With PostgreSQL it only says where the spool lies. */
  readonly path: string
  /** The address of a PostgreSQL database, in place of a SQLite file. */
  readonly dsn?: string | undefined
  /** `commit`: `record` resolves when the rows are durable. `async`: at once. */
  readonly durability: "commit" | "async"
  readonly onUnavailable: "spool" | "fail_closed"
  readonly clock: Clock
  readonly log: Log
  /** Default: the database's path with `.spool` appended. */
  readonly spoolPath?: string | undefined
  readonly onCommit?: CommitListener | undefined
  /** Hears how far a change of the schema has come. */
  readonly onMigration?: MigrationListener | undefined
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
  /** How long opening waits for locks that other processes hold, and for a PostgreSQL that does not answer. */
  readonly openMs: number
  /** How long a connection to PostgreSQL may take; a statement of a write, also at the server; a query. */
  readonly connectMs: number
  readonly answerMs: number
  readonly queryMs: number
  readonly spoolReservedBytes: number
  readonly spoolMaxBytes: number
  /** So many pages in the write-ahead log start a checkpoint. */
  readonly checkpointPages: number
  /** For tests: a database that is full at so many pages. */
  readonly maxPageCount: number | undefined
}

/** For those who watch the router. */
export interface LedgerStatus {
  /** The database takes rows, as far as the router has noticed. */
  readonly isUp: boolean
  /** How often it ceased to. */
  readonly outages: number
  /** Of calls that wait in the spool for the database. */
  readonly spooledBytes: number
  /** Finished calls that wait for the next transaction. */
  readonly waiting: number
}

/** What limits must know of the past. */
export interface LimitReader {
  /**
   * What everybody has used in this day and month, and for ever where that is asked; waits for what is spooled.
   * Rejects with `usage-store-unavailable`.
   */
  limitTotals(ofLifetime: boolean): Promise<LimitTotals>
  /** What these calls have used, as limits count it; those without rows are left out. Rejects with `usage-store-unavailable`. */
  usedBy(requestIds: readonly string[]): Promise<ReadonlyMap<string, CallAmounts>>
}

export interface LedgerStore extends Ledger, LedgerQueries, LimitReader {
  /** `accepting`, after a look at the database: for `/readyz`, which must notice an outage that no call has met yet. */
  ready(): Promise<boolean>
  status(): LedgerStatus
  readonly storedStates: StoredStates
  readonly background: BackgroundResponses
  readonly security: KeptSecurityRecord
  readonly content: ContentStore
  readonly activation: ActivationRows
  /** Which tags callers have from now on; resolves when that is written. Rejects where the database takes no rows. */
  keepTags(tags: CallerTags): Promise<void>
  /** `installation.ts`. */
  installationSecret(fresh: string): Promise<string>
  /** How a call was decided; null: it is not there, or may not be seen. Rejects with `usage-store-unavailable`. */
  decidedCall(requestId: string, isVisible: (usage: UsageRow) => boolean): Promise<DecidedCall | null>
  /** Why there is no call of that id, in a sentence. */
  whyNoCall(requestId: string): Promise<string>
  /** All that `work` reads is of one moment, behind what was spooled until then. Rejects as `work` does, and as the reader. */
  reading<Result>(work: (at: LimitReader) => Promise<Result>): Promise<Result>
  /** As `record`, behind all that is spooled: where that holds rows of the same calls, they win. */
  recordBehind(calls: readonly CallRecord[]): Promise<void>
  /** Resolves when all that was spooled is in the database. Rejects while that takes no rows. */
  caughtUp(): Promise<void>
  /** Now, in a transaction of its own, or not at all; true where the call was not there before. Rejects where that is not known. */
  recordNow(call: CallRecord): Promise<boolean>
  /**
   * Runs `work` while no call becomes durable: what limits have counted until then and what the ledger holds is the same.
   * One at a time.
   */
  alone<Result>(work: () => Promise<Result>): Promise<Result>
}

const LIMITS: LedgerLimits = {
  retryMs: 250,
  maxWaiting: 10_000,
  firstProbeMs: 250,
  slowestProbeMs: 2000,
  openMs: 5000,
  connectMs: 2000,
  answerMs: 2000,
  queryMs: 10_000,
  spoolReservedBytes: 8 << 20,
  spoolMaxBytes: 1 << 30,
  checkpointPages: 4096,
  maxPageCount: undefined,
}

/**
 * Resolves when calls can be recorded and what an earlier process spooled is in the database,
 * or, where the database does not take it yet, is on its way. Throws an `Error` with a sentence for the operator.
 */
export async function openLedger(options: LedgerOptions): Promise<LedgerStore> {
  const { clock, log, durability } = options
  const limits = { ...LIMITS, ...options.limits }
  const { database, outageCause } = await openDatabase(options, limits)
  let spooling: Spooling | null = null
  try {
    spooling = await openSpool(options, limits)
  } catch (error) {
    await database.close()
    throw error
  }
  const refusedPath = `${options.path}.refused`
  const rules = { ...limits, clock, log, refusedPath, refuses: options.onUnavailable === "fail_closed" }
  const outage = new Outage(database, spooling?.spool ?? null, rules)
  if (outageCause === null) await atMost(limits.openMs, outage.replay(), clock)
  else outage.begin(outageCause)
  const { onCommit = () => {} } = options
  const writer = new GroupWriter(database, outage, { clock, log, limits, isAsync: durability === "async", onCommit })
  const beside = besideCalls(database, clock, log)
  return {
    ...beside,
    keepTags: (tags) => keepTags(database, tags, clock.now()),
    installationSecret: (fresh) => installationSecret(database, fresh),
    recordBehind: async (calls) => {
      if (outage.hasSpooled && !rules.refuses) return outage.take(calls)
      await outage.caughtUp()
      await Promise.all(calls.map((call) => writer.record(call)))
    },
    caughtUp: () => answering(() => outage.caughtUp()),
    recordNow: (call) => outage.writeNow(call),
    alone: (work) => writer.alone(work),
    record: (call: CallRecord) => writer.record(call),
    accepting: () => writer.accepting(),
    status: () => ({
      isUp: !outage.isDown,
      outages: outage.count,
      spooledBytes: outage.spooledBytes,
      waiting: writer.waiting,
    }),
    ready: async () => (await outage.check()) && writer.accepting(),
    usageOf: (callerId: string, query: UsageQuery) => answering(() => usageOf(database, clock, callerId, query)),
    ...callReader(database),
    ...limitReader(database, outage, clock),
    reading: async (work) => {
      await answering(() => outage.caughtUp())
      return await database.reading((at) => work(limitReader(at, outage, clock)))
    },
    close: async () => {
      beside.storedStates.close()
      await writer.close()
      await beside.security.close()
      await outage.close()
      spooling?.slot.lock.release()
      await database.close()
    },
  }
}

function callReader(database: LedgerDatabase): Pick<LedgerStore, "decidedCall" | "whyNoCall"> {
  return {
    decidedCall: (requestId, isVisible) => answering(() => decidedCall(database, requestId, isVisible)),
    whyNoCall: (requestId) => whyNoCall(database, requestId),
  }
}

/** Tables that the rows of calls are not in. */
function besideCalls(database: LedgerDatabase, clock: Clock, log: Log): Beside {
  return {
    storedStates: new StoredStateIndex(database, clock, log),
    background: backgroundResponses(database, clock),
    security: new SecurityEvents(database, clock, log),
    content: contentStore(database),
    activation: activationRows(database, () => clock.sleep(1)),
  }
}

interface Beside extends Pick<LedgerStore, "activation" | "background" | "content"> {
  readonly storedStates: StoredStateIndex
  readonly security: SecurityEvents
}

function limitReader(database: Pick<LedgerDatabase, "query">, outage: Outage, clock: Clock): LimitReader {
  return {
    limitTotals: (ofLifetime) =>
      answering(async () => {
        await outage.caughtUp()
        return await limitTotals(database, clock.now(), ofLifetime)
      }),
    usedBy: (requestIds) => answering(() => usedBy(database, requestIds)),
  }
}

/** Whatever comes of it later. */
async function atMost(ms: number, work: Promise<unknown>, clock: Clock): Promise<void> {
  const late = Promise.withResolvers<void>()
  const timer = clock.after(ms, late.resolve)
  await Promise.race([work, late.promise]).finally(() => timer.close())
}

interface OpenedDatabase {
  readonly database: LedgerDatabase
  /** Null unless the database cannot be reached: then the router starts in an outage. */
  readonly outageCause: unknown
}

async function openDatabase(options: DatabaseChoice, limits: LedgerLimits): Promise<OpenedDatabase> {
  const { path, dsn, clock, log } = options
  const onMigration = migrationLog(options)
  if (dsn !== undefined) return await openPostgres({ dsn, clock, log, limits, onMigration }, limits.openMs)
  const { checkpointPages, maxPageCount } = limits
  const sqlite = { path, clock, log, checkpointPages, maxPageCount, onMigration }
  return await openSqlite(sqlite, limits.openMs)
}

type DatabaseChoice = Pick<LedgerOptions, "path" | "dsn" | "clock" | "log" | "onMigration">

/** Brings the schema up to date, as a start does, and serves nothing. Rejects where the database cannot be reached. */
export async function bringUpToDate(options: DatabaseChoice): Promise<void> {
  const { database, outageCause } = await openDatabase(options, LIMITS)
  await database.close()
  if (outageCause !== null)
    throw new Error("The usage database does not answer, or takes no rows now.", { cause: outageCause })
}

function migrationLog({ log, onMigration = () => {} }: DatabaseChoice): MigrationListener {
  return (step, share) => {
    onMigration(step, share)
    const { version, name } = step
    if (share === 0) log.info("the schema of the usage database is brought to a newer version", { version, name })
    if (share === 1) log.info("the schema of the usage database has a newer version", { version, name })
  }
}

interface Spooling {
  readonly spool: Spool
  readonly slot: SpoolSlot
}

/** Null where calls are refused instead; but a spool with calls in it is opened, to replay it. */
async function openSpool(options: LedgerOptions, limits: LedgerLimits): Promise<Spooling | null> {
  const path = options.spoolPath ?? `${options.path}.spool`
  const { clock, log } = options
  const isWanted = options.onUnavailable === "spool"
  const slots = slotCount(options.dsn !== undefined)
  if (!isWanted && !hasSpools(path, slots)) return null
  const slot = await patiently(limits.openMs, () => takeSlot(path, slots, log))
  const reservedBytes = isWanted ? limits.spoolReservedBytes : 0
  const spoolOptions = { path, reservedBytes, maxBytes: limits.spoolMaxBytes, clock, log }
  try {
    const spool = await Spool.open({ ...spoolOptions, path: slot.path })
    await adoptSpools(spool, slot.path, slots, spoolOptions)
    return { spool, slot }
  } catch (error) {
    slot.lock.release()
    throw error
  }
}
