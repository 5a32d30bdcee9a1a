/** Asks private engines how busy they are: those of providers whose targets are scored. */
import type { EngineMetricsRule, Snapshot } from "../config/snapshot.ts"
import type { Gateway } from "../pipeline/gateway.ts"
import { buildInfo } from "../system/build-info.ts"
import { EngineMetrics } from "../upstream/engine-metrics.ts"

export const USER_AGENT: string = `smart-router/${buildInfo.version}`

interface EngineFollower {
  /** From now on those of this configuration. */
  follow(snapshot: Snapshot): void
  close(): void
}

export function engineFollower({ clock, log, live, snapshot: first }: Gateway): EngineFollower {
  const engines = new EngineMetrics({
    clock,
    log,
    userAgent: USER_AGENT,
    onReading: (provider, reading, until) => live.engineRead(provider, reading, until),
  })
  const follow = (snapshot: Snapshot): void => engines.follow(rulesOf(snapshot))
  follow(first)
  return { follow, close: () => engines.close() }
}

function rulesOf(snapshot: Snapshot): ReadonlyMap<string, EngineMetricsRule> {
  const rules = new Map<string, EngineMetricsRule>()
  for (const { score, targets } of snapshot.groups.values())
    for (const { provider } of targets)
      if (score !== null && provider.engineMetrics !== null) rules.set(provider.name, provider.engineMetrics)
  return rules
}
