/** Step 5: the group's strategy orders the shortlist, affinity keeps conversations together, targets that are not well come last. */
import type { Group, Target } from "../config/snapshot.ts"
import { STRATEGIES } from "../routing/strategy.ts"
import { pinnedOrder } from "./affinity.ts"
import type { Call } from "./call.ts"
import type { Gateway } from "./gateway.ts"
import type { Shortlist } from "./shortlist.ts"
import { orderByHealth } from "./target-health.ts"

/** A promise only where pins are shared between processes. */
export function rank(
  shortlist: Shortlist,
  group: Group,
  call: Call,
  gateway: Gateway,
): readonly Target[] | Promise<readonly Target[]> {
  const { strategy } = group
  const order = STRATEGIES[strategy](shortlist.eligible, { dialect: call.dialect.name, random: gateway.random.number })
  // where there was no choice there is nothing to tell
  if (call.snapshot.traceCalls && (order.length > 1 || shortlist.rejected.length > 0)) {
    const first = order[0]
    call.trace.push({
      seq: call.trace.length,
      ts: gateway.clock.now(),
      event: "routing_decision",
      target_provider: first?.provider.name ?? null,
      target_model: first?.model ?? null,
      reason: strategy,
      value: order.length,
    })
  }
  const pinned = pinnedOrder(order, group, call, gateway)
  if (pinned instanceof Promise) return pinned.then((found) => orderByHealth(found, call, gateway))
  return orderByHealth(pinned, call, gateway)
}
