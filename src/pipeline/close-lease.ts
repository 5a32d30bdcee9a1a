/** Gives back what a call held of its caller's limits, and books what it really used. Runs once, on every way out. */
import type { CompiledLimits, Subject } from "../governance/state.ts"
import { dearestCost } from "../ledger/price.ts"
import type { UsageRow } from "../ledger/record.ts"
import type { Call } from "./call.ts"
import type { Gateway } from "./gateway.ts"
import { isUsagePending } from "./returned-state.ts"

const MILLION = 1_000_000

export function closeLease(call: Call, gateway: Gateway, usage: UsageRow): void {
  const { lease } = call
  if (lease !== null) {
    const { state } = gateway.governance
    const amounts = amountsOf(call, usage)
    state.settle(lease, amounts, gateway.clock.monotonicMs())
    if (isUsagePending(call)) gateway.governance.awaitUsage(call.id, amounts)
    learn(call, gateway, usage)
  }
  if (call.books !== null) bookPending(call, call.books, gateway, usage)
  else if (call.snapshot !== gateway.snapshot) bookLate(call, gateway, usage)
}

/** What an answer in the background has used, in place of what was kept for it. */
function bookPending(call: Call, requestId: string, gateway: Gateway, usage: UsageRow): void {
  const limits = gateway.snapshot.callerLimits.get(call.credential?.caller.id ?? "") ?? null
  const taken = gateway.governance.usageKnown(requestId)
  if (limits === null || taken === null) return
  const { tokens, nanoUsd } = amountsOf(call, usage)
  const difference = { requests: 0, tokens: tokens - taken.tokens, nanoUsd: nanoUsd - taken.nanoUsd } as const
  gateway.governance.state.book(limits, call.ts, difference, gateway.clock.monotonicMs())
}

function amountsOf(call: Call, usage: UsageRow): { requests: 0 | 1; tokens: number; nanoUsd: number } {
  const { lease } = call
  // nobody knows yet what an answer in the background uses: the limits keep all that it may
  if (lease !== null && isUsagePending(call))
    return { requests: 1, tokens: lease.inputTokens + lease.outputTokens, nanoUsd: lease.nanoUsd }
  return {
    // what no target was asked for counts nowhere
    requests: call.attempts.length > 0 ? 1 : 0,
    tokens: counted(usage.total_tokens, (lease?.inputTokens ?? 0) + (lease?.outputTokens ?? 0)),
    nanoUsd: counted(usage.total_cost_nano_usd ?? dearCost(call, usage), lease?.nanoUsd ?? 0),
  }
}

/** An upstream may report anything: what is no count is taken for all that was reserved. Null: nothing was used. */
function counted(value: number | null, reserved: number): number {
  if (value === null) return 0
  return Number.isSafeInteger(value) && value >= 0 ? value : reserved
}

/** Tokens were used, but what they cost cannot be known: a budget takes them at the dearest price, as after a restart. */
function dearCost({ current }: Call, usage: UsageRow): number {
  const { input_tokens: input, output_tokens: output } = usage
  if (usage.input_price_nano_usd_per_million !== null) return dearestCost(usage)
  const prices = current?.target.reservation.prices ?? null
  if (prices === null || input === null || output === null) return 0
  const step = prices.steps.findLast(({ aboveInputTokens }) => input > aboveInputTokens)
  if (step === undefined) return 0
  return Math.ceil((input * step.inputNanoUsdPerMillion + output * step.outputNanoUsdPerMillion) / MILLION)
}

function learn(call: Call, { governance }: Gateway, usage: UsageRow): void {
  const { estimate, current } = call
  if (estimate === null || current === undefined || usage.usage_source !== "provider") return
  const { input_tokens: tokens } = usage
  if (tokens === null) return
  governance.estimator.compare(estimate.inputTokens, tokens)
  if (estimate.textBytes !== null) governance.estimator.learn(current.target.model, estimate.textBytes, tokens)
}

/**
 * The configuration has changed since: of the caller and the project that the call's row names, what has limits now, and
 * had none when the call began, counts it all the same.
 */
function bookLate(call: Call, gateway: Gateway, usage: UsageRow): void {
  if (call.credential === null) return
  const { id, project, limits: before } = call.credential.caller
  const late = new Map<string, Subject>()
  // the caller may be gone, or be in another project now
  for (const limits of gateway.snapshot.callerLimits.values()) {
    for (const subject of limits?.subjects ?? [])
      if (subject.id === (subject.scope === "caller" ? id : project)) late.set(subject.key, subject)
  }
  for (const { key } of before?.subjects ?? []) late.delete(key)
  if (late.size === 0) return
  const limits: CompiledLimits = { ...UNCHECKED, subjects: [...late.values()] }
  gateway.governance.state.book(limits, call.ts, amountsOf(call, usage), gateway.clock.monotonicMs())
}

const UNCHECKED = { checks: [], countsTokens: true, countsMoney: true, shapes: false, queue: null } as const
