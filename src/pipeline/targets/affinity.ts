/**
 * After the strategy, before health: what belongs together stays on one target while it is well. Hard for state that only
 * its issuer can read, soft for the warmth of prompt caches. Pins reorder what is eligible, they add nothing; whoever
 * serves a call is remembered, so a pin yields when its target fails.
 */
import type { Target } from "../../config/snapshot.ts"
import { hasMember } from "../../dialects/stored-ids.ts"
import { isSoft, pinBounds, pinnedFirst, pinnedTarget } from "../../routing/affinity/pin-rules.ts"
import type { Pin } from "../../routing/affinity/pin-store.ts"
import type { AdmittedCall } from "../call.ts"
import { goOn } from "../call/go-on.ts"
import type { CallAffinity, Plan } from "../call/plan.ts"
import type { CallRequest } from "../call/request.ts"
import { trace } from "../call/trace.ts"
import type { Gateway } from "../gateway.ts"

/** What pins make of an order. */
export type Ordered = Pick<Plan, "order" | "affinity">

/** The promise is for stores that are shared between processes. */
export function pinFirst(order: readonly Target[], call: AdmittedCall, gateway: Gateway): Ordered | Promise<Ordered> {
  const { group, request } = call
  if (group.affinity === null || order.length < 2) return { order, affinity: null }
  if (!isSoft(group) && !request.shape.hasSeals) return { order, affinity: null }
  const { conversation: keys } = request
  if (keys === null || keys.known.length === 0) return { order, affinity: { keys, pin: null } }
  const found = gateway.pins.get({
    group: group.name,
    keys: keys.known,
    now: call.ts,
    mustBeCurrent: request.shape.hasSeals,
    bounds: pinBounds(group.affinity),
  })
  return goOn(found, (pin) => reorder(order, { keys, pin }, call, gateway))
}

function reorder(order: readonly Target[], affinity: CallAffinity, call: AdmittedCall, gateway: Gateway): Ordered {
  const { keys, pin } = affinity
  if (pin === null) return { order, affinity }
  const isHard = call.request.shape.hasSeals
  const target = pinnedTarget(pin, order, call.group, isHard, call.ts)
  if (target === undefined) return { order, affinity }
  const reason = isHard ? "sealed-reasoning" : (keys?.kind ?? null)
  const { decision } = call.notes
  if (decision !== null) decision.pin = { target, kind: reason ?? "unknown" }
  trace("affinity_pin", target, reason, order.indexOf(target), call, gateway)
  return { order: pinnedFirst(target, order), affinity }
}

/** The target has answered: later calls of the conversation go there. */
export function rememberTarget(
  target: Target,
  { order, affinity }: Ordered,
  call: AdmittedCall,
  gateway: Pick<Gateway, "pins">,
): void {
  const { group, request } = call
  if (group.affinity === null || order.length < 2) return
  const earlier = affinity?.pin ?? null
  if (!isSoft(group) && earlier === null && target === order[0] && !maySeal(request)) return
  const keys = affinity === null ? request.conversation : affinity.keys
  if (keys === null) return
  gateway.pins.set(
    group.name,
    keys.next,
    { target: target.pin, ...sealsAfter(target, earlier, request), at: call.ts },
    pinBounds(group.affinity),
  )
}

/** Agents ask for encrypted reasoning by `include`, also where they leave the effort to the model. */
function maySeal({ shape, body }: CallRequest): boolean {
  return shape.hasSeals || shape.reasoning.requested || hasMember(body, "include")
}

/** Targets of another dialect seal in envelopes, which name their issuer themselves. */
function sealsAfter(target: Target, earlier: Pin | null, request: CallRequest): Pick<Pin, "issuer" | "foreignSeals"> {
  const before = { issuer: earlier?.issuer ?? null, foreignSeals: earlier?.foreignSeals ?? 0 }
  if (target.dialect !== request.dialect.name || target.facts.issuer.label === before.issuer) return before
  return { issuer: target.facts.issuer.label, foreignSeals: before.issuer === null ? 0 : (request.nativeSeals ?? 0) }
}

/** How many of the first seals in the body the target cannot read; Infinity: none that it can. */
export function foreignSeals(target: Target, affinity: CallAffinity | null, { dialect, shape }: CallRequest): number {
  const pin = affinity?.pin ?? null
  if (pin === null || pin.issuer === null || target.dialect !== dialect.name || !shape.hasSeals) return 0
  return target.facts.issuer.label === pin.issuer ? pin.foreignSeals : Infinity
}
