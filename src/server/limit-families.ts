/** What callers and projects have of their limits, as gauges. */
import type { FamilyWriter, Labels } from "../metrics/exposition.ts"
import type { Gateway } from "../pipeline/gateway.ts"
import { inTurns } from "../reports/turns.ts"
import { viewsOf } from "./held-limits.ts"
import { lineOf } from "./limits-view.ts"

export interface LimitGauge {
  readonly labels: Labels
  readonly used: number
  readonly reserved: number
  readonly limit: number
}

/** Of the first callers with limits, as many as have metrics of their own. None where the store of limits is away, which other gauges say. */
export async function limitGauges(gateway: Gateway): Promise<readonly LimitGauge[]> {
  const gauges = new Map<string, LimitGauge>()
  try {
    for await (const view of viewsOf(gateway, gateway.snapshot.metrics.maxCallers)) {
      const { scope, limit, unit, used, reserved, limit_value } = lineOf(view)
      const labels = { subject: scope, id: view.subject.id, limit, unit }
      gauges.set(`${view.subject.key} ${limit}`, { labels, used, reserved, limit: limit_value })
    }
  } catch {
    return []
  }
  return [...gauges.values()]
}

/** Others have turns between. */
export async function writeLimits(out: FamilyWriter, gauges: readonly LimitGauge[]): Promise<void> {
  out.family("smart_router_limit_used", "gauge", "What is used of a limit, in its unit; money in USD.")
  for await (const some of inTurns(gauges)) for (const { labels, used } of some) out.sample(labels, used)
  out.family("smart_router_limit_reserved", "gauge", "What calls in flight hold of it.")
  for await (const some of inTurns(gauges)) for (const { labels, reserved } of some) out.sample(labels, reserved)
  out.family("smart_router_limit_value", "gauge", "The limit itself.")
  for await (const some of inTurns(gauges)) for (const { labels, limit } of some) out.sample(labels, limit)
}
