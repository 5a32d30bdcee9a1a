/**
 * Where limits are counted: the contract that the memory of one process and a store shared by many fulfil alike.
 *
 * One admission is one atomic step: either everything that a call needs is taken, or the first check that refuses is
 * named and nothing is taken. All that the step touches is known beforehand (`limits.subjects`), so a shared store needs
 * one script for it. What is settled is never waited for.
 *
 * Invariant, at every admission and for every check: settled + reserved, this call included, is at most the limit.
 * What a call used beyond its reservation is booked in full when it is settled, and so blocks the next one.
 */
import type { CheckKind } from "./check-kinds.ts"

/** Who limits are counted for. */
export interface Subject {
  /** `caller:<id>` or `project:<id>`: the name in the store. */
  readonly key: string
  readonly scope: "caller" | "project"
  readonly id: string
}

export interface Check {
  readonly kind: CheckKind
  /** Index into `CompiledLimits.subjects`. */
  readonly subject: number
  /** Above 0. Of a token bucket: its burst. */
  readonly limit: number
  /** Of a token bucket: what comes back in a second; else 0. */
  readonly perSecond: number
  /** From here on the state is `warning`; `Infinity` where the kind has no state. */
  readonly softLimit: number
}

/** The limits of one caller, worked out when the configuration is loaded. A caller without any has none of these. */
export interface CompiledLimits {
  /** The caller first, then its project; those that have a check. */
  readonly subjects: readonly Subject[]
  /** In the order of `CHECK_KINDS`. Nothing is checked that is not here, but all kinds are counted for every subject. */
  readonly checks: readonly Check[]
  /** Some check counts tokens or money, so the call must be estimated. */
  readonly countsTokens: boolean
  /** Some check counts money, so every target must have a price. */
  readonly countsMoney: boolean
  /** Some check is a token bucket. */
  readonly shapes: boolean
  /** Where calls wait that a token bucket refuses; null: nowhere. */
  readonly queue: { readonly maxWaitMs: number; readonly maxDepth: number } | null
}

export interface AdmissionRequest {
  /** The request id: unique, and the name of the lease. */
  readonly id: string
  readonly limits: CompiledLimits
  /** When the call came, Unix milliseconds: decides the calendar day and month, as its row will. */
  readonly ts: number
  /** Milliseconds on this process' monotonic clock: for windows and buckets. A shared store takes its own time. */
  readonly nowMs: number
  /** Estimated. */
  readonly inputTokens: number
  /** To be reserved: the cap of one answer times the number of answers. */
  readonly outputTokens: number
  /** Where less than `outputTokens` is left, so much will do. Equal to `outputTokens`: all or nothing. */
  readonly leastOutputTokens: number
  /** What the input costs at most. */
  readonly inputNanoUsd: number
  /** What output costs at most. Reserved are `ceil(outputTokens * outputNanoUsdPerMillion / 1e6)`. */
  readonly outputNanoUsdPerMillion: number
  /** A lease that the call holds already, of the same subjects: it ends unused in the same step, before the checks, also where they refuse. */
  readonly instead?: Lease | null
}

export type LimitState = "ok" | "warning" | "exhausted"

/** What a call holds until it is settled. An implementation keeps more in it. */
export interface Lease {
  readonly kind: "lease"
  readonly id: string
  /** Reserved so far. */
  readonly inputTokens: number
  readonly outputTokens: number
  readonly nanoUsd: number
  /** Of day and month quotas and money, right after this admission; null where there are none. */
  readonly quotaState: LimitState | null
  /** Of the lifetime budget. */
  readonly keyState: LimitState | null
}

/** The first check that did not pass. */
export interface Refusal {
  readonly kind: "refusal"
  readonly check: Check
  readonly subject: Subject
  /** Settled; of `rpm` and `tpm` all that counts at the moment. */
  readonly used: number
  /** Held by calls in flight. */
  readonly reserved: number
  /** What this call would have needed. */
  readonly requested: number
  /** When it may pass; null: not by waiting, or nobody knows. */
  readonly retryAfterMs: number | null
  /** Unix milliseconds at which the day or month ends; null for other kinds. */
  readonly resetsAt: number | null
}

/** Of a lease that was not needed. */
export const UNUSED: Amounts = { requests: 0, tokens: 0, nanoUsd: 0 }

