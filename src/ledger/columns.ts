/**
 * The columns of a call's tables, once for every driver. A new column stands in `record.ts`, here, and in a migration,
 * at the same place in all three; a new table of rows per call also in `TABLES` and in `child-tables.ts`.
 */
import type {
  AttemptRow,
  BackgroundRow,
  ContractRow,
  ErrorRow,
  LossRow,
  StoredStateRow,
  TraceRow,
  UsageRow,
} from "./record.ts"
import type { CallerShapeRow, UpstreamShapeRow } from "./shape-record.ts"
import {
  CANDIDATE_COLUMNS,
  FALLBACK_TRANSITION_COLUMNS,
  FILTER_REASON_COLUMNS,
  POLICY_EXECUTION_COLUMNS,
  ROUTING_DECISION_COLUMNS,
  SCORE_TERM_COLUMNS,
  SHAPE_FEATURE_COLUMNS,
} from "./decision-columns.ts"

/** `milliseconds`: an integer column whose values may come with fractions; every column that ends with `_ms`. */
export type ColumnKind = "text" | "integer" | "real" | "milliseconds"

export type Columns<Row = Readonly<Record<string, unknown>>> = { readonly [Name in keyof Row]-?: ColumnKind }

interface Identified {
  readonly request_id: string
}

/** In the order of the table. */
const USAGE_COLUMNS: Columns<UsageRow> = {
  request_id: "text",
  ts: "integer",
  caller_id: "text",
  caller_user: "text",
  caller_project: "text",
  caller_environment: "text",
  caller_ip: "text",
  token_id: "text",
  client: "text",
  inbound_dialect: "text",
  requested_model: "text",
  resolved_group: "text",
  strategy: "text",
  target_provider: "text",
  target_model: "text",
  target_dialect: "text",
  target_region: "text",
  stream: "integer",
  cache: "text",
  status: "integer",
  attempts: "integer",
  fallback_used: "integer",
  latency_ms: "milliseconds",
  ttfb_ms: "milliseconds",
  upstream_duration_ms: "milliseconds",
  downstream_duration_ms: "milliseconds",
  input_tokens: "integer",
  fresh_input_tokens: "integer",
  cached_input_tokens: "integer",
  cache_write_5m_tokens: "integer",
  cache_write_1h_tokens: "integer",
  output_tokens: "integer",
  reasoning_tokens: "integer",
  total_tokens: "integer",
  input_has_image: "integer",
  input_image_count: "integer",
  usage_source: "text",
  stop_reason: "text",
  service_tier: "text",
  input_price_nano_usd_per_million: "integer",
  cached_input_price_nano_usd_per_million: "integer",
  cache_write_price_nano_usd_per_million: "integer",
  cache_write_1h_price_nano_usd_per_million: "integer",
  output_price_nano_usd_per_million: "integer",
  input_cost_nano_usd: "integer",
  cached_input_cost_nano_usd: "integer",
  cache_write_cost_nano_usd: "integer",
  output_cost_nano_usd: "integer",
  image_cost_nano_usd: "integer",
  total_cost_nano_usd: "integer",
  upstream_reported_total_cost_nano_usd: "integer",
  pricing_source: "text",
  pricing_updated_at: "text",
  upstream_request_id: "text",
  router_version: "text",
  routing_config_fingerprint: "text",
  pricing_catalog_fingerprint: "text",
  error: "text",
  quota_state: "text",
  key_state: "text",
  traffic_shape_applied: "integer",
  traffic_shape_decision: "text",
  traffic_shape_scope: "text",
  traffic_shape_bucket: "text",
  traffic_shape_retry_after_ms: "milliseconds",
  traffic_shape_queue_wait_ms: "milliseconds",
  traffic_shape_estimated_input_tokens: "integer",
  traffic_shape_reserved_output_tokens: "integer",
  traffic_shape_total_reserved_tokens: "integer",
  estimated_input_tokens: "integer",
  limit_tokens: "integer",
  limit_nano_usd: "integer",
  books_request_id: "text",
  input_image_tokens: "integer",
  input_audio_tokens: "integer",
  output_image_tokens: "integer",
  output_audio_tokens: "integer",
  image_input_price_nano_usd_per_million: "integer",
  image_input_price_nano_usd_per_image: "integer",
  audio_input_price_nano_usd_per_million: "integer",
  image_output_price_nano_usd_per_million: "integer",
  audio_output_price_nano_usd_per_million: "integer",
  hosted_tool_uses: "integer",
  hosted_tool_cost_nano_usd: "integer",
  speed: "text",
  inference_geo: "text",
  upstream_reported_input_cost_nano_usd: "integer",
  upstream_reported_output_cost_nano_usd: "integer",
  cost_unknown_reason: "text",
}

