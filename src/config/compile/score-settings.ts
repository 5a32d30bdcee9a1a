/** The settings of `dynamic_score` as the strategy uses them, worked out once per load. */
import type { DynamicScore, GroupConfig, PromptFeatures, ScoreSignals } from "../config.ts"
import { isFault, parseLinear, type LinearExpression } from "../schema/linear-expression.ts"
import type { ObservationRule, Target } from "../snapshot.ts"
import { COMPLEXITIES, PROMPT_FEATURES, type PromptFeature } from "../schema/word-lists.ts"

export interface ScoreSettings {
  readonly minObservations: number
  /** How far a score may move a weight, 0 to 1. */
  readonly maxAdjustment: number
  /** 0 to 1. */
  readonly explorationShare: number
  readonly signals: Readonly<Record<Exclude<keyof ScoreSignals, "prompt_features">, boolean>>
  /** Null: the prompt is not looked at. */
  readonly promptFeatures: { readonly maxScanBytes: number; readonly features: ReadonlySet<PromptFeature> } | null
  /** Empty: the strategy's own formula. */
  readonly terms: readonly ScoreTermSettings[]
  /** Some term asks how complex the call is. */
  readonly usesComplexity: boolean
  /** Null: no limit. */
  readonly maxErrorRate: number | null
  readonly maxTimeoutRate: number | null
  readonly maxP95LatencyMs: number | null
}

export interface ScoreTermSettings {
  readonly name: string
  /** Places in `COMPLEXITIES`, both inclusive. */
  readonly fromComplexity: number
  readonly toComplexity: number
  readonly requiredTags: readonly string[]
  readonly expression: LinearExpression
}

const DEFAULTS = {
  min_observations: 20,
  observation_window_seconds: 600,
  max_score_adjustment_percent: 70,
  exploration_percent: 2,
  score_terms: [],
} as const satisfies Partial<DynamicScore>

/** Null unless the strategy is `dynamic_score`. */
export function scoreSettings(entry: Pick<GroupConfig, "strategy" | "routing_policy">): ScoreSettings | null {
  if (entry.strategy !== "dynamic_score") return null
  const policy: Omit<DynamicScore, "cold_start_policy"> = entry.routing_policy?.dynamic_score ?? DEFAULTS
  const { signals, thresholds } = policy
  const terms = policy.score_terms.map(termSettings)
  const isOn = (name: keyof ScoreSignals): boolean => signals?.[name]?.enabled !== false
  return {
    minObservations: policy.min_observations,
    maxAdjustment: policy.max_score_adjustment_percent / 100,
    explorationShare: policy.exploration_percent / 100,
    signals: {
      request_shape: isOn("request_shape"),
      complexity: isOn("complexity"),
      observed_performance: isOn("observed_performance"),
      cost: isOn("cost"),
      evaluation_metadata: isOn("evaluation_metadata"),
    },
    promptFeatures: promptFeatures(signals?.prompt_features),
    terms,
    usesComplexity: terms.some(asksForComplexity),
    maxErrorRate: thresholds?.max_error_rate ?? null,
    maxTimeoutRate: thresholds?.max_timeout_rate ?? null,
    maxP95LatencyMs: thresholds?.max_p95_latency_ms ?? null,
  }
}

function promptFeatures(said: PromptFeatures | undefined): ScoreSettings["promptFeatures"] {
  if (said?.enabled === false) return null
  return { maxScanBytes: said?.max_scan_bytes ?? 16_384, features: new Set(said?.features ?? PROMPT_FEATURES) }
}

function termSettings(term: DynamicScore["score_terms"][number]): ScoreTermSettings {
  const expression = parseLinear(term.expression)
  if (isFault(expression)) throw new Error(`the expression of the score term ${term.name} cannot be read`)
  const { complexity_gte: from, complexity_lte: to } = term.when ?? {}
  return {
    name: term.name,
    fromComplexity: from === undefined ? 0 : COMPLEXITIES.indexOf(from),
    toComplexity: to === undefined ? COMPLEXITIES.length - 1 : COMPLEXITIES.indexOf(to),
    requiredTags: term.require_tags,
    expression,
  }
}

function asksForComplexity({ fromComplexity, toComplexity, expression }: ScoreTermSettings): boolean {
  return (
    fromComplexity > 0 ||
    toComplexity < COMPLEXITIES.length - 1 ||
    expression.factors.some(({ name }) => name === "complexity_score")
  )
}

/** So many attempts that the least share of them that counts as a percentile is more than one. */
const LEAST_ENOUGH = 40

/** Null where nobody would read what was observed. */
export function observationRule(
  groupName: string,
  { shadow, ...group }: GroupConfig,
  target: Pick<Target, "provider" | "model" | "dialect" | "url">,
): ObservationRule | null {
  const entry = group.strategy === "dynamic_score" ? group : shadow
  if (entry?.strategy !== "dynamic_score") return null
  const { observation_window_seconds: seconds, min_observations: least } =
    entry.routing_policy?.dynamic_score ?? DEFAULTS
  const enough = Math.max(LEAST_ENOUGH, 2 * least)
  const parts = [groupName, target.provider.name, target.model, target.dialect, target.url, seconds, enough]
  return { key: JSON.stringify(parts), windowMs: seconds * 1000, enough }
}
