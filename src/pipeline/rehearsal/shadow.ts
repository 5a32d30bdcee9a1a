/**
 * Asks a group's shadow what it would have chosen, beside the call: after the call was sent, with the same targets and
 * facts. Whatever it does (throw, hang, answer nonsense), the call does not notice.
 */
import type { Group, StrategySettings, Target } from "../../config/snapshot.ts"
import type { EngineLoad, Figures, LiveView } from "../../routing/live-view.ts"
import { PolicyFailed } from "../../routing/policy/execution.ts"
import type { Ranking } from "../../routing/strategy.ts"
import type { AdmittedCall } from "../call.ts"
import type { Decision, ShadowDecision } from "../call/decision.ts"
import type { Gateway } from "../gateway.ts"
import { FactsOfCall } from "../targets/call-facts.ts"

/** Shadows that have not answered: a service that hangs must not pile them up. */
const MOST_WAITING = 256

export class Shadows {
  private waiting = 0
  /** By gateway, because leaders are followed in memory; a shadow has leaders of its own. */
  private readonly views = new WeakMap<LiveView, ShadowView>()

  start(settings: StrategySettings, decision: Decision, call: AdmittedCall, gateway: Gateway): void {
    const shadow: ShadowDecision = { ranking: null, error: null, policy: null }
    decision.shadow = shadow
    if (this.waiting >= MOST_WAITING) {
      shadow.error = "busy"
      return
    }
    this.waiting++
    setImmediate(() => this.ask(shadow, settings, decision.shortlist.eligible, call, gateway))
  }

  private ask(
    shadow: ShadowDecision,
    settings: StrategySettings,
    eligible: readonly Target[],
    call: AdmittedCall,
    gateway: Gateway,
  ): void {
    const view = this.viewOf(gateway.live)
    const settle = (ranking: Ranking): void => {
      this.waiting--
      const [first] = ranking.order
      if (ranking.lane !== null && first !== undefined && ranking.mode === "scored")
        view.follow(call.group, ranking.lane, first)
      shadow.ranking = ranking
      shadow.policy = ranking.policy ?? null
    }
    const fail = (error: unknown): void => {
      this.waiting--
      if (error instanceof PolicyFailed) {
        shadow.policy = error.execution
        shadow.error = error.execution.error ?? "failed"
      } else shadow.error = error instanceof Error ? error.name : "unknown"
    }
    try {
      const ranking = gateway.strategies[settings.strategy](eligible, new FactsOfCall(call, gateway), {
        settings,
        live: view,
        random: gateway.random.number,
        now: gateway.clock.monotonicMs(),
        explain: call.snapshot.telemetry !== null,
      })
      if (ranking instanceof Promise) void ranking.then(settle, fail)
      else settle(ranking)
    } catch (error) {
      fail(error)
    }
  }

  private viewOf(live: LiveView): ShadowView {
    let view = this.views.get(live)
    if (view === undefined) this.views.set(live, (view = new ShadowView(live)))
    return view
  }
}

/** The live figures, with leaders that only the shadow follows. */
export class ShadowView implements LiveView {
  private readonly live: LiveView
  /** Groups of a configuration that is gone go with it. */
  private readonly leaders = new WeakMap<Group, (string | undefined)[]>()

  constructor(live: LiveView) {
    this.live = live
  }

  figures(target: Target, now: number): Figures {
    return this.live.figures(target, now)
  }

  attemptsBegun(target: Target): number {
    return this.live.attemptsBegun(target)
  }

  inFlight(target: Target): number {
    return this.live.inFlight(target)
  }

  engineLoad(target: Target, now: number): EngineLoad | null {
    return this.live.engineLoad(target, now)
  }

  leader(group: Group, lane: number): string | null {
    return this.leaders.get(group)?.[lane] ?? null
  }

  follow(group: Group, lane: number, target: Target): void {
    let lanes = this.leaders.get(group)
    if (lanes === undefined) this.leaders.set(group, (lanes = []))
    lanes[lane] = target.observed?.key
  }
}
