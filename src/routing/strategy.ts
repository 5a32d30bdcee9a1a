/** A strategy orders the targets that can serve a call. Pure: randomness arrives as an argument. */
import type { StrategyName, Target } from "../config/snapshot.ts"
import { failover } from "./failover.ts"
import { weighted } from "./weighted.ts"

/** What a strategy may look at. */
export interface RankFacts {
  /** The dialect that the client speaks. */
  readonly dialect: string
  /** Uniform in [0, 1). */
  readonly random: () => number
}

/** Returns all `targets`, in the order in which they are to be tried. */
export type Strategy = (targets: readonly Target[], facts: RankFacts) => readonly Target[]

/** A group with a strategy that is not here is never ranked: `Group.refusal` answers its calls. */
export const STRATEGIES: Readonly<Record<StrategyName, Strategy>> = {
  static: failover,
  failover,
  weighted,
  dynamic_score: weighted,
  script: failover,
  external: failover,
}
