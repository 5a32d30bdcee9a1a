/** The place of a call in its trace: decided when the call comes, told to upstreams, and written into its spans. */
import type { TraceRule } from "../config/compile/telemetry-rule.ts"
import type { Random } from "../system/random.ts"
import { parseTraceParent, traceParentText } from "./traceparent.ts"

export interface CallTrace {
  readonly traceId: string
  /** Of the client's span; null: the trace begins here. */
  readonly parentSpanId: string | null
  /** The spans of the call have these 14 hex digits in common; two more tell them apart. */
  readonly spans: string
  /** What upstreams are told. Errors and slow calls are exported all the same. */
  readonly isSampled: boolean
}

const TRACE_ID_BYTES = 16
const SPANS_BYTES = 7
const SERVER = "00"
const INFERENCE = "01"
const FIRST_ATTEMPT = 2
/** A call with more attempts repeats the last id. */
const MOST_ATTEMPTS = 250

/** `rule`: null where only log records name the trace. */
export function beginTrace(traceparent: string | null, rule: TraceRule | null, random: Random): CallTrace {
  const parent = parseTraceParent(traceparent)
  const digits = random.hex(TRACE_ID_BYTES + SPANS_BYTES)
  const traceId = parent?.traceId ?? digits.slice(0, 2 * TRACE_ID_BYTES)
  const isSampled =
    rule !== null && (parent !== null && rule.followsParent ? parent.isSampled : isDrawn(traceId, rule.ratio))
  return { traceId, parentSpanId: parent?.spanId ?? null, spans: digits.slice(2 * TRACE_ID_BYTES), isSampled }
}

/** By the trace's id, so that all services with this ratio draw the same traces. */
function isDrawn(traceId: string, ratio: number): boolean {
  return Number.parseInt(traceId.slice(-8), 16) < ratio * 2 ** 32
}

export function serverSpanId({ spans }: CallTrace): string {
  return spans + SERVER
}

export function inferenceSpanId({ spans }: CallTrace): string {
  return spans + INFERENCE
}

/** `index`: place among the attempts of the call. */
export function attemptSpanId({ spans }: CallTrace, index: number): string {
  return spans + (Math.min(index, MOST_ATTEMPTS) + FIRST_ATTEMPT).toString(16).padStart(2, "0")
}

/** The value of the header that an attempt sends. */
export function attemptTraceParent(trace: CallTrace, index: number): string {
  return traceParentText({ traceId: trace.traceId, spanId: attemptSpanId(trace, index), isSampled: trace.isSampled })
}
