/** What a check looks at: which counter, and how much of it a call takes. */
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
  switch (check.kind) {
    case "concurrent":
      return 0
    case "rpm":
      return counts.minute.requests
    case "tpm":
      return counts.minute.tokens
    case "day_requests":
      return day.requests
    case "day_tokens":
      return day.tokens
    case "day_nano_usd":
      return day.nanoUsd
    case "month_requests":
      return month.requests
    case "month_tokens":
      return month.tokens
    case "month_nano_usd":
      return month.nanoUsd
    case "lifetime_tokens":
      return counts.lifetime.tokens
    case "request_start":
    case "input_tokens":
    case "output_reservation_tokens":
    case "total_reserved_tokens":
      return check.limit - counts.buckets[check.kind].level(check.limit, check.perSecond, nowMs)
  }
}

/** Held by calls in flight. */
export function reservedOf(check: Check, { counts, day, month }: Holding): number {
  switch (check.kind) {
    case "concurrent":
      return counts.concurrent
    case "day_requests":
      return day.reservedRequests
    case "day_tokens":
      return day.reservedTokens
    case "day_nano_usd":
      return day.reservedNanoUsd
    case "month_requests":
      return month.reservedRequests
    case "month_tokens":
      return month.reservedTokens
    case "month_nano_usd":
      return month.reservedNanoUsd
    case "lifetime_tokens":
      return counts.lifetime.reservedTokens
    default:
      return 0
  }
}

/** What admitting the call with so much output adds. */
export function amountOf(check: Check, request: AdmissionRequest, outputTokens: number): number {
  switch (check.kind) {
    case "concurrent":
    case "rpm":
    case "request_start":
    case "day_requests":
    case "month_requests":
      return 1
    case "day_nano_usd":
    case "month_nano_usd":
      return request.inputNanoUsd + outputCost(outputTokens, request.outputNanoUsdPerMillion)
    case "input_tokens":
      return request.inputTokens
    case "output_reservation_tokens":
      return outputTokens
    default:
      return request.inputTokens + outputTokens
  }
}

const MILLION = 1_000_000

/** Nano-USD, rounded up. */
export function outputCost(tokens: number, nanoUsdPerMillion: number): number {
  return nanoUsdPerMillion === 0 ? 0 : Math.ceil((tokens * nanoUsdPerMillion) / MILLION)
}

/** The most output that fits in what is left, input apart. */
export function outputWithin(check: Check, left: number, request: AdmissionRequest): number {
  switch (check.kind) {
    case "tpm":
    case "day_tokens":
    case "month_tokens":
    case "lifetime_tokens":
      return left - request.inputTokens
    case "day_nano_usd":
    case "month_nano_usd": {
      const price = request.outputNanoUsdPerMillion
      if (price === 0) return left >= request.inputNanoUsd ? Infinity : -1
      let tokens = Math.floor(((left - request.inputNanoUsd) * MILLION) / price)
      while (tokens > 0 && outputCost(tokens, price) > left - request.inputNanoUsd) tokens--
      return tokens
    }
    default:
      return Infinity
  }
}

/** Kinds that a growing call must pass again. */
export function growsWithOutput(check: Check): boolean {
  return check.kind === "tpm" || check.kind.endsWith("nano_usd") || isQuotaOfTokens(check)
}

function isQuotaOfTokens({ kind }: Check): boolean {
  return kind === "day_tokens" || kind === "month_tokens" || kind === "lifetime_tokens"
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
  if (kind.startsWith("day_")) return endOfDay(ts)
  return kind.startsWith("month_") ? endOfMonth(ts) : null
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
