/** What a group's shadow would have chosen, as recorded beside its calls. */
import type { RecordedShadow } from "../ledger/decision-queries.ts"
import { targetKey } from "./target-key.ts"

/** `calls` = `decided` + `failed` + `unanswered`. */
export interface ShadowFigures {
  readonly strategies: readonly string[]
  readonly calls: number
  readonly decided: number
  readonly failed: number
  /** The call was over before it answered. */
  readonly unanswered: number
  /** Of `decided`, those that the live strategy would have sent elsewhere. */
  readonly elsewhere: number
  readonly targets: readonly { readonly target: string; readonly calls: number }[]
  /** Expected costs of both choices, of calls where both are known. */
  readonly cost: { readonly calls: number; readonly live_nano_usd: number; readonly shadow_nano_usd: number }
}

export class ShadowRuns {
  private readonly strategies = new Set<string>()
  private readonly outcomes = { decided: 0, failed: 0, unanswered: 0 }
  private elsewhere = 0
  private readonly targets = new Map<string, number>()
  private readonly cost = { calls: 0, live: 0, shadow: 0 }

  add({ strategy, outcome, provider, model, isSame, cost, liveCost }: RecordedShadow): void {
    this.strategies.add(strategy)
    this.outcomes[outcome]++
    if (outcome !== "decided") return
    if (!isSame) this.elsewhere++
    const target = targetKey(provider ?? "", model ?? "")
    this.targets.set(target, (this.targets.get(target) ?? 0) + 1)
    if (cost === null || liveCost === null) return
    this.cost.calls++
    this.cost.shadow += cost
    this.cost.live += liveCost
  }

  figures(): ShadowFigures | null {
    if (this.strategies.size === 0) return null
    const { decided, failed, unanswered } = this.outcomes
    return {
      strategies: [...this.strategies].toSorted(),
      calls: decided + failed + unanswered,
      decided,
      failed,
      unanswered,
      elsewhere: this.elsewhere,
      targets: [...this.targets]
        .map(([target, calls]) => ({ target, calls }))
        .toSorted((left, right) => (left.target < right.target ? -1 : 1)),
      cost: { calls: this.cost.calls, live_nano_usd: this.cost.live, shadow_nano_usd: this.cost.shadow },
    }
  }
}
