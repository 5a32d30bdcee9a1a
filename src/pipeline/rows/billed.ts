/** What a call is billed for: what the upstream reported, or, where it could not, what can be told without it. */
import type { BilledUsage } from "../../canonical/billed-usage.ts"
import type { Target } from "../../config/snapshot.ts"
import { noCosts, type Costs } from "../../ledger/price.ts"
import type { UsageSource } from "../../ledger/record.ts"
import { isUsagePending } from "../answer/returned-state.ts"
import { isAdmitted, type Call } from "../call.ts"
import type { Attempt } from "../call/attempt.ts"
import type { Outcome } from "../call/outcome.ts"
import type { CallRequest } from "../call/request.ts"
import type { Gateway } from "../gateway.ts"
import { visibleInputTokens } from "../limits/estimate.ts"
import { reservedFor } from "../limits/limit-amounts.ts"
import { costsOf } from "./costs.ts"

export interface Billed {
  readonly usage: BilledUsage | null
  readonly source: UsageSource
  /** Whose prices count; null: nobody's. */
  readonly target: Target | null
  readonly costs: Costs
}

export function billed(call: Call, { error, answer }: Outcome, gateway: Gateway): Billed {
  if (answer.source === "cache") return FROM_CACHE
  const { facts, attempt } = answer
  const target = attempt !== null && (answer.source === "target" || answer.isOwed) ? attempt.target : null
  const bill = (usage: BilledUsage | null, source: UsageSource): Billed => ({
    usage,
    source,
    target,
    costs: costsOf(target, usage, facts.serviceTier, call.imageCount),
  })
  if (attempt === null || target === null || !isAdmitted(call)) return bill(null, "none")
  const { usage } = facts
  if (usage !== null) {
    const all = usage.unreported === null ? usage : withUnreported(usage, attempt, call.request, gateway)
    if (error === null || answer.isWhole) return bill(all, all === usage ? "provider" : "partial")
    return bill(withObserved(all, attempt), "partial")
  }
  if (isUsagePending(call, answer) || !answer.isOwed) return bill(null, "none")
  // what is made in the background and cannot be asked for again may use all that it was allowed to
  const isUnseen = answer.isWhole && call.request.runsInBackground
  const tokens = isUnseen ? reservedFor(call, target, gateway) : observed(call.request, attempt, gateway)
  return bill(estimatedUsage(tokens), "estimated")
}

/** A stream that broke off may have reported its input and no more than its first token. */
function withObserved(usage: BilledUsage, { meter }: Attempt): BilledUsage {
  return meter === null || meter.tokens <= usage.outputTokens ? usage : { ...usage, outputTokens: meter.tokens }
}

/** A report of one side alone does not make the other one free. */
function withUnreported(
  usage: BilledUsage,
  attempt: Attempt,
  request: CallRequest,
  { governance }: Gateway,
): BilledUsage {
  if (usage.unreported === "output")
    return { ...usage, outputTokens: Math.max(usage.outputTokens, observedOutputTokens(attempt)) }
  const { cachedInputTokens, cacheWrite5mTokens, cacheWrite1hTokens } = usage
  const cached = cachedInputTokens + cacheWrite5mTokens + cacheWrite1hTokens
  const visible = visibleInputTokens(request, attempt.target, governance.estimator)
  return { ...usage, freshInputTokens: Math.max(0, visible - cached) }
}

/** Where no text came there was no output to see. */
function observedOutputTokens({ meter }: Attempt): number {
  return meter?.tokens ?? 0
}

interface Estimated {
  readonly inputTokens: number
  readonly outputTokens: number
}

function observed(request: CallRequest, attempt: Attempt, { governance }: Gateway): Estimated {
  return {
    inputTokens: visibleInputTokens(request, attempt.target, governance.estimator),
    outputTokens: observedOutputTokens(attempt),
  }
}

/** Nobody reported it: all input is taken for fresh. */
export function estimatedUsage({ inputTokens, outputTokens }: Estimated): BilledUsage {
  return {
    freshInputTokens: inputTokens,
    cachedInputTokens: 0,
    cacheWrite5mTokens: 0,
    cacheWrite1hTokens: 0,
    outputTokens,
    reasoningTokens: null,
    unreported: null,
    reportedCostUsd: null,
    mixedModels: false,
    parts: null,
  }
}

/** Nothing was used, and that is known. */
const FROM_CACHE: Billed = {
  usage: estimatedUsage({ inputTokens: 0, outputTokens: 0 }),
  source: "none",
  target: null,
  costs: { ...noCosts(null), total_cost_nano_usd: 0 },
}
