/** The families that calls feed, as text. */
import {
  ATTEMPT_ERRORS,
  ATTEMPT_REASONS,
  CACHE_REASONS,
  CACHE_RESULTS,
  DIALECT_NAMES,
  ERROR_CODES,
  LIMIT_CODES,
  STATUS_CLASSES,
  USAGE_SOURCES,
} from "./closed-lists.ts"
import type { CallerLabel, GenAiNames, MetricsRule } from "../config/compile/telemetry-rule.ts"
import type { FamilyWriter, Labels } from "./exposition.ts"
import type { Metrics } from "./metrics.ts"
import { eachKind, genAiLabels, writeFilled, writeInferences } from "./inference-families.ts"
import { type CacheSeries, CallerSeries, INPUT_KINDS, type ModelSeries } from "./series.ts"

const NANO = 1e9

export function writeCallFamilies(
  out: FamilyWriter,
  metrics: Metrics,
  { names, callerLabels }: Pick<MetricsRule, "names" | "callerLabels">,
): void {
  const models = [...metrics.models]
  writeRequests(out, models)
  writeUsage(out, models)
  writeGenAi(out, models, names)
  out
    .family(
      "smart_router_overhead_seconds",
      "histogram",
      "Time of a call that the router itself took: without upstreams, queues of limits and the upload of the body; with the commit of its row.",
    )
    .histogram({ stream: "false" }, metrics.unaryOverhead)
    .histogram({ stream: "true" }, metrics.streamOverhead)
  writeCallers(out, joinedCallers(metrics.callers, callerLabels), callerLabels)
  writeCaches(out, [...metrics.caches])
  out.family("smart_router_pii_matches_total", "counter", "Matches of personal data in requests, by detector or rule.")
  for (const { group, detector, count } of metrics.personalData) out.sample({ group, detector }, count)
  out
    .family("smart_router_ledger_commit_seconds", "histogram", "Time that a transaction of the usage database took.")
    .histogram({}, metrics.commitSeconds)
    .family("smart_router_ledger_commit_calls", "histogram", "Calls in one transaction of the usage database.")
    .histogram({}, metrics.commitCalls)
}

function writeCaches(out: FamilyWriter, caches: readonly CacheSeries[]): void {
  out.family(
    "smart_router_cache_requests_total",
    "counter",
    "Calls that the response cache met, by what it did: hit, miss or bypass.",
  )
  for (const { group, results } of caches)
    results.forEach((count, place) => out.sample({ group, result: CACHE_RESULTS.values[place] ?? "" }, count))
  out.family("smart_router_cache_bypasses_total", "counter", "Calls that passed the response cache by, by the reason.")
  for (const { group, reasons } of caches)
    reasons.forEach((count, place) => {
      if (count > 0) out.sample({ group, reason: CACHE_REASONS.values[place] ?? "" }, count)
    })
  out.family("smart_router_cache_saved_tokens_total", "counter", "What targets had used for the answers of hits.")
  for (const { group, savedInputTokens, savedOutputTokens } of caches)
    out.sample({ group, type: "input" }, savedInputTokens).sample({ group, type: "output" }, savedOutputTokens)
  out.family("smart_router_cache_saved_cost_usd_total", "counter", "What that costs, where prices are known.")
  for (const { group, savedNanoUsd } of caches) out.sample({ group }, savedNanoUsd / NANO)
}

function writeRequests(out: FamilyWriter, models: readonly ModelSeries[]): void {
  out.family(
    "smart_router_requests_total",
    "counter",
    "Calls that have ended, by the target that served them, the client's dialect and the class of the status.",
  )
  for (const series of models)
    series.requests.forEach((count, cell) => {
      if (count === 0) return
      const dialect = DIALECT_NAMES.values[Math.trunc(cell / STATUS_CLASSES.length)] ?? ""
      out.sample({ ...modelLabels(series), dialect, status: STATUS_CLASSES[cell % STATUS_CLASSES.length] ?? "" }, count)
    })
  out.family("smart_router_errors_total", "counter", "Calls that ended in an error, by its code.")
  for (const series of models)
    eachKind(series.durations, ERROR_CODES.values, (error_type, { count }) => {
      if (error_type !== "") out.sample({ ...modelLabels(series), error_type }, count)
    })
  out.family(
    "smart_router_attempts_total",
    "counter",
    "Attempts at targets; error_type is the class of the failure, empty where there was none.",
  )
  for (const series of models)
    eachKind(series.attempts, ATTEMPT_ERRORS.values, (error_type, { count }) =>
      out.sample({ ...modelLabels(series), error_type }, count),
    )
  out.family("smart_router_attempt_failures_total", "counter", "Attempts that failed, by the reason.")
  for (const series of models)
    series.reasons.forEach((count, place) => {
      if (count > 0) out.sample({ ...modelLabels(series), reason: ATTEMPT_REASONS.values[place] ?? "" }, count)
    })
  writeCounter(
    out,
    models,
    "smart_router_fallbacks_total",
    "Calls that went on to another target.",
    (series) => series.fallbacks,
  )
}

