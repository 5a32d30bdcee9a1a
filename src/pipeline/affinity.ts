/**
 * After the strategy, before health: what belongs together stays on one target while it is well. Hard for state that only
 * its issuer can read, soft for the warmth of prompt caches. Pins reorder what is eligible, they add nothing; whoever
 * serves a call is remembered, so a pin yields when its target fails.
 */
import type { Block, ReasoningBlock, Seal } from "../canonical/block.ts"
import type { Request } from "../canonical/request.ts"
import { holdsPayload } from "../canonical/seal.ts"
import type { Group, Target } from "../config/snapshot.ts"
import { hasMember } from "../dialects/stored-ids.ts"
import { conversationKeys, sessionKeys, type ConversationKeys } from "../routing/affinity/conversation-key.ts"
import { isSoft, pinBounds, pinnedFirst, pinnedTarget } from "../routing/affinity/pin-rules.ts"
import type { Pin } from "../routing/affinity/pin-store.ts"
import type { Call } from "./call.ts"
import type { Gateway } from "./gateway.ts"
import { trace } from "./trace.ts"

export interface CallAffinity {
  /** Null: nothing tells this conversation from another. */
  readonly keys: ConversationKeys | null
  readonly pin: Pin | null
}

/** The promise is for stores that are shared between processes. */
export function pinnedOrder(
  order: readonly Target[],
  group: Group,
  call: Call,
  gateway: Gateway,
): readonly Target[] | Promise<readonly Target[]> {
  if (group.affinity === null || order.length < 2) return order
  if (!isSoft(group) && !call.shape.hasSeals) return order
  const keys = keysOf(call)
  call.affinity = { keys, pin: null }
  if (keys === null || keys.known.length === 0) return order
  const found = gateway.pins.get({
    group: group.name,
    keys: keys.known,
    now: call.ts,
    mustBeCurrent: call.shape.hasSeals,
    bounds: pinBounds(group.affinity),
  })
  if (found instanceof Promise) return found.then((pin) => reordered(order, pin, group, call, gateway))
  return reordered(order, found, group, call, gateway)
}

/** Of a call that names its session in a header; null: it does not. */
export function sessionKeysOf({ callerId, dialect, request }: Call): ConversationKeys | null {
  return sessionKeys({ callerId, dialect: dialect.name, headers: request.headers })
}

/** Read once: the body may be edited afterwards. */
export function keysOf(call: Call): ConversationKeys | null {
  if (call.conversation !== undefined) return call.conversation
  if (call.body === null) return null
  return (call.conversation = conversationKeys({
    callerId: call.callerId,
    dialect: call.dialect.name,
    body: call.body,
    headers: call.request.headers,
  }))
}

function reordered(
  order: readonly Target[],
  pin: Pin | null,
  group: Group,
  call: Call,
  gateway: Gateway,
): readonly Target[] {
  if (pin === null || group.affinity === null) return order
  call.affinity = { keys: call.affinity?.keys ?? null, pin }
  const isHard = call.shape.hasSeals
  const target = pinnedTarget(pin, order, group, isHard, call.ts)
  if (target === undefined) return order
  const reason = isHard ? "sealed-reasoning" : (call.affinity.keys?.kind ?? null)
  if (call.decision !== null) call.decision.pin = { target, kind: reason ?? "unknown" }
  trace("affinity_pin", target, reason, order.indexOf(target), call, gateway)
  return pinnedFirst(target, order)
}

/** The target has answered: later calls of the conversation go there. `order`: all that could have been tried. */
export function rememberTarget(target: Target, order: readonly Target[], call: Call, gateway: Gateway): void {
  const { group } = call
  if (group === null || group.affinity === null || order.length < 2) return
  const earlier = call.affinity?.pin ?? null
  if (!isSoft(group) && earlier === null && target === order[0] && !maySeal(call)) return
  const keys = call.affinity === null ? keysOf(call) : call.affinity.keys
  if (keys === null) return
  gateway.pins.set(
    group.name,
    keys.next,
    { target: target.pin, ...sealsAfter(target, earlier, call), at: call.ts },
    pinBounds(group.affinity),
  )
}

/** Agents ask for encrypted reasoning by `include`, also where they leave the effort to the model. */
function maySeal({ shape, body }: Call): boolean {
  return shape.hasSeals || shape.reasoning.requested || (body !== null && hasMember(body, "include"))
}

/** Targets of another dialect seal in envelopes, which name their issuer themselves. */
function sealsAfter(target: Target, earlier: Pin | null, call: Call): Pick<Pin, "issuer" | "foreignSeals"> {
  const before = { issuer: earlier?.issuer ?? null, foreignSeals: earlier?.foreignSeals ?? 0 }
  if (target.dialect !== call.dialect.name || target.facts.issuer.label === before.issuer) return before
  const seals = call.decoded === null ? call.nativeSeals : nativeSeals(call.decoded.request)
  return { issuer: target.facts.issuer.label, foreignSeals: before.issuer === null ? 0 : (seals ?? 0) }
}

/** How many of the first seals in the body the target cannot read; Infinity: none that it can. */
export function foreignSeals(target: Target, call: Call): number {
  const pin = call.affinity?.pin ?? null
  if (pin === null || pin.issuer === null || target.dialect !== call.dialect.name || !call.shape.hasSeals) return 0
  return target.facts.issuer.label === pin.issuer ? pin.foreignSeals : Infinity
}

/** The same request with its first seals under a name that no target has: writers leave them out, and say so. */
export function withForeignSeals(request: Request, count: number): Request {
  let left = count
  const marked = (block: Block): Block => {
    if (!isNativeSeal(block) || left === 0) return block
    left--
    return { ...block, seal: { ...block.seal, issuer: { dialect: block.seal.issuer.dialect, label: FOREIGN } } }
  }
  const messages = request.messages.map((message) => ({ ...message, blocks: message.blocks.map(marked) }))
  return { ...request, messages }
}

const FOREIGN = "another"

type Sealed = ReasoningBlock & { readonly seal: Seal }

function isNativeSeal(block: Block): block is Sealed {
  if (block.type !== "reasoning" || block.seal === null) return false
  return block.seal.issuer.label === null && holdsPayload(block.seal)
}

/** How many blocks of sealed reasoning are in no envelope of the router. */
export function nativeSeals(request: Request): number {
  return request.messages.reduce((sum, { blocks }) => sum + blocks.filter(isNativeSeal).length, 0)
}
