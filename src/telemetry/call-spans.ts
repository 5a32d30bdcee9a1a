/**
 * The spans of a finished call: SERVER, below it the inference over all attempts, below that one CLIENT span for each attempt.
 * Names: https://github.com/open-telemetry/semantic-conventions-genai, v0.1.0; our own stand below `smart_router.`. No content,
 * no key, no address of a client; texts come from the configuration, from closed lists, or are bounded where they are read.
 */
import type { GenAiNames, TraceRule } from "../config/compile/telemetry-rule.ts"
import type { AttemptRow, CallRecord, UsageRow } from "../ledger/record.ts"
import { attemptSpanId, inferenceSpanId, serverSpanId, type CallTrace } from "./call-trace.ts"
import { Key, SPAN_KIND, type AttributeWriter, type OtlpWriter } from "./otlp.ts"
import { samplingOf, type SampledBody, type Sampling } from "./sampling.ts"

/** What spans need of a call beside its rows. */
export interface TracedCall {
  readonly tracing: CallTrace | null
  /** Unix milliseconds. */
  readonly ts: number
  /** On the monotonic clock, as all instants of attempts. */
  readonly startedAt: number
  readonly incoming: { readonly method: string; readonly path: string }
  readonly facts: { readonly outputCap: { readonly tokens: number } | null; readonly choices: number }
  /** Null: there is no body. */
  readonly request: { readonly body: SampledBody } | null
  readonly attempts: readonly TracedAttempt[]
}

export interface TracedAttempt {
  readonly startedAt: number
  /** Null: it goes on. */
  readonly endedAt: number | null
  readonly firstContentAt: number | null
  readonly failure: { readonly reason: string } | null
  readonly target: { readonly origin: { readonly hostname: string; readonly port: number } }
}

const METHOD = new Key("http.request.method")
const PATH = new Key("url.path")
const ROUTE = new Key("http.route")
const STATUS = new Key("http.response.status_code")
const RESEND = new Key("http.request.resend_count")
const REQUEST_SIZE = new Key("http.request.body.size")
const RESPONSE_SIZE = new Key("http.response.body.size")
const SERVER_ADDRESS = new Key("server.address")
const SERVER_PORT = new Key("server.port")
const ERROR_TYPE = new Key("error.type")
const OPERATION = new Key("gen_ai.operation.name")
const PROVIDER = new Key("gen_ai.provider.name")
const MODEL = new Key("gen_ai.request.model")
const STREAM = new Key("gen_ai.request.stream")
const CHOICES = new Key("gen_ai.request.choice.count")
const MAX_TOKENS = new Key("gen_ai.request.max_tokens")
const SAMPLING = {
  temperature: new Key("gen_ai.request.temperature"),
  top_p: new Key("gen_ai.request.top_p"),
  frequency_penalty: new Key("gen_ai.request.frequency_penalty"),
  presence_penalty: new Key("gen_ai.request.presence_penalty"),
  top_k: new Key("gen_ai.request.top_k"),
  seed: new Key("gen_ai.request.seed"),
} as const
const FINISH = new Key("gen_ai.response.finish_reasons")
const FIRST_CHUNK = new Key("gen_ai.response.time_to_first_chunk")
const INPUT = new Key("gen_ai.usage.input_tokens")
const OUTPUT = new Key("gen_ai.usage.output_tokens")
const CACHE_READ = new Key("gen_ai.usage.cache_read.input_tokens")
const CACHE_WRITE = new Key("gen_ai.usage.cache_write.input_tokens")
/** Until 1.41. */
const CACHE_CREATION = new Key("gen_ai.usage.cache_creation.input_tokens")
const REASONING = new Key("gen_ai.usage.reasoning.output_tokens")
const INPUT_IMAGE = new Key("gen_ai.usage.image.input_tokens")
const INPUT_AUDIO = new Key("gen_ai.usage.audio.input_tokens")
const OUTPUT_IMAGE = new Key("gen_ai.usage.image.output_tokens")
const OUTPUT_AUDIO = new Key("gen_ai.usage.audio.output_tokens")
const own = (name: string): Key => new Key(`smart_router.${name}`)
const REQUEST_ID = own("request_id")
const CALLER = own("caller")
const PROJECT = own("project")
const ENVIRONMENT = own("environment")
const CLIENT = own("client")
const GROUP = own("group")
const STRATEGY = own("strategy")
const DIALECT = own("dialect")
const TARGET_DIALECT = own("target.dialect")
const REGION = own("target.region")
const ATTEMPTS = own("attempts")
const ATTEMPT = own("attempt")
const REASON = own("attempt.reason")
const UPSTREAM_REQUEST_ID = own("attempt.upstream_request_id")
const CACHE = own("cache")
const OVERHEAD = own("overhead_us")
const COST = own("cost_usd")
const COST_UNKNOWN = own("cost_unknown_reason")
const USAGE_SOURCE = own("usage_source")
const LOSSES = own("losses")
const QUEUE_WAIT = own("queue_wait_ms")
const QUOTA_STATE = own("quota_state")
const KEY_STATE = own("key_state")

