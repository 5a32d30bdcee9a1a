/** What a call is billed for: what the upstream reported, or, where it could not, what can be told without it. */
import type { Target } from "../config/snapshot.ts"
import type { Usage } from "../dialects/dialect.ts"
import type { UsageSource } from "../ledger/record.ts"
import type { Call, Outcome } from "./call.ts"
import { visibleInputTokens } from "./estimate.ts"
import type { Gateway } from "./gateway.ts"
import { reservedFor } from "./limit-amounts.ts"
import { isUsagePending, runsInBackground } from "./returned-state.ts"

export interface Billed {
  readonly usage: Usage | null
  readonly source: UsageSource
  /** Whose prices count; null: nobody's. */
  readonly target: Target | null
}

export function billed(call: Call, gateway: Gateway, outcome: Outcome): Billed {
  const { usage } = call.answer
  const target = servedBy(call)
  if (usage !== null) {
    const isWhole = outcome.error === null || call.answered
    const asked = target ?? (isWhole ? null : sentTo(call))
    const all = usage.unreported === null || asked === null ? usage : withUnreported(usage, call, asked, gateway)
    if (isWhole) return { usage: all, source: all === usage ? "provider" : "partial", target }
    return { usage: withObserved(all, call), source: "partial", target: asked }
  }
  if (isUsagePending(call)) return { usage: null, source: "none", target }
  const reached = target !== null && call.firstContentAt !== null ? target : sentTo(call)
  if (reached === null) return { usage: null, source: "none", target }
  // what is made in the background and cannot be asked for again may use all that it was allowed to
  const isUnseen = call.answered && runsInBackground(call)
  const tokens = isUnseen ? reservedFor(call, reached, gateway) : observed(call, reached, gateway)
  return { usage: estimatedUsage(tokens), source: "estimated", target: reached }
}

/** The target whose answer, or part of an answer, the client got. */
export function servedBy({ current, firstContentAt }: Call): Target | null {
  if (current === undefined) return null
  return current.failure === null || firstContentAt !== null ? current.target : null
}

/** Where a call was on its way, or in work, when its client left: whoever hangs up still pays for what was asked. */
function sentTo({ current, clientLeft }: Call): Target | null {
  if (!clientLeft || current === undefined) return null
  if (current.failure !== null && current.failure.class !== "client_cancel") return null
  return current.status === null || (current.status >= 200 && current.status < 300) ? current.target : null
}

/** A stream that broke off may have reported its input and no more than its first token. */
function withObserved(usage: Usage, { meter }: Call): Usage {
  return meter === null || meter.tokens <= usage.outputTokens ? usage : { ...usage, outputTokens: meter.tokens }
}

/** A report of one side alone does not make the other one free. */
function withUnreported(usage: Usage, call: Call, target: Target, { governance }: Gateway): Usage {
  if (usage.unreported === "output")
    return { ...usage, outputTokens: Math.max(usage.outputTokens, observedOutputTokens(call)) }
  const { cachedInputTokens, cacheWrite5mTokens, cacheWrite1hTokens } = usage
  const cached = cachedInputTokens + cacheWrite5mTokens + cacheWrite1hTokens
  const visible = visibleInputTokens(call, target, governance.estimator)
  return { ...usage, freshInputTokens: Math.max(0, visible - cached) }
}

/** Where no text came there was no output to see. */
function observedOutputTokens({ meter }: Call): number {
  return meter?.tokens ?? 0
}

interface Estimated {
  readonly inputTokens: number
  readonly outputTokens: number
}

function observed(call: Call, target: Target, { governance }: Gateway): Estimated {
  return {
    inputTokens: visibleInputTokens(call, target, governance.estimator),
    outputTokens: observedOutputTokens(call),
  }
}

/** Nobody reported it: all input is taken for fresh. */
export function estimatedUsage({ inputTokens, outputTokens }: Estimated): Usage {
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
