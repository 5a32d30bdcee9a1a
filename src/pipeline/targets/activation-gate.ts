/** What groups with `activation` ask of each call. */
import type { Capability } from "../../activation/capabilities.ts"
import type { Group, Target } from "../../config/snapshot.ts"
import type { DialectName } from "../../dialects/name.ts"
import type { Proofs } from "../../routing/eligibility/proven.ts"

export interface ActivationGate extends Proofs {
  /** With `activation: observe`: a call would have been kept from a target. */
  observed(group: Group): void
  heard(evidence: TrafficEvidence): void
}

/** The end of one attempt at a target of a gated group. */
export interface TrafficEvidence {
  readonly group: Group
  readonly target: Target
  /** The client's. */
  readonly dialect: DialectName
  readonly needed: readonly Capability[]
  /** `answered`: whole. `fault`: the target's own, never a refusal that a caller can cause. `refused`: it does not take key or model. */
  readonly end: "answered" | "fault" | "refused"
  /** The answer ended in calls of tools, by its stop reason. */
  readonly calledTools: boolean
}
