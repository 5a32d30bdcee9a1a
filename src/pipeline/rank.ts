/** Step 6: the group's strategy orders the shortlist, affinity keeps conversations together, targets that are not well come last. */
import type { Group, Target } from "../config/snapshot.ts"
import type { Ranking } from "../routing/strategy.ts"
import { pinnedOrder } from "./affinity.ts"
import { FactsOfCall } from "./call-facts.ts"
import type { Call } from "./call.ts"
import type { Gateway } from "./gateway.ts"
import type { Shortlist } from "./shortlist.ts"
import { orderByHealth } from "./target-health.ts"

/** A promise only where the strategy asks somebody else, or pins are shared between processes. */
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
): readonly Target[] | Promise<readonly Target[]> {
  const { order, lane } = ranking
  if (lane !== null && order[0] !== undefined && ranking.mode === "scored") gateway.live.follow(group, lane, order[0])
  // where there was no choice there is nothing to tell
  if (call.snapshot.traceCalls && (order.length > 1 || shortlist.rejected.length > 0)) {
    const first = order[0]
    call.trace.push({
      seq: call.trace.length,
      ts: gateway.clock.now(),
      event: "routing_decision",
      target_provider: first?.provider.name ?? null,
      target_model: first?.model ?? null,
      reason: lane === null ? group.strategy : `${group.strategy}:${ranking.mode}`,
      value: order.length,
    })
  }
  const pinned = pinnedOrder(order, group, call, gateway)
  if (pinned instanceof Promise) return pinned.then((found) => orderByHealth(found, call, gateway))
  return orderByHealth(pinned, call, gateway)
}
