/** As listed. */
import type { Strategy } from "./strategy.ts"

export const failover: Strategy = (targets) => ({
  order: targets,
  mode: "configured",
  classLabel: null,
  lane: null,
  explanation: null,
})
