/** The targets of one tier with their figures, scores and adjusted weights for one call. */
import type { LinearExpression, ScoreName } from "../config/schema/linear-expression.ts"
import type { ScoreSettings } from "../config/compile/score-settings.ts"
import type { Target } from "../config/snapshot.ts"
import { expectedCostNanoUsd } from "./expected-cost.ts"
import type { EngineLoad, Figures, LiveView } from "./live-view.ts"
import {
  NO_DIFFERENCE,
  complexityScore,
  costScore,
  evaluationScore,
  firstTokenScore,
  latencyScore,
  loadScore,
  reliabilityScore,
  throughputScore,
} from "./score-terms.ts"
import type { CallFacts, RankContext } from "./strategy.ts"

/** Output of an answer before anything was measured. */
const USUAL_OUTPUT_TOKENS = 500

export type Scores = Record<ScoreName, number>

export interface Candidate {
  readonly target: Target
  readonly figures: Figures
  readonly load: EngineLoad | null
  /** As configured; 1 for all where all are 0. */
  readonly weight: number
  costNanoUsd: number | null
  scores: Scores | null
  /** 0 to 1. */
  score: number
  /** What the order goes by. */
  adjustedWeight: number
  /** Beyond the thresholds of the group. */
  isBeyond: boolean
}

export function candidatesOf(targets: readonly Target[], { live, now }: RankContext): Candidate[] {
  let anyWeight = false
  for (const { weight } of targets) if (weight > 0) anyWeight = true
  return targets.map((target) => ({
    target,
    figures: live.figures(target, now),
    load: target.provider.engineMetrics === null ? null : live.engineLoad(target, now),
    weight: anyWeight ? target.weight : 1,
    costNanoUsd: null,
    scores: null,
    score: 0,
    adjustedWeight: 0,
    isBeyond: false,
  }))
}

/** However they ended: a target that callers leave again and again is known well enough. */
export function attemptsEnded(target: Target, live: LiveView): number {
  return live.attemptsBegun(target) - live.inFlight(target)
}

/**
 * adjusted weight = weight × (1 + most adjustment × confidence × (2 × score - 1)), where confidence is the share of
 * `min_observations` that stands in the window, at most 1.
 */
export function adjustWeights(
  candidates: readonly Candidate[],
  call: CallFacts,
  settings: ScoreSettings,
  complexity: number,
): void {
  scoreAll(candidates, call, settings, complexity)
  const { maxAdjustment, minObservations } = settings
  for (const candidate of candidates) {
    const { observations } = candidate.figures
    const confidence = observations >= minObservations ? 1 : observations / minObservations
    candidate.adjustedWeight = candidate.weight * (1 + maxAdjustment * confidence * (2 * candidate.score - 1))
  }
}

interface Bests {
  cheapest: number | null
  lowestLatency: number | null
  lowestFirstToken: number | null
  highestThroughput: number
  anyEvaluated: boolean
  anyLoad: boolean
}

function scoreAll(
  candidates: readonly Candidate[],
  call: CallFacts,
  settings: ScoreSettings,
  complexity: number,
): void {
  expectCosts(candidates, call)
  const bests = bestsOf(candidates)
  const terms = settings.terms.filter((term) => complexity >= term.fromComplexity && complexity <= term.toComplexity)
  let most = 0
  for (const { expression } of terms) most += expression.max
  const own = ownFormula(bests.anyLoad)
  for (const candidate of candidates) {
    const scores = scoresOf(candidate, bests, settings, complexity)
    candidate.scores = scores
    if (most === 0) candidate.score = (scores.reliability_score * evaluated(own, scores)) / own.max
    else {
      let total = 0
      for (const { requiredTags, expression } of terms)
        if (hasTags(candidate.target, requiredTags)) total += evaluated(expression, scores)
      candidate.score = Math.min(1, Math.max(0, total / most))
    }
  }
}

/**
 * The score of a group without `score_terms`, and of a call that none of them is for: `reliability_score` times the mean
 * of these. A target that fails is never made up for by its price.
 */
