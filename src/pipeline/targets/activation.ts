/** What groups with `activation` ask of each call, and what the ends of its attempts say about what is proven. */
import type { Capability } from "../../activation/capabilities.ts"
import type { Group, Target } from "../../config/snapshot.ts"
import type { DialectName } from "../../dialects/name.ts"
import { capabilitiesNeeded, type Proofs } from "../../routing/eligibility/proven.ts"
import type { Call } from "../call.ts"
import type { Attempt } from "../call/attempt.ts"
import type { AnswerEnd } from "../call/outcome.ts"
import type { Gateway } from "../gateway.ts"

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

/** Chat's and Messages' words. Responses has none: its answers do not tell. */
const TOOL_STOPS: ReadonlySet<string | null> = new Set(["tool_calls", "tool_use"])

/** Nobody's departure and no refusal of a request counts. */
export function noteEvidence(tried: Attempt, answer: AnswerEnd | null, call: Call, gateway: Gateway): void {
  const { group, request, dialect } = call
  if (group === null || group.activation === null || request === null) return
  const end = endOf(tried, answer)
  if (end === null) return
  gateway.activation.heard({
    group,
    target: tried.target,
    dialect: dialect.name,
    needed: capabilitiesNeeded(request),
    end,
    calledTools: answer !== null && TOOL_STOPS.has(answer.facts.stopReason),
  })
}

function endOf({ failure }: Attempt, answer: AnswerEnd | null): TrafficEvidence["end"] | null {
  if (failure === null) return answer?.isWhole === true ? "answered" : null
  if (failure.reason === "key-refused" || failure.reason === "model-unknown") return "refused"
  return failure.counts ? "fault" : null
}
