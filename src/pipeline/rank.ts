/** Step 5: the group's strategy orders the shortlist; targets that are not well come last. */
import type { Group, Target } from "../config/snapshot.ts"
import type { Ranking } from "../routing/strategy.ts"
import { FactsOfCall } from "./call-facts.ts"
import type { Call } from "./call.ts"
import type { Gateway } from "./gateway.ts"
import type { Shortlist } from "./shortlist.ts"
import { orderByHealth } from "./target-health.ts"

/** A promise only where the strategy asks somebody else. */
export function rank(
  shortlist: Shortlist,
  group: Group,
  call: Call,
  gateway: Gateway,
): readonly Target[] | Promise<readonly Target[]> {
  const ranking = gateway.strategies[group.strategy](shortlist.eligible, new FactsOfCall(call, group), {
    settings: group,
    live: gateway.live,
    random: gateway.random.number,
    now: gateway.clock.monotonicMs(),
    explain: false,
  })
  if (ranking instanceof Promise) return ranking.then((answer) => decided(answer, shortlist, group, call, gateway))
  return decided(ranking, shortlist, group, call, gateway)
}

function decided(
  ranking: Ranking,
  shortlist: Shortlist,
  group: Group,
  call: Call,
  gateway: Gateway,
): readonly Target[] {
  const { order } = ranking
  // where there was no choice there is nothing to tell
  if (call.snapshot.traceCalls && (order.length > 1 || shortlist.rejected.length > 0)) {
    const first = order[0]
    call.trace.push({
      seq: call.trace.length,
      ts: gateway.clock.now(),
      event: "routing_decision",
      target_provider: first?.provider.name ?? null,
      target_model: first?.model ?? null,
      reason: group.strategy,
      value: order.length,
    })
  }
  return orderByHealth(order, call, gateway)
}
