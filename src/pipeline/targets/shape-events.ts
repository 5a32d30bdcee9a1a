/** The decisions about shared capacity that are not plain admissions: rows of `request_upstream_shape_events`. */
import type { ShapingRule, Target } from "../../config/snapshot.ts"
import type { BucketName, Demand } from "../../upstream/shaping.ts"
import type { Call } from "../call.ts"
import type { Gateway } from "../gateway.ts"

interface ShapeEvent {
  readonly scope: ShapingRule["kind"]
  readonly bucket: BucketName | "adaptive_backoff"
  readonly decision:
    /** A bucket has refused; the next target is tried. */
    | "throttled"
    /** A pause has put the target behind the others. */
    | "deferred"
    /** The provider's refusal has begun a pause, or goes on with it. */
    | "backoff"
  readonly retryAfterMs: number
  readonly backoffReason: "rate_limited" | "quota_exhausted" | null
  /** Null: it does not matter to the decision. */
  readonly demand: Demand | null
}

export function noteShape(event: ShapeEvent, target: Target, call: Call, gateway: Gateway): void {
  const { demand } = event
  const rows = (call.notes.upstreamShapes ??= [])
  rows.push({
    seq: rows.length,
    ts: gateway.clock.now(),
    scope: event.scope,
    provider: target.provider.name,
    model_ref: target.modelRef,
    model: target.model,
    dialect: target.dialect,
    bucket: event.bucket,
    decision: event.decision,
    retry_after_ms: Math.ceil(event.retryAfterMs),
    estimated_input_tokens: demand?.inputTokens ?? null,
    reserved_output_tokens: demand?.outputTokens ?? null,
    total_reserved_tokens: demand === null ? null : demand.inputTokens + demand.outputTokens,
    backoff_reason: event.backoffReason,
    // shared capacity never makes a call wait: the next target is tried
    queue_wait_ms: null,
  })
}
