/** What a store of limits is opened with. */
import type { Clock } from "../../system/clock.ts"
import type { Log } from "../../system/log.ts"
import type { Amounts, Subject, SubjectTotals } from "../state.ts"
import type { LinkLimits, StoreAddress } from "./link.ts"

/** What the ledger knows, as limits count it. */
export interface LimitLedger {
  /** What it knows of these subjects, and of as many others as it likes: for a store that knows nothing of them. */
  readonly totalsOf: (subjects: readonly Subject[]) => Promise<readonly SubjectTotals[]>
  /** What the rows of these calls say that they used; calls without rows are left out. */
  readonly usedBy: (requestIds: readonly string[]) => Promise<ReadonlyMap<string, Amounts>>
}

export interface StoreOptions extends LimitLedger, StoreAddress {
  readonly clock: Clock
  readonly log: Log
  /** A text that no other process draws. */
  readonly drawId: () => string
  /** All that `work` reads is of one moment, behind the call of this. */
  readonly reading: (work: (ledger: LimitLedger) => Promise<void>) => Promise<void>
  /** These subjects are counted in the store, as is seen now; by their own keys. */
  readonly onCounted?: ((keys: readonly string[]) => void) | undefined
  /** These were told to a store that did not know them: calls of other processes that ended meanwhile may be missing. */
  readonly onRestored?: ((keys: readonly string[]) => void) | undefined
  /** The store answers, again or for the first time. */
  readonly onUp?: (() => void) | undefined
  readonly limits?: Partial<LinkLimits> | undefined
  /** How long a lease lives that nobody renews. */
  readonly leaseMs?: number | undefined
  /** How long processes may take to count again what they have in flight, after the store was found empty. */
  readonly recountMs?: number | undefined
  /** For tests: what scripts take for the time of the store, in milliseconds. */
  readonly timeMs?: (() => number) | undefined
}

/** Amounts of many calls. */
export interface Sums {
  readonly requests: number
  readonly tokens: number
  readonly nanoUsd: number
}
