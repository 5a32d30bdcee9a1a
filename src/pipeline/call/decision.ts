/** What is noted of a decision while it is made, for those who want to know: telemetry, `explain`, a shadow. */
import type { Target } from "../../config/snapshot.ts"
import type { ShapeFeatureRow } from "../../ledger/decision-record.ts"
import type { Refused, UnknownNeed } from "../../routing/eligibility/eligible.ts"
import type { PolicyExecution } from "../../routing/policy/execution.ts"
import type { Ranking } from "../../routing/strategy.ts"
import type { Hindrance } from "../../upstream/health.ts"
import type { Shortlist } from "./plan.ts"

export interface Decision {
  shortlist: Shortlist
  readonly estimatedInputTokens: number
  /** Null unless telemetry is on. */
  readonly shape: ShapeFeatureRow | null
  /** All that stands against each target. */
  readonly refusals: readonly Refused[]
  /** What the call needs and a target that may get it says nothing about. */
  readonly unknown: readonly UnknownNeed[]
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
