/**
 * A weighted random order without replacement: the first place is drawn by weight, the next from what is left, and so on,
 * so that failover spreads by weight too. Targets of the client's own dialect form the first tier.
 * Weight 0 is never drawn before a target with weight, but stays a last resort.
 */
import type { Target } from "../config/snapshot.ts"
import type { Strategy } from "./strategy.ts"

export const weighted: Strategy = (targets, { dialect }, { random }) => ({
  order: targets.length < 2 ? targets : tiers(targets, dialect, random),
  mode: "drawn",
  classLabel: null,
  lane: null,
  explanation: null,
})

function tiers(targets: readonly Target[], dialect: string, random: () => number): readonly Target[] {
  const native = targets.filter((target) => target.dialect === dialect)
  const others = targets.filter((target) => target.dialect !== dialect)
  return [...drawn(native, random), ...drawn(others, random)]
}

function drawn(targets: readonly Target[], random: () => number): readonly Target[] {
  const left = [...targets]
  const order: Target[] = []
  while (left.length > 0) order.push(...left.splice(pick(left, random), 1))
  return order
}

function pick(targets: readonly Target[], random: () => number): number {
  const total = targets.reduce((sum, target) => sum + target.weight, 0)
  let ticket = random() * total
  for (const [index, target] of targets.entries()) {
    if (target.weight > 0 && ticket < target.weight) return index
    ticket -= target.weight
  }
  return 0
}
