/** What a call may cost at most, by its group and by its caller: both hold, so the lower one counts. */
import type { SpendCeiling } from "../../config/compile/spend-ceiling.ts"
import type { Group, Target } from "../../config/snapshot.ts"
import { expectedCostNanoUsd } from "../expected-cost.ts"
import { NO_FIGURES } from "../live-view.ts"
import {
  encodedTokens,
  hidesContent,
  IMAGE_TOKENS,
  outputBound,
  textBytes,
  UNKNOWN_CONTEXT_TOKENS,
} from "../most-usage.ts"
import { askedFactor } from "../service-factor.ts"
import type { Asked } from "./filter.ts"
import type { FilterReason } from "./reasons.ts"

/** As admission has it before it has learned: rather too many tokens than too few. */
const BYTES_PER_TOKEN = 3

/** Null: nothing against it. */
export function aboveCeiling(
  target: Target,
  ceiling: SpendCeiling | null,
  group: Group,
  asked: Asked,
): FilterReason | null {
  if (ceiling === null) return null
  const { tier } = target.about
  const { allowedTiers, tierNanoUsd, maxNanoUsd } = ceiling
  if (allowedTiers !== null && (tier === null || !allowedTiers.has(tier))) return "spend-ceiling-tier"
  const most = Math.min(maxNanoUsd, tier === null ? Infinity : (tierNanoUsd.get(tier) ?? Infinity))
  if (most === Infinity) return null
  const cost = estimatedCostNanoUsd(target, group, asked)
  if (cost === null) return "unpriced"
  return cost > most ? "spend-ceiling-cost" : null
}

/**
 * All input fresh, and for each choice the output cap, or without one what is reserved for a stream; content that nobody
 * here sees fills the context, and a service that is asked for is the dearest. Null: there are no prices.
 */
function estimatedCostNanoUsd(target: Target, group: Group, asked: Asked): number | null {
  const { prices, reservation } = target
  const { contextTokens, maxOutputTokens, maxImageTokens, streamTokens } = reservation
  const { facts, shape } = asked
  const answer = Math.min(outputBound(asked, target) ?? streamTokens, maxOutputTokens ?? contextTokens ?? Infinity)
  const files = encodedTokens(shape, maxImageTokens ?? IMAGE_TOKENS, maxImageTokens !== null)
  const visible = Math.ceil(textBytes(asked) / BYTES_PER_TOKEN) + files
  const hidden = hidesContent(asked, group) ? (contextTokens ?? UNKNOWN_CONTEXT_TOKENS) - answer : 0
  const tokens = expectedCostNanoUsd(prices, NO_FIGURES, Math.max(visible, hidden), answer * facts.drafts)
  if (tokens === null) return null
  return (tokens + shape.imageCount * (prices.image ?? 0)) * askedFactor(target, asked)
}
