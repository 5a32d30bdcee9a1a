/** The rows of calls, written through prepared statements: the hot part of the ledger. */
import type { Database, Statement } from "bun:sqlite"
import { CellBatch } from "./cube/batch.ts"
import { DECISION_CHILDREN } from "./child-tables.ts"
import { type ColumnKind, type Table, TABLES } from "./columns.ts"
import type { AttemptRow, CallRecord, ErrorRow, LossRow, TraceRow } from "./record.ts"
import type { CallerShapeRow, UpstreamShapeRow } from "./shape-record.ts"
import { HourlyFigures } from "./rollup.ts"
import { usageValues, whole, type Scalar } from "./usage-values.ts"
import { STORED_STATE_UPSERT, storedStateValues } from "./stored-state.ts"

type Insertion = Statement<unknown, Scalar[]>

interface DecisionInsertion {
  readonly insertion: Insertion
  readonly columns: readonly (readonly [string, ColumnKind])[]
  readonly rowsOf: (call: CallRecord) => readonly object[]
}

export class CallInserter {
  readonly #usage: Insertion
  readonly #attempt: Insertion
  readonly #trace: Insertion
  readonly #loss: Insertion
  readonly #shape: Insertion
  readonly #error: Insertion
  readonly #stored: Insertion
  readonly #callerShape: Insertion
  readonly #background: Insertion
  readonly #booked: Insertion
  readonly #decision: readonly DecisionInsertion[]
  readonly #figures: HourlyFigures
  readonly #cube: Statement<unknown, [number, Uint8Array]>
  readonly #cells = new CellBatch()
  readonly #begin: Statement<unknown, []>
  readonly #commit: Statement<unknown, []>

