/** What a call asks of the capacity that all callers share, before anybody knows what it will use. */
import type { Target } from "../../config/snapshot.ts"
import type { Estimator } from "../../governance/estimator.ts"
import { outputBound } from "../../routing/most-usage.ts"
import type { Demand } from "../../upstream/shaping.ts"
import type { CallRequest } from "../call/request.ts"
import { visibleInputTokens } from "./estimate.ts"

export function demandOf(request: CallRequest, target: Target, estimator: Estimator): Demand {
  return {
    inputTokens: visibleInputTokens(request, target, estimator),
    outputTokens: reservedOutputTokens(request, target),
  }
}

/** Each choice may be as long as the cap, or as the default without one, but not longer than the model can. */
function reservedOutputTokens(request: CallRequest, target: Target): number {
  const { reservation, facts } = target
  const wished = outputBound(request, target) ?? reservation.streamTokens
  return Math.min(wished, facts.maxOutputTokens ?? Infinity) * request.facts.drafts
}
