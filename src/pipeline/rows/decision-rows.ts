/** A decision as the rows of the ledger's telemetry tables; bounded. */
import type { TelemetryRule } from "../../config/compile/recording.ts"
import type { Target } from "../../config/snapshot.ts"
import type {
  CandidateRow,
  DecisionMode,
  DecisionRows,
  FallbackTransitionRow,
  FilterReasonRow,
  PolicyExecutionRow,
  RoutingDecisionRow,
  ScoreTermRow,
} from "../../ledger/decision-record.ts"
import { priceCall } from "../../ledger/price.ts"
import type { Ranking } from "../../routing/strategy.ts"
import type { AdmittedCall, Call } from "../call.ts"
import type { Decision, ShadowDecision } from "../call/decision.ts"

/** Terms are configured, so they could be any number. */
const MOST_TERMS = 1024

export function decisionRows(decision: Decision, call: AdmittedCall): DecisionRows {
  const { telemetry } = call.snapshot
  const decisions = routingDecisions(decision, call)
  if (telemetry === null) return { ...NOTHING, decisions }
  const { shape } = decision
  const fallbacks = fallbackRows(call)
  if (!telemetry.candidates)
    return { ...NOTHING, shape, decisions, policies: policyRows(call, decision.shadow), fallbacks }
  return {
    shape,
    candidates: candidateRows(decision, telemetry, call),
    filterReasons: reasonRows(decision, telemetry, call),
    decisions,
    terms: [
      ...termRows(decision.ranking, "live", telemetry),
      ...termRows(decision.shadow?.ranking ?? null, "shadow", telemetry),
    ].map((row, seq) => ({ ...row, seq })),
    policies: policyRows(call, decision.shadow),
    fallbacks,
  }
}

const NOTHING: DecisionRows = {
  shape: null,
  candidates: [],
  filterReasons: [],
  decisions: [],
  terms: [],
  policies: [],
  fallbacks: [],
}

function flag(value: boolean): 0 | 1 {
  return value ? 1 : 0
}

function routingDecisions(decision: Decision, call: AdmittedCall): readonly RoutingDecisionRow[] {
  const { group } = call
  const { shadow, ranking, pin } = decision
  const rows: RoutingDecisionRow[] = []
  if (call.snapshot.telemetry !== null || shadow !== null)
    rows.push({
      ...choiceRow(ranking, "live", decision, call),
      strategy: group.strategy,
      pin_kind: pin?.kind ?? null,
      error: ranking === null ? (decision.shortlist.eligible.length === 0 ? "no-eligible-target" : "not-ranked") : null,
    })
  if (shadow !== null && group.shadow !== null)
    rows.push({
      ...choiceRow(shadow.ranking, "shadow", decision, call),
      strategy: group.shadow.strategy,
      outcome: shadowOutcome(shadow),
      error: shadow.error,
    })
  return rows
}

function shadowOutcome({ ranking, error }: ShadowDecision): RoutingDecisionRow["outcome"] {
  if (ranking !== null) return "decided"
  return error === null ? "unanswered" : "failed"
}

function choiceRow(
  ranking: Ranking | null,
  mode: DecisionMode,
  decision: Decision,
  call: AdmittedCall,
): Omit<RoutingDecisionRow, "strategy"> {
  const first = ranking?.order[0]
  return {
    mode,
    outcome: ranking === null ? "failed" : "decided",
    rank_mode: ranking?.mode ?? null,
    class_label: ranking?.classLabel ?? null,
    call_class: ranking?.explanation?.callClass ?? null,
    eligible_count: decision.shortlist.eligible.length,
    order_count: ranking?.order.length ?? 0,
    target_index: first?.index ?? null,
    provider: first?.provider.name ?? null,
    model: first?.model ?? null,
    dialect: first?.dialect ?? null,
    expected_cost_nano_usd: first === undefined ? null : expectedCostNanoUsd(first, decision, call),
    pin_kind: null,
    error: null,
  }
}

/** Of the estimated input, all of it fresh, and the output cap (else what is reserved for a stream without one), for each choice. */
function expectedCostNanoUsd(target: Target, { estimatedInputTokens }: Decision, call: AdmittedCall): number | null {
  const { outputCap, choices } = call.request.facts
  const outputTokens = (outputCap?.tokens ?? target.reservation.streamTokens) * choices
  const usage = { ...NO_USAGE, freshInputTokens: estimatedInputTokens, outputTokens }
  const cost = priceCall(target.prices, usage, null, call.imageCount).total_cost_nano_usd
  return cost !== null && Number.isSafeInteger(cost) ? cost : null
}

