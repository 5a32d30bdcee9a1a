/** The second strategy of a group, and what is recorded of decisions. */
import type { DecisionTelemetry, GroupConfig } from "../config.ts"
import { policySettings } from "./policies.ts"
import type { StrategySettings, TelemetryRule } from "../snapshot.ts"

/**
 * It is asked for its choice alone: a service hears nothing of the calls that it did not decide. The policy service of a
 * group may be its shadow (`external_policy.mode`).
 */
export function shadowSettings(group: GroupConfig): StrategySettings | null {
  const entry = group.shadow ?? (isShadowed(group) ? group : null)
  if (entry === null) return null
  const settings = policySettings({ ...entry, contract: group.contract })
  if (settings.external === null) return settings
  return { ...settings, external: { ...settings.external, mode: "live", feedback: null } }
}

export function isShadowed({ strategy, external_policy: policy }: GroupConfig): boolean {
  return strategy === "external" && policy?.mode === "shadow"
}

export function telemetryRule(entry: DecisionTelemetry): TelemetryRule | null {
  if (!entry.enabled) return null
  return {
    maxCandidates: entry.max_candidates,
    maxFilterReasons: entry.max_filter_reasons,
    candidates: entry.record_candidates,
  }
}
