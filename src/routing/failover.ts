/** As listed; where the group prefers native targets, those that speak the client's dialect first. */
import type { Strategy } from "./strategy.ts"

export const failover: Strategy = (targets, { dialect, group }) => ({
  order: group.prefersNative
    ? targets.toSorted((left, right) => Number(right.dialect === dialect) - Number(left.dialect === dialect))
    : targets,
  mode: "configured",
  classLabel: null,
  lane: null,
  explanation: null,
})
