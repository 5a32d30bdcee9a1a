/** What one call may cost, and which tiers of models it may use: of a group, of a caller, or of both. */
import type { SpendCeilingConfig } from "../config.ts"
import { TIER_ORDER } from "../schema/word-lists.ts"

export interface SpendCeiling {
  /** Of the estimated cost of a call, in nano-USD; Infinity: none. */
  readonly maxNanoUsd: number
  /** The same by the target's tier. */
  readonly tierNanoUsd: ReadonlyMap<string, number>
  /** Null: all, also targets without a tier. */
  readonly allowedTiers: ReadonlySet<string> | null
}

const TIERS: readonly string[] = TIER_ORDER
const NANO = 1e9

export function spendCeiling(said: SpendCeilingConfig | undefined): SpendCeiling | null {
  if (said === undefined) return null
  const { max_tier: highest, allowed_tiers: allowed } = said
  const ladder = highest === undefined ? null : upTo(highest)
  const both = allowed?.filter((tier) => ladder === null || ladder.some((known) => known === tier))
  const tiers = both ?? ladder
  return {
    maxNanoUsd: nanoUsd(said.max_estimated_cost_usd),
    tierNanoUsd: new Map(Object.entries(said.tier_ceilings).map(([tier, usd]) => [tier, nanoUsd(usd)])),
    allowedTiers: tiers === null ? null : new Set<string>(tiers),
  }
}

/** Nothing is known to be below a tier without a place in the order. */
function upTo(tier: string): readonly string[] {
  const rank = TIERS.indexOf(tier)
  return rank < 0 ? [tier] : TIERS.slice(0, rank + 1)
}

/** Has the highest tier a place in the order? */
export function isRanked({ max_tier: tier }: SpendCeilingConfig): boolean {
  return tier === undefined || TIERS.includes(tier)
}

/** `0` means no limit. */
function nanoUsd(usd: number): number {
  return usd === 0 ? Infinity : Math.floor(usd * NANO)
}
