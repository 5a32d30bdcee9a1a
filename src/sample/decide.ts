/** How a sample call was routed: the order of its targets, and the rows that tell how it came about. */
import { emptyRow } from "../ledger/column.ts"
import type { CandidateRow, DecisionRows, RoutingDecisionRow, ScoreTermRow } from "../ledger/decision-record.ts"
import { REQUEST_ROUTING_DECISIONS, REQUEST_TARGET_CANDIDATES } from "../ledger/tables/decisions.ts"
import type { SampleAttempt } from "./call.ts"
import type { SampleGroup, SampleModel, SampleProgram } from "./company.ts"
import { between, type Draw } from "./draws.ts"
import { isIncident, isSlow, INCIDENT, type Story } from "./story.ts"

const EMPTY_DECISION: RoutingDecisionRow = emptyRow(REQUEST_ROUTING_DECISIONS)
const EMPTY_CANDIDATE: CandidateRow = emptyRow(REQUEST_TARGET_CANDIDATES)
const NONE: readonly never[] = []

/** The smallest model of a group of several takes no longer inputs. */
const LARGEST_INPUT = 32_000
const PINNED = 0.6
const DEFERRED = 0.35
const TERMS = [
  ["cost_score", 0.4],
  ["latency_score", 0.3],
  ["reliability_score", 0.3],
] as const

export interface Routed {
  /** Those that can serve the call, the first one first. */
  readonly order: readonly SampleModel[]
  /** As the strategy had it, before affinity and health. */
  readonly ranked: readonly SampleModel[]
  readonly scores: readonly (readonly number[])[]
  readonly pinned: SampleModel | null
  readonly deferred: SampleModel | null
}

export interface Moment {
  readonly story: Story
  readonly day: number
  readonly hour: number
}

export function route(group: SampleGroup, program: SampleProgram, inputTokens: number, at: Moment, draw: Draw): Routed {
  const { targets, strategy } = group
  const eligible = targets.length > 2 && inputTokens > LARGEST_INPUT ? targets.slice(0, -1) : targets
  const scores = strategy === "dynamic_score" ? targets.map((target) => scoresOf(target, at, draw)) : NONE
  const ranked =
    strategy === "weighted" || strategy === "dynamic_score" ? drawn(group, eligible, scores, draw) : eligible
  const isPinned = strategy === "dynamic_score" && draw() < PINNED
  const pinned = isPinned ? (eligible[(program.id.length + at.day + at.hour) % eligible.length] ?? null) : null
  const isDeferred = isIncident(at.story, at.day, at.hour) && eligible.length > 1 && draw() < DEFERRED
  const deferred = isDeferred ? (eligible.find(({ provider }) => provider === INCIDENT.provider) ?? null) : null
  const first = pinned === null ? ranked : [pinned, ...ranked.filter((target) => target !== pinned)]
  const order = deferred === null ? first : [...first.filter((target) => target !== deferred), deferred]
  return { order, ranked, scores, pinned, deferred }
}

/** Of price, latency and reliability, 0 to 1. */
function scoresOf({ prices, firstMs, msPerToken, provider }: SampleModel, at: Moment, draw: Draw): number[] {
  const isHit = isIncident(at.story, at.day, at.hour) && provider === INCIDENT.provider
  const slowness = isSlow(at.story, at.day, provider) ? 2.4 : 1
  const cost = 1 / (1 + (prices.output ?? 0) / 8e9)
  const latency = 1500 / (1500 + slowness * (firstMs + 100 * msPerToken))
  return [cost, latency, isHit ? 0.1 : between(draw, 0.96, 1)].map((score) => Math.round(score * 1000) / 1000)
}

/** By weight, times the score where there is one. */
function drawn(
  { targets, weights }: SampleGroup,
  eligible: readonly SampleModel[],
  scores: Routed["scores"],
  draw: Draw,
): readonly SampleModel[] {
  const chances = eligible.map((target) => {
    const index = targets.indexOf(target)
    return (weights[index] ?? 1) * scoreOf(scores[index])
  })
  let left = draw() * chances.reduce((sum, chance) => sum + chance, 0)
  const index = chances.findIndex((chance) => (left -= chance) < 0)
  const first = eligible[Math.max(0, index)]
  return first === undefined ? eligible : [first, ...eligible.filter((target) => target !== first)]
}

function scoreOf(terms: readonly number[] | undefined): number {
  if (terms === undefined) return 1
  return TERMS.reduce((sum, [, weight], index) => sum + weight * (terms[index] ?? 0), 0)
}