const OPERATION_NAME = "chat"
const NO_REASON: readonly string[] = ["error"]
const NANO = 1e9
const FIRST_SERVER_FAULT = 500

export interface SpanRule extends Pick<TraceRule, "showsHosts"> {
  readonly names: GenAiNames
}

const NO_SAMPLING: Sampling = []

export function writeCallSpans(
  out: OtlpWriter,
  call: TracedCall,
  trace: CallTrace,
  record: CallRecord,
  rule: SpanRule,
): void {
  writeServer(out, call, trace, record)
  if (record.attempts.length > 0) writeInference(out, call, trace, record, rule)
  for (let index = 0; index < record.attempts.length; index++) writeAttempt(out, call, trace, record, index, rule)
}

function writeServer(
  out: OtlpWriter,
  { ts, incoming }: TracedCall,
  trace: CallTrace,
  { usage, losses }: CallRecord,
): void {
  out.beginSpan({
    traceId: trace.traceId,
    spanId: serverSpanId(trace),
    parentSpanId: trace.parentSpanId,
    isParentRemote: trace.parentSpanId !== null,
    isSampled: trace.isSampled,
    name: `${incoming.method} ${incoming.path}`,
    kind: SPAN_KIND.server,
    startMs: ts,
    endMs: ts + usage.latency_ms,
  })
  out.text(METHOD, incoming.method)
  out.text(PATH, incoming.path)
  out.text(ROUTE, incoming.path)
  writeCall(out, usage)
  if (losses.length > 0) out.integer(LOSSES, losses.length)
  out.endSpan(usage.status >= FIRST_SERVER_FAULT)
}

/** What is said of a call on its span, and in its log record. */
export function writeCall(out: AttributeWriter, usage: UsageRow): void {
  out.integer(STATUS, usage.status)
  if (usage.error !== null) out.text(ERROR_TYPE, usage.error)
  out.text(REQUEST_ID, usage.request_id)
  if (usage.caller_id !== "") {
    out.text(CALLER, usage.caller_id)
    out.text(PROJECT, usage.caller_project)
    out.text(ENVIRONMENT, usage.caller_environment)
  }
  out.text(CLIENT, usage.client)
  out.text(DIALECT, usage.inbound_dialect)
  if (usage.resolved_group !== "") {
    out.text(GROUP, usage.resolved_group)
    out.text(STRATEGY, usage.strategy)
  }
  out.integer(ATTEMPTS, usage.attempts)
  if (usage.cache !== "off") out.text(CACHE, usage.cache)
  if (usage.router_overhead_us !== null) out.integer(OVERHEAD, usage.router_overhead_us)
  if (usage.total_cost_nano_usd !== null) out.double(COST, usage.total_cost_nano_usd / NANO)
  if (usage.cost_unknown_reason !== null) out.text(COST_UNKNOWN, usage.cost_unknown_reason)
  if (usage.quota_state !== null) out.text(QUOTA_STATE, usage.quota_state)
  if (usage.key_state !== null) out.text(KEY_STATE, usage.key_state)
  const queued = usage.traffic_shape_queue_wait_ms ?? 0
  if (queued > 0) out.double(QUEUE_WAIT, queued)
}

function writeInference(
  out: OtlpWriter,
  call: TracedCall,
  trace: CallTrace,
  { usage, attempts }: CallRecord,
  { names }: SpanRule,
): void {
  const first = call.attempts[0]
  const last = attempts.at(-1)
  const served = usage.target_model ?? last?.model ?? ""
  const startMs = call.ts + ((first?.startedAt ?? call.startedAt) - call.startedAt)
  out.beginSpan({
    traceId: trace.traceId,
    spanId: inferenceSpanId(trace),
    parentSpanId: serverSpanId(trace),
    isParentRemote: false,
    isSampled: trace.isSampled,
    name: `${OPERATION_NAME} ${served}`,
    kind: SPAN_KIND.client,
    startMs,
    endMs: Math.max(startMs, call.ts + usage.latency_ms),
  })
  out.text(OPERATION, OPERATION_NAME)
  out.text(PROVIDER, usage.target_provider ?? last?.provider ?? "")
  out.text(MODEL, served)
  if (usage.error !== null) out.text(ERROR_TYPE, usage.error)
  writeAsked(out, call, usage)
  writeUsage(out, usage, names)
  if (usage.target_dialect !== null) out.text(TARGET_DIALECT, usage.target_dialect)
  if (usage.target_region !== null) out.text(REGION, usage.target_region)
  const content = call.attempts.findLast(({ firstContentAt }) => firstContentAt !== null)?.firstContentAt ?? null
  if (usage.stream === 1 && content !== null && first !== undefined)
    out.double(FIRST_CHUNK, (content - first.startedAt) / 1000)
  if (usage.stop_reason !== null) out.texts(FINISH, [usage.stop_reason])
  else if (usage.error !== null) out.texts(FINISH, NO_REASON)
  out.endSpan(usage.error !== null)
}

