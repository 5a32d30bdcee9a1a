/**
 * What the ledger keeps of one call. Field names are the column names of the tables
 * (`request_usage`, `request_attempts`, `request_trace_events`, `request_losses`, `request_traffic_shape_events`,
 * `request_upstream_shape_events`, `request_errors`).
 * Times are Unix milliseconds, durations milliseconds, money integer nano-USD; null means unknown.
 */

import type { DecisionRows } from "./decision-record.ts"
import type { CallerShapeRow, UpstreamShapeRow } from "./shape-record.ts"

/**
 * What is missing to know the cost of a call that used something: its usage; a price of its tokens; a factor for its service
 * tier, speed or place; a price of sound, of images that were made, or of a tool; `models`: other models worked as well.
 */
export type CostUnknownReason =
  | "usage"
  | "price"
  | "service-tier"
  | "speed"
  | "inference-geo"
  | "audio"
  | "image-output"
  | "hosted-tool"
  | "models"

export type UsageSource = "provider" | "estimated" | "partial" | "none"

/** One terminal row per request. */
export interface UsageRow {
  readonly request_id: string
  readonly ts: number
  readonly caller_id: string
  readonly caller_user: string
  readonly caller_project: string
  readonly caller_environment: string
  readonly caller_ip: string | null
  readonly token_id: string
  readonly client: string
  readonly inbound_dialect: string
  readonly requested_model: string
  readonly resolved_group: string
  readonly strategy: string
  readonly target_provider: string | null
  readonly target_model: string | null
  readonly target_dialect: string | null
  readonly target_region: string | null
  readonly stream: 0 | 1
  readonly cache: string
  readonly status: number
  readonly attempts: number
  readonly fallback_used: 0 | 1
  readonly latency_ms: number
  /** Request received until first content left for the client. */
  readonly ttfb_ms: number | null
  readonly upstream_duration_ms: number | null
  readonly downstream_duration_ms: number | null
  readonly input_tokens: number | null
  readonly fresh_input_tokens: number | null
  readonly cached_input_tokens: number | null
  readonly cache_write_5m_tokens: number | null
  readonly cache_write_1h_tokens: number | null
  readonly output_tokens: number | null
  readonly reasoning_tokens: number | null
  readonly total_tokens: number | null
  readonly input_has_image: 0 | 1 | null
  readonly input_image_count: number | null
  readonly usage_source: UsageSource
  readonly stop_reason: string | null
  readonly service_tier: string | null
  readonly input_price_nano_usd_per_million: number | null
  readonly cached_input_price_nano_usd_per_million: number | null
  readonly cache_write_price_nano_usd_per_million: number | null
  readonly cache_write_1h_price_nano_usd_per_million: number | null
  readonly output_price_nano_usd_per_million: number | null
  readonly input_cost_nano_usd: number | null
  readonly cached_input_cost_nano_usd: number | null
  readonly cache_write_cost_nano_usd: number | null
  readonly output_cost_nano_usd: number | null
  readonly image_cost_nano_usd: number | null
  readonly total_cost_nano_usd: number | null
  readonly upstream_reported_total_cost_nano_usd: number | null
  readonly pricing_source: string | null
  readonly pricing_updated_at: string | null
  readonly upstream_request_id: string | null
  readonly router_version: string
  readonly routing_config_fingerprint: string
  readonly pricing_catalog_fingerprint: string
  readonly error: string | null
  /** `ok`, `warning`, `exhausted` of day and month quotas and money when the call was admitted or refused; null: none. */
  readonly quota_state: string | null
  /** Of the lifetime budget. */
  readonly key_state: string | null
  readonly traffic_shape_applied: 0 | 1
  readonly traffic_shape_decision: string | null
  readonly traffic_shape_scope: string | null
  readonly traffic_shape_bucket: string | null
  readonly traffic_shape_retry_after_ms: number | null
  readonly traffic_shape_queue_wait_ms: number | null
  readonly traffic_shape_estimated_input_tokens: number | null
  readonly traffic_shape_reserved_output_tokens: number | null
  readonly traffic_shape_total_reserved_tokens: number | null
  /** What admission took the input for; null where nothing counts tokens. */
  readonly estimated_input_tokens: number | null
  /** What limits count of the call, also where its usage or cost is unknown; null in rows of earlier versions: the totals. */
  readonly limit_tokens: number | null
  /** Both may be below 0 where `books_request_id` is set: less than what was counted when that call ended. */
  readonly limit_nano_usd: number | null
  /** The call whose usage this row holds, which was known only after that call's own row was written: no call of its own. */
  readonly books_request_id: string | null
  /** Parts of input and output, where the provider tells them; null: it does not. */
  readonly input_image_tokens: number | null
  readonly input_audio_tokens: number | null
  readonly output_image_tokens: number | null
  readonly output_audio_tokens: number | null
  readonly image_input_price_nano_usd_per_million: number | null
  readonly image_input_price_nano_usd_per_image: number | null
  readonly audio_input_price_nano_usd_per_million: number | null
  readonly image_output_price_nano_usd_per_million: number | null
  readonly audio_output_price_nano_usd_per_million: number | null
  /** Of tools that the provider executed: all uses, and what they cost. Null: it tells of none. */
  readonly hosted_tool_uses: number | null
  readonly hosted_tool_cost_nano_usd: number | null
  /** How fast and where the provider served the call, in its words; null: as usual. */
  readonly speed: string | null
  readonly inference_geo: string | null
  readonly upstream_reported_input_cost_nano_usd: number | null
  readonly upstream_reported_output_cost_nano_usd: number | null
  /** Set exactly where the call has used something and its cost is not known. */
  readonly cost_unknown_reason: CostUnknownReason | null
}

