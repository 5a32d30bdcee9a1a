/** Limits counted in the memory of this process: every step is a few additions. */
import { CHECK_FACTS } from "./check-kinds.ts"
import { dayOf, isIdle, monthOf, SubjectCounts } from "./counts.ts"
import {
  amountOf,
  book,
  graver,
  growsWithOutput,
  isBeyond,
  isBucket,
  outputCost,
  outputWithin,
  reserve,
  reservedOf,
  resetOf,
  usedOf,
  type Holding,
} from "./measure.ts"
import { MinuteWindow } from "./window.ts"
import { Withheld } from "./withheld.ts"
import { UNUSED } from "./state.ts"
import type {
  AdmissionRequest,
  Amounts,
  Check,
  CheckView,
  CompiledLimits,
  GovernanceState,
  Lease,
  LimitState,
  Refusal,
  Subject,
  SubjectTotals,
} from "./state.ts"

/** A slot comes free when some call ends; nobody knows when, and asking once a second costs little. */
const BLOCKED_BY_CALLS_MS = 1000

class MemoryLease implements Lease {
  readonly kind = "lease"
  readonly id: string
  readonly ts: number
  readonly limits: CompiledLimits
  readonly holdings: readonly Holding[]
  readonly inputTokens: number
  readonly outputNanoUsdPerMillion: number
  outputTokens: number
  nanoUsd: number
  /** The slice of the minute that the latest reservation went to, and how much of it; the rest is used up. */
  slice: number
  sliceTokens: number
  usedUpTokens = 0
  readonly firstSlice: number
  isOpen = true
  quotaState: LimitState | null = null
  keyState: LimitState | null = null

  constructor(request: AdmissionRequest, holdings: readonly Holding[], outputTokens: number, slice: number) {
    this.id = request.id
    this.ts = request.ts
    this.limits = request.limits
    this.holdings = holdings
    this.inputTokens = request.inputTokens
    this.outputTokens = outputTokens
    this.outputNanoUsdPerMillion = request.outputNanoUsdPerMillion
    this.nanoUsd = request.inputNanoUsd + outputCost(outputTokens, request.outputNanoUsdPerMillion)
    this.firstSlice = slice
    this.slice = slice
    this.sliceTokens = request.inputTokens + outputTokens
  }
}

export class MemoryState implements GovernanceState {
  readonly isUsable = true
  readonly isStoreUp = null
  readonly #subjects = new Map<string, SubjectCounts>()
  readonly #withheld = new Withheld()
  /** Subjects that are known to have used nothing yet, and whether that is true of all time: many callers are idle. */
  readonly #idle = new Map<string, boolean>()

  admit(request: AdmissionRequest): Lease | Refusal {
    const { limits, ts, nowMs, instead } = request
    this.#withheld.refuse(limits, nowMs)
    if (instead) this.settle(instead, UNUSED, nowMs)
    const holdings = this.#holdings(limits, ts)
    let slice = 0
    for (const { counts } of holdings) slice = counts.minute.advance(nowMs)
    let { outputTokens } = request
    for (const check of limits.checks) {
      const holding = holdings[check.subject]
      if (holding === undefined) continue
      const left = check.limit - usedOf(check, holding, nowMs) - reservedOf(check, holding)
      if (isBucket(check)) {
        const amount = amountOf(check, request, outputTokens)
        if (left < Math.min(check.limit, amount) || isBeyond(check, amount))
          return refusal(check, holding, request, outputTokens)
        continue
      }
      if (amountOf(check, request, outputTokens) <= left) continue
      const fits = outputWithin(check, left, request)
      if (fits === Infinity || fits < request.leastOutputTokens || fits < 0)
        return refusal(check, holding, request, request.leastOutputTokens)
      outputTokens = fits
    }
    return take(new MemoryLease(request, holdings, outputTokens, slice), request)
  }