function writeAsked(out: OtlpWriter, { facts, request }: TracedCall, usage: UsageRow): void {
  if (usage.stream === 1) out.flag(STREAM, true)
  if (facts.choices !== 1) out.integer(CHOICES, facts.choices)
  if (facts.outputCap !== null) out.integer(MAX_TOKENS, facts.outputCap.tokens)
  for (const [name, value] of request === null ? NO_SAMPLING : samplingOf(request.body))
    if (name === "top_k" || name === "seed") out.integer(SAMPLING[name], value)
    else out.double(SAMPLING[name], value)
}

function writeUsage(out: OtlpWriter, usage: UsageRow, names: GenAiNames): void {
  if (usage.usage_source === "none") return
  out.text(USAGE_SOURCE, usage.usage_source)
  count(out, INPUT, usage.input_tokens)
  count(out, OUTPUT, usage.output_tokens)
  count(out, CACHE_READ, usage.cached_input_tokens)
  const written = counted(usage.cache_write_5m_tokens) + counted(usage.cache_write_1h_tokens)
  if (written > 0 && names !== "old") out.integer(CACHE_WRITE, written)
  if (written > 0 && names !== "new") out.integer(CACHE_CREATION, written)
  count(out, REASONING, usage.reasoning_tokens)
  count(out, INPUT_IMAGE, usage.input_image_tokens)
  count(out, INPUT_AUDIO, usage.input_audio_tokens)
  count(out, OUTPUT_IMAGE, usage.output_image_tokens)
  count(out, OUTPUT_AUDIO, usage.output_audio_tokens)
}

/** Upstreams may report anything. */
function counted(value: number | null): number {
  return value !== null && value > 0 && Number.isSafeInteger(value) ? value : 0
}

function count(out: AttributeWriter, key: Key, value: number | null): void {
  if (value !== null && value >= 0 && Number.isSafeInteger(value)) out.integer(key, value)
}

function writeAttempt(
  out: OtlpWriter,
  call: TracedCall,
  trace: CallTrace,
  { usage, attempts }: CallRecord,
  index: number,
  { showsHosts }: SpanRule,
): void {
  const row = attempts[index]
  const tried = call.attempts[index]
  if (row === undefined || tried === undefined) return
  const startMs = call.ts + tried.startedAt - call.startedAt
  out.beginSpan({
    traceId: trace.traceId,
    spanId: attemptSpanId(trace, index),
    parentSpanId: inferenceSpanId(trace),
    isParentRemote: false,
    isSampled: trace.isSampled,
    name: METHOD_NAME,
    kind: SPAN_KIND.client,
    startMs,
    endMs: startMs + row.duration_ms,
  })
  out.text(METHOD, METHOD_NAME)
  if (row.status_code !== null) out.integer(STATUS, row.status_code)
  if (row.error_class !== null) out.text(ERROR_TYPE, row.error_class)
  if (index > 0) out.integer(RESEND, index)
  out.text(PROVIDER, row.provider)
  out.text(MODEL, row.model)
  writeExchange(out, row, usage.attempts)
  if (tried.failure !== null) out.text(REASON, tried.failure.reason)
  if (showsHosts) {
    const { hostname, port } = tried.target.origin
    out.text(SERVER_ADDRESS, hostname)
    out.integer(SERVER_PORT, port)
  }
  out.endSpan(row.error_class !== null)
}

const METHOD_NAME = "POST"

function writeExchange(out: AttributeWriter, row: AttemptRow, attempts: number): void {
  if (attempts > 1) out.integer(ATTEMPT, row.attempt_index)
  out.text(TARGET_DIALECT, row.dialect)
  out.integer(REQUEST_SIZE, row.request_bytes)
  out.integer(RESPONSE_SIZE, row.response_bytes)
  if (row.upstream_request_id !== null) out.text(UPSTREAM_REQUEST_ID, row.upstream_request_id)
}
