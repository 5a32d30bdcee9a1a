/** Finished calls that wait for a transaction, and how many of them share one. */
import { bytesOf } from "./fitted.ts"
import type { CallRecord } from "./record.ts"

/** A finished call whose rows are on the way. */
export interface Waiting {
  readonly call: CallRecord
  /** Null: nobody waits (`durability: async`). */
  readonly settle: { readonly resolve: () => void; readonly reject: (error: unknown) => void } | null
}

/** A group this large does not wait for more. */
export const FULL_GROUP = 64
const LARGEST_GROUP = 128
/** So that a database under load answers in time. */
const LARGEST_GROUP_BYTES = 2 << 20

/** How many of those that wait, the first ones, go together; at least one. */
export function groupSize(waiting: readonly Waiting[]): number {
  let bytes = 0
  let size = 0
  for (const { call } of waiting) {
    bytes += bytesOf(call)
    if (size > 0 && (size === LARGEST_GROUP || bytes > LARGEST_GROUP_BYTES)) break
    size += 1
  }
  return size
}
