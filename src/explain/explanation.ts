/** How a call was, or would be, decided: one plain value for `--json` and for the table. */
import type { Caller, Group } from "../config/snapshot.ts"
import type { RouterError } from "../errors.ts"
import type { DecidedCall } from "../ledger/decision-queries.ts"
import type {
  CandidateRow,
  DecisionRows,
  FallbackTransitionRow,
  PolicyExecutionRow,
  RoutingDecisionRow,
  ScoreTermRow,
  ShapeFeatureRow,
} from "../ledger/decision-record.ts"
import type { AttemptRow, UsageRow } from "../ledger/record.ts"

export interface ExplainedTarget extends CandidateRow {
  /** Why it cannot serve the call; empty where it can. */
  readonly reasons: readonly string[]
  /** What the call needs and nobody says that the target has. */
  readonly capability_unknown: readonly string[]
  /** Thresholds of the group that it is beyond. */
  readonly beyond: readonly string[]
  readonly terms: readonly Pick<ScoreTermRow, "term" | "role" | "value" | "weight">[]
}

/** How a call that was made went. */
export type ExplainedOutcome = Pick<
  UsageRow,
  "status" | "target_provider" | "target_model" | "latency_ms" | "usage_source" | "total_cost_nano_usd"
>

export type ExplainedAttempt = Pick<
  AttemptRow,
  | "provider"
  | "model"
  | "dialect"
  | "status_code"
  | "error_class"
  | "error_message"
  | "duration_ms"
  | "retry_after_ms"
  | "selected"
>

/** What the response cache does, or did, with a call. */
export interface ExplainedCache {
  /** `could`: nothing stands against an answer from it. The others are those of the ledger. */
  readonly result: "could" | "hit" | "miss" | "bypass"
  /** What stands against it, in the words of `request_usage.cache_reason`. */
  readonly reasons: readonly string[]
}

export interface Explanation {
  /** `dry-run`: nothing was sent. `ledger`: a call that was made. */
  readonly source: "dry-run" | "ledger"
  readonly request_id: string
  readonly ts: number
  readonly caller: string
  readonly group: string
  readonly strategy: string
  readonly error: { readonly code: string; readonly message: string } | null
  /** The line of the configuration to change; null: nothing needs to. */
  readonly hint: string | null
  /** Null: it was not made. */
  readonly outcome: ExplainedOutcome | null
  /** Null: calls of the group never meet the cache. */
  readonly cache: ExplainedCache | null
  readonly attempts: readonly ExplainedAttempt[]
  readonly call: ShapeFeatureRow | null
  /** In the order in which they are tried; those that are not tried last. */
  readonly targets: readonly ExplainedTarget[]
  readonly decisions: readonly RoutingDecisionRow[]
  readonly policies: readonly PolicyExecutionRow[]
  readonly fallbacks: readonly FallbackTransitionRow[]
  /** What cannot be told here, in sentences. */
  readonly notes: readonly string[]
}

type Facts = Pick<
  Explanation,
  | "source"
  | "request_id"
  | "ts"
  | "caller"
  | "group"
  | "strategy"
  | "error"
  | "hint"
  | "outcome"
  | "cache"
  | "attempts"
  | "notes"
>

/** A request that was decided and not sent. */
export interface DecidedRequest {
  readonly id: string
  readonly ts: number
  readonly group: Pick<Group, "name" | "strategy"> | null
  /** Null: it would be sent. */
  readonly error: RouterError | null
  readonly cache: ExplainedCache | null
  readonly decision: DecisionRows | null
}

export function explainedRequest(
  { id, ts, group, error, cache, decision }: DecidedRequest,
  caller: Pick<Caller, "id" | "status">,
  notes: readonly string[],
): Explanation {
  const hint = error?.detail.details?.["hint"]
  return explanationOf(
    {
      source: "dry-run",
      request_id: id,
      ts,
      caller: caller.id,
      group: group?.name ?? "",
      strategy: group?.strategy ?? "",
      error: error === null ? null : { code: error.code, message: error.message },
      hint: typeof hint === "string" ? hint : null,
      outcome: null,
      cache,
      attempts: [],
      notes: caller.status === "active" ? notes : [...notes, refusedFirst(caller.status)],
    },
    decision,
  )
}

function refusedFirst(status: string): string {
  return `The caller is ${status}: its calls are refused before any of this.`
}

/** A call that was made. @param hint null where the configuration is not the one that it was made with */
export function explainedCall(
  { usage, attempts, error, decision }: DecidedCall,
  isSameConfig: boolean,
  hint: string | null,
): Explanation {
  return explanationOf(
    {
      source: "ledger",
      request_id: usage.request_id,
      ts: usage.ts,
      caller: usage.caller_id,
      group: usage.resolved_group,
      strategy: usage.strategy,
      error: error === null ? null : { code: error.code, message: error.message },
      hint,
      outcome: outcomeOf(usage),
      cache: cacheOf(usage),
      attempts: attempts.map(attemptOf),
      notes: [
        ...(decision.shape === null
          ? ["The call was made while server.decision_telemetry was off: only what every call records is known."]
          : []),
        ...(isSameConfig ? [] : ["The routing configuration has changed since."]),
      ],
    },
    decision,
  )
}

function cacheOf({ cache, cache_reason }: UsageRow): ExplainedCache | null {
  if (cache !== "hit" && cache !== "miss" && cache !== "bypass") return null
  return { result: cache, reasons: cache === "bypass" && cache_reason !== null ? [cache_reason] : [] }
}

function outcomeOf(usage: UsageRow): ExplainedOutcome {
  const { status, target_provider, target_model, latency_ms, usage_source, total_cost_nano_usd } = usage
  return { status, target_provider, target_model, latency_ms, usage_source, total_cost_nano_usd }
}

function attemptOf(attempt: AttemptRow): ExplainedAttempt {
  const { provider, model, dialect, status_code, error_class, error_message, ...rest } = attempt
  const { duration_ms, retry_after_ms, selected } = rest
  return { provider, model, dialect, status_code, error_class, error_message, duration_ms, retry_after_ms, selected }
}

function explanationOf(facts: Facts, decision: DecisionRows | null): Explanation {
  return {
    ...facts,
    call: decision?.shape ?? null,
    targets: decision === null ? [] : explainedTargets(decision),
    decisions: decision?.decisions ?? [],
    policies: decision?.policies ?? [],
    fallbacks: decision?.fallbacks ?? [],
  }
}

function explainedTargets({ candidates, filterReasons, terms }: DecisionRows): readonly ExplainedTarget[] {
  const explained = candidates.map((candidate): ExplainedTarget => {
    const own = filterReasons.filter(({ target_index }) => target_index === candidate.target_index)
    const reasons = (...effects: readonly string[]): readonly string[] =>
      own.filter(({ effect }) => effects.includes(effect)).map(({ reason }) => reason)
    return {
      ...candidate,
      reasons: reasons("rejected", "rejected_late"),
      capability_unknown: reasons("unknown"),
      beyond: reasons("beyond"),
      terms: terms
        .filter(({ mode, target_index }) => mode === "live" && target_index === candidate.target_index)
        .map(({ term, role, value, weight }) => ({ term, role, value, weight })),
    }
  })
  return explained.toSorted((left, right) => (left.final_rank ?? Infinity) - (right.final_rank ?? Infinity) || 0)
}
