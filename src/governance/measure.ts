/** What a check looks at: which counter, and how much of it a call takes. */
import { CHECK_FACTS, isMoney } from "./check-kinds.ts"
import { endOfDay, endOfMonth, type Counts, type SubjectCounts } from "./counts.ts"
import type { AdmissionRequest, Amounts, Check, LimitState } from "./state.ts"

/** The counters of one subject that a call touches; its day and month stay those that it began in. */
export interface Holding {
  readonly counts: SubjectCounts
  readonly day: Counts
  readonly month: Counts
}

/** Settled; of windows and leases all that counts. Windows must have been advanced. */
export function usedOf(check: Check, { counts, day, month }: Holding, nowMs: number): number {
  const facts = CHECK_FACTS[check.kind]
  switch (facts.over) {
    case "flight":
      return 0
    case "minute":
      return facts.counts === "calls" ? counts.minute.requests : counts.minute.tokens
    case "day":
      return day.used(facts.counts)
    case "month":
      return month.used(facts.counts)
    case "lifetime":
      return counts.lifetime.used(facts.counts)
    case "bucket":
      return check.limit - counts.buckets[facts.counts].level(check.limit, check.perSecond, nowMs)
  }
}

/** Held by calls in flight. */
export function reservedOf(check: Check, { counts, day, month }: Holding): number {
  const facts = CHECK_FACTS[check.kind]
  switch (facts.over) {
    case "flight":
      return counts.concurrent
    case "day":
      return day.reserved(facts.counts)
    case "month":
      return month.reserved(facts.counts)
    case "lifetime":
      return counts.lifetime.reserved(facts.counts)
    case "minute":
    case "bucket":
      return 0
  }
}

/** What admitting the call with so much output adds. */
export function amountOf({ kind }: Check, request: AdmissionRequest, outputTokens: number): number {
  switch (CHECK_FACTS[kind].counts) {
    case "calls":
      return 1
    case "nano_usd":
      return request.inputNanoUsd + outputCost(outputTokens, request.outputNanoUsdPerMillion)
    case "input":
      return request.inputTokens
    case "output":
      return outputTokens
    case "tokens":
      return request.inputTokens + outputTokens
  }
}

const MILLION = 1_000_000

/** Nano-USD, rounded up. */
export function outputCost(tokens: number, nanoUsdPerMillion: number): number {
  return nanoUsdPerMillion === 0 ? 0 : Math.ceil((tokens * nanoUsdPerMillion) / MILLION)
}

/** The most output that fits in what is left, input apart. `Infinity`: it does not depend on output. */
export function outputWithin(check: Check, left: number, request: AdmissionRequest): number {
  if (!growsWithOutput(check)) return Infinity
  if (!isMoney(check.kind)) return left - request.inputTokens
  const price = request.outputNanoUsdPerMillion
  if (price === 0) return left >= request.inputNanoUsd ? Infinity : -1
  let tokens = Math.floor(((left - request.inputNanoUsd) * MILLION) / price)
  while (tokens > 0 && outputCost(tokens, price) > left - request.inputNanoUsd) tokens--
  return tokens
}

/** Kinds that a growing call must pass again. */
export function growsWithOutput({ kind }: Check): boolean {
  const { over, counts } = CHECK_FACTS[kind]
  return over !== "bucket" && counts !== "calls"
}

export function isBucket({ perSecond }: Check): boolean {
  return perSecond > 0
}

/** So long a call may keep its caller's bucket below zero. */
const LONGEST_DEBT_S = 3600

/** Does the call ask a bucket for more than it may ever owe? Waiting does not help then. */
export function isBeyond({ limit, perSecond }: Check, amount: number): boolean {
  return perSecond > 0 && amount - limit > perSecond * LONGEST_DEBT_S
}

export function resetOf({ kind }: Check, ts: number): number | null {
  const { over } = CHECK_FACTS[kind]
  return over === "day" ? endOfDay(ts) : over === "month" ? endOfMonth(ts) : null
}

export function reserve({ counts, day, month }: Holding, requests: number, tokens: number, nanoUsd: number): void {
  day.reserve(requests, tokens, nanoUsd)
  month.reserve(requests, tokens, nanoUsd)
  counts.lifetime.reserve(requests, tokens, nanoUsd)
}

export function book({ counts, day, month }: Holding, { requests, tokens, nanoUsd }: Amounts): void {
  for (const totals of [day, month, counts.lifetime] satisfies Counts[]) totals.book(requests, tokens, nanoUsd)
}

export function graver(left: LimitState | null, right: LimitState): LimitState {
  if (left === null || left === "ok") return right
  return left === "exhausted" ? left : right === "ok" ? left : right
}
