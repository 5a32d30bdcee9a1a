/** The strategies that need nothing of the world; the others are made when the router starts. */
import { dynamicScore } from "./dynamic-score.ts"
import { failover } from "./failover.ts"
import type { Strategies } from "./strategy.ts"
import { weighted } from "./weighted.ts"

export const STRATEGIES: Omit<Strategies, "script" | "external"> = {
  static: failover,
  failover,
  weighted,
  dynamic_score: dynamicScore,
}
