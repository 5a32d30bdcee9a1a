/** Decides recorded calls again, with another configuration, in the order in which they came. */
import type { Caller, Group, Snapshot, StrategySettings, Target } from "../config/snapshot.ts"
import type { ReplayedCall } from "../ledger/decision-queries.ts"
import type { ShapeFeatureRow } from "../ledger/decision-record.ts"
import { eligibleTargets } from "../routing/eligibility/eligible.ts"
import { keepingTargets } from "../routing/eligibility/operational.ts"
import { PolicyFailed } from "../routing/policy/execution.ts"
import type { CallFacts, MissedContent, Ranking, Strategies } from "../routing/strategy.ts"
import { GroupComparison, type GroupFigures, type Skipped, type SkippedCounts } from "./comparison.ts"
import { Conversations } from "./conversations.ts"
import { groupOf, History } from "./history.ts"
import { Latencies } from "./latencies.ts"
import { notesOf } from "./notes.ts"
import { askedOf, factsOf } from "./recorded-call.ts"
import type { ReplayClock } from "./replay-clock.ts"
import { seededRandom } from "./seeded-random.ts"
import { targetKey } from "./target-key.ts"

/** `calls` = `decided` + all of `skipped`. */
export interface ReplayReport {
  readonly calls: number
  readonly decided: number
  readonly skipped: SkippedCounts
  readonly groups: readonly GroupFigures[]
  /** What the figures cannot know, in sentences. */
  readonly notes: readonly string[]
}

export interface Deciding {
  readonly strategies: Strategies
  readonly clock: ReplayClock
  /** Policy services may be asked; else calls that need one are left out. */
  readonly asksServices: boolean
  /** Becomes true when a policy turns to a service. */
  readonly services: { isWanted: boolean }
}

interface Prepared {
  readonly group: Group
  readonly shape: ShapeFeatureRow
  readonly eligible: readonly Target[]
  readonly facts: CallFacts
  /** What its policy looked at and did not find. */
  readonly missed: Set<MissedContent>
}

type Outcome = Ranking | PolicyFailed | "service-not-asked"

interface Entry extends Prepared {
  readonly call: ReplayedCall
  readonly comparison: GroupComparison
  /** Null: its service was asked and has not answered. */
  outcome: Outcome | null
  readonly answered: Promise<void> | null
}

/** Services are asked about so many calls at a time; answers are taken in the order of the calls. */
const MOST_ASKED = 8
const MOST_QUEUED = 256

export class Replay {
  private readonly snapshot: Snapshot
  private readonly deciding: Deciding
  private readonly history: History
  private readonly conversations = new Conversations()
  private readonly latencies = new Latencies()
  private readonly callers = new Map<string, Caller>()
  private readonly groups = new Map<string, GroupComparison>()
  private readonly settings = new Map<Group, StrategySettings>()
  private readonly unknownFeatures = new Set<string>()
  /** Groups of the new configuration that some call went to. */
  private readonly named = new Set<Group>()
  private readonly queue: Entry[] = []
  private asked = 0
  private calls = 0
  private groupless = 0
  private unpinnable = 0
  private readsPrompts = false

  constructor(snapshot: Snapshot, deciding: Deciding) {
    this.snapshot = snapshot
    this.deciding = deciding
    this.history = new History(snapshot)
    for (const { caller } of snapshot.credentials.values()) this.callers.set(caller.id, caller)
    for (const group of new Set(snapshot.groups.values())) this.settings.set(group, contentless(group))
  }

  /** Calls come oldest first. The promise is for policies that wait for somebody. */
  add(call: ReplayedCall): void | Promise<void> {
    this.calls++
    this.deciding.clock.ts = call.usage.ts
    this.history.advanceTo(call.usage.ts)
    this.history.add(call)
    const name = call.usage.resolved_group
    if (name === "") {
      this.groupless++
      return
    }
    let comparison = this.groups.get(name)
    if (comparison === undefined) this.groups.set(name, (comparison = new GroupComparison(name, this.latencies)))
    comparison.saw(call)
    const prepared = this.prepare(call)
    if (typeof prepared === "string") comparison.skip(prepared)
    else if (prepared.eligible.length === 0) comparison.decide(call, { target: null, refusal: "no-eligible-target" })
    else return this.enqueue(call, comparison, prepared)
  }

  /** When everybody who was asked has answered. */
  async finish(): Promise<void> {
    await this.conclude(0)
  }

  private prepare({ usage, shape }: ReplayedCall): Prepared | Skipped {
    const group = groupOf(this.snapshot, usage)
    if (group !== undefined) this.named.add(group)
    if (usage.target_provider === null || (usage.status >= 400 && usage.ttfb_ms === null)) return "not-served"
    if (shape === null) return "no-telemetry"
    if (group === undefined) return "no-group"
    const caller = this.callers.get(usage.caller_id)
    if (caller === undefined || !caller.allowed.has(group.name)) return "not-allowed"
    if (group.score?.promptFeatures !== null && group.score?.usesComplexity === true) this.readsPrompts = true
    if (group.affinity !== null && shape.conversation_kind === null) this.unpinnable++
    const asked = askedOf(shape, usage.requested_model, caller.ceiling, this.unknownFeatures)
    const found = eligibleTargets(group, asked)
    const { operational } = group
    const { eligible } = operational === null ? found : keepingTargets(found, operational, this.history.live, usage.ts)
    const missed = new Set<MissedContent>(group.external?.includeRequest === true ? ["request"] : [])
    return { group, shape, eligible, facts: factsOf(usage, shape, asked, group, caller, missed), missed }
  }

