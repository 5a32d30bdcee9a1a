/** What a recorded call would have cost elsewhere: its own tokens, as the new target would have counted them. */
import type { BilledUsage } from "../canonical/billed-usage.ts"
import type { Target } from "../config/snapshot.ts"
import { WIRES } from "../dialects/wires.ts"
import { priceCall } from "../ledger/price.ts"
import type { ReplayedUsage } from "../ledger/decision-queries.ts"

/**
 * Where the cache is cold, what was read from it is written once more if requests mark what is to be kept, and fresh input
 * else. Marks do not cross dialects: what was written for them is fresh input there.
 */
export function tokensAt(
  usage: BilledUsage,
  { target_dialect }: ReplayedUsage,
  target: Target,
  isCold: boolean,
): BilledUsage {
  const isAlike = target.dialect === target_dialect
  const cold = isCold ? usage.cachedInputTokens : 0
  const unwritten = isAlike ? 0 : usage.cacheWrite5mTokens + usage.cacheWrite1hTokens
  const rewritten = isAlike && WIRES[target.dialect].marksCache ? cold : 0
  return {
    ...usage,
    freshInputTokens: usage.freshInputTokens + unwritten + cold - rewritten,
    cachedInputTokens: usage.cachedInputTokens - cold,
    cacheWrite5mTokens: (isAlike ? usage.cacheWrite5mTokens : 0) + rewritten,
    cacheWrite1hTokens: isAlike ? usage.cacheWrite1hTokens : 0,
  }
}

/** Nano-USD; null: a price is not known. What hosted tools cost they cost anywhere; services of another API are not to be had. */
export function costAt(usage: BilledUsage, row: ReplayedUsage, target: Target, isCold: boolean): number | null {
  const tokens = tokensAt(usage, row, target, isCold)
  const isAlike = target.dialect === row.target_dialect
  const parts = isAlike || tokens.parts === null ? tokens.parts : { ...tokens.parts, speed: null, inferenceGeo: null }
  const tier = isAlike ? row.service_tier : null
  const cost = priceCall(target.prices, { ...tokens, parts }, tier, row.input_image_count).total_cost_nano_usd
  return cost === null ? null : cost + (row.hosted_tool_cost_nano_usd ?? 0)
}
