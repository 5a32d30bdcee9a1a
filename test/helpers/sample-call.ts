/** A call as an ordinary one looks in the ledger: for tests and measurements. */
import { emptyRow } from "../../src/ledger/column.ts"
import type { AttemptRow, CallRecord, TraceRow, UsageRow } from "../../src/ledger/record.ts"
import { REQUEST_ATTEMPTS, REQUEST_TRACE_EVENTS } from "../../src/ledger/tables/calls.ts"
import { REQUEST_USAGE } from "../../src/ledger/tables/usage.ts"
import { sampleRequestId } from "../../src/sample/record.ts"

export { sampleRequestId }

export function sampleCall(ts: number, number: number, usage: Partial<UsageRow> = {}): CallRecord {
  const row = { ...sampleUsage(ts, number), ...usage }
  return {
    usage: row,
    attempts: [sampleAttempt(ts)],
    trace: [sampleEvent(ts)],
    losses: [],
    upstreamShapes: [],
    callerShapes: [],
    error: null,
    decision: null,
  }
}

function sampleUsage(ts: number, number: number): UsageRow {
  return {
    ...emptyRow(REQUEST_USAGE),
    request_id: sampleRequestId(ts, number),
    ts,
    caller_id: "app-1",
    caller_user: "me",
    caller_project: "lab",
    caller_environment: "prod",
    caller_ip: "127.0.0.1",
    token_id: "rtr_me_lab_prod_k1",
    client: "openai-sdk",
    inbound_dialect: "openai-chat",
    requested_model: "fast",
    resolved_group: "fast",
    strategy: "static",
    target_provider: "alpha",
    target_model: "vendor-big-2026",
    target_dialect: "openai-chat",
    target_region: null,
    stream: 0,
    cache: "off",
    status: 200,
    attempts: 1,
    fallback_used: 0,
    latency_ms: 812.4,
    ttfb_ms: 310.2,
    upstream_duration_ms: 810.1,
    downstream_duration_ms: 2.3,
    router_overhead_us: 2300,
    ...sampleCounters,
    ...sampleMoney,
    upstream_request_id: "chatcmpl-8f3b2c1d",
    router_version: "0.1.0",
    routing_config_fingerprint: "0123456789abcdef",
    pricing_catalog_fingerprint: "fedcba9876543210",
    error: null,
    ...sampleGovernance,
  }
}

const sampleGovernance = {
  quota_state: "ok",
  estimated_input_tokens: 1300,
  limit_tokens: 1555,
  limit_nano_usd: 7_885_200,
} as const

const sampleCounters = {
  input_tokens: 1234,
  fresh_input_tokens: 1000,
  cached_input_tokens: 234,
  cache_write_5m_tokens: 0,
  cache_write_1h_tokens: 0,
  output_tokens: 321,
  reasoning_tokens: 12,
  total_tokens: 1555,
  input_has_image: 0,
  input_image_count: 0,
  usage_source: "provider",
  stop_reason: "stop",
  service_tier: null,
} as const

const sampleMoney = {
  input_price_nano_usd_per_million: 3_000_000_000,
  cached_input_price_nano_usd_per_million: 300_000_000,
  cache_write_price_nano_usd_per_million: 3_750_000_000,
  cache_write_1h_price_nano_usd_per_million: 6_000_000_000,
  output_price_nano_usd_per_million: 15_000_000_000,
  input_cost_nano_usd: 3_000_000,
  cached_input_cost_nano_usd: 70_200,
  cache_write_cost_nano_usd: 0,
  output_cost_nano_usd: 4_815_000,
  image_cost_nano_usd: 0,
  total_cost_nano_usd: 7_885_200,
  upstream_reported_total_cost_nano_usd: null,
  pricing_source: "https://example.com/prices",
  pricing_updated_at: "2026-06-25",
} as const

function sampleAttempt(ts: number): AttemptRow {
  return {
    ...emptyRow(REQUEST_ATTEMPTS),
    attempt_index: 0,
    ts,
    provider: "alpha",
    model: "vendor-big-2026",
    dialect: "openai-chat",
    key_id: "alpha-main",
    duration_ms: 810.1,
    status_code: 200,
    error_class: null,
    error_message: null,
    retryable: 0,
    timed_out: 0,
    client_canceled: 0,
    selected: 1,
    fallback_reason: null,
    request_bytes: 5120,
    response_bytes: 2048,
    attempt_timeout_ms: 60_000,
    retry_after_ms: null,
    upstream_request_id: "chatcmpl-8f3b2c1d",
  }
}

function sampleEvent(ts: number): TraceRow {
  return {
    ...emptyRow(REQUEST_TRACE_EVENTS),
    seq: 0,
    ts,
    event: "target-selected",
    target_provider: "alpha",
    target_model: "vendor-big-2026",
    reason: null,
    value: null,
  }
}

/** What few calls have; every column another value. */
export const SAMPLE_PARTS: Partial<UsageRow> = {
  input_image_tokens: 101,
  input_audio_tokens: 102,
  output_image_tokens: 103,
  output_audio_tokens: 104,
  image_input_price_nano_usd_per_million: 105,
  image_input_price_nano_usd_per_image: 106,
  audio_input_price_nano_usd_per_million: 107,
  image_output_price_nano_usd_per_million: 108,
  audio_output_price_nano_usd_per_million: 109,
  hosted_tool_uses: 110,
  hosted_tool_cost_nano_usd: 111,
  speed: "fast",
  inference_geo: "us",
  upstream_reported_input_cost_nano_usd: 112,
  upstream_reported_output_cost_nano_usd: 113,
  cost_unknown_reason: "models",
}