function writeUsage(out: FamilyWriter, models: readonly ModelSeries[]): void {
  out.family("smart_router_input_tokens_total", "counter", "Input tokens as billed; the kinds do not overlap.")
  for (const series of models)
    series.inputKinds.forEach((tokens, kind) => {
      if (tokens > 0) out.sample({ ...modelLabels(series), kind: INPUT_KINDS[kind] ?? "" }, tokens)
    })
  writeCounter(
    out,
    models,
    "smart_router_output_tokens_total",
    "Output tokens as billed, reasoning included.",
    ({ output }) => output.sum,
  )
  writeCounter(
    out,
    models,
    "smart_router_reasoning_tokens_total",
    "Output tokens that were reasoning.",
    (series) => series.reasoningTokens,
  )
  writeCounter(
    out,
    models,
    "smart_router_output_cap_exceeded_total",
    "Answers that were longer than the output cap of their request.",
    ({ beyondCap }) => beyondCap,
  )
  out.family(
    "smart_router_stream_output_tokens_total",
    "counter",
    "Output tokens of streams, by who counted them: the router from the text, or the provider. Of streams that show all that was written.",
  )
  for (const series of models) {
    if (series.comparedTokens === 0) continue
    out.sample({ ...modelLabels(series), counted_by: "router" }, series.meteredTokens)
    out.sample({ ...modelLabels(series), counted_by: "provider" }, series.comparedTokens)
  }
  writeCounter(
    out,
    models,
    "smart_router_cost_usd_total",
    "Cost by the prices in the configuration.",
    ({ costNanoUsd }) => costNanoUsd / NANO,
  )
  writeCounter(
    out,
    models,
    "smart_router_unpriced_calls_total",
    "Calls that used tokens and whose cost is not known.",
    (series) => series.unpriced,
  )
  out.family("smart_router_usage_reports_total", "counter", "Calls that used tokens, by who counted them.")
  for (const series of models)
    series.sources.forEach((count, source) => {
      if (count > 0) out.sample({ ...modelLabels(series), source: USAGE_SOURCES.values[source] ?? "" }, count)
    })
}

/** https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-metrics/, spelt as Prometheus does. */
function writeGenAi(out: FamilyWriter, models: readonly ModelSeries[], names: GenAiNames): void {
  if (names !== "new") writeOldNames(out, models)
  if (names !== "old") writeInferences(out, models)
  out.family(
    "gen_ai_server_request_duration_seconds",
    "histogram",
    "Duration of a call, from its head to the end of the answer.",
  )
  for (const series of models)
    eachKind(series.durations, ERROR_CODES.values, (error_type, histogram) =>
      out.histogram({ ...genAiLabels(series), error_type }, histogram),
    )
  out.family(
    "gen_ai_server_time_to_first_token_seconds",
    "histogram",
    "Time to first content of streams that came to their end.",
  )
  for (const series of models) writeFilled(out, genAiLabels(series), series.firstToken)
  out.family(
    "gen_ai_server_time_per_output_token_seconds",
    "histogram",
    "Time per output token behind the first content of streams that came to their end.",
  )
  for (const series of models) writeFilled(out, genAiLabels(series), series.outputToken)
}

/** Until 1.41 of the conventions. */
function writeOldNames(out: FamilyWriter, models: readonly ModelSeries[]): void {
  out.family("gen_ai_client_token_usage", "histogram", "Number of input and output tokens used.")
  for (const series of models) {
    writeFilled(out, { ...genAiLabels(series), gen_ai_token_type: "input" }, series.input)
    writeFilled(out, { ...genAiLabels(series), gen_ai_token_type: "output" }, series.output)
  }
  out.family("gen_ai_client_operation_duration_seconds", "histogram", "Duration of one attempt at an upstream.")
  for (const series of models)
    eachKind(series.attempts, ATTEMPT_ERRORS.values, (error_type, histogram) =>
      out.histogram({ ...genAiLabels(series), error_type }, histogram),
    )
}

/** One for each set of values of the labels; callers of before are none of their own. */
function joinedCallers(callers: Iterable<CallerSeries>, labels: readonly CallerLabel[]): readonly CallerSeries[] {
  const joined = new Map<string, CallerSeries>()
  for (const series of callers) {
    const key = JSON.stringify(labelsOf(series, labels))
    const sum = joined.get(key) ?? new CallerSeries(series.id, series.project, series.environment)
    sum.add(series)
    joined.set(key, sum)
  }
  return [...joined.values()]
}

function labelsOf({ id, project, environment }: CallerSeries, labels: readonly CallerLabel[]): Labels {
  const values = { caller: id, project, environment }
  return Object.fromEntries(labels.map((label) => [label, values[label]]))
}

function writeCallers(out: FamilyWriter, callers: readonly CallerSeries[], labels: readonly CallerLabel[]): void {
  const labelled = callers.map((series) => ({ series, own: labelsOf(series, labels) }))
  out.family("smart_router_caller_requests_total", "counter", "Calls of a caller that have ended.")
  for (const { series, own } of labelled) out.sample(own, series.requests)
  out.family("smart_router_caller_tokens_total", "counter", "Tokens that a caller was billed for.")
  for (const { series, own } of labelled)
    out.sample({ ...own, type: "input" }, series.inputTokens).sample({ ...own, type: "output" }, series.outputTokens)
  out.family(
    "smart_router_caller_cost_usd_total",
    "counter",
    "Cost of a caller's calls by the prices in the configuration.",
  )
  for (const { series, own } of labelled) out.sample(own, series.costNanoUsd / NANO)
  out.family("smart_router_limit_refusals_total", "counter", "Calls that a caller's limits refused, by code.")
  for (const { series, own } of labelled)
    series.refusals.forEach((count, place) => {
      if (place > 0 && count > 0) out.sample({ ...own, error_type: LIMIT_CODES.values[place] ?? "" }, count)
    })
}

function writeCounter(
  out: FamilyWriter,
  models: readonly ModelSeries[],
  name: string,
  help: string,
  valueOf: (series: ModelSeries) => number,
): void {
  out.family(name, "counter", help)
  for (const series of models) {
    const value = valueOf(series)
    if (value > 0) out.sample(modelLabels(series), value)
  }
}

function modelLabels({ group, provider, model }: ModelSeries): Labels {
  return { group, provider, model }
}
