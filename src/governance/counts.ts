/** All that is counted for one subject in the memory of this process. */
import { Bucket } from "../bucket.ts"
import type { BucketAmount } from "./check-kinds.ts"
import type { Amounts3, SubjectTotals } from "./state.ts"
import { MinuteWindow } from "./window.ts"

const DAY_MS = 86_400_000
/** A day that is not one of the last few is forgotten; more than two live only where the clock is set back and forth. */
const PERIODS_KEPT = 5

type PeriodAmount = "calls" | "tokens" | "nano_usd"

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

  used(amount: PeriodAmount): number {
    return amount === "calls" ? this.requests : amount === "tokens" ? this.tokens : this.nanoUsd
  }

  reserved(amount: PeriodAmount): number {
    if (amount === "calls") return this.reservedRequests
    return amount === "tokens" ? this.reservedTokens : this.reservedNanoUsd
  }

  reserve(requests: number, tokens: number, nanoUsd: number): void {
    this.reservedRequests += requests
    this.reservedTokens += tokens
    this.reservedNanoUsd += nanoUsd
  }

  /** In place of what was booked. */
  replace({ requests, tokens, nanoUsd }: Amounts3): void {
    this.requests = requests
    this.tokens = tokens
    this.nanoUsd = nanoUsd
  }

  book(requests: number, tokens: number, nanoUsd: number): void {
    this.requests += requests
    this.tokens += tokens
    this.nanoUsd += nanoUsd
  }
}

export class SubjectCounts {
  concurrent = 0
  minute: MinuteWindow = new MinuteWindow()
  readonly lifetime: Counts = new Counts(0)
  /** False: what was used before this month is not in it. */
  isWholeLifetime = false
  readonly buckets: Readonly<Record<BucketAmount, Bucket>> = {
    calls: new Bucket(),
    input: new Bucket(),
    output: new Bucket(),
    tokens: new Bucket(),
  }
  #days: readonly Counts[] = []
  #months: readonly Counts[] = []

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

/** Has the subject used nothing? */
export function isIdle({ day, month, beside, lifetimeTokens, lastMinute }: SubjectTotals): boolean {
  const used = [day, month, ...beside.map((period) => period.used)]
  return (
    lifetimeTokens === 0 &&
    lastMinute.length === 0 &&
    used.every(({ requests, tokens, nanoUsd }) => requests === 0 && tokens === 0 && nanoUsd === 0)
  )
}
