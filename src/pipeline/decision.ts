/** What is noted of a decision while it is made, for those who want to know: telemetry, `explain`, a shadow. */
import type { Group, Target } from "../config/snapshot.ts"
import type { ShapeFeatureRow } from "../ledger/decision-record.ts"
import { estimatedInputTokens } from "../routing/eligibility/estimate.ts"
import { allRefusals, unknownNeedsOf, type Refused, type UnknownNeed } from "../routing/eligibility/eligible.ts"
import { isOperational } from "../routing/eligibility/operational.ts"
import type { PolicyExecution } from "../routing/policy/execution.ts"
import type { Ranking } from "../routing/strategy.ts"
import type { Hindrance } from "../upstream/health.ts"
import type { Call } from "./call.ts"
import { shapeRow } from "./shape-row.ts"
import type { Shortlist } from "./shortlist.ts"

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

/** Nothing where nobody will read it. */
export function noteShortlist(shortlist: Shortlist, group: Group, call: Call): void {
  const { telemetry } = call.snapshot
  if (telemetry === null && group.shadow === null) return
  const isFull = telemetry?.candidates === true
  call.decision = {
    shortlist,
    estimatedInputTokens: estimatedInputTokens(call, 0),
    shape: telemetry === null ? null : shapeRow(call, true),
    refusals: isFull ? [...allRefusals(group, call), ...shortlist.rejected.filter(isOperational)] : [],
    unknown: isFull ? unknownNeedsOf(group, call) : [],
    ranking: null,
    order: [],
    pin: null,
    hindered: null,
    shadow: null,
  }
}