const ATTEMPT_COLUMNS: Columns<Identified & AttemptRow> = {
  request_id: "text",
  attempt_index: "integer",
  ts: "integer",
  provider: "text",
  model: "text",
  dialect: "text",
  key_id: "text",
  duration_ms: "milliseconds",
  status_code: "integer",
  error_class: "text",
  error_message: "text",
  retryable: "integer",
  timed_out: "integer",
  client_canceled: "integer",
  selected: "integer",
  fallback_reason: "text",
  request_bytes: "integer",
  response_bytes: "integer",
  attempt_timeout_ms: "milliseconds",
  retry_after_ms: "milliseconds",
  upstream_request_id: "text",
}

const TRACE_COLUMNS: Columns<Identified & TraceRow> = {
  request_id: "text",
  seq: "integer",
  ts: "integer",
  event: "text",
  target_provider: "text",
  target_model: "text",
  reason: "text",
  value: "real",
}

const LOSS_COLUMNS: Columns<Identified & LossRow> = {
  request_id: "text",
  seq: "integer",
  code: "text",
  path: "text",
}

const UPSTREAM_SHAPE_COLUMNS: Columns<Identified & UpstreamShapeRow> = {
  request_id: "text",
  seq: "integer",
  ts: "integer",
  scope: "text",
  provider: "text",
  model_ref: "text",
  model: "text",
  dialect: "text",
  bucket: "text",
  decision: "text",
  retry_after_ms: "milliseconds",
  estimated_input_tokens: "integer",
  reserved_output_tokens: "integer",
  total_reserved_tokens: "integer",
  backoff_reason: "text",
  queue_wait_ms: "milliseconds",
}

const CALLER_SHAPE_COLUMNS: Columns<Identified & CallerShapeRow> = {
  request_id: "text",
  seq: "integer",
  scope: "text",
  bucket: "text",
  decision: "text",
  cost: "integer",
  retry_after_ms: "milliseconds",
  queue_wait_ms: "milliseconds",
  estimated_input_tokens: "integer",
  reserved_output_tokens: "integer",
  total_reserved_tokens: "integer",
}

/** Keyed by the id, not by the call: who gets an id again, gets it anew. */
export const STORED_STATE_COLUMNS: Columns<StoredStateRow> = {
  id_sha256: "text",
  request_id: "text",
  caller_id: "text",
  provider: "text",
  model: "text",
  dialect: "text",
  resolved_group: "text",
  expires_at: "integer",
  usage_pending: "integer",
}

const BACKGROUND_COLUMNS: Columns<BackgroundRow> = {
  request_id: "text",
  ts: "integer",
  response_id: "text",
  caller_id: "text",
  caller_user: "text",
  caller_project: "text",
  caller_environment: "text",
  token_id: "text",
  requested_model: "text",
  resolved_group: "text",
  strategy: "text",
  provider: "text",
  model: "text",
  dialect: "text",
  input_tokens: "integer",
  output_tokens: "integer",
  nano_usd: "integer",
  image_count: "integer",
  next_poll_at: "integer",
}

const ERROR_COLUMNS: Columns<Identified & ErrorRow> = {
  request_id: "text",
  ts: "integer",
  code: "text",
  status: "integer",
  blame: "text",
  error_class: "text",
  upstream_status: "integer",
  message: "text",
  param: "text",
}

const CONTRACT_COLUMNS: Columns<Identified & ContractRow> = {
  request_id: "text",
  contract_bucket: "text",
  contract_workload: "text",
  contract_failure_reason: "text",
  target_validation_status: "text",
  target_validation_workload: "text",
  target_validation_age_bucket: "text",
}

export type Table =
  | "request_usage"
  | "request_attempts"
  | "request_trace_events"
  | "request_losses"
  | "request_upstream_shape_events"
  | "request_traffic_shape_events"
  | "request_errors"
  | "background_responses"
  | "request_contracts"
  | "request_decision_shape_features"
  | "request_target_candidates"
  | "request_target_filter_reasons"
  | "request_routing_decisions"
  | "request_dynamic_score_terms"
  | "request_policy_executions"
  | "request_fallback_transitions"

export const TABLES: Readonly<Record<Table, Columns>> = {
  request_usage: USAGE_COLUMNS,
  request_attempts: ATTEMPT_COLUMNS,
  request_trace_events: TRACE_COLUMNS,
  request_losses: LOSS_COLUMNS,
  request_upstream_shape_events: UPSTREAM_SHAPE_COLUMNS,
  request_traffic_shape_events: CALLER_SHAPE_COLUMNS,
  request_errors: ERROR_COLUMNS,
  background_responses: BACKGROUND_COLUMNS,
  request_contracts: CONTRACT_COLUMNS,
  request_decision_shape_features: SHAPE_FEATURE_COLUMNS,
  request_target_candidates: CANDIDATE_COLUMNS,
  request_target_filter_reasons: FILTER_REASON_COLUMNS,
  request_routing_decisions: ROUTING_DECISION_COLUMNS,
  request_dynamic_score_terms: SCORE_TERM_COLUMNS,
  request_policy_executions: POLICY_EXECUTION_COLUMNS,
  request_fallback_transitions: FALLBACK_TRANSITION_COLUMNS,
}
