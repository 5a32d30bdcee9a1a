/** Step 6: the group's strategy orders the shortlist, affinity keeps conversations together, targets that are not well come last. */
import { PolicyFailed, type PolicyExecution } from "../routing/policy/execution.ts"
import type { Ranking } from "../routing/strategy.ts"
import type { AdmittedCall } from "./call.ts"
import { goOn } from "./call/go-on.ts"
import type { Plan, Shortlist } from "./call/plan.ts"
import { trace } from "./call/trace.ts"
import type { Gateway } from "./gateway.ts"
import { pinFirst, type Ordered } from "./targets/affinity.ts"
import { FactsOfCall } from "./targets/call-facts.ts"
import { orderByHealth } from "./targets/target-health.ts"

/** A promise only where the strategy asks somebody else, or pins are shared between processes. @throws RouterError `routing-policy-error` */
export function rank(shortlist: Shortlist, call: AdmittedCall, gateway: Gateway): Plan | Promise<Plan> {
  const { group } = call
  try {
    const ranking = gateway.strategies[group.strategy](shortlist.eligible, new FactsOfCall(call, gateway), {
      settings: group,
      live: gateway.live,
      random: gateway.random.number,
      now: gateway.clock.monotonicMs(),
      explain: call.notes.decision !== null && call.snapshot.telemetry !== null,
    })
    if (!(ranking instanceof Promise)) return decide(ranking, shortlist, call, gateway)
    return ranking.then(
      (answer) => decide(answer, shortlist, call, gateway),
      (error: unknown) => fail(error, call, gateway),
    )
  } catch (error) {
    return fail(error, call, gateway)
  }
}

/** A policy that failed has run all the same. */
function fail(error: unknown, call: AdmittedCall, gateway: Gateway): never {
  if (error instanceof PolicyFailed) note(error.execution, call, gateway)
  throw error
}

function note(execution: PolicyExecution, call: AdmittedCall, gateway: Gateway): void {
  if (call.life.isOver) return
  ;(call.notes.policies ??= []).push(execution)
  const target = execution.targetIndex === null ? undefined : call.group.targets[execution.targetIndex]
  const said = execution.error ?? execution.classLabel ?? execution.outcome
  trace("policy_execution", target, said, execution.durationMs, call, gateway)
}

function decide(ranking: Ranking, shortlist: Shortlist, call: AdmittedCall, gateway: Gateway): Plan | Promise<Plan> {
  const { group, notes } = call
  const { order, lane, policy } = ranking
  if (policy !== undefined) note(policy, call, gateway)
  if (ranking.feedback !== undefined) notes.feedback = ranking.feedback
  if (lane !== null && order[0] !== undefined && ranking.mode === "scored") gateway.live.follow(group, lane, order[0])
  if (notes.decision !== null) Object.assign(notes.decision, { ranking, shortlist })
  // where there was no choice there is nothing to tell
  if (order.length > 1 || shortlist.rejected.length > 0) {
    const by = lane === null ? group.strategy : `${group.strategy}:${ranking.mode}`
    trace("routing_decision", order[0], by, order.length, call, gateway)
  }
  return goOn(pinFirst(order, call, gateway), (pinned) => plan(pinned, shortlist, call, gateway))
}

function plan(pinned: Ordered, { missing }: Shortlist, call: AdmittedCall, gateway: Gateway): Plan {
  const { group, notes } = call
  const order = orderByHealth(pinned.order, call, gateway)
  if (notes.decision !== null) {
    notes.decision.order = order
    if (group.shadow !== null) gateway.shadows.start(group.shadow, notes.decision, call, gateway)
  }
  return { order, missing, affinity: pinned.affinity }
}