const OWN_FORMULA: LinearExpression = {
  constant: 0,
  factors: [
    { name: "cost_score", factor: 0.5 },
    { name: "latency_score", factor: 0.25 },
    { name: "first_token_score", factor: 0.15 },
    { name: "throughput_score", factor: 0.1 },
  ],
  max: 1,
}
/** Where the engine of some target says how busy it is. */
const OWN_FORMULA_WITH_LOAD: LinearExpression = {
  constant: 0,
  factors: [...OWN_FORMULA.factors, { name: "load_score", factor: 0.5 }],
  max: 1.5,
}

export function ownFormula(isLoadKnown: boolean): LinearExpression {
  return isLoadKnown ? OWN_FORMULA_WITH_LOAD : OWN_FORMULA
}

function evaluated({ constant, factors }: LinearExpression, scores: Scores): number {
  let total = constant
  for (const { name, factor } of factors) total += factor * scores[name]
  return total
}

export function hasTags({ tags }: Target, required: readonly string[]): boolean {
  for (const tag of required) if (!tags.includes(tag)) return false
  return true
}

/** The output is what the target's answers usually hold, else what those of the others do; at most the caller's cap. */
function expectCosts(candidates: readonly Candidate[], call: CallFacts): void {
  let sum = 0
  let measured = 0
  for (const { figures } of candidates) {
    if (figures.outputTokensPerAnswer === null) continue
    sum += figures.outputTokensPerAnswer
    measured++
  }
  const usual = measured === 0 ? USUAL_OUTPUT_TOKENS : sum / measured
  const { outputCap, choices } = call.request
  const cap = outputCap === null ? Infinity : outputCap.tokens * choices
  const input = call.estimatedInputTokens
  for (const candidate of candidates) {
    const { figures, target } = candidate
    const output = Math.min(figures.outputTokensPerAnswer ?? usual, cap)
    candidate.costNanoUsd = expectedCostNanoUsd(target.prices, figures, input, output)
  }
}

function bestsOf(candidates: readonly Candidate[]): Bests {
  const bests: Bests = {
    cheapest: null,
    lowestLatency: null,
    lowestFirstToken: null,
    highestThroughput: 0,
    anyEvaluated: false,
    anyLoad: false,
  }
  for (const { figures, costNanoUsd, target, load } of candidates) {
    bests.cheapest = lower(bests.cheapest, costNanoUsd)
    bests.lowestLatency = lower(bests.lowestLatency, figures.p95LatencyMs)
    bests.lowestFirstToken = lower(bests.lowestFirstToken, figures.p95FirstTokenMs)
    bests.highestThroughput = Math.max(bests.highestThroughput, figures.outputTokensPerSecond ?? 0)
    bests.anyEvaluated ||= target.evaluatedQuality !== null
    bests.anyLoad ||= load !== null
  }
  return bests
}

function lower(best: number | null, own: number | null): number | null {
  if (own === null) return best
  return best === null || own < best ? own : best
}

function scoresOf(
  { figures, costNanoUsd, target, load }: Candidate,
  bests: Bests,
  settings: ScoreSettings,
  complexity: number,
): Scores {
  const { signals } = settings
  const observed = signals.observed_performance
  const evaluates = signals.evaluation_metadata
  return {
    cost_score: signals.cost ? costScore(costNanoUsd, bests.cheapest) : NO_DIFFERENCE,
    latency_score: observed ? latencyScore(figures.p95LatencyMs, bests.lowestLatency) : NO_DIFFERENCE,
    first_token_score: observed ? firstTokenScore(figures.p95FirstTokenMs, bests.lowestFirstToken) : NO_DIFFERENCE,
    throughput_score: observed
      ? throughputScore(figures.outputTokensPerSecond, bests.highestThroughput)
      : NO_DIFFERENCE,
    reliability_score: observed ? reliabilityScore(figures) : NO_DIFFERENCE,
    complexity_score: signals.complexity
      ? complexityScore(complexity, evaluates ? target.evaluatedQuality : null)
      : NO_DIFFERENCE,
    eval_quality_score: evaluates ? evaluationScore(target.evaluatedQuality, bests.anyEvaluated) : NO_DIFFERENCE,
    load_score: observed ? loadScore(load, bests.anyLoad) : NO_DIFFERENCE,
  }
}
