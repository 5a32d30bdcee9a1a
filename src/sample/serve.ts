/** How a sample call went: what each target did, what was used, how long it took. */
import { emptyRow } from "../ledger/column.ts"
import type { TraceRow, UpstreamShapeRow } from "../ledger/record.ts"
import { REQUEST_TRACE_EVENTS, REQUEST_UPSTREAM_SHAPE_EVENTS } from "../ledger/tables/calls.ts"
import type { SampleAttempt, SampleCall, SampleFailure, SampleUsage } from "./call.ts"
import type { SampleModel, SampleProgram } from "./company.ts"
import type { Moment, Routed } from "./decide.ts"
import { between, type Draw } from "./draws.ts"
import { BUSY_PROVIDER, INCIDENT, isBusy, isIncident, isSlow } from "./story.ts"

const EMPTY_EVENT: TraceRow = emptyRow(REQUEST_TRACE_EVENTS)
const EMPTY_SHAPE: UpstreamShapeRow = emptyRow(REQUEST_UPSTREAM_SHAPE_EVENTS)
const SLOWER = 2.4

const OVERLOADED: SampleFailure = {
  class: "server_error",
  reason: "overloaded",
  status: 503,
  code: "upstream-failed",
  retryAfterMs: null,
}
const TIMED_OUT: SampleFailure = {
  class: "timeout",
  reason: "first-byte-timeout",
  status: null,
  code: "upstream-timeout",
  retryAfterMs: null,
}
const RESET: SampleFailure = {
  class: "network",
  reason: "reset",
  status: null,
  code: "upstream-failed",
  retryAfterMs: null,
}
const LIMITED: SampleFailure = {
  class: "rate_limited",
  reason: "rate-limited",
  status: 429,
  code: "upstream-rate-limited",
  retryAfterMs: 8000,
}

type Served = Pick<SampleCall, "attempts" | "usage" | "firstMs" | "error" | "trace" | "upstreamShapes">

export function serve(
  ts: number,
  routed: Routed,
  program: SampleProgram,
  inputTokens: number,
  at: Moment,
  draw: Draw,
): Served {
  const attempts: SampleAttempt[] = []
  const trace = traceOf(ts, routed)
  const upstreamShapes: UpstreamShapeRow[] = []
  for (const target of routed.order) {
    const failure = failureOf(target, at, draw)
    if (failure === null)
      return { ...answered(target, attempts, program, inputTokens, at, draw), trace, upstreamShapes }
    attempts.push({ target, failure, durationMs: failure === TIMED_OUT ? 20_000 : between(draw, 40, 900) })
    if (failure === LIMITED) upstreamShapes.push(backoff(ts, target, upstreamShapes.length))
  }
  const error = attempts.at(-1)?.failure?.code ?? "upstream-failed"
  return { attempts, usage: null, firstMs: null, error, trace, upstreamShapes }
}

function failureOf({ provider }: SampleModel, { story, day, hour }: Moment, draw: Draw): SampleFailure | null {
  const chance = draw()
  if (provider === INCIDENT.provider && isIncident(story, day, hour)) {
    if (chance < 0.55) return OVERLOADED
    return chance < 0.8 ? TIMED_OUT : null
  }
  if (provider === BUSY_PROVIDER && isBusy(story, day, hour) && chance < 0.2) return LIMITED
  return chance < 0.996 ? null : chance < 0.998 ? RESET : OVERLOADED
}

const LEAVES = 0.01

function answered(
  target: SampleModel,
  before: readonly SampleAttempt[],
  program: SampleProgram,
  inputTokens: number,
  at: Moment,
  draw: Draw,
): Pick<Served, "attempts" | "usage" | "firstMs" | "error"> {
  const slower = isSlow(at.story, at.day, target.provider) ? SLOWER : 1
  const usage = usageOf(target, program, inputTokens, at, draw)
  const waited = target.firstMs * (0.6 + 0.7 * draw() + 3 * draw() ** 6)
  const firstMs = slower * (waited + (usage.fresh + usage.written) / 40)
  const durationMs = firstMs + slower * usage.output * target.msPerToken * between(draw, 0.8, 1.35)
  const attempt = { target, failure: null, durationMs }
  if (draw() < LEAVES) {
    const leftAfter = firstMs + (durationMs - firstMs) * draw()
    return {
      attempts: [...before, { ...attempt, durationMs: leftAfter }],
      usage: null,
      firstMs,
      error: "client-closed",
    }
  }
  return { attempts: [...before, attempt], usage, firstMs, error: null }
}

function usageOf(
  target: SampleModel,
  { repeats, caches, output }: SampleProgram,
  inputTokens: number,
  { story, day }: Moment,
  draw: Draw,
): SampleUsage {
  const isCaching = caches || day >= story.cachingDay
  const repeated = isCaching ? Math.floor(inputTokens * repeats * between(draw, 0.75, 1)) : 0
  const isHit = draw() < 0.9
  // only this API tells what it wrote to its cache
  const tellsWrites = isCaching && target.dialect === "anthropic"
  const written = tellsWrites ? (isHit ? Math.floor((inputTokens - repeated) / 2) : repeated) : 0
  const cached = isHit ? repeated : 0
  const outputTokens = Math.max(1, Math.floor(output * (0.3 + 0.9 * draw() + 3 * draw() ** 8)))
  const reasoning = target.provider === BUSY_PROVIDER ? Math.floor(outputTokens * 0.4) : 0
  return { fresh: inputTokens - cached - written, cached, written, output: outputTokens, reasoning }
}

function traceOf(ts: number, { ranked, pinned, deferred }: Routed): TraceRow[] {
  const events: TraceRow[] = []
  const add = (event: string, target: SampleModel | undefined, reason: string | null, value: number): void => {
    const about = { target_provider: target?.provider ?? null, target_model: target?.model ?? null }
    const dialect = target?.dialect ?? null
    events.push({ ...EMPTY_EVENT, seq: events.length, ts, event, ...about, reason, value, dialect })
  }
  add("routing_decision", ranked[0], null, ranked.length)
  if (pinned !== null) add("affinity_pin", pinned, "first-turns", ranked.indexOf(pinned))
  if (deferred !== null) add("target_deferred", deferred, "breaker-open", 20_000)
  return events
}

function backoff(ts: number, { provider, model, dialect }: SampleModel, seq: number): UpstreamShapeRow {
  return {
    ...EMPTY_SHAPE,
    seq,
    ts,
    scope: "target",
    provider,
    model_ref: model,
    model,
    dialect,
    bucket: "adaptive_backoff",
    decision: "backoff",
    retry_after_ms: LIMITED.retryAfterMs ?? 0,
    backoff_reason: "rate_limited",
  }
}
