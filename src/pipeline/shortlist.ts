/**
 * Step 4: which targets can serve this call, and why the others cannot, by the shape of the request. What only the decoded
 * body tells is asked when such a target's turn comes (`translate.ts`): a call that its first target serves in its own
 * dialect is never decoded.
 */
import type { Group, Target } from "../config/snapshot.ts"
import { RouterError } from "../errors.ts"
import { allRefusals, eligibleTargets, unknownNeeds, type Eligibility } from "../routing/eligibility/eligible.ts"
import { hintFor } from "../routing/eligibility/hint.ts"
import { requirementsOf } from "../routing/eligibility/needs.ts"
import { changesWithinS, isOperational, keepingTargets } from "../routing/eligibility/operational.ts"
import { BY_DIALECT, type RejectionReason } from "../routing/eligibility/reasons.ts"
import { tooLong } from "../routing/eligibility/too-long.ts"
import type { Call } from "./call.ts"
import { noteShortlist } from "./decision.ts"
import type { Gateway } from "./gateway.ts"
import { refuseGroup } from "./group-refusal.ts"
import { trace } from "./trace.ts"

export interface Rejection {
  readonly target: Target
  readonly reason: RejectionReason
  /** What the caller is told when nothing else is left; null: `no-eligible-target`. */
  readonly error: RouterError | null
}

export interface Shortlist {
  readonly eligible: readonly Target[]
  readonly rejected: readonly { readonly target: Target; readonly reason: RejectionReason }[]
}

/** @throws RouterError `no-eligible-target`, or the group's own refusal */
export function shortlistFor(group: Group, call: Call, gateway: Gateway): Shortlist {
  refuseGroup(group)
  const { eligible, refused } = eligibleNow(group, call, gateway)
  const shortlist = { eligible, rejected: refused }
  noteShortlist(shortlist, group, call)
  if (call.snapshot.traceCalls) explain(group, refused, call, gateway)
  if (eligible.length === 0) throw refusal(group, call, call.rejected ?? [])
  return shortlist
}

/** What a target did lately counts last, and only where the group's contract promises something of it. */
function eligibleNow(group: Group, call: Call, gateway: Gateway): Eligibility {
  const found = eligibleTargets(group, call)
  if (group.operational === null) return found
  const kept = keepingTargets(found, group.operational, gateway.live, gateway.clock.monotonicMs())
  if (kept !== found) call.rejected = kept.refused.filter(isOperational).map((one) => ({ ...one, error: null }))
  return kept
}

/** More would only repeat the configuration. */
const MAX_TRACED = 64

function explain(group: Group, refused: Shortlist["rejected"], call: Call, gateway: Gateway): void {
  for (const { target, reason } of refused.slice(0, MAX_TRACED)) {
    if (!BY_DIALECT.has(reason)) trace("target_rejected", target, reason, null, call, gateway)
  }
  const unknown = unknownNeeds(group, call)
  if (unknown.length === 0) return
  trace("capability_unknown", undefined, unknown.join(","), unknown.length, call, gateway)
}

/**
 * What the caller is told when no target is left before anything was sent. `late`: those whose turn had come, or that
 * did not keep the contract lately. Of these one may serve the call later, whatever stands against the others.
 */
export function refusal(group: Group, call: Call, late: readonly Rejection[]): RouterError {
  if (late.some(isOperational)) return noEligibleTarget(group, call, [...allRefusals(group, call), ...late])
  const decisive = (["invalid-request", "state", "translation-loss"] as const)
    .map((reason) => late.find((rejection) => rejection.reason === reason)?.error ?? null)
    .find((error) => error !== null)
  return decisive ?? noEligibleTarget(group, call, [...allRefusals(group, call), ...late])
}

export function noEligibleTarget(group: Group, call: Call, rejected: readonly Omit<Rejection, "error">[]): RouterError {
  const requirements = requirementsOf(call)
  const missing = rejected.filter(isOperational).map(({ target }) => target)
  const now = missing.length === 0 ? "" : " at the moment"
  const nobody = `No target of the model group "${group.name}" can serve this call${now}`
  const promises = new Set(rejected.map(({ reason }) => reason).filter((reason) => reason.startsWith("contract-")))
  return new RouterError("no-eligible-target", {
    ...(missing.length === 0 ? {} : { status: 503, retryable: true, retryAfterS: changesWithinS(missing) }),
    message: tooLong(call, rejected) ?? `${nobody} (${requirements.join(", ")}).`,
    details: {
      model: group.name,
      dialect: call.dialect.name,
      requirements: [...requirements, ...promises],
      rejected: rejected.map(({ target, reason }) => ({ target: target.index, reason })),
      hint: hintFor(group, missing.length === 0 ? rejected : rejected.filter(isOperational)),
    },
  })
}
