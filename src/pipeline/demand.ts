/** What a call asks of the capacity that all callers share, before anybody knows what it will use. */
import type { Target } from "../config/snapshot.ts"
import type { Demand } from "../upstream/shaping.ts"
import type { Call } from "./call.ts"
import { estimatedInputTokens } from "./estimate.ts"

export function demandOf(call: Call, target: Target): Demand {
  return { inputTokens: estimatedInputTokens(call.body), outputTokens: reservedOutputTokens(call, target) }
}

/** Each choice may be as long as the cap, or as the default without one, but not longer than the model can. */
function reservedOutputTokens({ facts, snapshot }: Call, target: Target): number {
  const wished = facts.outputCap?.tokens ?? snapshot.limits.defaultOutputReservation
  return Math.min(wished, target.facts.maxOutputTokens ?? Infinity) * facts.choices
}