/** What a call really used. `requests: 0` undoes the admission: the call counts nowhere, token buckets apart. */
export interface Amounts {
  readonly requests: 0 | 1
  readonly tokens: number
  readonly nanoUsd: number
}

/** One line of a caller's own view. */
export interface CheckView {
  readonly check: Check
  readonly subject: Subject
  readonly used: number
  readonly reserved: number
  readonly resetsAt: number | null
}

/** What the ledger knows of a subject, for a state that starts empty. */
export interface SubjectTotals {
  readonly key: string
  /** The day and month that the sums below belong to, as any instant inside. */
  readonly ts: number
  readonly day: Amounts3
  readonly month: Amounts3
  /** Days and months beside these, for a clock that is set. A store that outlives the process has its own. */
  readonly beside: readonly BesidePeriod[]
  readonly lifetimeTokens: number
  /** `lifetimeTokens` are of all time, not of this month alone. */
  readonly isWholeLifetime: boolean
  /** The calls of the last minute: how long ago, and their tokens. */
  readonly lastMinute: readonly { readonly agoMs: number; readonly tokens: number }[]
}

export interface BesidePeriod {
  readonly kind: "day" | "month"
  /** An instant inside. */
  readonly ts: number
  readonly used: Amounts3
}

export interface Amounts3 {
  readonly requests: number
  readonly tokens: number
  readonly nanoUsd: number
}

type Soon<Value> = Value | Promise<Value>

export interface GovernanceState {
  /** Can calls be admitted at the moment? For `/readyz`. */
  readonly isUsable: boolean
  /** Whether the store that several processes share answers; null: there is none. */
  readonly isStoreUp: boolean | null
  /** A store that cannot be reached rejects; the pipeline decides nothing by itself. */
  admit(request: AdmissionRequest): Soon<Lease | Refusal>
  /** More output for a call in flight, all or nothing: an admission of its own, of tokens and money only. Null: granted. */
  extend(lease: Lease, outputTokens: number, nowMs: number): Soon<Refusal | null>
  /** Closes the lease. Exactly once counts: a second call, and one for a lease that has expired and was booked, does nothing. */
  settle(lease: Lease, actual: Amounts, nowMs: number): void
  /**
   * Books the call of a caller that had no limits when it began, and has some now, or what a call has used beyond what was
   * booked. Below zero: less than was booked; the minute in which it was admitted keeps it. `id`: of the call, where all that it
   * used is booked.
   */
  book(limits: CompiledLimits, ts: number, actual: Amounts, nowMs: number, id?: string): void
  /** Says that these calls are still in flight; leases that nobody renews are settled at what they reserved. */
  renew(leases: Iterable<Lease>, nowMs: number): void
  /**
   * One line for each check, in their order. `onlyCounted`: none where a subject is not counted yet; else the ledger may be asked for
   * it, and it is counted from then on.
   */
  view(limits: CompiledLimits, ts: number, nowMs: number, onlyCounted?: boolean): Soon<readonly CheckView[]>
  /** These have no limits any more, and what they use is not told from now on: if they have some again, the ledger is asked. */
  forget(keys: readonly string[]): Soon<void>
  /**
   * What these have used is not known yet: until `restore` names them, calls of theirs are refused where a limit counts it
   * (`usage-store-unavailable`). A store that asks the ledger by itself has nothing to do.
   */
  withhold(keys: readonly string[], nowMs: number): void
  /** Subjects that are counted already, by key, and where it is asked since ever: only the others need `restore`. */
  knows(key: string, isForever: boolean): Soon<boolean>
  /**
   * What the ledger knows: in memory it takes the place of what was settled so far, which it must hold all of, and
   * reservations stay. A store that others count in as well takes it only for what it does not know.
   */
  restore(totals: readonly SubjectTotals[], nowMs: number): Soon<void>
  /** Others count this subject, too: what is used without a lease is to be booked there. */
  isCounted(key: string): boolean
  /**
   * These begin to be limited in this process, while others may count them, or should have: a shared store takes what the ledger knows
   * of them. Never rejects: where the store or the ledger is away, it is done when both are there.
   */
  recount(subjects: readonly Subject[]): Soon<void>
  close(): Soon<void>
}
