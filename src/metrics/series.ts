/** The counts of one group with one model, and of one caller. Labels stand beside them and are only read when they are written out. */
import { DURATION_S, FIRST_TOKEN_S, OUTPUT_TOKEN_S, TOKENS } from "./buckets.ts"
import {
  ATTEMPT_REASONS,
  CACHE_REASONS,
  CACHE_RESULTS,
  DIALECT_NAMES,
  LIMIT_CODES,
  STATUS_CLASSES,
  USAGE_SOURCES,
} from "./closed-lists.ts"
import { Histogram } from "./histogram.ts"

/** Of tokens, as the conventions call them; `unknown`: the provider does not tell how many are of another. */
export const MODALITIES = ["unknown", "text", "image", "audio"] as const

/** Disjoint; the sum is all input. */
export const INPUT_KINDS = ["fresh", "cache_read", "cache_write_5m", "cache_write_1h"] as const

export class ModelSeries {
  /** Empty: the call got to no group; see `REJECTED_MODEL`. */
  readonly group: string
  /** Empty, like the model: no target served the call. */
  readonly provider: string
  readonly model: string
  /** By dialect of the client, and then by class of the status. */
  readonly requests: Float64Array = new Float64Array(DIALECT_NAMES.values.length * STATUS_CLASSES.length)
  /** By error code of the call. */
  readonly durations: (Histogram | undefined)[] = []
  /** Of attempts, by class of the failure. */
  readonly attempts: (Histogram | undefined)[] = []
  /** Of attempts that failed, by the reason. */
  readonly reasons: Float64Array = new Float64Array(ATTEMPT_REASONS.values.length)
  readonly firstToken: Histogram = new Histogram(FIRST_TOKEN_S)
  readonly outputToken: Histogram = new Histogram(OUTPUT_TOKEN_S)
  /** Calls, from their first attempt to the end of the last, by error code. */
  readonly inferences: (Histogram | undefined)[] = []
  /** From the first attempt to first content. */
  readonly firstChunk: Histogram = new Histogram(DURATION_S)
  /** By modality. */
  readonly inputModalities: Float64Array = new Float64Array(MODALITIES.length)
  readonly outputModalities: Float64Array = new Float64Array(MODALITIES.length)
  readonly input: Histogram = new Histogram(TOKENS)
  readonly output: Histogram = new Histogram(TOKENS)
  readonly inputKinds: Float64Array = new Float64Array(INPUT_KINDS.length)
  readonly sources: Float64Array = new Float64Array(USAGE_SOURCES.values.length)
  reasoningTokens = 0
  /** Output of streams as it was seen to come, and of the same streams as it was reported. */
  meteredTokens = 0
  comparedTokens = 0
  /** Answers that are longer than their request's output cap. */
  beyondCap = 0
  fallbacks = 0
  costNanoUsd = 0
  /** Calls with usage whose cost nobody knows. */
  unpriced = 0

  constructor(group: string, provider: string, model: string) {
    this.group = group
    this.provider = provider
    this.model = model
  }
}

/** Of a group whose calls may be answered from the response cache. */
export class CacheSeries {
  readonly group: string
  readonly results: Float64Array = new Float64Array(CACHE_RESULTS.values.length)
  /** Of calls that passed it by. */
  readonly reasons: Float64Array = new Float64Array(CACHE_REASONS.values.length)
  savedInputTokens = 0
  savedOutputTokens = 0
  savedNanoUsd = 0

  constructor(group: string) {
    this.group = group
  }
}

export class CallerSeries {
  readonly id: string
  readonly project: string
  readonly environment: string
  requests = 0
  inputTokens = 0
  outputTokens = 0
  costNanoUsd = 0
  readonly refusals: Float64Array = new Float64Array(LIMIT_CODES.values.length)

  constructor(id: string, project: string, environment: string) {
    this.id = id
    this.project = project
    this.environment = environment
  }

  /** Counts what another has counted, too. */
  add(other: CallerSeries): void {
    this.requests += other.requests
    this.inputTokens += other.inputTokens
    this.outputTokens += other.outputTokens
    this.costNanoUsd += other.costNanoUsd
    for (let place = 0; place < this.refusals.length; place++)
      this.refusals[place] = (this.refusals[place] ?? 0) + (other.refusals[place] ?? 0)
  }
}

/** Made when the first value comes: most errors never happen. */
export function observeAt(histograms: (Histogram | undefined)[], place: number, seconds: number): void {
  let histogram = histograms[place]
  if (histogram === undefined) {
    histogram = new Histogram(DURATION_S)
    histograms[place] = histogram
  }
  histogram.observe(seconds)
}