/** Null for a group of one target: nothing was to be decided. */
export function decisionOf(
  group: SampleGroup,
  routed: Routed,
  attempts: readonly SampleAttempt[],
  inputTokens: number,
): DecisionRows | null {
  const { targets, strategy } = group
  if (targets.length < 2) return null
  const live = choice(routed.ranked, "live", strategy, routed, group, inputTokens)
  const shadow = choice(routed.order, "shadow", "static", routed, group, inputTokens)
  const left = targets.find((target) => !routed.order.includes(target))
  return {
    shape: null,
    candidates: targets.map((target) => candidate(target, group, routed, inputTokens)),
    filterReasons:
      left === undefined
        ? NONE
        : [{ seq: 0, ...named(left, group), effect: "rejected", reason: "request-shape-context-exceeded" }],
    decisions: strategy === "dynamic_score" ? [live, shadow] : [live],
    terms: routed.scores.flatMap((scores, index) => scores.map((value, term) => termRow(index, term, value))),
    policies: NONE,
    fallbacks: attempts.slice(1).flatMap((attempt, seq) => {
      const from = attempts[seq]
      return from === undefined ? [] : [fallback(from, attempt, group, seq)]
    }),
  }
}

function choice(
  ranked: readonly SampleModel[],
  mode: RoutingDecisionRow["mode"],
  strategy: string,
  { order, pinned }: Routed,
  group: SampleGroup,
  inputTokens: number,
): RoutingDecisionRow {
  const first = mode === "shadow" ? group.targets[0] : ranked[0]
  if (first === undefined) throw new Error("a group has targets")
  return {
    ...EMPTY_DECISION,
    mode,
    strategy,
    outcome: "decided",
    eligible_count: order.length,
    order_count: order.length,
    ...named(first, group),
    expected_cost_nano_usd: expectedCost(first, inputTokens),
    pin_kind: mode === "live" && pinned !== null ? "first-turns" : null,
  }
}

function candidate(target: SampleModel, group: SampleGroup, routed: Routed, inputTokens: number): CandidateRow {
  const index = group.targets.indexOf(target)
  const weight = group.weights[index] ?? 1
  const terms = routed.scores[index]
  const score = terms === undefined ? null : scoreOf(terms)
  return {
    ...EMPTY_CANDIDATE,
    ...named(target, group),
    eligible: routed.order.includes(target) ? 1 : 0,
    weight,
    strategy_rank: placeIn(routed.ranked, target),
    final_rank: placeIn(routed.order, target),
    score,
    adjusted_weight: score === null ? null : weight * score,
    cold_start: score === null ? null : 0,
    observations: score === null ? null : 200,
    expected_cost_nano_usd: expectedCost(target, inputTokens),
    pinned: target === routed.pinned ? 1 : 0,
    hindrance: target === routed.deferred ? "breaker-open" : null,
    hindrance_ms: target === routed.deferred ? 20_000 : null,
  }
}

function placeIn(list: readonly SampleModel[], target: SampleModel): number | null {
  const place = list.indexOf(target)
  return place < 0 ? null : place
}

function termRow(index: number, term: number, value: number): ScoreTermRow {
  const [name, weight] = TERMS[term] ?? ["", 0]
  return {
    seq: index * TERMS.length + term,
    mode: "live",
    target_index: index,
    term: name,
    role: "adds",
    value,
    weight,
  }
}

function fallback(
  from: SampleAttempt,
  to: SampleAttempt,
  { targets }: SampleGroup,
  seq: number,
): DecisionRows["fallbacks"][number] {
  return {
    seq,
    from_target_index: targets.findIndex(({ model }) => model === from.target.model),
    from_provider: from.target.provider,
    from_model: from.target.model,
    to_target_index: targets.findIndex(({ model }) => model === to.target.model),
    to_provider: to.target.provider,
    to_model: to.target.model,
    reason: from.failure?.class ?? "",
  }
}

function named(
  target: SampleModel,
  { targets }: SampleGroup,
): {
  readonly target_index: number
  readonly provider: string
  readonly model: string
  readonly dialect: string
} {
  const { provider, model, dialect } = target
  return { target_index: targets.indexOf(target), provider, model, dialect }
}

const EXPECTED_OUTPUT = 1000

function expectedCost({ prices }: SampleModel, inputTokens: number): number | null {
  const { input, output } = prices
  return input === null || output === null ? null : Math.round((inputTokens * input + EXPECTED_OUTPUT * output) / 1e6)
}
