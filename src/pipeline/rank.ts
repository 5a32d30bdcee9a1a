/** Step 6: the group's strategy orders the shortlist, affinity keeps conversations together, targets that are not well come last. */
import type { Group, Target } from "../config/snapshot.ts"
import { PolicyFailed, type PolicyExecution } from "../routing/policy/execution.ts"
import type { Ranking } from "../routing/strategy.ts"
import { pinnedOrder } from "./affinity.ts"
import { FactsOfCall } from "./call-facts.ts"
import type { Call } from "./call.ts"
import type { Gateway } from "./gateway.ts"
import type { Shortlist } from "./shortlist.ts"
import { orderByHealth } from "./target-health.ts"
import { trace } from "./trace.ts"

/** A promise only where the strategy asks somebody else, or pins are shared between processes. @throws RouterError `routing-policy-error` */
export function rank(
  shortlist: Shortlist,
  group: Group,
  call: Call,
  gateway: Gateway,
): readonly Target[] | Promise<readonly Target[]> {
  try {
    const ranking = gateway.strategies[group.strategy](shortlist.eligible, new FactsOfCall(call, group), {
      settings: group,
      live: gateway.live,
      random: gateway.random.number,
      now: gateway.clock.monotonicMs(),
      explain: call.decision !== null && call.snapshot.telemetry !== null,
    })
    if (!(ranking instanceof Promise)) return decided(ranking, shortlist, group, call, gateway)
    return ranking.then(
      (answer) => decided(answer, shortlist, group, call, gateway),
      (error: unknown) => failed(error, call, gateway),
    )
  } catch (error) {
    return failed(error, call, gateway)
  }
}

/** A policy that failed has run all the same. */
function failed(error: unknown, call: Call, gateway: Gateway): never {
  if (error instanceof PolicyFailed) note(error.execution, call, gateway)
  throw error
}

function note(execution: PolicyExecution, call: Call, gateway: Gateway): void {
  if (call.settled) return
  call.policies = [...(call.policies ?? []), execution]
  const target = execution.targetIndex === null ? undefined : call.group?.targets[execution.targetIndex]
  const said = execution.error ?? execution.classLabel ?? execution.outcome
  trace("policy_execution", target, said, execution.durationMs, call, gateway)
}

function decided(
  ranking: Ranking,
  shortlist: Shortlist,
  group: Group,
  call: Call,
  gateway: Gateway,
): readonly Target[] | Promise<readonly Target[]> {
  const { order, lane, policy } = ranking
  if (policy !== undefined) note(policy, call, gateway)
  if (ranking.feedback !== undefined) call.feedback = ranking.feedback
  if (lane !== null && order[0] !== undefined && ranking.mode === "scored") gateway.live.follow(group, lane, order[0])
  if (call.decision !== null) Object.assign(call.decision, { ranking, shortlist })
  // where there was no choice there is nothing to tell
  if (order.length > 1 || shortlist.rejected.length > 0) {
    const by = lane === null ? group.strategy : `${group.strategy}:${ranking.mode}`
    trace("routing_decision", order[0], by, order.length, call, gateway)
  }
  const pinned = pinnedOrder(order, group, call, gateway)
  if (pinned instanceof Promise) return pinned.then((found) => final(found, group, call, gateway))
  return final(pinned, group, call, gateway)
}

function final(pinned: readonly Target[], group: Group, call: Call, gateway: Gateway): readonly Target[] {
  const order = orderByHealth(pinned, call, gateway)
  const { decision } = call
  if (decision === null) return order
  decision.order = order
  if (group.shadow !== null) gateway.shadows.start(group.shadow, group, decision, call, gateway)
  return order
}
