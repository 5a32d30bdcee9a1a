/**
 * A call whose body is still on its way counts from its head on: it takes its place among its caller's calls before the
 * router takes its body.
 */
import { RouterError } from "../errors.ts"
import { isKnownByHead } from "../governance/check-kinds.ts"
import { UNUSED, type CompiledLimits } from "../governance/state.ts"
import type { KnownCall } from "./call.ts"
import { NO_AMOUNTS, type Hold } from "./call/hold.ts"
import type { Gateway } from "./gateway.ts"
import { askerOf } from "./limits/asker.ts"
import { limitRefusal } from "./limits/refuse.ts"

/**
 * Fills `hold.entry`. The call's lease takes its place when the body is here (`reserve`); `settle` gives back what has no such end.
 * @throws RouterError `concurrency-exceeded`, `rpm-exceeded`, `quota-exhausted`, `client-closed`
 */
export async function enter(call: KnownCall, hold: Hold, gateway: Gateway): Promise<void> {
  const byHead = byHeadOf(hold.limits)
  if (byHead === null) return
  const { clock, governance } = gateway
  const request = { ...NO_AMOUNTS, id: `${call.id}-entry`, limits: byHead, ts: call.ts, nowMs: clock.monotonicMs() }
  const admitted = governance.state.admit(request)
  const outcome = admitted instanceof Promise ? await admitted : admitted
  if (outcome.kind === "refusal") throw limitRefusal(outcome, askerOf(call), clock.now())
  hold.entry = outcome
  if (call.life.clientLeft) throw new RouterError("client-closed")
}

/** Where it has ended already, nothing happens. */
export function leaveEntry(hold: Hold, { governance, clock }: Pick<Gateway, "governance" | "clock">): void {
  const { entry } = hold
  if (entry === null) return
  hold.entry = null
  governance.state.settle(entry, UNUSED, clock.monotonicMs())
}

const known = new WeakMap<CompiledLimits, CompiledLimits | null>()

/** Null: nothing can be checked by the head. */
function byHeadOf(limits: CompiledLimits): CompiledLimits | null {
  const before = known.get(limits)
  if (before !== undefined) return before
  const checks = limits.checks.filter(({ kind }) => isKnownByHead(kind))
  const made =
    checks.length === 0
      ? null
      : { ...limits, checks, countsTokens: false, countsMoney: false, shapes: false, queue: null }
  known.set(limits, made)
  return made
}
