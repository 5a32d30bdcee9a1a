/** Shared capacity refuses: a target whose provider, model or own buckets are empty is passed over. */
import type { Target } from "../../config/snapshot.ts"
import { RouterError } from "../../errors.ts"
import { claim } from "../../upstream/shaping.ts"
import type { ReceivedCall } from "../call.ts"
import { trace } from "../call/trace.ts"
import type { Gateway } from "../gateway.ts"
import { demandOf } from "../limits/demand.ts"
import { noteShape } from "./shape-events.ts"

/** Takes what the call needs of the target's shared capacity; else says in how many milliseconds it could, and nothing was taken. */
export function claimCapacity(target: Target, call: ReceivedCall, gateway: Gateway): number | null {
  if (target.shaping.length === 0) return null
  const demand = demandOf(call.request, target, gateway.governance.estimator)
  const throttle = claim(gateway.health.of(target).scopes, demand, gateway.clock.monotonicMs())
  if (throttle === null) return null
  const { scope, bucket, waitMs } = throttle
  const retryAfterMs = Math.ceil(waitMs)
  const event = { scope: scope.kind, bucket, decision: "throttled", retryAfterMs, backoffReason: null, demand } as const
  noteShape(event, target, call, gateway)
  trace("target_throttled", target, bucket, retryAfterMs, call, gateway)
  return retryAfterMs
}

/** What the caller is told when no target was free. @param waits for each target that was throttled, in milliseconds */
export function capacityThrottled(waits: readonly number[]): RouterError {
  const retryAfterMs = Math.min(...waits)
  return new RouterError("upstream-capacity-throttled", {
    retryAfterS: Math.min(60, Math.max(1, Math.ceil(retryAfterMs / 1000))),
    details: { target_count: waits.length, retry_after_ms: retryAfterMs },
  })
}