/** One row per upstream attempt, in order. */
export interface AttemptRow {
  readonly attempt_index: number
  readonly ts: number
  readonly provider: string
  readonly model: string
  readonly dialect: string
  readonly key_id: string | null
  readonly duration_ms: number
  readonly status_code: number | null
  readonly error_class: string | null
  readonly error_message: string | null
  readonly retryable: 0 | 1
  readonly timed_out: 0 | 1
  readonly client_canceled: 0 | 1
  readonly selected: 0 | 1
  readonly fallback_reason: string | null
  readonly request_bytes: number
  readonly response_bytes: number
  readonly attempt_timeout_ms: number
  readonly retry_after_ms: number | null
  readonly upstream_request_id: string | null
}

/** One decision of the router, in order of `seq`. `event` and `reason` come from closed lists in the code. */
export interface TraceRow {
  readonly seq: number
  readonly ts: number
  readonly event: string
  readonly target_provider: string | null
  readonly target_model: string | null
  readonly reason: string | null
  readonly value: number | null
}

/** Why the call failed; at most one row. */
export interface ErrorRow {
  readonly ts: number
  readonly code: string
  readonly status: number
  readonly blame: string
  readonly error_class: string | null
  readonly upstream_status: number | null
  readonly message: string
  readonly param: string | null
}

/** What a translation could not carry; `code` from the closed list of losses, `path` without text of the client. */
export interface LossRow {
  readonly seq: number
  readonly code: string
  readonly path: string
}

/** An id of state at an upstream that the call's answer handed out; see `stored-state.ts`. */
export interface StoredStateRow {
  /** Of project, kind and id; the id itself is not kept. */
  readonly id_sha256: string
  /** The call that got it last. */
  readonly request_id: string
  readonly caller_id: string
  readonly provider: string
  readonly model: string
  readonly dialect: string
  readonly resolved_group: string
  readonly expires_at: number
  /** 1: a response in the background, whose usage no row has yet. */
  readonly usage_pending: 0 | 1
}

/**
 * A response that is made in the background, until its usage is booked by a further row. `response_id` is the provider's:
 * without it nobody could ask.
 */
export interface BackgroundRow {
  readonly request_id: string
  readonly ts: number
  readonly response_id: string
  readonly caller_id: string
  readonly caller_user: string
  readonly caller_project: string
  readonly caller_environment: string
  readonly token_id: string
  readonly requested_model: string
  readonly resolved_group: string
  readonly strategy: string
  readonly provider: string
  readonly model: string
  readonly dialect: string
  /** What it uses at most, as far as its request tells: limits count this meanwhile. */
  readonly input_tokens: number
  readonly output_tokens: number
  readonly nano_usd: number
  /** Of the request; null: unknown. */
  readonly image_count: number | null
  /** When the router asks for it next, unless somebody has read it before. */
  readonly next_poll_at: number
}

/** Of a call of a group with a contract. Labels and buckets stand where `contract.reporting` says so. */
export interface ContractRow {
  /** The quality that the contract promises. */
  readonly contract_bucket: string | null
  readonly contract_workload: string | null
  /** The promise that left no target; null: it was not the contract. */
  readonly contract_failure_reason: string | null
  /** The evidence of the target that served the call. */
  readonly target_validation_status: string | null
  readonly target_validation_workload: string | null
  readonly target_validation_age_bucket: string | null
}

/** All rows of one call: written in one transaction or not at all. A row that books an answer takes it off the list. */
export interface CallRecord {
  readonly usage: UsageRow
  readonly attempts: readonly AttemptRow[]
  readonly trace: readonly TraceRow[]
  readonly losses: readonly LossRow[]
  readonly upstreamShapes: readonly UpstreamShapeRow[]
  readonly callerShapes: readonly CallerShapeRow[]
  readonly error: ErrorRow | null
  /** Absent: none. */
  readonly stored?: readonly StoredStateRow[] | undefined
  /** Absent: its usage is known, or there is none. */
  readonly background?: BackgroundRow | undefined
  /** Null: nobody wants to know. */
  readonly decision: DecisionRows | null
  /** Absent: the group promises nothing. */
  readonly contract?: ContractRow | undefined
}

/** The pipeline's view of the ledger. */
export interface Ledger {
  /**
   * Resolves when the call is durable: its rows are committed, or stand in the fsynced spool.
   * Writing the same `request_id` again changes nothing. With `durability: async` it resolves at once.
   * Rejects with `usage-store-unavailable` when neither database nor spool takes the rows.
   */
  record(call: CallRecord): Promise<void>
  /** Can finished calls be made durable at the moment? Asked before a call is admitted (`on_unavailable: fail_closed`) and by `/readyz`. */
  accepting(): boolean
  close(): Promise<void>
}
