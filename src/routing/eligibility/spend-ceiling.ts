/** What a call may cost at most, by its group and by its caller: both hold, so the lower one counts. */
import type { SpendCeiling } from "../../config/spend-ceiling.ts"
import type { Target } from "../../config/snapshot.ts"
import { expectedCostNanoUsd } from "../expected-cost.ts"
import { NO_FIGURES } from "../live-view.ts"
import { estimatedInputTokens } from "./estimate.ts"
import type { Asked } from "./filter.ts"
import type { FilterReason } from "./reasons.ts"

/** Null: nothing against it. */
export function aboveCeiling(target: Target, ceiling: SpendCeiling | null, asked: Asked): FilterReason | null {
  if (ceiling === null) return null
  const { tier } = target.about
  const { allowedTiers, tierNanoUsd, maxNanoUsd } = ceiling
  if (allowedTiers !== null && (tier === null || !allowedTiers.has(tier))) return "spend-ceiling-tier"
  const most = Math.min(maxNanoUsd, tier === null ? Infinity : (tierNanoUsd.get(tier) ?? Infinity))
  if (most === Infinity) return null
  const cost = estimatedCostNanoUsd(target, asked)
  if (cost === null) return "unpriced"
  return cost > most ? "spend-ceiling-cost" : null
}

/**
 * All input fresh, and for each choice the output cap, or without one what is reserved for a stream; null: there are no
 * prices.
 */
function estimatedCostNanoUsd({ prices, reservation }: Target, asked: Asked): number | null {
  const { outputCap, choices } = asked.facts
  const answer = Math.min(outputCap?.tokens ?? reservation.streamTokens, reservation.maxOutputTokens ?? Infinity)
  const tokens = expectedCostNanoUsd(prices, NO_FIGURES, estimatedInputTokens(asked, 0), answer * choices)
  if (tokens === null || prices.image === null) return tokens
  return tokens + asked.shape.imageCount * prices.image
}
