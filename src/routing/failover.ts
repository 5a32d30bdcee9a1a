/** As listed. */
import type { Strategy } from "./strategy.ts"

export const failover: Strategy = (targets) => targets
