/** What the ledger keeps of one call: rows of the tables in `tables/`, where each column has its unit and its meaning. */
import type { RowOf } from "./column.ts"
import type { DecisionRows, ShapeFeatureRow } from "./decision-record.ts"
import type {
  REQUEST_ATTEMPTS,
  REQUEST_CONTRACTS,
  REQUEST_ERRORS,
  REQUEST_LOSSES,
  REQUEST_TRACE_EVENTS,
  REQUEST_TRAFFIC_SHAPE_EVENTS,
  REQUEST_TRANSLATION_SHAPES,
  REQUEST_UPSTREAM_SHAPE_EVENTS,
} from "./tables/calls.ts"
import type { BACKGROUND_RESPONSES, STORED_STATE } from "./tables/state.ts"
import type { REQUEST_USAGE } from "./tables/usage.ts"

/** One terminal row per request. */
export type UsageRow = RowOf<typeof REQUEST_USAGE>
export type UsageSource = UsageRow["usage_source"]
/**
 * What is missing to know the cost of a call that used something: its usage; a price of its tokens; a factor for its service
 * tier, speed or place; a price of sound, of images that were made, or of a tool; `models`: other models worked as well.
 */
export type CostUnknownReason = NonNullable<UsageRow["cost_unknown_reason"]>
export type AttemptRow = RowOf<typeof REQUEST_ATTEMPTS>
export type TraceRow = RowOf<typeof REQUEST_TRACE_EVENTS>
export type ErrorRow = RowOf<typeof REQUEST_ERRORS>
export type LossRow = RowOf<typeof REQUEST_LOSSES>
export type UpstreamShapeRow = RowOf<typeof REQUEST_UPSTREAM_SHAPE_EVENTS>
export type CallerShapeRow = RowOf<typeof REQUEST_TRAFFIC_SHAPE_EVENTS>
export type TranslationShapeRow = RowOf<typeof REQUEST_TRANSLATION_SHAPES>
export type ContractRow = RowOf<typeof REQUEST_CONTRACTS>
export type StoredStateRow = RowOf<typeof STORED_STATE>
export type BackgroundRow = RowOf<typeof BACKGROUND_RESPONSES>

/** All rows of one call: written in one transaction or not at all. A row that books an answer takes it off the list. */
export interface CallRecord {
  readonly usage: UsageRow
  readonly attempts: readonly AttemptRow[]
  readonly trace: readonly TraceRow[]
  readonly losses: readonly LossRow[]
  readonly upstreamShapes: readonly UpstreamShapeRow[]
  readonly callerShapes: readonly CallerShapeRow[]
  readonly error: ErrorRow | null
  /** Absent: no attempt was translated. */
  readonly translations?: readonly TranslationShapeRow[] | undefined
  /** Absent: none. */
  readonly stored?: readonly StoredStateRow[] | undefined
  /** Absent: its usage is known, or there is none. */
  readonly background?: BackgroundRow | undefined
  /** Where no decision holds it. Absent: there was no body, or diagnostics are off. */
  readonly shape?: ShapeFeatureRow | undefined
  /** Null: nobody wants to know. */
  readonly decision: DecisionRows | null
  /** Absent: the group promises nothing. */
  readonly contract?: ContractRow | undefined
}

/** The pipeline's view of the ledger. */
export interface Ledger {
  /**
   * Resolves when the call is durable: its rows are committed, or stand in the fsynced spool.
   * Writing the same `request_id` again changes nothing. With `durability: async` it resolves at once.
   * Rejects with `usage-store-unavailable` when neither database nor spool takes the rows.
   */
  record(call: CallRecord): Promise<void>
  /** Can finished calls be made durable at the moment? Asked before a call is admitted (`on_unavailable: fail_closed`) and by `/readyz`. */
  accepting(): boolean
  close(): Promise<void>
}
