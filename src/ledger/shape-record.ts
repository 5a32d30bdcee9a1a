/** What traffic shaping did to a call: rows of `request_upstream_shape_events` and `request_traffic_shape_events`. */

/**
 * A decision about capacity that all callers share, other than a plain admission: a bucket refused, a pause put the
 * target last, or a pause began. Tokens are what the call was expected to use; null where they played no part.
 */
export interface UpstreamShapeRow {
  readonly seq: number
  readonly ts: number
  readonly scope: "provider" | "provider_model" | "target"
  readonly provider: string
  readonly model_ref: string | null
  readonly model: string
  readonly dialect: string
  readonly bucket: string
  readonly decision: string
  readonly retry_after_ms: number
  readonly estimated_input_tokens: number | null
  readonly reserved_output_tokens: number | null
  readonly total_reserved_tokens: number | null
  readonly backoff_reason: string | null
  readonly queue_wait_ms: number | null
}

/** What a token bucket of the caller did, where it did more than let the call pass. */
export interface CallerShapeRow {
  readonly seq: number
  readonly scope: string
  readonly bucket: string
  readonly decision: string
  readonly cost: number
  readonly retry_after_ms: number | null
  readonly queue_wait_ms: number | null
  readonly estimated_input_tokens: number | null
  readonly reserved_output_tokens: number | null
  readonly total_reserved_tokens: number | null
}
