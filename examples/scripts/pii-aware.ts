/// <reference path="./smart-router.d.ts" />
/**
 * Calls with personal data go to targets of the tiers `sensitive` and `private`, and nowhere else: not as a fallback
 * either, and to nobody when there is no such target.
 */
import { findPersonalData } from "./personal-data.ts"

const TRUSTED_TIERS = ["sensitive", "private"]

export function route(ctx: RouteContext): RouteDecision {
  const kind = findPersonalData(ctx.text)
  if (kind === null) return { targetIndex: 0, classLabel: "no-pii" }
  const trusted = ctx.targets.flatMap(({ tier }, index) => (TRUSTED_TIERS.includes(tier ?? "") ? [index] : []))
  const [first, ...others] = trusted
  // no target has this index: the call ends with routing-policy-error
  if (first === undefined) return { targetIndex: -1, classLabel: "pii-detected:no-sensitive-target" }
  return { targetIndex: first, fallbackIndexes: others, classLabel: `pii-detected:${kind}` }
}
