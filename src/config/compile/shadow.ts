/** The second strategy of a group. */
import type { GroupConfig } from "../config.ts"
import { policySettings } from "./policies.ts"
import type { StrategySettings } from "../snapshot.ts"

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
