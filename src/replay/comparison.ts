/** What would have changed, by group: where calls go, what they cost, how long they take. Memory is bounded by targets. */
import type { Target } from "../config/snapshot.ts"
import type { ReplayedCall } from "../ledger/decision-queries.ts"
import { priceCall } from "../ledger/price.ts"
import { DurationHistogram } from "./duration-histogram.ts"
import { usageOf } from "./history.ts"
import { targetKey } from "./target-key.ts"

/** Why a call could not be decided again; a closed list. */
export type Undecided =
  /** Made while decision telemetry was off. */
  | "no-telemetry"
  /** No target answered it, or it was refused before it was ranked. */
  | "not-served"
  | "no-group"
  /** The caller is not in the configuration, or may not use the group. */
  | "not-allowed"
  /** A script or a policy service decides in the configuration: it may look at what was not recorded. */
  | "policy"

export interface TargetFigures {
  readonly target: string
  readonly calls_before: number
  readonly calls_after: number
}

export interface GroupFigures {
  readonly group: string
  readonly calls: number
  /** Of those, how many could be decided again. */
  readonly decided: number
  readonly undecided: Readonly<Partial<Record<Undecided, number>>>
  /** Decided calls that no target of the new configuration can serve. */
  readonly refused: number
  /** Decided calls that go to another target. */
  readonly moved: number
  readonly targets: readonly TargetFigures[]
  /** Of calls with a known cost before and after. */
  readonly cost: { readonly calls: number; readonly before_nano_usd: number; readonly after_nano_usd: number }
  readonly cost_unknown: number
  /** Of decided calls before; after: as if drawn from what was recorded of each target, for calls whose target was seen. */
  readonly latency: {
    readonly before_p50_ms: number | null
    readonly before_p95_ms: number | null
    readonly after_p50_ms: number | null
    readonly after_p95_ms: number | null
    /** Calls that go to targets of which no answer was recorded. */
    readonly unknown: number
  }
}

export class GroupComparison {
  private calls = 0
  private decided = 0
  private refused = 0
  private moved = 0
  private readonly undecided: Partial<Record<Undecided, number>> = {}
  private readonly before = new Map<string, number>()
  private readonly after = new Map<string, number>()
  private readonly cost = { calls: 0, before: 0, after: 0, unknown: 0 }
  private readonly latency = new DurationHistogram()
  /** What was recorded of targets, and how many calls go there, by target and kind of answer. */
  private readonly seen = new Map<string, DurationHistogram>()
  private readonly heading = new Map<string, number>()

  /** Every recorded call, also those that cannot be decided again: they say how fast their target is. */
  saw({ usage }: ReplayedCall): void {
    this.calls++
    if (usage.target_provider === null || usage.target_model === null || usage.status !== 200) return
    const key = kindKey(targetKey(usage.target_provider, usage.target_model), usage.stream)
    let histogram = this.seen.get(key)
    if (histogram === undefined) this.seen.set(key, (histogram = new DurationHistogram()))
    histogram.add(usage.latency_ms)
  }

  skip(reason: Undecided): void {
    this.undecided[reason] = (this.undecided[reason] ?? 0) + 1
  }

  /** `target`: null where nothing is eligible any more. */
  decide({ usage }: ReplayedCall, target: Target | null): void {
    const earlier = targetKey(usage.target_provider ?? "", usage.target_model ?? "")
    this.decided++
    count(this.before, earlier)
    this.latency.add(usage.latency_ms)
    if (target === null) {
      this.refused++
      return
    }
    const later = targetKey(target.provider.name, target.model)
    count(this.after, later)
    count(this.heading, kindKey(later, usage.stream))
    if (later !== earlier) this.moved++
    this.price({ usage }, target)
  }

  private price({ usage }: Pick<ReplayedCall, "usage">, target: Target): void {
    const tokens = usageOf(usage)
    const after =
      tokens === null
        ? null
        : priceCall(target.prices, tokens, usage.service_tier, usage.input_image_count).total_cost_nano_usd
    if (after === null || usage.total_cost_nano_usd === null) {
      this.cost.unknown++
      return
    }
    this.cost.calls++
    this.cost.before += usage.total_cost_nano_usd
    this.cost.after += after
  }

  figures(group: string): GroupFigures {
    const after = new DurationHistogram()
    let unknown = 0
    for (const [key, calls] of this.heading) {
      const histogram = this.seen.get(key)
      if (histogram === undefined) unknown += calls
      else after.addShare(histogram, calls)
    }
    const names = [...new Set([...this.before.keys(), ...this.after.keys()])].toSorted()
    return {
      group,
      calls: this.calls,
      decided: this.decided,
      undecided: this.undecided,
      refused: this.refused,
      moved: this.moved,
      targets: names.map((target) => ({
        target,
        calls_before: this.before.get(target) ?? 0,
        calls_after: this.after.get(target) ?? 0,
      })),
      cost: { calls: this.cost.calls, before_nano_usd: this.cost.before, after_nano_usd: this.cost.after },
      cost_unknown: this.cost.unknown,
      latency: {
        before_p50_ms: this.latency.percentile(0.5),
        before_p95_ms: this.latency.percentile(0.95),
        after_p50_ms: after.percentile(0.5),
        after_p95_ms: after.percentile(0.95),
        unknown,
      },
    }
  }
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}

/** Streams and whole answers are compared with their like. */
function kindKey(target: string, stream: number): string {
  return `${stream} ${target}`
}
