/** Begins to note how a call is decided, where somebody will read it. */
import { allRefusals, unknownNeedsOf } from "../../routing/eligibility/eligible.ts"
import { estimatedInputTokens } from "../../routing/eligibility/estimate.ts"
import { isOperational } from "../../routing/eligibility/operational.ts"
import { isActivation } from "../../routing/eligibility/proven.ts"
import type { AdmittedCall } from "../call.ts"
import type { Shortlist } from "../call/plan.ts"
import { shapeRow } from "./shape-row.ts"

export function noteShortlist(shortlist: Shortlist, call: AdmittedCall): void {
  const { group, request } = call
  const { telemetry } = call.snapshot
  if (telemetry === null && group.shadow === null) return
  const isFull = telemetry?.candidates === true
  const { rejected } = shortlist
  const passing = [...rejected.filter(isOperational), ...rejected.filter(isActivation)]
  call.notes.decision = {
    shortlist,
    estimatedInputTokens: estimatedInputTokens(request, 0),
    shape: telemetry === null ? null : shapeRow(call, true),
    refusals: isFull ? [...allRefusals(group, request), ...passing] : [],
    unknown: isFull ? unknownNeedsOf(group, request) : [],
    ranking: null,
    order: [],
    pin: null,
    hindered: null,
    shadow: null,
  }
}
