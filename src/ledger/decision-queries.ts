/** Reads back how calls were decided: one call by its id, or all of a range in batches. Portable SQL. */
import type { LedgerReader } from "./reader.ts"
import type { DecisionRows, RoutingDecisionRow, ShapeFeatureRow } from "./decision-record.ts"
import type { AttemptRow, ErrorRow, UsageRow } from "./record.ts"
import type { Table } from "./tables.ts"

export interface DecidedCall {
  readonly usage: UsageRow
  readonly attempts: readonly AttemptRow[]
  readonly error: ErrorRow | null
  readonly decision: DecisionRows
}

/** Null: there is no such call, or none that may be seen. */
export async function decidedCall(
  database: Pick<LedgerReader, "query">,
  requestId: string,
  isVisible: (usage: UsageRow) => boolean = () => true,
): Promise<DecidedCall | null> {
  const of = async <Row>(table: Table | "request_usage", order = ""): Promise<Row[]> => {
    const sql = `SELECT * FROM ${table} WHERE request_id = ?1${order === "" ? "" : ` ORDER BY ${order}`}`
    return await database.query<Row>(sql, [requestId])
  }
  const [usage] = await of<UsageRow>("request_usage")
  if (usage === undefined || !isVisible(usage)) return null
  const [error] = await of<ErrorRow>("request_errors")
  const [shape] = await of<ShapeFeatureRow>("request_decision_shape_features")
  return {
    usage,
    attempts: await of("request_attempts", "attempt_index"),
    error: error ?? null,
    decision: {
      shape: shape ?? null,
      candidates: await of("request_target_candidates", "target_index"),
      filterReasons: await of("request_target_filter_reasons", "seq"),
      decisions: await of("request_routing_decisions", "mode"),
      terms: await of("request_dynamic_score_terms", "seq"),
      policies: await of("request_policy_executions", "seq"),
      fallbacks: await of("request_fallback_transitions", "seq"),
    },
  }
}

export type ReplayedUsage = Pick<
  UsageRow,
  | "request_id"
  | "ts"
  | "caller_id"
  | "token_id"
  | "requested_model"
  | "resolved_group"
  | "target_provider"
  | "target_model"
  | "target_dialect"
  | "inbound_dialect"
  | "stream"
  | "status"
  | "latency_ms"
  | "ttfb_ms"
  | "fresh_input_tokens"
  | "cached_input_tokens"
  | "cache_write_5m_tokens"
  | "cache_write_1h_tokens"
  | "output_tokens"
  | "reasoning_tokens"
  | "input_image_count"
  | "input_image_tokens"
  | "input_audio_tokens"
  | "output_image_tokens"
  | "output_audio_tokens"
  | "hosted_tool_cost_nano_usd"
  | "speed"
  | "inference_geo"
  | "service_tier"
  | "total_cost_nano_usd"
>

const USAGE_FIELDS: readonly (keyof ReplayedUsage)[] = [
  "request_id",
  "ts",
  "caller_id",
  "token_id",
  "requested_model",
  "resolved_group",
  "target_provider",
  "target_model",
  "target_dialect",
  "inbound_dialect",
  "stream",
  "status",
  "latency_ms",
  "ttfb_ms",
  "fresh_input_tokens",
  "cached_input_tokens",
  "cache_write_5m_tokens",
  "cache_write_1h_tokens",
  "output_tokens",
  "reasoning_tokens",
  "input_image_count",
  "input_image_tokens",
  "input_audio_tokens",
  "output_image_tokens",
  "output_audio_tokens",
  "hosted_tool_cost_nano_usd",
  "speed",
  "inference_geo",
  "service_tier",
  "total_cost_nano_usd",
]

export type ReplayedAttempt = Pick<
  AttemptRow,
  | "ts"
  | "provider"
  | "model"
  | "dialect"
  | "duration_ms"
  | "error_class"
  | "retryable"
  | "timed_out"
  | "client_canceled"
  | "selected"
>

const ATTEMPT_FIELDS: readonly (keyof ReplayedAttempt)[] = [
  "ts",
  "provider",
  "model",
  "dialect",
  "duration_ms",
  "error_class",
  "retryable",
  "timed_out",
  "client_canceled",
  "selected",
]

export interface ReplayedCall {
  readonly usage: ReplayedUsage
  /** Null: it was made while telemetry was off. */
  readonly shape: ShapeFeatureRow | null
  /** In order. */
  readonly attempts: readonly ReplayedAttempt[]
  /** Null: its group had none. */
  readonly shadow: RecordedShadow | null
}

