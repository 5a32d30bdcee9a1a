/** Calls as a company of some hundred callers makes them: the same ones for the same number, wherever they are made. */
import type { CallRecord, UsageRow } from "../../src/ledger/record.ts"
import { sampleCall, sampleRequestId } from "../../test/helpers/sample-call.ts"

export interface Traffic {
  readonly calls: number
  readonly callers: number
  readonly projects: number
  readonly models: number
  /** Unix milliseconds. */
  readonly from: number
  readonly to: number
}

/** Made once, because a row is made from the whole table of its columns. */
const SAMPLE: CallRecord = sampleCall(0, 0)
const CLIENTS = ["openai-sdk", "anthropic-sdk", "curl", "codex", "claude-code", "litellm", "langchain", ""]
const DIALECTS = ["openai-chat", "openai-responses", "anthropic"]
const ERRORS = [
  { status: 429, code: "rpm-exceeded", blame: "caller" },
  { status: 502, code: "upstream-failed", blame: "upstream" },
  { status: 503, code: "upstream-capacity-throttled", blame: "upstream" },
  { status: 400, code: "invalid-request", blame: "caller" },
  { status: 499, code: "client-closed", blame: "caller" },
  { status: 500, code: "internal-error", blame: "router" },
]
const HOURS = [1, 1, 1, 1, 1, 2, 4, 8, 14, 18, 20, 19, 15, 18, 20, 19, 17, 13, 9, 6, 4, 3, 2, 1]
const BUSY = HOURS.flatMap((weight, hour) => Array.from({ length: weight }, () => hour))
const DAY_MS = 86_400_000

/** Numbers from 0 to 1 that depend on a seed alone (mulberry32). */
function draws(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** Few have much: a share of 1 is the most frequent. */
function skewed(draw: number, count: number): number {
  return Math.min(count - 1, Math.floor(count * draw ** 2.5))
}

/** The call with a number, from 0 on; their times rise with it, day by day. */
export function callOf(traffic: Traffic, number: number): CallRecord {
  const draw = draws(number + 1)
  const ts = timeOf(traffic, number, draw)
  const caller = skewed(draw(), traffic.callers)
  const model = (caller * 7 + skewed(draw(), 5) * 11) % traffic.models
  const stream = draw() < 0.6 ? 1 : 0
  const error = draw() < 0.04 ? ERRORS[skewed(draw(), ERRORS.length)] : undefined
  const usage: Partial<UsageRow> = {
    caller_id: `app-${caller}`,
    caller_user: `user-${caller % 250}`,
    caller_project: `project-${caller % traffic.projects}`,
    caller_environment: caller % 5 === 0 ? "dev" : "prod",
    token_id: `rtr_user-${caller % 250}_project-${caller % traffic.projects}_prod_k${caller}`,
    client: CLIENTS[(caller + skewed(draw(), 3)) % CLIENTS.length] ?? "",
    inbound_dialect: DIALECTS[caller % 3] ?? "",
    requested_model: `group-${model % 12}`,
    resolved_group: `group-${model % 12}`,
    strategy: model % 2 === 0 ? "static" : "dynamic_score",
    stream,
    fallback_used: draw() < 0.03 ? 1 : 0,
    ...(error === undefined ? served(model, stream, draw) : { ...NOTHING, status: error.status, error: error.code }),
  }
  const call = { ...SAMPLE.usage, ts, request_id: sampleRequestId(ts, number), ...usage }
  const attempts = SAMPLE.attempts.map((attempt) => ({ ...attempt, ts }))
  const record = { ...SAMPLE, usage: call, attempts }
  if (error === undefined) return record
  const row = { ts, code: error.code, status: error.status, blame: error.blame, message: "It failed." }
  return {
    ...record,
    error: {
      ...row,
      error_class: null,
      upstream_status: null,
      param: null,
      retryable: null,
      attempts: null,
      provider: null,
      model: null,
      dialect: null,
    },
  }
}

const NOTHING = {
  attempts: 0,
  target_provider: null,
  target_model: null,
  target_dialect: null,
  ttfb_ms: null,
  upstream_duration_ms: null,
  downstream_duration_ms: null,
  input_tokens: null,
  fresh_input_tokens: null,
  cached_input_tokens: null,
  output_tokens: null,
  reasoning_tokens: null,
  total_tokens: null,
  input_cost_nano_usd: null,
  cached_input_cost_nano_usd: null,
  output_cost_nano_usd: null,
  total_cost_nano_usd: null,
  usage_source: "none",
  latency_ms: 3,
} as const

function served(model: number, stream: 0 | 1, draw: () => number): Partial<UsageRow> {
  const fresh = Math.floor(200 + 8000 * draw() ** 4)
  const cached = draw() < 0.4 ? Math.floor(20_000 * draw() ** 2) : 0
  const output = Math.floor(20 + 2500 * draw() ** 3)
  const price = 150 * (1 + (model % 20))
  const costs = [fresh * price, Math.floor((cached * price) / 10), output * price * 4] as const
  const firstMs = 150 + 2500 * draw() ** 3
  const upstreamMs = firstMs + output * (6 + 25 * draw())
  const isUnknown = draw() < 0.01
  return {
    target_provider: `provider-${model % 9}`,
    target_model: `vendor-model-${model}-2026`,
    target_dialect: DIALECTS[model % 3] ?? "",
    latency_ms: upstreamMs + 1 + 3 * draw(),
    ttfb_ms: stream === 1 ? firstMs : upstreamMs,
    upstream_duration_ms: upstreamMs,
    downstream_duration_ms: stream === 1 ? upstreamMs - firstMs : 1,
    router_overhead_us: Math.floor(200 + 3000 * draw() ** 4),
    input_tokens: fresh + cached,
    fresh_input_tokens: fresh,
    cached_input_tokens: cached,
    output_tokens: output,
    reasoning_tokens: model % 4 === 0 ? Math.floor(output / 3) : 0,
    total_tokens: fresh + cached + output,
    input_cost_nano_usd: isUnknown ? null : costs[0],
    cached_input_cost_nano_usd: isUnknown ? null : costs[1],
    output_cost_nano_usd: isUnknown ? null : costs[2],
    total_cost_nano_usd: isUnknown ? null : costs[0] + costs[1] + costs[2],
    cost_unknown_reason: isUnknown ? "price" : null,
  }
}

/** Within its day the hour is one of business, mostly. */
function timeOf({ calls, from, to }: Traffic, number: number, draw: () => number): number {
  const days = Math.max(1, (to - from) / DAY_MS)
  const place = (number / calls) * days
  const hour = BUSY[Math.floor((place % 1) * BUSY.length)] ?? 12
  const day = from + Math.floor(place) * DAY_MS
  return Math.min(to - 1, day + hour * 3_600_000 + Math.floor(draw() * 3_600_000))
}
