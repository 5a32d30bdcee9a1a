/** Settings of `dynamic_score` that load but cannot do what they seem to say. */
import type { Config, GroupConfig } from "../config.ts"
import { quote, type Report } from "../findings.ts"
import { nearest } from "../../nearest.ts"

export function adviseOnScoring(config: Config, report: Report): void {
  const scored = new Set<string>()
  for (const [name, group] of Object.entries(config.models)) {
    if (group.strategy === "dynamic_score") for (const { provider } of group.targets) scored.add(provider)
    adviseOnGroup(name, group, report)
  }
  for (const [name, provider] of Object.entries(config.providers)) {
    if (provider.engine_metrics === undefined || scored.has(name)) continue
    const message =
      "No group with the strategy dynamic_score has a target of this provider, so its metrics are not read."
    report({
      severity: "warning",
      code: "no-effect",
      path: ["providers", name, "engine_metrics"],
      atKey: true,
      message,
    })
  }
}

function adviseOnGroup(name: string, group: GroupConfig, report: Report): void {
  const policy = group.routing_policy?.dynamic_score
  if (policy === undefined) return
  const path = ["models", name, "routing_policy", "dynamic_score"]
  if (group.strategy !== "dynamic_score") {
    const message = "Only the strategy dynamic_score reads this, and the group has another one."
    report({ severity: "warning", code: "no-effect", path, atKey: true, message, expected: "strategy: dynamic_score" })
    return
  }
  const carried = new Set(group.targets.flatMap(({ tags }) => tags))
  for (const [index, { require_tags: tags }] of policy.score_terms.entries()) {
    for (const [place, tag] of tags.entries()) {
      if (carried.has(tag)) continue
      const message = `No target of the group carries the tag ${quote(tag)}: the term scores 0 for all.`
      const at = [...path, "score_terms", index, "require_tags", place]
      report({ severity: "warning", code: "unknown-tag", path: at, message, nearest: nearest(tag, carried) })
    }
  }
}
