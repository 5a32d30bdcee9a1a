/** All that is counted for one subject in the memory of this process. */
import type { Amounts3, CheckKind, SubjectTotals } from "./state.ts"
import { MinuteWindow } from "./window.ts"

const DAY_MS = 86_400_000
/** A day that is not one of the last few is forgotten; more than two live only where the clock is set back and forth. */
const PERIODS_KEPT = 5

/** Of a calendar day or month, or of all time. */
export class Counts {
  /** Days or months since 1970. */
  readonly index: number
  requests = 0
  tokens = 0
  nanoUsd = 0
  reservedRequests = 0
  reservedTokens = 0
  reservedNanoUsd = 0

  constructor(index: number) {
    this.index = index
  }

  reserve(requests: number, tokens: number, nanoUsd: number): void {
    this.reservedRequests += requests
    this.reservedTokens += tokens
    this.reservedNanoUsd += nanoUsd
  }

  book(requests: number, tokens: number, nanoUsd: number): void {
    this.requests += requests
    this.tokens += tokens
    this.nanoUsd += nanoUsd
  }

  /** It was used so much at least. */
  raise({ requests, tokens, nanoUsd }: Amounts3): void {
    this.requests = Math.max(this.requests, requests)
    this.tokens = Math.max(this.tokens, tokens)
    this.nanoUsd = Math.max(this.nanoUsd, nanoUsd)
  }
}

/** A token bucket; full at first. */
export class Bucket {
  #level = Number.POSITIVE_INFINITY
  #atMs = 0

  /** What is in it at the moment; below zero where a large call left a debt. */
  level(burst: number, perSecond: number, nowMs: number): number {
    const grown = this.#level + (Math.max(0, nowMs - this.#atMs) * perSecond) / 1000
    this.#level = Math.min(burst, grown)
    this.#atMs = Math.max(this.#atMs, nowMs)
    return this.#level
  }

  /** Behind `level`. */
  take(cost: number): void {
    this.#level -= cost
  }
}

export type BucketKind = Extract<
  CheckKind,
  "request_start" | "input_tokens" | "output_reservation_tokens" | "total_reserved_tokens"
>

export class SubjectCounts {
  concurrent = 0
  readonly minute: MinuteWindow = new MinuteWindow()
  readonly lifetime: Counts = new Counts(0)
  /** False: what was used before this month is not in it. */
  isWholeLifetime = false
  /** False: what it uses now is not counted, because it has no limits at the moment. */
  isCurrent = true
  readonly buckets: Readonly<Record<BucketKind, Bucket>> = {
    request_start: new Bucket(),
    input_tokens: new Bucket(),
    output_reservation_tokens: new Bucket(),
    total_reserved_tokens: new Bucket(),
  }
  #days: readonly Counts[] = []
  #months: readonly Counts[] = []

  /** What was used before anything was counted here. */
  begin(totals: SubjectTotals, nowMs: number): void {
    this.#raise(totals)
    const oldestFirst = totals.lastMinute.toSorted((left, right) => right.agoMs - left.agoMs)
    for (const { agoMs, tokens } of oldestFirst) this.minute.add(this.minute.advance(nowMs - agoMs), 1, tokens)
  }

  /** What was used while nothing was counted here, or before all of it was; what is counted stands in `totals` too. */
  catchUp(totals: SubjectTotals): void {
    if (!this.isCurrent) this.#raise(totals)
    else if (totals.isWholeLifetime && !this.isWholeLifetime) this.#raiseLifetime(totals)
    this.isCurrent = true
  }

  #raise(totals: SubjectTotals): void {
    const { ts, day, month, beside } = totals
    this.day(dayOf(ts)).raise(day)
    this.month(monthOf(ts)).raise(month)
    for (const { kind, ts: inside, used } of beside)
      (kind === "day" ? this.day(dayOf(inside)) : this.month(monthOf(inside))).raise(used)
    this.#raiseLifetime(totals)
  }

  #raiseLifetime({ lifetimeTokens, isWholeLifetime }: SubjectTotals): void {
    this.lifetime.raise({ requests: 0, tokens: lifetimeTokens, nanoUsd: 0 })
    this.isWholeLifetime = isWholeLifetime
  }

  day(index: number): Counts {
    const known = this.#days.find((counts) => counts.index === index)
    if (known !== undefined) return known
    const fresh = new Counts(index)
    this.#days = withNew(this.#days, fresh)
    return fresh
  }

  month(index: number): Counts {
    const known = this.#months.find((counts) => counts.index === index)
    if (known !== undefined) return known
    const fresh = new Counts(index)
    this.#months = withNew(this.#months, fresh)
    return fresh
  }
}

/** The newest first; what lies furthest back goes. */
function withNew(kept: readonly Counts[], fresh: Counts): readonly Counts[] {
  return [fresh, ...kept.toSorted((left, right) => right.index - left.index).slice(0, PERIODS_KEPT - 1)]
}

export function dayOf(ts: number): number {
  return Math.floor(ts / DAY_MS)
}

export function monthOf(ts: number): number {
  const date = new Date(ts)
  return (date.getUTCFullYear() - 1970) * 12 + date.getUTCMonth()
}

/** Unix milliseconds at which the day after `ts` begins. */
export function endOfDay(ts: number): number {
  return (dayOf(ts) + 1) * DAY_MS
}

export function endOfMonth(ts: number): number {
  const date = new Date(ts)
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1)
}
