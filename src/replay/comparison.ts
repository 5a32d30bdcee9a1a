/** What would have changed, by group: where calls go, what they cost, how long they take. Memory is bounded by targets. */
import type { Target } from "../config/snapshot.ts"
import type { ReplayedCall, ReplayedUsage } from "../ledger/decision-queries.ts"
import { DurationHistogram } from "./duration-histogram.ts"
import { usageOf } from "./history.ts"
import type { Latencies } from "./latencies.ts"
import { PolicyRuns, type PolicyFigures } from "./policy-runs.ts"
import { costAt } from "./repriced.ts"
import { ShadowRuns, type ShadowFigures } from "./shadow-runs.ts"
import { targetKey } from "./target-key.ts"

/** Why a call could not be decided again; a closed list. */
export type Skipped =
  /** Made while decision telemetry was off. */
  | "no-telemetry"
  /** No target answered it, or it was refused before it was ranked. */
  | "not-served"
  | "no-group"
  /** The caller is not in the configuration, or may not use the group. */
  | "not-allowed"
  /** A policy service decides, or is asked by a script, and nobody said that it may be asked. */
  | "service-not-asked"
  /** Its policy failed after it had looked at texts or the request, which are not recorded. */
  | "content-not-recorded"

export type SkippedCounts = Readonly<Partial<Record<Skipped, number>>>

/** Null: no target serves it; `refusal` is the code that its client would get. */
export type Decided =
  | { readonly target: Target; readonly isCold: boolean }
  | { readonly target: null; readonly refusal: string }

export interface TargetFigures {
  readonly target: string
  readonly calls_before: number
  readonly calls_after: number
  /** The new configuration has it. */
  readonly configured: boolean
}

/** `calls` = `decided` + all of `skipped`; `decided` = `refused` + known + unknown, of cost and of latency alike. */
export interface GroupFigures {
  readonly group: string
  readonly calls: number
  readonly decided: number
  readonly skipped: SkippedCounts
  /** Decided calls that no target of the new configuration serves, and what their clients would read. */
  readonly refused: number
  readonly refusals: Readonly<Record<string, number>>
  /** Decided calls that go to another target. */
  readonly moved: number
  readonly targets: readonly TargetFigures[]
  readonly cost: {
    /** Calls with a known cost before and after. */
    readonly calls: number
    readonly before_nano_usd: number
    readonly after_nano_usd: number
    readonly unknown: number
    /** Of `calls`, those that had read from a cache and find a cold one, and how many tokens that are. */
    readonly cold_calls: number
    readonly cold_tokens: number
  }
  readonly latency: {
    /** Whole answers that go to targets of which enough answers were recorded. */
    readonly calls: number
    readonly before_p50_ms: number | null
    readonly before_p95_ms: number | null
    /** As if each call drew its duration from what was recorded of its new target. */
    readonly after_p50_ms: number | null
    readonly after_p95_ms: number | null
    readonly unknown: number
  }
  /** Null: no script or service decided. */
  readonly policy: PolicyFigures | null
  /** Null: the group had no shadow when its calls were made. */
  readonly shadow: ShadowFigures | null
}

interface Heading {
  readonly target: string
  readonly kind: number
  readonly before: DurationHistogram
}

export class GroupComparison {
  readonly policy: PolicyRuns = new PolicyRuns()
  private readonly group: string
  private readonly latencies: Latencies
  private calls = 0
  private decided = 0
  private moved = 0
  private readonly skipped: Partial<Record<Skipped, number>> = {}
  private readonly refusals: Record<string, number> = {}
  private readonly before = new Map<string, number>()
  private readonly after = new Map<string, number>()
  private readonly cost = { calls: 0, before: 0, after: 0, unknown: 0, coldCalls: 0, coldTokens: 0 }
  /** By target and kind of answer, calls that go there and how long they took where they were. */
  private readonly heading = new Map<string, Heading>()
  private latencyUnknown = 0
  private readonly shadow = new ShadowRuns()

