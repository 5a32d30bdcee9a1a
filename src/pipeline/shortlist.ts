/**
 * Step 4: which targets can serve this call, and why the others cannot, by the shape of the request. What only the decoded
 * body tells is asked when such a target's turn comes (`translate.ts`): a call that its first target serves in its own
 * dialect is never decoded.
 */
import { RouterError } from "../errors.ts"
import { allRefusals, type Eligibility, eligibleTargets, unknownNeeds } from "../routing/eligibility/eligible.ts"
import { hintFor } from "../routing/eligibility/hint.ts"
import { requirementsOf } from "../routing/eligibility/needs.ts"
import { changesWithinS, isOperational, keepingTargets } from "../routing/eligibility/operational.ts"
import { isActivation, provenTargets } from "../routing/eligibility/proven.ts"
import { BY_DIALECT } from "../routing/eligibility/reasons.ts"
import { tooLong } from "../routing/eligibility/too-long.ts"
import type { AdmittedCall } from "./call.ts"
import type { Rejection, Shortlist } from "./call/plan.ts"
import { trace } from "./call/trace.ts"
import type { Gateway } from "./gateway.ts"
import { noteShortlist } from "./rows/note-shortlist.ts"
import { findHolder } from "./targets/held-state.ts"

/**
 * The targets that can serve the call. A promise only where the body points at state of a provider.
 * @throws RouterError `no-eligible-target`; `not-found`, `stateful-unsupported` for such state
 */
export function shortlist(call: AdmittedCall, gateway: Gateway): Shortlist | Promise<Shortlist> {
  return call.request.heldIds === null ? shortlistByShape(call, gateway) : shortlistByState(call, gateway)
}

/** @throws RouterError `no-eligible-target` */
export function shortlistByShape(call: AdmittedCall, gateway: Gateway): Shortlist {
  const found = findEligible(call, gateway)
  noteShortlist(found, call)
  if (call.snapshot.traceCalls) explain(found, call, gateway)
  if (found.eligible.length === 0) throw refuseTargets(found.missing, call)
  return found
}

/** The same, of which only the holder of what the body points at is left. */
async function shortlistByState(call: AdmittedCall, gateway: Gateway): Promise<Shortlist> {
  const found = shortlistByShape(call, gateway)
  const holder = await findHolder(found.eligible, call, gateway)
  if (holder === null) return found
  // no other target has the state, so what the holder cannot do nobody can
  if (!found.eligible.includes(holder)) throw refuseTargets(found.missing, call)
  return { ...found, eligible: [holder] }
}

/** What is proven of a target, and what it did lately, counts last, and only where the group asks for it. */
function findEligible(call: AdmittedCall, gateway: Gateway): Shortlist {
  const { group, request } = call
  let found = eligibleTargets(group, request)
  if (group.activation === null && group.operational === null)
    return { eligible: found.eligible, rejected: found.refused, missing: NONE }
  if (group.activation !== null) found = provenOf(found, call, gateway)
  const { live, clock } = gateway
  if (group.operational !== null) found = keepingTargets(found, group.operational, live, clock.monotonicMs())
  const missing = found.refused
    .filter((one) => isOperational(one) || isActivation(one))
    .map((one) => ({ ...one, error: null }))
  return { eligible: found.eligible, rejected: found.refused, missing }
}

/** With `activation: observe` all targets stay, and what would be refused is told. */
function provenOf(found: Eligibility, call: AdmittedCall, gateway: Gateway): Eligibility {
  const { group, request } = call
  const proven = provenTargets(found, group, request, gateway.activation, call.ts)
  if (group.activation?.mode === "required") return proven
  for (const { target, reason } of proven.refused.filter(isActivation)) {
    gateway.activation.observed(group)
    if (call.snapshot.traceCalls) trace("activation_observed", target, reason, null, call, gateway)
  }
  return found
}

const NONE: readonly Rejection[] = []

/** More would only repeat the configuration. */
const MAX_TRACED = 64

function explain({ rejected }: Shortlist, call: AdmittedCall, gateway: Gateway): void {
  for (const { target, reason } of rejected.slice(0, MAX_TRACED)) {
    if (!BY_DIALECT.has(reason)) trace("target_rejected", target, reason, null, call, gateway)
  }
  const unknown = unknownNeeds(call.group, call.request)
  if (unknown.length === 0) return
  trace("capability_unknown", undefined, unknown.join(","), unknown.length, call, gateway)
}

/**
 * What the caller is told when no target is left before anything was sent. `late`: those whose turn had come, or that
 * did not keep the contract lately. Of these one may serve the call later, whatever stands against the others.
 */
export function refuseTargets(late: readonly Rejection[], call: AdmittedCall): RouterError {
  const all = (): readonly Omit<Rejection, "error">[] => [...allRefusals(call.group, call.request), ...late]
  if (late.some(isOperational)) return noEligibleTarget(all(), call)
  const decisive = (["invalid-request", "state", "translation-loss"] as const)
    .map((reason) => late.find((rejection) => rejection.reason === reason)?.error ?? null)
    .find((error) => error !== null)
  return decisive ?? noEligibleTarget(all(), call)
}

export function noEligibleTarget(rejected: readonly Omit<Rejection, "error">[], call: AdmittedCall): RouterError {
  const { group, request } = call
  const requirements = requirementsOf(request)
  const missing = rejected.filter(isOperational).map(({ target }) => target)
  const now = missing.length === 0 ? "" : " at the moment"
  const nobody = `No target of the model group "${group.name}" can serve this call${now}`
  const promises = new Set(
    rejected.map(({ reason }) => reason).filter((reason) => /^(?:contract|activation)-/.test(reason)),
  )
  return new RouterError("no-eligible-target", {
    ...(missing.length === 0 ? {} : { status: 503, retryable: true, retryAfterS: changesWithinS(missing) }),
    message: tooLong(request, rejected) ?? `${nobody} (${requirements.join(", ")}).`,
    details: {
      model: group.name,
      dialect: call.dialect.name,
      requirements: [...requirements, ...promises],
      rejected: rejected.map(({ target, reason }) => ({ target: target.index, reason })),
      hint: hintFor(group, missing.length === 0 ? rejected : rejected.filter(isOperational)),
    },
  })
}
