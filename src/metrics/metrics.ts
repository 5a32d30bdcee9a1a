/**
 * What the process has counted since its start. Fed once per call, from the rows that the call leaves behind; a
 * reload of the configuration changes nothing of it, because series are found again by what their labels say.
 */
import type { Target } from "../config/snapshot.ts"
import type { CallRecord, UsageRow } from "../ledger/record.ts"
import { COMMIT_S, GROUP_CALLS, OVERHEAD_S } from "./buckets.ts"
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
import { Histogram } from "./histogram.ts"
import { PersonalData } from "./personal-data.ts"
import { Callers } from "./callers.ts"
import { CacheSeries, type CallerSeries, ModelSeries, observeAt } from "./series.ts"

/** In place of the group, for names that the caller may not use: whatever callers write there, it is one series. */
export const REJECTED_MODEL = "rejected_model"

/** What the metrics need of a call beside its rows. */
export interface MeteredCall {
  /** The cap of one answer, and how many were asked for. */
  readonly facts: { readonly outputCap: { readonly tokens: number } | null; readonly drafts: number }
  readonly attempts: readonly { readonly target: Target; readonly failure: { readonly reason: string } | null }[]
  /** Milliseconds that the call waited for its client to send the body. */
  readonly bodyWaitMs: number
  readonly notes: {
    /** Matches of personal data, by the place of their rule; null: nothing looked for any. */
    readonly redaction: {
      readonly filter: { readonly rules: readonly { readonly name: string }[] }
      readonly counts: readonly number[]
    } | null
  }
}

/** What the metrics need of the attempt that brought a call's answer. */
export interface MeteredAttempt {
  readonly target: Target
  /** How much output was seen to come; null: nobody looked. */
  readonly meter: {
    readonly tokens: number
    comparable(usage: { readonly outputTokens: number; readonly reasoningTokens: number | null }): number | null
  } | null
}

const NOBODY = ""

export class Metrics {
  /** By labels. */
  readonly #models = new Map<string, ModelSeries>()
  readonly callers: Callers = new Callers()
  /** By name of the group. */
  readonly #caches = new Map<string, CacheSeries>()
  /** Targets are made anew with each configuration; each stands in one group. */
  readonly #ofTargets = new WeakMap<Target, ModelSeries>()
  /** By name of the group: of calls that no target served. */
  readonly #ofGroups = new Map<string, ModelSeries>()
  readonly unaryOverhead: Histogram = new Histogram(OVERHEAD_S)
  readonly streamOverhead: Histogram = new Histogram(OVERHEAD_S)
  readonly commitSeconds: Histogram = new Histogram(COMMIT_S)
  readonly commitCalls: Histogram = new Histogram(GROUP_CALLS)
  readonly personalData: PersonalData = new PersonalData()

  get models(): Iterable<ModelSeries> {
    return this.#models.values()
  }

  get caches(): Iterable<CacheSeries> {
    return this.#caches.values()
  }

