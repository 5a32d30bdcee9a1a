/** The rows of calls, written through prepared statements: the hot part of the ledger. */
import type { Database, Statement } from "bun:sqlite"
import { type Scalar, valuesFrom } from "./column.ts"
import { CellBatch } from "./cube/batch.ts"
import type { CallRecord } from "./record.ts"
import { HourlyFigures } from "./rollup.ts"
import { STORED_STATE_CONFLICT } from "./stored-state.ts"
import { CHILDREN, type ChildTable, type LedgerTable, STORED, USAGE } from "./tables.ts"

interface Insertion {
  readonly statement: Statement<unknown, Scalar[]>
  readonly valuesOf: (row: object, requestId: string) => Scalar[]
}

export class CallInserter {
  readonly #usage: Insertion
  readonly #stored: Insertion
  readonly #children: readonly (Insertion & Pick<ChildTable, "rowsOf">)[]
  readonly #booked: Statement<unknown, [string]>
  readonly #figures: HourlyFigures
  readonly #cube: Statement<unknown, [number, Uint8Array]>
  readonly #cells = new CellBatch()
  readonly #begin: Statement<unknown, []>
  readonly #commit: Statement<unknown, []>

  constructor(database: Database) {
    this.#usage = insertion(database, USAGE, "ON CONFLICT DO NOTHING")
    this.#stored = insertion(database, STORED, STORED_STATE_CONFLICT)
    this.#children = CHILDREN.map((table) => ({ ...insertion(database, table), rowsOf: table.rowsOf }))
    this.#booked = database.prepare("DELETE FROM background_responses WHERE request_id = ?")
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
    const requestId = usage.request_id
    if (write(this.#usage, usage, requestId).changes === 0) return false
    for (const child of this.#children) for (const row of child.rowsOf(call)) write(child, row, requestId)
    if (call.stored !== undefined) for (const row of call.stored) write(this.#stored, row, row.request_id)
    if (usage.books_request_id !== null) this.#booked.run(usage.books_request_id)
    this.#figures.add(usage)
    this.#cells.add(usage, call.error?.blame ?? null)
    return true
  }

  close(): void {
    for (const { statement } of [this.#usage, this.#stored, ...this.#children]) statement.finalize()
    for (const statement of [this.#booked, this.#begin, this.#commit]) statement.finalize()
    this.#figures.close()
    this.#cube.finalize()
  }
}

function insertion(database: Database, { name, columns }: LedgerTable, conflict = ""): Insertion {
  const names = Object.keys(columns)
  const sql = `INSERT INTO ${name} (${names.join(",")}) VALUES (${names.map(() => "?").join(",")}) ${conflict}`
  return { statement: database.prepare(sql), valuesOf: valuesFrom(columns) }
}

/** One array is bound faster than spread arguments. */
function write({ statement, valuesOf }: Insertion, row: object, requestId: string): { readonly changes: number } {
  return statement.run(...([valuesOf(row, requestId)] as unknown as Scalar[]))
}
