/** What a call asks of the capacity that all callers share, before anybody knows what it will use. */
import type { Target } from "../config/snapshot.ts"
import { outputBound } from "../routing/most-usage.ts"
import type { Estimator } from "../governance/estimator.ts"
import type { Demand } from "../upstream/shaping.ts"
import type { Call } from "./call.ts"
import { visibleInputTokens } from "./estimate.ts"

export function demandOf(call: Call, target: Target, estimator: Estimator): Demand {
  return { inputTokens: visibleInputTokens(call, target, estimator), outputTokens: reservedOutputTokens(call, target) }
}

/** Each choice may be as long as the cap, or as the default without one, but not longer than the model can. */
function reservedOutputTokens(call: Call, target: Target): number {
  const { reservation, facts } = target
  const wished = outputBound(call, target) ?? reservation.streamTokens
  return Math.min(wished, facts.maxOutputTokens ?? Infinity) * call.facts.drafts
}
