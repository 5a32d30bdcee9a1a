/** What `dynamic_score` decided, target by target. Only worked out when somebody asks. */
import type { LinearExpression, ScoreName } from "../config/schema/linear-expression.ts"
import type { ScoreSettings } from "../config/compile/score-settings.ts"
import { attemptsEnded, hasTags, ownFormula, type Candidate } from "./candidates.ts"
import { COMPLEXITY_NAMES, complexityOf } from "./complexity.ts"
import type { Decision } from "./dynamic-score.ts"
import type { RankExplanation, RankMode, TargetExplanation, TermExplanation } from "./strategy.ts"

export function explanationOf(candidates: readonly Candidate[], mode: RankMode, decision: Decision): RankExplanation {
  const { settings, call, complexity } = decision
  // where nothing depends on it, it was not worked out for the decision
  const callComplexity = settings.usesComplexity ? complexity : complexityOf(call, settings)
  return {
    callClass: COMPLEXITY_NAMES[callComplexity] ?? null,
    explored: mode === "explored" ? (candidates[0]?.target ?? null) : null,
    targets: candidates.map((candidate) => targetExplanation(candidate, candidates, decision)),
  }
}

function targetExplanation(candidate: Candidate, all: readonly Candidate[], decision: Decision): TargetExplanation {
  const { settings, context } = decision
  const { target, figures } = candidate
  return {
    target,
    score: candidate.score,
    adjustedWeight: candidate.adjustedWeight,
    coldStart: attemptsEnded(target, context.live) < settings.minObservations,
    observations: figures.observations,
    beyond: candidate.isBeyond ? beyond(candidate, settings) : [],
    expectedCostNanoUsd: candidate.costNanoUsd,
    terms: termsOf(candidate, all, decision),
  }
}

function beyond({ figures }: Candidate, settings: ScoreSettings): readonly string[] {
  const limits = [
    ["max_error_rate", figures.errorRate, settings.maxErrorRate],
    ["max_timeout_rate", figures.timeoutRate, settings.maxTimeoutRate],
    ["max_p95_latency_ms", figures.p95LatencyMs, settings.maxP95LatencyMs],
  ] as const
  return limits.filter(([, value, limit]) => value !== null && limit !== null && value > limit).map(([name]) => name)
}

/** One entry for each score of each term that counts: `<term>.<score>`; the scores alone where the formula is our own. */
function termsOf(
  { scores, target }: Candidate,
  all: readonly Candidate[],
  { complexity, settings }: Decision,
): readonly TermExplanation[] {
  const matching = settings.terms.filter((term) => complexity >= term.fromComplexity && complexity <= term.toComplexity)
  const most = matching.reduce((total, { expression }) => total + expression.max, 0)
  const entries = (prefix: string, { factors }: LinearExpression, max: number): readonly TermExplanation[] =>
    factors.map(({ name, factor }) => ({
      name: prefix + name,
      value: valueOf(name),
      role: "adds",
      weight: factor / max,
    }))
  const valueOf = (name: ScoreName): number | null => scores?.[name] ?? null
  if (most === 0) {
    const own = ownFormula(all.some(({ load }) => load !== null))
    const reliability = valueOf("reliability_score")
    return [
      ...entries("", own, own.max),
      { name: "reliability_score", value: reliability, role: "multiplies", weight: 1 },
    ]
  }
  return matching.flatMap((term) =>
    hasTags(target, term.requiredTags) ? entries(`${term.name}.`, term.expression, most) : [],
  )
}
