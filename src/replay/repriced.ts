/** What a recorded call would have cost elsewhere: its own tokens, as the new target would have counted them. */
import type { Target } from "../config/snapshot.ts"
import type { Usage } from "../dialects/dialect.ts"
import { priceCall } from "../ledger/price.ts"
import type { ReplayedUsage } from "../ledger/decision-queries.ts"

/** The dialect whose requests mark what is to be kept, which is billed. */
const MARKING = "anthropic"

/**
 * Where the cache is cold, what was read from it is written once more if requests mark what is to be kept, and fresh input
 * else. Marks do not cross dialects: what was written for them is fresh input there.
 */
export function tokensAt(usage: Usage, { target_dialect }: ReplayedUsage, target: Target, isCold: boolean): Usage {
  const isAlike = target.dialect === target_dialect
  const cold = isCold ? usage.cachedInputTokens : 0
  const unwritten = isAlike ? 0 : usage.cacheWrite5mTokens + usage.cacheWrite1hTokens
  const rewritten = isAlike && target.dialect === MARKING ? cold : 0
  return {
    ...usage,
    freshInputTokens: usage.freshInputTokens + unwritten + cold - rewritten,
    cachedInputTokens: usage.cachedInputTokens - cold,
    cacheWrite5mTokens: (isAlike ? usage.cacheWrite5mTokens : 0) + rewritten,
    cacheWrite1hTokens: isAlike ? usage.cacheWrite1hTokens : 0,
  }
}

/** Nano-USD; null: a price is not known. */
export function costAt(usage: Usage, row: ReplayedUsage, target: Target, isCold: boolean): number | null {
  const tokens = tokensAt(usage, row, target, isCold)
  return priceCall(target.prices, tokens, row.service_tier, row.input_image_count).total_cost_nano_usd
}
