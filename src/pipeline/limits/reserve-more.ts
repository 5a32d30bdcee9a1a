/** What a reservation leaves beside its lease, and how a stream reserves more. */
import type { Target } from "../../config/snapshot.ts"
import { asRouterError, type RouterError } from "../../errors.ts"
import type { Lease, Refusal } from "../../governance/state.ts"
import type { AdmittedCall } from "../call.ts"
import type { Gateway } from "../gateway.ts"
import { askerOf, dearestTarget } from "./asker.ts"
import { limitRefusal } from "./refuse.ts"

/** What the caller is told where a limit refuses. `targets`: those that may serve the call. */
export function refusalFor(
  refusal: Refusal,
  call: AdmittedCall,
  targets: readonly Target[],
  gateway: Gateway,
): RouterError {
  const dearest = dearestTarget(call, targets, gateway.governance.estimator)
  return limitRefusal(refusal, askerOf(call, dearest), gateway.clock.now())
}

/** So that a crash does not forget what the call had reserved. */
export function writeDown(call: AdmittedCall, lease: Lease, gateway: Gateway): void {
  const { journal } = gateway.governance
  if (journal === null) return
  const { credential, group } = call
  const { caller, tokenId } = credential
  journal.open({
    request_id: call.id,
    ts: call.ts,
    caller_id: caller.id,
    caller_user: caller.user,
    caller_project: caller.project,
    caller_environment: caller.environment,
    token_id: tokenId,
    inbound_dialect: call.dialect.name,
    requested_model: call.facts.model ?? group.name,
    resolved_group: group.name,
    strategy: group.strategy,
    stream: call.facts.stream ? 1 : 0,
    input_tokens: lease.inputTokens,
    output_tokens: lease.outputTokens,
    nano_usd: lease.nanoUsd,
  })
}

/** More output for a stream that has outgrown its reservation; null: granted. */
export function reserveMore(
  call: AdmittedCall,
  lease: Lease,
  tokens: number,
  gateway: Gateway,
): RouterError | null | Promise<RouterError | null> {
  const judge = (refusal: Refusal | null): RouterError | null => {
    if (refusal !== null) return refusalFor(refusal, call, [], gateway)
    writeDown(call, lease, gateway)
    return null
  }
  const extended = gateway.governance.state.extend(lease, tokens, gateway.clock.monotonicMs())
  return extended instanceof Promise ? extended.then(judge, asRouterError) : judge(extended)
}