  extend(held: Lease, outputTokens: number, nowMs: number): Refusal | null {
    const lease = held as MemoryLease
    const { limits, ts, id, holdings } = lease
    const price = lease.outputNanoUsdPerMillion
    const more: AdmissionRequest = {
      id,
      limits,
      ts,
      nowMs,
      inputTokens: 0,
      outputTokens,
      leastOutputTokens: outputTokens,
      inputNanoUsd: 0,
      outputNanoUsdPerMillion: price,
    }
    let slice = 0
    for (const { counts } of holdings) slice = counts.minute.advance(nowMs)
    for (const check of limits.checks) {
      const holding = holdings[check.subject]
      if (holding === undefined || !growsWithOutput(check)) continue
      const left = check.limit - usedOf(check, holding, nowMs) - reservedOf(check, holding)
      if (amountOf(check, more, outputTokens) > left) return refusal(check, holding, more, outputTokens)
    }
    if (!lease.isOpen) return null
    const nanoUsd = outputCost(outputTokens, price)
    for (const holding of holdings) {
      reserve(holding, 0, outputTokens, nanoUsd)
      holding.counts.minute.add(slice, 0, outputTokens)
    }
    lease.outputTokens += outputTokens
    lease.nanoUsd += nanoUsd
    if (slice === lease.slice) lease.sliceTokens += outputTokens
    else {
      lease.usedUpTokens += lease.sliceTokens
      lease.slice = slice
      lease.sliceTokens = outputTokens
    }
    return null
  }

  settle(held: Lease, actual: Amounts, nowMs: number): void {
    const lease = held as MemoryLease
    if (!lease.isOpen) return
    lease.isOpen = false
    const reserved = lease.inputTokens + lease.outputTokens
    const difference = actual.tokens - lease.usedUpTokens - lease.sliceTokens
    for (const holding of lease.holdings) {
      const { counts } = holding
      reserve(holding, -1, -reserved, -lease.nanoUsd)
      book(holding, actual)
      counts.concurrent -= 1
      const now = counts.minute.advance(nowMs)
      if (actual.requests === 0) counts.minute.add(lease.firstSlice, -1, 0)
      // what was not needed goes back where it was taken; what was missing counts from now on
      if (difference <= 0) counts.minute.add(lease.slice, 0, Math.max(difference, -lease.sliceTokens))
      else counts.minute.add(now, 0, difference)
    }
  }

  book(limits: CompiledLimits, ts: number, actual: Amounts, nowMs: number): void {
    for (const holding of this.#holdings(limits, ts)) {
      book(holding, actual)
      const slice = holding.counts.minute.advance(nowMs)
      holding.counts.minute.add(slice, actual.requests, Math.max(0, actual.tokens))
    }
  }

  /** Here every call comes to `settle`: none outlives the process. */
  renew(): void {}

