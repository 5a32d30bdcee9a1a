/** Shared capacity refuses: a target whose provider, model or own buckets are empty is passed over. */
import type { Target } from "../config/snapshot.ts"
import { RouterError } from "../errors.ts"
import { claim } from "../upstream/shaping.ts"
import type { Call } from "./call.ts"
import type { Gateway } from "./gateway.ts"
import { demandOf } from "./demand.ts"
import { noteShape } from "./shape-events.ts"
import { trace } from "./trace.ts"

/** True: the call may not start at this target now, and nothing was taken. False: what it needs is taken. */
export function isThrottled(target: Target, call: Call, gateway: Gateway): boolean {
  if (target.shaping.length === 0) return false
  const demand = demandOf(call, target, gateway.governance.estimator)
  const throttle = claim(gateway.health.of(target).scopes, demand, gateway.clock.monotonicMs())
  if (throttle === null) return false
  const { scope, bucket, waitMs } = throttle
  const retryAfterMs = Math.ceil(waitMs)
  call.throttledMs = [...(call.throttledMs ?? []), retryAfterMs]
  const event = { scope: scope.kind, bucket, decision: "throttled", retryAfterMs, backoffReason: null, demand } as const
  noteShape(event, target, call, gateway)
  trace("target_throttled", target, bucket, retryAfterMs, call, gateway)
  return true
}

/** What the caller is told when no target was free. @param waits for each target that was throttled, in milliseconds */
export function capacityThrottled(waits: readonly number[]): RouterError {
  const retryAfterMs = Math.min(...waits)
  return new RouterError("upstream-capacity-throttled", {
    retryAfterS: Math.min(60, Math.max(1, Math.ceil(retryAfterMs / 1000))),
    details: { target_count: waits.length, retry_after_ms: retryAfterMs },
  })
}
