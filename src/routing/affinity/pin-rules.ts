/** When a pin counts, and when it is worth keeping: the same for calls that are made and for recorded ones. */
import type { Group, StrategyName, Target } from "../../config/snapshot.ts"
import type { Pin, PinBounds } from "./pin-store.ts"

/** Where the order is the operator's word, or a policy's, only what would fail elsewhere may change it. */
export const IS_SOFT: Readonly<Record<StrategyName, boolean>> = {
  static: false,
  failover: false,
  weighted: true,
  dynamic_score: true,
  script: false,
  external: false,
}

/** Reasoning outlasts a cache by far: the pin must be there when the client comes back from lunch. */
const HARD_TTL_MS = 86_400_000

export function isSoft({ strategy }: Pick<Group, "strategy">): boolean {
  return IS_SOFT[strategy]
}

export function pinBounds({ ttlMs, maxEntries }: NonNullable<Group["affinity"]>): PinBounds {
  return { ttlMs: Math.max(ttlMs, HARD_TTL_MS), maxEntries }
}

/** Undefined: the pin does not count, or its target is not in the order. `now`: Unix milliseconds. */
export function pinnedTarget(
  pin: Pin,
  order: readonly Target[],
  group: Pick<Group, "strategy" | "affinity">,
  hasSeals: boolean,
  now: number,
): Target | undefined {
  const isWarm = isSoft(group) && group.affinity !== null && now - pin.at < group.affinity.ttlMs
  return hasSeals || isWarm ? order.find((one) => one.pin === pin.target) : undefined
}

export function pinnedFirst(target: Target, order: readonly Target[]): readonly Target[] {
  return target === order[0] ? order : [target, ...order.filter((one) => one !== target)]
}
