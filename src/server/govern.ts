/** Sets up what governs callers: the counts, what a crash left open, and what the ledger knows. */
import { existsSync } from "node:fs"
import { dirname } from "node:path"
import type { StateConfig } from "../config/config.ts"
import type { Snapshot } from "../config/snapshot.ts"
import { Governance } from "../governance/governance.ts"
import { Journal, type Orphans, orphansOf } from "../governance/journal.ts"
import { MemoryState } from "../governance/memory.ts"
import { SharedState } from "../governance/redis/shared.ts"
import type { LimitLedger } from "../governance/redis/store-options.ts"
import type { GovernanceState } from "../governance/state.ts"
import { pauseForLock } from "../ledger/locked.ts"
import type { LedgerStore, LimitReader } from "../ledger/open.ts"
import { lockSpool, type SpoolLock } from "../ledger/spool-lock.ts"
import { buildInfo } from "../system/build-info.ts"
import type { Clock } from "../system/clock.ts"
import type { Log } from "../system/log.ts"
import { ensureOwnerFolder } from "../system/owner-only.ts"
import type { Random } from "../system/random.ts"
import { LateTotals } from "./late-totals.ts"
import { orphanRecord } from "../pipeline/rows/orphans.ts"
import { allTotals, restoreLimits } from "./restore-limits.ts"
import { storeAddress } from "./store-address.ts"

export interface GovernOptions {
  /** Where reservations are written down; segment numbers are appended. Several: the first that no other process holds. */
  readonly journalPaths: readonly string[]
  readonly stateConfig: StateConfig
  /** The newest. */
  readonly snapshot: () => Snapshot
  readonly ledger: LedgerStore
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

export interface Governed {
  readonly governance: Governance
  /** What callers had used before: read at the start, or as soon as the ledger answers. */
  readonly totals: LateTotals
}

/**
 * Behind the opening of the ledger, which need not answer yet. Throws an `Error` where another process does not let go of
 * the journal.
 */
export async function startGoverning(options: GovernOptions): Promise<Governed> {
  const { journalPaths, log } = options
  const { path, lock } = await takeJournal(journalPaths, log)
  try {
    return await governing(options, path, () => lock.release())
  } catch (error) {
    lock.release()
    throw error
  }
}

interface TakenJournal {
  readonly path: string
  readonly lock: SpoolLock
}

/** Where there is only one, a predecessor is waited for; of several another one is free. */
async function takeJournal(paths: readonly string[], log: Log): Promise<TakenJournal> {
  const [first = "", ...others] = paths
  if (others.length === 0) return { path: first, lock: await lockJournal(first, log) }
  ensureOwnerFolder(dirname(first), log)
  for (const path of paths) {
    const lock = lockSpool(`${path}.lock`, log)
    if (lock !== null) return { path, lock }
  }
  throw new Error(`Other processes hold the reservations of ${first}.`)
}

/** A predecessor that is still serving would have its calls taken for orphans: it is waited for. */
export async function lockJournal(journalPath: string, log: Log): Promise<SpoolLock> {
  ensureOwnerFolder(dirname(journalPath), log)
  for (let waitedMs = 0; ; waitedMs += LOCK_RETRY_MS) {
    const lock = lockSpool(`${journalPath}.lock`, log)
    if (lock !== null) return lock
    if (waitedMs >= LOCK_WITHIN_MS) throw new Error(`Another process holds the reservations of ${journalPath}.`)
    await pauseForLock(LOCK_RETRY_MS)
  }
}

async function governing(options: GovernOptions, journalPath: string, release: () => void): Promise<Governed> {
  const { snapshot, ledger, clock, log, journalPaths } = options
  const others = journalPaths.filter((path) => path !== journalPath)
  // read before this process writes down its own
  const leftOpen = [leftIn(journalPath, log, () => {}), ...others.flatMap((path) => abandoned(path, log))]
  const governance = new Governance(await openState(options), new Journal(journalPath, log), clock, release)
  const known = new LateTotals({
    recover: async () => {
      for (const left of leftOpen.splice(0)) {
        await bookOrphans(left, ledger, clock, log).catch((error: unknown) => {
          leftOpen.push(left)
          throw error
        })
      }
      await restoreLimits(snapshot(), governance.state, ledger, clock)
    },
    clock,
    log,
  })
  await known.start()
  return { governance, totals: known }
}

/** Calls that were open when a process ended. */
interface LeftOpen {
  readonly orphans: Orphans
  /** They have rows now. */
  readonly release: () => void
}

function leftIn(journalPath: string, log: Log, release: () => void): LeftOpen {
  return { orphans: orphansOf(journalPath, log), release }
}

/** Of a process that is gone, and whose files nobody else has taken. */
function abandoned(journalPath: string, log: Log): readonly LeftOpen[] {
  if (!existsSync(`${journalPath}.lock`)) return []
  const lock = lockSpool(`${journalPath}.lock`, log)
  return lock === null ? [] : [leftIn(journalPath, log, () => lock.release())]
}

/** Writes the rows of what a process left that is gone. Rejects while the ledger takes none. */
export async function bookJournal(journalPath: string, ledger: LedgerStore, clock: Clock, log: Log): Promise<void> {
  const lock = await lockJournal(journalPath, log)
  try {
    await bookOrphans(
      leftIn(journalPath, log, () => {}),
      ledger,
      clock,
      log,
    )
  } finally {
    lock.release()
  }
}

/** Calls that were cut off get rows: what they had reserved. */
async function bookOrphans({ orphans, release }: LeftOpen, ledger: LedgerStore, clock: Clock, log: Log): Promise<void> {
  const now = clock.now()
  if (orphans.calls.length > 0) {
    // the real row of a call that ended may still be in the spool
    await ledger.recordBehind(orphans.calls.map((call) => orphanRecord(call, now, buildInfo.version)))
    log.warn("calls were open when the router stopped; those without a row are booked at what they had reserved", {
      calls: orphans.calls.length,
    })
    // with `durability: async` nobody says when rows are there
    await clock.sleep(ROWS_LAND_MS)
  }
  orphans.forget()
  release()
}

async function openState(options: GovernOptions): Promise<GovernanceState> {
  const { stateConfig, snapshot, ledger, clock, random, log } = options
  const address = storeAddress(stateConfig)
  if (address === null) return new MemoryState()
  const limitLedger = (at: LimitReader): LimitLedger => ({
    totalsOf: (subjects) => allTotals(subjects, snapshot(), at, clock),
    usedBy: (requestIds) => at.usedBy(requestIds),
  })
  const state = new SharedState({
    ...address,
    onUnavailable: stateConfig.on_unavailable,
    clock,
    log,
    drawId: () => random.hex(ID_BYTES),
    ...limitLedger(ledger),
    reading: (work) => ledger.reading((at) => work(limitLedger(at))),
    isLimited: (key) => snapshot().limitedSubjects.has(key),
  })
  await state.open()
  return state
}

const ID_BYTES = 8
const ROWS_LAND_MS = 20
const LOCK_RETRY_MS = 50
const LOCK_WITHIN_MS = 5000
