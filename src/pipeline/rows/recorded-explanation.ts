/** How a recorded call was decided, with the line of the configuration to change where nothing could serve it. */
import type { Group, Snapshot } from "../../config/snapshot.ts"
import { explainedCall, type Explanation } from "../../explain/explanation.ts"
import type { DecidedCall } from "../../ledger/decision-queries.ts"
import type { FilterReasonRow } from "../../ledger/decision-record.ts"
import { hintFor, isRejectionReason } from "../../routing/eligibility/hint.ts"
import { isOperational } from "../../routing/eligibility/operational.ts"

export function recordedExplanation(call: DecidedCall, { groups, routingFingerprint }: Snapshot): Explanation {
  const isSame = call.usage.routing_config_fingerprint === routingFingerprint
  const group = groups.get(call.usage.resolved_group)
  return explainedCall(call, isSame, isSame && group !== undefined ? hintOf(call, group) : null)
}

/** The same as the caller was told. */
function hintOf({ error, decision }: DecidedCall, group: Group): string | null {
  if (error?.code !== "no-eligible-target") return null
  const rejected = decision.filterReasons.flatMap((row) => rejectionOf(row, group))
  const passing = rejected.filter(isOperational)
  return rejected.length === 0 ? null : hintFor(group, passing.length === 0 ? rejected : passing)
}

function rejectionOf({ effect, target_index: index, reason }: FilterReasonRow, group: Group) {
  const target = group.targets[index]
  if (target === undefined || !effect.startsWith("rejected") || !isRejectionReason(reason)) return []
  return [{ target, reason }]
}
