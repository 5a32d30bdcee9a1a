/** Reads back how calls were decided: one call by its id, or all of a range in batches. Portable SQL. */
import { TABLES, type Table } from "./columns.ts"
import type { LedgerReader } from "./reader.ts"
import type { DecisionRows, ShapeFeatureRow } from "./decision-record.ts"
import type { AttemptRow, ErrorRow, UsageRow } from "./record.ts"

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
  const of = async <Row>(table: Table, order = ""): Promise<Row[]> => {
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
  | "service_tier"
  | "total_cost_nano_usd"
>

const USAGE_FIELDS: readonly (keyof ReplayedUsage)[] = [
  "request_id",
  "ts",
  "caller_id",
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
}

type Scalars = Readonly<Record<string, string | number | null>>

const SHAPE_FIELDS = Object.keys(TABLES.request_decision_shape_features).filter((name) => name !== "request_id")
const SHAPE_PREFIX = "shape_"

const CALLS = `SELECT ${USAGE_FIELDS.map((name) => `usage.${name} AS ${name}`).join(", ")},
  ${SHAPE_FIELDS.map((name) => `shape.${name} AS ${SHAPE_PREFIX}${name}`).join(", ")}
FROM request_usage AS usage LEFT JOIN request_decision_shape_features AS shape ON shape.request_id = usage.request_id
WHERE usage.request_id > ?1 AND usage.request_id < ?2 ORDER BY usage.request_id LIMIT ?3`

const ATTEMPTS = `SELECT request_id, ${ATTEMPT_FIELDS.join(", ")} FROM request_attempts
WHERE request_id > ?1 AND request_id <= ?2 ORDER BY request_id, attempt_index`

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
    const rows = await database.query<Scalars>(CALLS, [after, end, BATCH])
    const last = rows.at(-1)?.["request_id"]
    if (typeof last !== "string") return
    const attempts = await database.query<ReplayedAttempt & { readonly request_id: string }>(ATTEMPTS, [after, last])
    const byCall = Map.groupBy(attempts, ({ request_id }) => request_id)
    yield rows.map((row) => ({
      usage: row as unknown as ReplayedUsage,
      shape: shapeOf(row),
      attempts: byCall.get(String(row["request_id"])) ?? [],
    }))
    if (rows.length < BATCH) return
    after = last
  }
}

function shapeOf(row: Scalars): ShapeFeatureRow | null {
  if (row[`${SHAPE_PREFIX}dialect`] === null) return null
  return Object.fromEntries(SHAPE_FIELDS.map((name) => [name, row[SHAPE_PREFIX + name]])) as unknown as ShapeFeatureRow
}