  /** A call has ended. `answering`: null where no target was asked for its answer. `settleMs`: until its rows were durable. */
  count(call: MeteredCall, answering: MeteredAttempt | null, record: CallRecord, settleMs: number): void {
    const { usage, attempts } = record
    const error = ERROR_CODES.placeOf(usage.error)
    const series = this.#seriesOf(answering, usage)
    const cell = DIALECT_NAMES.placeOf(usage.inbound_dialect) * STATUS_CLASSES.length + classOf(usage.status)
    add(series.requests, cell, 1)
    observeAt(series.durations, error, usage.latency_ms / 1000)
    if (usage.fallback_used === 1) series.fallbacks++
    if (usage.usage_source !== "none") countUsage(series, usage)
    if (isBeyondCap(call.facts, usage)) series.beyondCap++
    if (usage.stream === 1 && error === 0) observePace(series, usage)
    const meter = answering?.meter ?? null
    if (meter !== null && error === 0 && usage.usage_source === "provider") compare(series, meter, usage)
    let upstreamMs = 0
    for (let index = 0; index < attempts.length; index++) {
      const row = attempts[index]
      const tried = call.attempts[index]
      if (row === undefined || tried === undefined) continue
      upstreamMs += row.duration_ms
      const ofTarget = this.#ofTarget(tried.target, usage.resolved_group)
      observeAt(ofTarget.attempts, ATTEMPT_ERRORS.placeOf(row.error_class), row.duration_ms / 1000)
      if (tried.failure !== null) add(ofTarget.reasons, ATTEMPT_REASONS.placeOf(tried.failure.reason), 1)
    }
    const waitMs = upstreamMs + call.bodyWaitMs + (usage.traffic_shape_queue_wait_ms ?? 0)
    const overhead = usage.stream === 1 ? this.streamOverhead : this.unaryOverhead
    overhead.observe(Math.max(0, usage.latency_ms + settleMs - waitMs) / 1000)
    observeInference(series, usage, attempts)
    if (usage.caller_id !== NOBODY) this.#countCaller(usage)
    if (usage.cache !== "off") this.#countCache(usage)
    const { redaction } = call.notes
    if (redaction !== null) this.personalData.count(usage.resolved_group, redaction.filter.rules, redaction.counts)
  }

  /** What an answer has used whose call was counted before its usage was known; null: nobody knows where it was made. */
  countLater(usage: UsageRow, target: Target | null): void {
    const { resolved_group: group, target_provider: provider, target_model: model } = usage
    const series = target === null ? this.#named(group, provider ?? "", model ?? "") : this.#ofTarget(target, group)
    if (usage.usage_source !== "none") countUsage(series, usage)
    countAmounts(this.callers.of(usage), usage)
  }

  /** One transaction of the ledger. */
  committed(calls: number, ms: number): void {
    this.commitCalls.observe(calls)
    this.commitSeconds.observe(ms / 1000)
  }

  #ofTarget(target: Target, group: string): ModelSeries {
    let series = this.#ofTargets.get(target)
    if (series === undefined) {
      series = this.#named(group, target.provider.name, target.model)
      this.#ofTargets.set(target, series)
    }
    return series
  }

  #seriesOf(answering: MeteredAttempt | null, usage: UsageRow): ModelSeries {
    if (usage.target_provider !== null && answering !== null)
      return this.#ofTarget(answering.target, usage.resolved_group)
    const group = usage.error === "model-not-allowed" ? REJECTED_MODEL : usage.resolved_group
    let series = this.#ofGroups.get(group)
    if (series === undefined) {
      series = this.#named(group, "", "")
      this.#ofGroups.set(group, series)
    }
    return series
  }

  #named(group: string, provider: string, model: string): ModelSeries {
    const key = JSON.stringify([group, provider, model])
    const known = this.#models.get(key)
    if (known !== undefined) return known
    const fresh = new ModelSeries(group, provider, model)
    this.#models.set(key, fresh)
    return fresh
  }

  #countCaller(usage: UsageRow): void {
    const caller = this.callers.of(usage)
    caller.requests++
    countAmounts(caller, usage)
    if (usage.error !== null) add(caller.refusals, LIMIT_CODES.placeOf(usage.error), 1)
  }

  #countCache(usage: UsageRow): void {
    const { resolved_group: group } = usage
    let series = this.#caches.get(group)
    if (series === undefined) {
      series = new CacheSeries(group)
      this.#caches.set(group, series)
    }
    add(series.results, CACHE_RESULTS.placeOf(usage.cache), 1)
    if (usage.cache === "bypass") add(series.reasons, CACHE_REASONS.placeOf(usage.cache_reason), 1)
    series.savedInputTokens += counted(usage.cache_saved_input_tokens)
    series.savedOutputTokens += counted(usage.cache_saved_output_tokens)
    series.savedNanoUsd += counted(usage.cache_saved_nano_usd)
  }
}

function countAmounts(caller: CallerSeries, usage: UsageRow): void {
  caller.inputTokens += counted(usage.input_tokens)
  caller.outputTokens += counted(usage.output_tokens)
  caller.costNanoUsd += counted(usage.total_cost_nano_usd)
}

