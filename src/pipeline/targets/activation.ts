/** What the ends of attempts say about what is proven of targets, in groups with `activation`. */
import { capabilitiesNeeded } from "../../routing/eligibility/proven.ts"
import type { Call } from "../call.ts"
import type { Attempt } from "../call/attempt.ts"
import type { AnswerEnd } from "../call/outcome.ts"
import type { Gateway } from "../gateway.ts"
import type { TrafficEvidence } from "./activation-gate.ts"

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