  private enqueue(call: ReplayedCall, comparison: GroupComparison, prepared: Prepared): void | Promise<void> {
    const outcome = this.rank(call, prepared)
    if (!(outcome instanceof Promise)) this.queue.push({ ...prepared, call, comparison, outcome, answered: null })
    else {
      this.asked++
      const take = (answer: Outcome): void => {
        this.asked--
        entry.outcome = answer
      }
      const entry: Entry = { ...prepared, call, comparison, outcome: null, answered: outcome.then(take) }
      this.queue.push(entry)
    }
    // what turns to a service must be told from its neighbours
    return this.conclude(this.deciding.asksServices ? MOST_ASKED : 0)
  }

  private rank({ usage }: ReplayedCall, { group, eligible, facts }: Prepared): Outcome | Promise<Outcome> {
    const { strategies, services, asksServices } = this.deciding
    const { live } = this.history
    services.isWanted = false
    const isUnasked = (): boolean => services.isWanted && !asksServices
    const ranked = (ranking: Ranking): Outcome => {
      const [first] = ranking.order
      if (ranking.lane !== null && first !== undefined && ranking.mode === "scored")
        live.follow(group, ranking.lane, first)
      return isUnasked() ? "service-not-asked" : ranking
    }
    const failed = (error: unknown): Outcome => {
      if (!(error instanceof PolicyFailed)) throw error
      return isUnasked() ? "service-not-asked" : error
    }
    try {
      const ranking = strategies[group.strategy](eligible, facts, {
        settings: this.settings.get(group) ?? group,
        live,
        random: seededRandom(usage.request_id),
        now: usage.ts,
        explain: false,
      })
      return ranking instanceof Promise ? ranking.then(ranked, failed) : ranked(ranking)
    } catch (error) {
      return failed(error)
    }
  }

  /** Takes outcomes in order, until so many are left that somebody was asked about. */
  private conclude(mostAsked: number): void | Promise<void> {
    for (;;) {
      const [entry] = this.queue
      if (entry === undefined) return
      if (entry.outcome !== null) {
        this.queue.shift()
        this.take(entry, entry.outcome)
      } else if (this.asked >= mostAsked || this.queue.length > MOST_QUEUED) {
        return entry.answered?.then(() => this.conclude(mostAsked))
      } else return
    }
  }

  private take({ call, comparison, group, shape, missed }: Entry, outcome: Outcome): void {
    if (outcome === "service-not-asked") {
      comparison.skip(outcome)
      return
    }
    const run = outcome instanceof PolicyFailed ? outcome.execution : outcome.policy
    if (run !== undefined && run.error !== null && missed.size > 0) {
      comparison.skip("content-not-recorded")
      return
    }
    if (run !== undefined) comparison.policy.add(run, missed.size > 0)
    if (outcome instanceof PolicyFailed) {
      comparison.decide(call, { target: null, refusal: outcome.code })
      return
    }
    const { ts } = call.usage
    const { order, pin } = this.conversations.pinned(outcome.order, group, shape, ts)
    const target = served(order, call)
    if (target === undefined) throw new Error("a strategy gave no target")
    this.conversations.remember(target, order, group, shape, { ts, pin })
    comparison.decide(call, { target, isCold: this.conversations.isCold(target, group, call) })
  }

  report(): ReplayReport {
    const groups = [...this.groups.values()].map((comparison) => comparison.figures(this.configured()))
    const skipped: Partial<Record<Skipped, number>> = this.groupless === 0 ? {} : { "not-served": this.groupless }
    for (const { skipped: counts } of groups)
      for (const [reason, calls] of Object.entries(counts) as [Skipped, number][])
        skipped[reason] = (skipped[reason] ?? 0) + calls
    const { unpinnable, readsPrompts, unknownFeatures } = this
    return {
      calls: this.calls,
      decided: groups.reduce((sum, { decided }) => sum + decided, 0),
      skipped,
      groups: groups.toSorted((left, right) => (left.group < right.group ? -1 : 1)),
      notes: notesOf(groups, skipped, { unpinnable, readsPrompts, unknownFeatures, unused: this.unusedGroups() }),
    }
  }

  private configured(): ReadonlySet<string> {
    const groups = [...this.snapshot.groups.values()]
    return new Set(
      groups.flatMap(({ targets }) => targets.map((target) => targetKey(target.provider.name, target.model))),
    )
  }

  private unusedGroups(): readonly string[] {
    return [...new Set(this.snapshot.groups.values())].filter((group) => !this.named.has(group)).map(({ name }) => name)
  }
}

/** A service is told no more than what is recorded, whatever the group says. */
function contentless(group: Group): StrategySettings {
  const { external } = group
  return external === null ? group : { ...group, external: { ...external, includeRequest: false, feedback: null } }
}

/** The first in the order, passing over those that failed this very call. */
function served(order: readonly Target[], { attempts }: ReplayedCall): Target | undefined {
  const failed = new Set(
    attempts.filter(({ retryable }) => retryable === 1).map(({ provider, model }) => targetKey(provider, model)),
  )
  return order.find(({ provider, model }) => !failed.has(targetKey(provider.name, model))) ?? order[0]
}
