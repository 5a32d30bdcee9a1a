/** The hard filters of `dynamic_score`: where silence about a target counts as no. */
import type { GroupConfig } from "../config.ts"
import type { Group } from "../snapshot.ts"

type Demand = Group["demanded"] extends ReadonlySet<infer D> ? D : never

/** `require_honors_max_tokens_when_caller_capped` holds in every group. */
export function demandedOf({ strategy, routing_policy: policy }: GroupConfig): Group["demanded"] {
  const said = strategy === "dynamic_score" ? policy?.dynamic_score?.hard_filters : undefined
  const demands: readonly (readonly [Demand, boolean | undefined])[] = [
    ["own-dialect", said?.require_requested_api_skin],
    ["images", said?.require_input_modalities],
    ["tools", said?.require_tool_support_when_tools_present],
    ["reasoning", said?.require_reasoning_support_when_requested],
  ]
  return new Set(demands.filter(([, isOn]) => isOn === true).map(([demand]) => demand))
}
