/** Which spool file is this process' own, and what processes that are gone have left in theirs. */
import { existsSync } from "node:fs"
import { dirname } from "node:path"
import type { Log } from "../system/log.ts"
import { ensureOwnerFolder } from "../system/owner-only.ts"
import { LockedError } from "./locked.ts"
import { Spool, type SpoolOptions } from "./spool.ts"
import { lockSpool, type SpoolLock } from "./spool-lock.ts"

export interface SpoolSlot {
  readonly path: string
  readonly lock: SpoolLock
}

const SLOTS = 64

/** The first file that no other process holds, of so many. Throws a `LockedError` when all are held. */
export function takeSlot(path: string, slots: number, log: Log): SpoolSlot {
  ensureOwnerFolder(dirname(path), log)
  for (const candidate of slotsOf(path, slots)) {
    const lock = lockSpool(`${candidate}.lock`, log)
    if (lock !== null) return { path: candidate, lock }
  }
  throw new LockedError(`Another process uses the spool ${path}.`)
}

/** SQLite has one writer, and one spool beside its file; routers that share a PostgreSQL may share a folder as well. */
export function slotCount(isShared: boolean): number {
  return isShared ? SLOTS : 1
}

export function hasSpools(path: string, slots: number): boolean {
  return slotsOf(path, slots).some((candidate) => existsSync(candidate))
}

/**
 * Moves the calls of processes that are gone into this spool. Cut off by a kill, it leaves calls in both files,
 * and replaying twice changes nothing.
 */
export async function adoptSpools(spool: Spool, own: string, slots: number, options: SpoolOptions): Promise<void> {
  for (const path of slotsOf(options.path, slots)) {
    if (path === own || !existsSync(path)) continue
    const lock = lockSpool(`${path}.lock`, options.log)
    if (lock === null) continue
    try {
      await move(await Spool.open({ ...options, path, reservedBytes: 0 }), spool)
    } catch (error) {
      options.log.error("a spool that another process left is not taken over", { file: path, error })
    } finally {
      lock.release()
    }
  }
}

async function move(from: Spool, to: Spool): Promise<void> {
  try {
    for await (const { calls } of from.batches(from.start)) await to.append(calls)
  } catch (error) {
    await from.close()
    throw error
  }
  await from.retire()
}

/** `usage.sqlite.spool`, `usage.sqlite.spool.2`, … */
function slotsOf(path: string, slots: number): string[] {
  return Array.from({ length: slots }, (_, index) => (index === 0 ? path : `${path}.${index + 1}`))
}
