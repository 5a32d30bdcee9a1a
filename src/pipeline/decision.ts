/** What is noted of a decision while it is made, for those who want to know: telemetry, `explain`, a shadow. */
import type { Group, Target } from "../config/snapshot.ts"
import type { PolicyExecution } from "../routing/policy/execution.ts"
import type { Ranking } from "../routing/strategy.ts"
import type { Hindrance } from "../upstream/health.ts"
import type { Call } from "./call.ts"
import type { Shortlist } from "./shortlist.ts"

export interface Decision {
  shortlist: Shortlist
  ranking: Ranking | null
  /** The order in which targets are to be tried. */
  order: readonly Target[]
  pin: { readonly target: Target; readonly kind: string } | null
  /** What put targets after the others; null: nothing did. */
  hindered: Map<Target, { readonly reason: Hindrance["reason"]; readonly waitMs: number }> | null
  /** Null: the group has none, or nothing was eligible. */
  shadow: ShadowDecision | null
}

export interface ShadowDecision {
  ranking: Ranking | null
  /** Null: it decided, or has not answered yet. */
  error: string | null
  /** How its script or service ran; null: none was asked. */
  policy: PolicyExecution | null
}

/** Nothing where nobody will read it. */
export function noteShortlist(shortlist: Shortlist, group: Group, call: Call): void {
  if (call.snapshot.telemetry === null && group.shadow === null) return
  call.decision = { shortlist, ranking: null, order: [], pin: null, hindered: null, shadow: null }
}
