/** Decides recorded calls again, with another configuration, in the order in which they came. */
import type { Caller, Group, Snapshot, Target } from "../config/snapshot.ts"
import type { ReplayedCall } from "../ledger/decision-queries.ts"
import { eligibleTargets } from "../routing/eligibility/eligible.ts"
import { keepingTargets } from "../routing/eligibility/operational.ts"
import { STRATEGIES, type Ranking, type Strategy } from "../routing/strategy.ts"
import { GroupComparison, type GroupFigures, type Undecided } from "./comparison.ts"
import { History } from "./history.ts"
import { askedOf, factsOf } from "./recorded-call.ts"
import { seededRandom } from "./seeded-random.ts"
import { targetKey } from "./target-key.ts"

export interface ReplayReport {
  readonly calls: number
  readonly groups: readonly GroupFigures[]
  /** What the figures cannot know, in sentences. */
  readonly notes: readonly string[]
}

export class Replay {
  private readonly snapshot: Snapshot
  private readonly history: History
  private readonly callers = new Map<string, Caller>()
  private readonly groups = new Map<string, GroupComparison>()
  private readonly unknownFeatures = new Set<string>()
  private calls = 0
  private seals = 0
  private readsPrompts = false

  constructor(snapshot: Snapshot) {
    this.snapshot = snapshot
    this.history = new History(snapshot)
    for (const { caller } of snapshot.credentials.values()) this.callers.set(caller.id, caller)
  }

  /** Calls come oldest first. */
  add(call: ReplayedCall): void {
    this.calls++
    this.history.advanceTo(call.usage.ts)
    this.history.add(call)
    const name = call.usage.resolved_group
    if (name === "") return
    let comparison = this.groups.get(name)
    if (comparison === undefined) this.groups.set(name, (comparison = new GroupComparison()))
    comparison.saw(call)
    const decided = this.decide(call)
    if (typeof decided === "string") comparison.skip(decided)
    else comparison.decide(call, decided)
  }

  private decide(call: ReplayedCall): Target | null | Undecided {
    const { usage, shape } = call
    if (usage.target_provider === null) return "not-served"
    if (shape === null) return "no-telemetry"
    const group = this.snapshot.groups.get(usage.requested_model) ?? this.snapshot.groups.get(usage.resolved_group)
    if (group === undefined) return "no-group"
    const caller = this.callers.get(usage.caller_id)
    if (caller === undefined || !caller.allowed.has(group.name)) return "not-allowed"
    const { strategy } = group
    if (strategy === "script" || strategy === "external") return "policy"
    if (group.score?.promptFeatures !== null && group.score?.usesComplexity === true) this.readsPrompts = true
    if (shape.has_seals === 1) this.seals++
    const asked = askedOf(shape, usage.requested_model, caller.ceiling, this.unknownFeatures)
    const found = eligibleTargets(group, asked)
    const { operational } = group
    const { eligible } = operational === null ? found : keepingTargets(found, operational, this.history.live, usage.ts)
    if (eligible.length === 0) return null
    return served(
      this.rank(STRATEGIES[strategy], eligible, call, group, factsOf(usage, shape, asked, group, caller)),
      call,
    )
  }

  private rank(
    strategy: Strategy,
    eligible: readonly Target[],
    { usage }: ReplayedCall,
    group: Group,
    facts: ReturnType<typeof factsOf>,
  ): readonly Target[] {
    const { live } = this.history
    const ranking = strategy(eligible, facts, {
      settings: group,
      live,
      random: seededRandom(usage.request_id),
      now: usage.ts,
      explain: false,
    }) as Ranking
    const [first] = ranking.order
    if (ranking.lane !== null && first !== undefined && ranking.mode === "scored")
      live.follow(group, ranking.lane, first)
    return ranking.order
  }

  report(): ReplayReport {
    const groups = [...this.groups].map(([name, comparison]) => comparison.figures(name))
    return {
      calls: this.calls,
      groups: groups.toSorted((left, right) => (left.group < right.group ? -1 : 1)),
      notes: this.notes(groups),
    }
  }

  private notes(groups: readonly GroupFigures[]): readonly string[] {
    const without = groups.reduce((sum, { undecided }) => sum + (undecided["no-telemetry"] ?? 0), 0)
    const policy = groups.reduce((sum, { undecided }) => sum + (undecided.policy ?? 0), 0)
    const unseen = groups.reduce((sum, { latency }) => sum + latency.unknown, 0)
    return [
      "Answers are assumed to have the tokens that were recorded, cache hits included; another model would answer otherwise.",
      "Conversations are not pinned: where affinity decides, a target's share of calls is that of its strategy.",
      ...(without === 0 ? [] : [`${without} calls were made without server.decision_telemetry and are left out.`]),
      ...(policy === 0 ? [] : [`${policy} calls go to groups where a script or a service decides; it is not asked.`]),
      ...(unseen === 0
        ? []
        : [`${unseen} calls go to targets without a recorded answer: nothing is said about their latency.`]),
      ...(this.seals === 0
        ? []
        : [`${this.seals} calls carry reasoning that only its issuer reads; live they stay with it.`]),
      ...(this.readsPrompts ? ["Texts are not recorded, so prompt_features count as not found."] : []),
      ...(this.unknownFeatures.size === 0
        ? []
        : [`Not recorded, and taken as not used: ${[...this.unknownFeatures].toSorted().join(", ")}.`]),
    ]
  }
}

/** The first in the order, passing over those that failed this very call. */
function served(order: readonly Target[], { attempts }: ReplayedCall): Target | null {
  const failed = new Set(
    attempts.filter(({ retryable }) => retryable === 1).map(({ provider, model }) => targetKey(provider, model)),
  )
  return order.find(({ provider, model }) => !failed.has(targetKey(provider.name, model))) ?? order[0] ?? null
}
