/**
 * `dynamic_score`: by weight, moved by a score over live figures.
 *
 * Targets of the client's dialect form the first tier, the others follow; inside a tier:
 * 1. While a target has ended fewer than `min_observations` attempts since it was configured, places go by weight alone:
 *    first is who is furthest behind its share (the smallest (attempts begun + 1) / weight).
 * 2. After that by adjusted weight (`candidates.ts`), the highest first. Targets beyond a threshold come after the others,
 *    unless all are; weight 0 comes last.
 * 3. The leader keeps its place until another target is 5 % better: near-equal targets do not take turns.
 * 4. A small share of the calls begins with the target of which the least is known.
 */
import type { ScoreSettings } from "../config/compile/score-settings.ts"
import type { Target } from "../config/snapshot.ts"
import { adjustWeights, attemptsEnded, candidatesOf, type Candidate } from "./candidates.ts"
import { COMPLEXITY_NAMES, STANDARD, complexityOf } from "./complexity.ts"
import { explanationOf } from "./explain-score.ts"
import type { CallFacts, RankContext, Ranking, Strategy } from "./strategy.ts"

/** How much better a challenger must be. */
const HYSTERESIS = 1.05

const DIALECT_LANES = { "openai-chat": 0, "openai-responses": 1, anthropic: 2 } as const

/** What all tiers of one call share. */
export interface Decision {
  readonly call: CallFacts
  readonly context: RankContext
  readonly settings: ScoreSettings
  /** Place in `COMPLEXITY_NAMES`. */
  readonly complexity: number
  /** Dialects and buckets have leaders of their own. */
  readonly lane: number
}

export const dynamicScore: Strategy = (targets, call, context) => {
  const settings = context.settings.score
  if (settings === null) throw new Error("dynamic_score without its settings")
  const complexity = settings.usesComplexity ? complexityOf(call, settings) : STANDARD
  const lane = DIALECT_LANES[call.dialect] * COMPLEXITY_NAMES.length + complexity
  const decision = { call, context, settings, complexity, lane }
  const native = targets.filter(({ dialect }) => dialect === call.dialect)
  if (native.length === 0 || native.length === targets.length) return rankingOf(firstTier(targets, decision), decision)
  const others = targets.filter(({ dialect }) => dialect !== call.dialect)
  const { mode, candidates } = firstTier(native, decision)
  return rankingOf({ mode, candidates: [...candidates, ...ordered(others, decision).candidates] }, decision)
}

interface Tier {
  /** In order. */
  readonly candidates: Candidate[]
  readonly mode: "cold-start" | "scored" | "explored"
}

function ordered(targets: readonly Target[], { call, context, settings, complexity }: Decision): Tier {
  const candidates = candidatesOf(targets, context)
  adjustWeights(candidates, call, settings, complexity)
  if (isCold(candidates, settings, context)) return { candidates: byShare(candidates, context), mode: "cold-start" }
  markBeyond(candidates, settings)
  candidates.sort(byAdjustedWeight)
  return { candidates, mode: "scored" }
}

function firstTier(targets: readonly Target[], decision: Decision): Tier {
  const { call, context, settings, lane } = decision
  const tier = ordered(targets, decision)
  if (tier.mode === "cold-start" || targets.length < 2) return tier
  keepLeader(tier.candidates, context.live.leader(call.group, lane))
  const explores = settings.explorationShare > 0 && context.random() < settings.explorationShare
  return explores && explore(tier.candidates) ? { candidates: tier.candidates, mode: "explored" } : tier
}

function rankingOf({ candidates, mode }: Tier, decision: Decision): Ranking {
  return {
    order: candidates.map(({ target }) => target),
    mode,
    classLabel: null,
    lane: decision.lane,
    explanation: decision.context.explain ? explanationOf(candidates, mode, decision) : null,
  }
}

function isCold(candidates: readonly Candidate[], { minObservations }: ScoreSettings, { live }: RankContext): boolean {
  for (const { target, weight } of candidates)
    if (weight > 0 && attemptsEnded(target, live) < minObservations) return true
  return false
}

/** Weights as shares of the attempts, those on their way included: deterministic, and exact after every round. */
function byShare(candidates: Candidate[], { live }: RankContext): Candidate[] {
  const behind = ({ target, weight }: Candidate): number =>
    weight === 0 ? Infinity : (live.attemptsBegun(target) + 1) / weight
  return candidates
    .map((candidate) => ({ candidate, share: behind(candidate) }))
    .toSorted((a, b) => ascending(a.share, b.share) || b.candidate.weight - a.candidate.weight)
    .map(({ candidate }) => candidate)
}

function markBeyond(candidates: readonly Candidate[], settings: ScoreSettings): void {
  const { maxErrorRate, maxTimeoutRate, maxP95LatencyMs, minObservations } = settings
  if (maxErrorRate === null && maxTimeoutRate === null && maxP95LatencyMs === null) return
  for (const candidate of candidates) {
    const { figures } = candidate
    candidate.isBeyond =
      figures.observations >= minObservations &&
      (figures.errorRate > (maxErrorRate ?? 1) ||
        figures.timeoutRate > (maxTimeoutRate ?? 1) ||
        (figures.p95LatencyMs ?? 0) > (maxP95LatencyMs ?? Infinity))
  }
}

function byAdjustedWeight(a: Candidate, b: Candidate): number {
  if (a.isBeyond !== b.isBeyond) return a.isBeyond ? 1 : -1
  return b.adjustedWeight - a.adjustedWeight || b.score - a.score || a.target.index - b.target.index
}

function keepLeader(candidates: Candidate[], leader: string | null): void {
  if (leader === null) return
  const place = candidates.findIndex(({ target }) => target.observed?.key === leader)
  const [first] = candidates
  const kept = candidates[place]
  if (place <= 0 || first === undefined || kept === undefined) return
  if (kept.isBeyond !== first.isBeyond || first.adjustedWeight > kept.adjustedWeight * HYSTERESIS) return
  toFront(candidates, place)
}

/** False where there is nobody else to learn about. */
function explore(candidates: Candidate[]): boolean {
  let least = -1
  for (let place = 1; place < candidates.length; place++) {
    const candidate = candidates[place]
    const known = candidates[least]
    if (candidate === undefined || candidate.weight === 0) continue
    if (known === undefined || candidate.figures.observations < known.figures.observations) least = place
  }
  if (least < 0) return false
  toFront(candidates, least)
  return true
}

function toFront(candidates: Candidate[], place: number): void {
  candidates.unshift(...candidates.splice(place, 1))
}

function ascending(a: number, b: number): number {
  return a === b ? 0 : a < b ? -1 : 1
}