const NO_USAGE = {
  cachedInputTokens: 0,
  cacheWrite5mTokens: 0,
  cacheWrite1hTokens: 0,
  reasoningTokens: null,
}

interface Named {
  readonly target_index: number
  readonly provider: string
  readonly model: string
  readonly dialect: string
}

function named({ index, provider, model, dialect }: Target): Named {
  return { target_index: index, provider: provider.name, model, dialect }
}

function candidateRows(
  decision: Decision,
  { maxCandidates }: TelemetryRule,
  call: AdmittedCall,
): readonly CandidateRow[] {
  const { shortlist, ranking, order, pin, hindered } = decision
  return call.group.targets.slice(0, maxCandidates).map((target): CandidateRow => {
    const scored = ranking?.explanation?.targets.find((one) => one.target === target)
    const hindrance = hindered?.get(target)
    return {
      ...named(target),
      eligible: flag(shortlist.eligible.includes(target)),
      weight: target.weight,
      strategy_rank: ranking === null ? null : place(ranking.order, target),
      final_rank: place(order, target),
      score: scored?.score ?? null,
      adjusted_weight: scored?.adjustedWeight ?? null,
      cold_start: scored === undefined ? null : flag(scored.coldStart),
      observations: scored?.observations ?? null,
      expected_cost_nano_usd: expectedCostNanoUsd(target, decision, call),
      pinned: flag(pin?.target === target),
      hindrance: hindrance?.reason ?? null,
      hindrance_ms: hindrance?.waitMs ?? null,
    }
  })
}

function place(list: readonly Target[], target: Target): number | null {
  const at = list.indexOf(target)
  return at < 0 ? null : at
}

function reasonRows(
  { ranking, refusals, unknown }: Decision,
  { maxFilterReasons }: TelemetryRule,
  call: AdmittedCall,
): readonly FilterReasonRow[] {
  const found: Omit<FilterReasonRow, "seq">[] = [
    ...refusals.map(({ target, reason }) => ({
      ...named(target),
      effect: "rejected" as const,
      reason,
    })),
    ...(call.notes.passedOver ?? []).map(({ target, reason }) => ({
      ...named(target),
      effect: "rejected_late" as const,
      reason,
    })),
    ...unknown.map(({ target, label }) => ({
      ...named(target),
      effect: "unknown" as const,
      reason: label,
    })),
    ...(ranking?.explanation?.targets ?? []).flatMap(({ target, beyond }) =>
      beyond.map((reason) => ({ ...named(target), effect: "beyond" as const, reason })),
    ),
  ]
  return found.slice(0, maxFilterReasons).map((row, seq) => ({ seq, ...row }))
}

function termRows(
  ranking: Ranking | null,
  mode: DecisionMode,
  { maxCandidates }: TelemetryRule,
): readonly Omit<ScoreTermRow, "seq">[] {
  const targets = ranking?.explanation?.targets ?? []
  return targets
    .slice(0, maxCandidates)
    .flatMap(({ target, terms }) =>
      terms.map(({ name, role, value, weight }) => ({
        mode,
        target_index: target.index,
        term: name,
        role,
        value,
        weight,
      })),
    )
    .slice(0, MOST_TERMS)
}

function policyRows({ notes: { policies } }: Call, shadow: ShadowDecision | null): readonly PolicyExecutionRow[] {
  const shadowed = shadow?.policy ?? null
  const runs = (policies ?? []).map((run) => ({ run, mode: "live" as const }))
  const all = shadowed === null ? runs : [...runs, { run: shadowed, mode: "shadow" as const }]
  return all.map(({ run, mode }, seq) => ({
    seq,
    kind: run.kind,
    mode,
    outcome: run.outcome,
    duration_us: Math.round(run.durationMs * 1000),
    class_label: run.classLabel,
    target_index: run.targetIndex,
    fallback_count: run.fallbackCount,
    error: run.error,
    error_detail: run.errorDetail,
  }))
}

function fallbackRows({ attempts }: Call): readonly FallbackTransitionRow[] {
  return attempts.slice(1).flatMap(({ target: to }, seq) => {
    const before = attempts[seq]
    if (before === undefined) return []
    const { target: from, failure } = before
    return {
      seq,
      from_target_index: from.index,
      from_provider: from.provider.name,
      from_model: from.model,
      to_target_index: to.index,
      to_provider: to.provider.name,
      to_model: to.model,
      reason: failure?.class ?? "unknown",
    }
  })
}
