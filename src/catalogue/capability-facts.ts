/** What a configuration says of a capability of a target, what records prove of it, and what calls show. */
import type { Capability, StandingState } from "../activation/capabilities.ts"

export interface CapabilityFacts {
  readonly capability: Capability
  /** Null: nothing is said, or the configuration has no words for it (`isDeclarable`). */
  readonly declared: boolean | null
  readonly isDeclarable: boolean
  readonly proven: StandingState
  /** Of the record that counts, Unix milliseconds; null: there is none. */
  readonly checkedAtMs: number | null
  readonly provenUntilMs: number | null
  /** Why it failed; empty: it did not. */
  readonly reason: string
}

/** Of the calls of a range that used it. */
export interface Observed {
  readonly calls: number
  /** Those that ended without an error. */
  readonly clean: number
}

export const UNSEEN: Observed = { calls: 0, clean: 0 }

/** So many calls tell something; of fewer, one client's oddity would. */
const ENOUGH_CALLS = 20
const CLEAN_PERCENT = 95

/** What is known of it beyond what is said: a check that counts, else calls. Null: nothing. */
export function shownBy(
  { proven }: CapabilityFacts,
  { calls, clean }: Observed,
): { readonly is: boolean; readonly by: "a check" | "calls" } | null {
  if (proven === "proven" || proven === "failed") return { is: proven === "proven", by: "a check" }
  if (calls >= ENOUGH_CALLS && clean * 100 >= calls * CLEAN_PERCENT) return { is: true, by: "calls" }
  return null
}