  view(limits: CompiledLimits, ts: number, nowMs: number, onlyCounted = false): readonly CheckView[] {
    if (onlyCounted && !limits.subjects.every(({ key }) => this.#subjects.has(key))) return []
    if (!onlyCounted) this.#withheld.refuse(limits, nowMs)
    const holdings = this.#holdings(limits, ts)
    for (const { counts } of holdings) counts.minute.advance(nowMs)
    return limits.checks.flatMap((check): CheckView[] => {
      const holding = holdings[check.subject]
      const subject = limits.subjects[check.subject]
      if (holding === undefined || subject === undefined) return []
      const used = usedOf(check, holding, nowMs)
      return [{ check, subject, used, reserved: reservedOf(check, holding), resetsAt: resetOf(check, ts) }]
    })
  }

  knows(key: string, isForever: boolean): boolean {
    if (this.#withheld.has(key)) return false
    const isWholeLifetime = this.#subjects.get(key)?.isWholeLifetime ?? this.#idle.get(key)
    return isWholeLifetime !== undefined && (isWholeLifetime || !isForever)
  }

  withhold(keys: readonly string[], nowMs: number): void {
    this.#withheld.add(keys, nowMs)
  }

  /** `restore` takes the place of what was counted. */
  forget(): void {}

  restore(totals: readonly SubjectTotals[], nowMs: number): void {
    for (const one of totals) {
      const { key, ts, day, month, beside, lifetimeTokens, isWholeLifetime, lastMinute } = one
      this.#withheld.known(key)
      if (isIdle(one) && !this.#subjects.has(key)) {
        this.#idle.set(key, isWholeLifetime)
        continue
      }
      const counts = this.#countsOf(key)
      const periods = [{ kind: "day", ts, used: day }, { kind: "month", ts, used: month }, ...beside] as const
      for (const { kind, ts: inside, used } of periods)
        (kind === "day" ? counts.day(dayOf(inside)) : counts.month(monthOf(inside))).replace(used)
      counts.lifetime.replace({ requests: 0, tokens: lifetimeTokens, nanoUsd: 0 })
      counts.isWholeLifetime = isWholeLifetime
      // calls in flight will give back what they took of the minute
      if (counts.concurrent > 0) continue
      counts.minute = new MinuteWindow()
      for (const { agoMs, tokens } of lastMinute.toSorted((left, right) => right.agoMs - left.agoMs))
        counts.minute.add(counts.minute.advance(nowMs - agoMs), 1, tokens)
    }
  }

  readonly isCounted = (): boolean => false
  /** Here `restore` does it. */
  readonly recount = (): void => {}
  close(): void {}

  #holdings({ subjects }: CompiledLimits, ts: number): readonly Holding[] {
    const [day, month] = [dayOf(ts), monthOf(ts)]
    return subjects.map(({ key }) => {
      const counts = this.#countsOf(key)
      return { counts, day: counts.day(day), month: counts.month(month) }
    })
  }

  #countsOf(key: string): SubjectCounts {
    const known = this.#subjects.get(key)
    if (known !== undefined) return known
    const fresh = new SubjectCounts()
    fresh.isWholeLifetime = this.#idle.get(key) ?? false
    this.#idle.delete(key)
    this.#subjects.set(key, fresh)
    return fresh
  }
}

/** Every check has passed. */
function take(lease: MemoryLease, request: AdmissionRequest): Lease {
  const tokens = lease.inputTokens + lease.outputTokens
  for (const holding of lease.holdings) {
    holding.counts.concurrent += 1
    reserve(holding, 1, tokens, lease.nanoUsd)
    holding.counts.minute.add(lease.firstSlice, 1, tokens)
  }
  for (const check of request.limits.checks) {
    const holding = lease.holdings[check.subject]
    if (holding === undefined) continue
    const facts = CHECK_FACTS[check.kind]
    if (facts.over === "bucket") holding.counts.buckets[facts.counts].take(amountOf(check, request, lease.outputTokens))
    else if (check.softLimit !== Infinity) noteState(lease, check, holding)
  }
  return lease
}

function noteState(lease: MemoryLease, check: Check, holding: Holding): void {
  const taken = usedOf(check, holding, 0) + reservedOf(check, holding)
  const state = taken >= check.limit ? "exhausted" : taken >= check.softLimit ? "warning" : "ok"
  if (CHECK_FACTS[check.kind].over === "lifetime") lease.keyState = graver(lease.keyState, state)
  else lease.quotaState = graver(lease.quotaState, state)
}

function refusal(check: Check, holding: Holding, request: AdmissionRequest, outputTokens: number): Refusal {
  const subject = request.limits.subjects[check.subject] as Subject
  const used = usedOf(check, holding, request.nowMs)
  const reserved = reservedOf(check, holding)
  const requested = amountOf(check, request, outputTokens)
  return {
    kind: "refusal",
    check,
    subject,
    used,
    reserved,
    requested,
    retryAfterMs: retryAfter(check, holding, request.nowMs, used, requested),
    resetsAt: resetOf(check, request.ts),
  }
}

function retryAfter(check: Check, holding: Holding, nowMs: number, used: number, requested: number): number | null {
  if (isBeyond(check, requested)) return null
  if (isBucket(check)) return ((Math.min(check.limit, requested) - (check.limit - used)) * 1000) / check.perSecond
  const { over, counts } = CHECK_FACTS[check.kind]
  if (over === "minute")
    return holding.counts.minute.waitMs(counts === "calls" ? "requests" : "tokens", requested, check.limit, nowMs)
  return used + requested <= check.limit ? BLOCKED_BY_CALLS_MS : null
}