  constructor(database: Database) {
    this.#usage = database.prepare(`${insertInto("request_usage")} ON CONFLICT DO NOTHING`)
    this.#attempt = database.prepare(insertInto("request_attempts"))
    this.#trace = database.prepare(insertInto("request_trace_events"))
    this.#loss = database.prepare(insertInto("request_losses"))
    this.#shape = database.prepare(insertInto("request_upstream_shape_events"))
    this.#error = database.prepare(insertInto("request_errors"))
    this.#stored = database.prepare(STORED_STATE_UPSERT)
    this.#callerShape = database.prepare(insertInto("request_traffic_shape_events"))
    this.#background = database.prepare(insertInto("background_responses"))
    this.#booked = database.prepare("DELETE FROM background_responses WHERE request_id = ?")
    this.#decision = DECISION_CHILDREN.map(({ table, rowsOf }) => ({
      insertion: database.prepare(insertInto(table)),
      columns: Object.entries(TABLES[table]).slice(1),
      rowsOf,
    }))
    this.#figures = new HourlyFigures(database)
    this.#cube = database.prepare("INSERT INTO usage_cube_batches (cells, data) VALUES (?, ?)")
    this.#begin = database.prepare<unknown, []>("BEGIN IMMEDIATE")
    this.#commit = database.prepare<unknown, []>("COMMIT")
  }

  /**
   * All calls in one transaction. A call that is there already changes nothing. After a throw the caller rolls back.
   * @returns how many were not there
   */
  insert(calls: readonly CallRecord[]): number {
    this.#begin.run()
    this.#figures.clear()
    this.#cells.clear()
    let written = 0
    for (const call of calls) if (this.#insertOne(call)) written += 1
    this.#figures.write()
    if (written > 0) this.#cube.run(written, this.#cells.encoded())
    this.#commit.run()
    return written
  }

  #insertOne(call: CallRecord): boolean {
    const { usage } = call
    if (bind(this.#usage, usageValues(usage)).changes === 0) return false
    for (const attempt of call.attempts) bind(this.#attempt, attemptValues(usage.request_id, attempt))
    for (const event of call.trace) bind(this.#trace, traceValues(usage.request_id, event))
    for (const loss of call.losses) bind(this.#loss, lossValues(usage.request_id, loss))
    for (const shape of call.upstreamShapes) bind(this.#shape, shapeValues(usage.request_id, shape))
    for (const shape of call.callerShapes) bind(this.#callerShape, callerShapeValues(usage.request_id, shape))
    if (call.error !== null) bind(this.#error, errorValues(usage.request_id, call.error))
    if (call.stored !== undefined) for (const row of call.stored) bind(this.#stored, storedStateValues(row))
    if (call.decision !== null || call.contract !== undefined) this.#insertDecision(call)
    if (call.background !== undefined) bind(this.#background, valuesOf(call.background, BACKGROUND))
    if (usage.books_request_id !== null) bind(this.#booked, [usage.books_request_id])
    this.#figures.add(usage)
    this.#cells.add(usage, call.error?.blame ?? null)
    return true
  }

  /** Most calls have none of these, so the names of columns may be looped over. */
  #insertDecision(call: CallRecord): void {
    for (const { insertion, columns, rowsOf } of this.#decision)
      for (const row of rowsOf(call)) bind(insertion, [call.usage.request_id, ...valuesOf(row, columns)])
  }

  close(): void {
    const rows = [this.#usage, this.#attempt, this.#trace, this.#loss, this.#shape, this.#callerShape, this.#error]
    rows.push(this.#stored, this.#background, this.#booked)
    for (const statement of [...rows, this.#begin, this.#commit]) statement.finalize()
    for (const { insertion } of this.#decision) insertion.finalize()
    this.#figures.close()
    this.#cube.finalize()
  }
}

const BACKGROUND = Object.entries(TABLES.background_responses)

/** Of rows that few calls have. */
function valuesOf(row: object, columns: DecisionInsertion["columns"]): Scalar[] {
  return columns.map(([name, kind]) => {
    const value = (row as Readonly<Record<string, Scalar>>)[name] ?? null
    return kind === "milliseconds" ? whole(value as number | null) : value
  })
}

function insertInto(table: Table): string {
  const names = Object.keys(TABLES[table])
  return `INSERT INTO ${table} (${names.join(",")}) VALUES (${names.map(() => "?").join(",")})`
}

/** One array is bound faster than spread arguments. */
function bind(statement: Insertion, values: Scalar[]): { readonly changes: number } {
  return statement.run(...([values] as unknown as Scalar[]))
}

function callerShapeValues(requestId: string, row: CallerShapeRow): Scalar[] {
  return [
    requestId,
    row.seq,
    row.scope,
    row.bucket,
    row.decision,
    row.cost,
    row.retry_after_ms,
    row.queue_wait_ms,
    row.estimated_input_tokens,
    row.reserved_output_tokens,
    row.total_reserved_tokens,
  ]
}

function attemptValues(requestId: string, row: AttemptRow): Scalar[] {
  return [
    requestId,
    row.attempt_index,
    row.ts,
    row.provider,
    row.model,
    row.dialect,
    row.key_id,
    whole(row.duration_ms),
    row.status_code,
    row.error_class,
    row.error_message,
    row.retryable,
    row.timed_out,
    row.client_canceled,
    row.selected,
    row.fallback_reason,
    row.request_bytes,
    row.response_bytes,
    whole(row.attempt_timeout_ms),
    whole(row.retry_after_ms),
    row.upstream_request_id,
  ]
}

function traceValues(requestId: string, row: TraceRow): Scalar[] {
  return [requestId, row.seq, row.ts, row.event, row.target_provider, row.target_model, row.reason, row.value]
}

function lossValues(requestId: string, row: LossRow): Scalar[] {
  return [requestId, row.seq, row.code, row.path]
}

function shapeValues(requestId: string, row: UpstreamShapeRow): Scalar[] {
  return [
    requestId,
    row.seq,
    row.ts,
    row.scope,
    row.provider,
    row.model_ref,
    row.model,
    row.dialect,
    row.bucket,
    row.decision,
    row.retry_after_ms,
    row.estimated_input_tokens,
    row.reserved_output_tokens,
    row.total_reserved_tokens,
    row.backoff_reason,
    row.queue_wait_ms,
  ]
}

function errorValues(requestId: string, row: ErrorRow): Scalar[] {
  return [
    requestId,
    row.ts,
    row.code,
    row.status,
    row.blame,
    row.error_class,
    row.upstream_status,
    row.message,
    row.param,
  ]
}
