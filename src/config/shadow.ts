/** The second strategy of a group, and what is recorded of decisions. */
import type { DecisionTelemetry, GroupConfig } from "./config.ts"
import { policySettings } from "./policies.ts"
import type { StrategySettings, TelemetryRule } from "./snapshot.ts"

/** It is asked for its choice alone: a service hears nothing of the calls that it did not decide. */
export function shadowSettings({ shadow, contract }: GroupConfig): StrategySettings | null {
  if (shadow === null) return null
  const settings = policySettings({ ...shadow, contract })
  if (settings.external === null) return settings
  return { ...settings, external: { ...settings.external, mode: "live", feedback: null } }
}

export function telemetryRule(entry: DecisionTelemetry): TelemetryRule | null {
  if (!entry.enabled) return null
  return {
    maxCandidates: entry.max_candidates,
    maxFilterReasons: entry.max_filter_reasons,
    candidates: entry.record_candidates,
  }
}