  constructor(group: string, latencies: Latencies) {
    this.group = group
    this.latencies = latencies
  }

  /** Every recorded call, also those that cannot be decided again: they say how fast their target is. */
  saw({ usage, shadow }: ReplayedCall): void {
    this.calls++
    if (shadow !== null) this.shadow.add(shadow)
    if (usage.target_provider === null || usage.target_model === null || usage.status !== 200) return
    const target = targetKey(usage.target_provider, usage.target_model)
    this.latencies.saw(this.group, target, usage.stream, usage.latency_ms)
  }

  skip(reason: Skipped): void {
    this.skipped[reason] = (this.skipped[reason] ?? 0) + 1
  }

  decide({ usage }: Pick<ReplayedCall, "usage">, decided: Decided): void {
    const earlier = targetKey(usage.target_provider ?? "", usage.target_model ?? "")
    this.decided++
    count(this.before, earlier)
    if (decided.target === null) {
      this.refusals[decided.refusal] = (this.refusals[decided.refusal] ?? 0) + 1
      return
    }
    const later = targetKey(decided.target.provider.name, decided.target.model)
    count(this.after, later)
    if (later !== earlier) this.moved++
    if (usage.status === 200) this.headingTo(later, usage.stream).before.add(usage.latency_ms)
    else this.latencyUnknown++
    this.price(usage, decided.target, decided.isCold)
  }

  private headingTo(target: string, kind: number): Heading {
    const name = `${kind} ${target}`
    let heading = this.heading.get(name)
    if (heading === undefined) this.heading.set(name, (heading = { target, kind, before: new DurationHistogram() }))
    return heading
  }

  private price(row: ReplayedUsage, target: Target, isCold: boolean): void {
    const usage = usageOf(row)
    const after = usage === null ? null : costAt(usage, row, target, isCold)
    if (usage === null || after === null || row.total_cost_nano_usd === null) {
      this.cost.unknown++
      return
    }
    this.cost.calls++
    this.cost.before += row.total_cost_nano_usd
    this.cost.after += after
    if (!isCold || usage.cachedInputTokens === 0) return
    this.cost.coldCalls++
    this.cost.coldTokens += usage.cachedInputTokens
  }

  /** `configured`: the targets of the new configuration, as `targetKey` names them. */
  figures(configured: ReadonlySet<string>): GroupFigures {
    const { cost } = this
    const names = [...new Set([...this.before.keys(), ...this.after.keys()])].toSorted()
    return {
      group: this.group,
      calls: this.calls,
      decided: this.decided,
      skipped: this.skipped,
      refused: Object.values(this.refusals).reduce((sum, calls) => sum + calls, 0),
      refusals: this.refusals,
      moved: this.moved,
      targets: names.map((target) => ({
        target,
        calls_before: this.before.get(target) ?? 0,
        calls_after: this.after.get(target) ?? 0,
        configured: configured.has(target),
      })),
      cost: {
        calls: cost.calls,
        before_nano_usd: cost.before,
        after_nano_usd: cost.after,
        unknown: cost.unknown,
        cold_calls: cost.coldCalls,
        cold_tokens: cost.coldTokens,
      },
      latency: this.latencyFigures(),
      policy: this.policy.figures(),
      shadow: this.shadow.figures(),
    }
  }

  private latencyFigures(): GroupFigures["latency"] {
    const before = new DurationHistogram()
    const after = new DurationHistogram()
    let unknown = this.latencyUnknown
    for (const { target, kind, before: own } of this.heading.values()) {
      const known = this.latencies.find(this.group, target, kind)
      if (known === null) unknown += own.total
      else {
        before.addShare(own, own.total)
        after.addShare(known, own.total)
      }
    }
    return {
      calls: before.total,
      before_p50_ms: before.percentile(0.5),
      before_p95_ms: before.percentile(0.95),
      after_p50_ms: after.percentile(0.5),
      after_p95_ms: after.percentile(0.95),
      unknown,
    }
  }
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}