function countUsage(series: ModelSeries, usage: UsageRow): void {
  const output = counted(usage.output_tokens)
  series.input.observe(counted(usage.input_tokens))
  series.output.observe(output)
  const { input_image_tokens, input_audio_tokens, output_image_tokens, output_audio_tokens } = usage
  addModalities(series.inputModalities, counted(usage.input_tokens), input_image_tokens, input_audio_tokens)
  addModalities(series.outputModalities, output, output_image_tokens, output_audio_tokens)
  add(series.inputKinds, 0, counted(usage.fresh_input_tokens))
  add(series.inputKinds, 1, counted(usage.cached_input_tokens))
  add(series.inputKinds, 2, counted(usage.cache_write_5m_tokens))
  add(series.inputKinds, 3, counted(usage.cache_write_1h_tokens))
  series.reasoningTokens += counted(usage.reasoning_tokens)
  add(series.sources, USAGE_SOURCES.placeOf(usage.usage_source), 1)
  if (usage.cost_unknown_reason !== null) series.unpriced++
  series.costNanoUsd += counted(usage.total_cost_nano_usd)
}

/** The parts add up to the whole, whatever was reported. */
function addModalities(into: Float64Array, whole: number, images: number | null, audio: number | null): void {
  const ofImages = Math.min(whole, counted(images))
  const ofAudio = Math.min(whole - ofImages, counted(audio))
  add(into, images === null && audio === null ? 0 : 1, whole - ofImages - ofAudio)
  add(into, 2, ofImages)
  add(into, 3, ofAudio)
}

/** Nothing where no target was asked. */
function observeInference(series: ModelSeries, usage: UsageRow, attempts: CallRecord["attempts"]): void {
  const first = attempts[0]
  const last = attempts.at(-1)
  if (first === undefined || last === undefined) return
  const durationMs = Math.max(last.duration_ms, last.ts + last.duration_ms - first.ts)
  observeAt(series.inferences, ERROR_CODES.placeOf(usage.error), durationMs / 1000)
  if (usage.stream !== 1 || usage.ttfb_ms === null) return
  series.firstChunk.observe(Math.max(0, usage.ttfb_ms - (first.ts - usage.ts)) / 1000)
}

/** Some vendors take no smaller cap: the router writes this in its place. */
const LEAST_CAP = 16

function isBeyondCap({ outputCap, drafts }: MeteredCall["facts"], usage: UsageRow): boolean {
  if (outputCap === null || outputCap.tokens === 0) return false
  return counted(usage.output_tokens) > Math.max(LEAST_CAP, outputCap.tokens) * drafts
}

/** What was seen of a stream, beside what its provider says that it wrote. */
function compare(series: ModelSeries, meter: NonNullable<MeteredAttempt["meter"]>, usage: UsageRow): void {
  const reported = meter.comparable({
    outputTokens: counted(usage.output_tokens),
    reasoningTokens: usage.reasoning_tokens,
  })
  if (reported === null) return
  series.meteredTokens += meter.tokens
  series.comparedTokens += reported
}

/** Of whole streams: how soon it began, and how fast it came. */
function observePace(
  series: ModelSeries,
  { ttfb_ms: firstMs, downstream_duration_ms: restMs, output_tokens }: UsageRow,
): void {
  if (firstMs === null) return
  series.firstToken.observe(firstMs / 1000)
  const tokens = counted(output_tokens)
  if (tokens > 1 && restMs !== null) series.outputToken.observe(restMs / 1000 / (tokens - 1))
}

/** Upstreams may report anything; a counter only goes up, by whole numbers. */
function counted(value: number | null): number {
  return value !== null && value > 0 && Number.isSafeInteger(value) ? value : 0
}

function classOf(status: number): number {
  const first = Math.trunc(status / 100)
  return first >= 1 && first <= 5 ? first : 0
}

function add(counts: Float64Array, place: number, amount: number): void {
  counts[place] = (counts[place] ?? 0) + amount
}
