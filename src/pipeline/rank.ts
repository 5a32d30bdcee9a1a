/** Step 5: the group's strategy orders the shortlist; targets that are not well come last. */
import type { Target } from "../config/snapshot.ts"
import { STRATEGIES } from "../routing/strategy.ts"
import type { Call } from "./call.ts"
import type { Gateway } from "./gateway.ts"
import type { Shortlist } from "./shortlist.ts"
import { orderByHealth } from "./target-health.ts"

export function rank(shortlist: Shortlist, call: Call, gateway: Gateway): readonly Target[] {
  const strategy = call.group?.strategy ?? "failover"
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
  return orderByHealth(order, call, gateway)
}
