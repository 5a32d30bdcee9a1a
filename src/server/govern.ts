/** Sets up what governs callers: the counts, what a crash left open, and what the ledger knows. */
import { Governance } from "../governance/governance.ts"
import { Journal, orphansOf } from "../governance/journal.ts"
import { MemoryState } from "../governance/memory.ts"
import type { Snapshot } from "../config/snapshot.ts"
import type { LedgerStore } from "../ledger/open.ts"
import { lockSpool, type SpoolLock } from "../ledger/spool-lock.ts"
import { buildInfo } from "../system/build-info.ts"
import type { Clock } from "../system/clock.ts"
import type { Log } from "../system/log.ts"
import { orphanRecord } from "./orphans.ts"
import { restoreLimits } from "./restore-limits.ts"

export interface GovernOptions {
  /** Where reservations are written down; segment numbers are appended. */
  readonly journalPath: string
  readonly snapshot: Snapshot
  readonly ledger: LedgerStore
  readonly clock: Clock
  readonly log: Log
}

/** Behind the opening of the ledger. Throws an `Error` where another process does not let go of the journal. */
export async function startGoverning(options: GovernOptions): Promise<Governance> {
  const { journalPath, log } = options
  const lock = await locked(`${journalPath}.lock`, log)
  try {
    return await governing(options, () => lock.release())
  } catch (error) {
    lock.release()
    throw error
  }
}

/** A predecessor that is still serving would have its calls taken for orphans: it is waited for. */
async function locked(path: string, log: Log): Promise<SpoolLock> {
  for (let waitedMs = 0; ; waitedMs += LOCK_RETRY_MS) {
    const lock = lockSpool(path, log)
    if (lock !== null) return lock
    if (waitedMs >= LOCK_WITHIN_MS) throw new Error(`Another process holds the reservations of ${path}.`)
    await Bun.sleep(LOCK_RETRY_MS)
  }
}

async function governing(options: GovernOptions, release: () => void): Promise<Governance> {
  const { journalPath, snapshot, ledger, clock, log } = options
  const orphans = orphansOf(journalPath)
  const journal = new Journal(journalPath, log)
  const now = clock.now()
  await Promise.all(orphans.calls.map((call) => ledger.record(orphanRecord(call, now, buildInfo.version))))
  if (orphans.calls.length > 0) {
    log.warn("calls were open when the router stopped; those without a row are booked at what they had reserved", {
      calls: orphans.calls.length,
    })
    // with `durability: async` nobody says when rows are there
    await Bun.sleep(ROWS_LAND_MS)
  }
  orphans.forget()
  const governance = new Governance(new MemoryState(), journal, release)
  await restoreLimits(snapshot, governance.state, ledger, clock)
  return governance
}

const ROWS_LAND_MS = 20
const LOCK_RETRY_MS = 50
const LOCK_WITHIN_MS = 5000