/** What a second strategy chose, beside the choice of the live one. */
export interface RecordedShadow {
  readonly strategy: string
  readonly outcome: RoutingDecisionRow["outcome"]
  readonly provider: string | null
  readonly model: string | null
  readonly isSame: boolean
  readonly cost: number | null
  readonly liveCost: number | null
}

const CALLS = `SELECT ${USAGE_FIELDS.join(", ")} FROM request_usage
WHERE request_id > ?1 AND request_id < ?2 AND books_request_id IS NULL ORDER BY request_id LIMIT ?3`

/** Further tables by the range of each batch: one query over all of them would leave the way to the database's planner. */
const OF_BATCH = "WHERE request_id > ?1 AND request_id <= ?2"
const ATTEMPTS = `SELECT request_id, ${ATTEMPT_FIELDS.join(", ")} FROM request_attempts ${OF_BATCH} ORDER BY request_id, attempt_index`
const SHAPES = `SELECT * FROM request_decision_shape_features ${OF_BATCH}`
const CHOICES = `SELECT request_id, mode, strategy, outcome, target_index, provider, model, expected_cost_nano_usd
FROM request_routing_decisions ${OF_BATCH}`

interface OfCall {
  readonly request_id: string
}

type ChoiceRow = OfCall &
  Pick<
    RoutingDecisionRow,
    "mode" | "strategy" | "outcome" | "target_index" | "provider" | "model" | "expected_cost_nano_usd"
  >

const BATCH = 500

/** Request ids begin with their millisecond. */
function idAt(ts: number): string {
  return `req_${Math.max(0, Math.floor(ts)).toString(16).padStart(12, "0")}`
}

/** The calls of a range of time, oldest first, in batches: memory does not grow with their number. */
export async function* decidedCalls(
  database: LedgerReader,
  sinceMs: number,
  untilMs: number,
): AsyncGenerator<readonly ReplayedCall[]> {
  const end = idAt(untilMs)
  for (let after = idAt(sinceMs); ;) {
    const rows = await database.query<ReplayedUsage>(CALLS, [after, end, BATCH])
    const last = rows.at(-1)?.request_id
    if (last === undefined) return
    const attempts = byCall(await database.query<ReplayedAttempt & OfCall>(ATTEMPTS, [after, last]))
    const shapes = byCall(await database.query<ShapeFeatureRow & OfCall>(SHAPES, [after, last]))
    const choices = byCall(await database.query<ChoiceRow>(CHOICES, [after, last]))
    yield rows.map((usage) => ({
      usage,
      shape: shapes.get(usage.request_id)?.[0] ?? null,
      attempts: attempts.get(usage.request_id) ?? [],
      shadow: shadowOf(choices.get(usage.request_id) ?? []),
    }))
    if (rows.length < BATCH) return
    after = last
  }
}

function byCall<Row extends OfCall>(rows: readonly Row[]): Map<string, Row[]> {
  return Map.groupBy(rows, ({ request_id }) => request_id)
}

/** When the first and the last call of a range were made, in Unix milliseconds; null: there is none. */
export async function spanOfCalls(
  database: LedgerReader,
  sinceMs: number,
  untilMs: number,
): Promise<{ readonly firstMs: number; readonly lastMs: number } | null> {
  const edge = async (order: "ASC" | "DESC"): Promise<number | null> => {
    const sql = `SELECT ts FROM request_usage WHERE request_id > ?1 AND request_id < ?2 ORDER BY request_id ${order} LIMIT 1`
    const [row] = await database.query<{ readonly ts: number }>(sql, [idAt(sinceMs), idAt(untilMs)])
    return row?.ts ?? null
  }
  const firstMs = await edge("ASC")
  const lastMs = await edge("DESC")
  return firstMs === null || lastMs === null ? null : { firstMs, lastMs }
}

function shadowOf(choices: readonly ChoiceRow[]): RecordedShadow | null {
  const shadow = choices.find(({ mode }) => mode === "shadow")
  if (shadow === undefined) return null
  const live = choices.find(({ mode }) => mode === "live")
  return {
    strategy: shadow.strategy,
    outcome: shadow.outcome,
    provider: shadow.provider,
    model: shadow.model,
    isSame: shadow.target_index === live?.target_index,
    cost: shadow.expected_cost_nano_usd,
    liveCost: live?.expected_cost_nano_usd ?? null,
  }
}
