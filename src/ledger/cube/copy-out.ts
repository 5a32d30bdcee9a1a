/**
 * Rows with bytes from PostgreSQL as they are. The client library reads the values of an ordinary query as text, bytes as
 * hexadecimal digits; what a COPY sends it hands on untouched.
 * https://www.postgresql.org/docs/current/sql-copy.html#SQL-COPY-FILE-FORMATS-BINARY-FORMAT
 */
import type { Client, Connection, Submittable } from "pg"

/** The fields of a row: a column that the SQL casts to BIGINT, a text, bytes. */
export type CopiedRow = readonly [id: number, name: string, data: Uint8Array]

const SIGNATURE = Buffer.from("PGCOPY\n\xff\r\n\0", "latin1")
/** Behind the signature: flags, and the length of a further head. */
const FLAGS_BYTES = 4
const LENGTH_BYTES = 4
const COUNT_BYTES = 2
const ID_BYTES = 8
const FIELDS = 3

/** All rows of a query without parameters. Rejects as a query of the client does. */
export async function copyOut(client: Client, sql: string): Promise<CopiedRow[]> {
  const { promise, resolve, reject } = Promise.withResolvers<CopiedRow[]>()
  client.query(new CopyOut(`COPY (${sql}) TO STDOUT (FORMAT binary)`, resolve, reject))
  return await promise
}

/** What the client asks of a query of another kind; it puts its own time limit around `callback`. */
class CopyOut implements Submittable {
  callback: (error: Error | null) => void
  readonly #sql: string
  readonly #rows: CopiedRow[] = []
  #isBegun = false
  #fault: Error | null = null

  constructor(sql: string, resolve: (rows: CopiedRow[]) => void, reject: (error: Error) => void) {
    this.#sql = sql
    this.callback = (error) => (error === null ? resolve(this.#rows) : reject(error))
  }

  submit(connection: Connection): void {
    connection.query(this.#sql)
  }

  /** One row, behind the head where it is the first. What is thrown here would end the process. */
  handleCopyData({ chunk }: { readonly chunk: Buffer }): void {
    try {
      const row = rowIn(this.#isBegun ? chunk : chunk.subarray(headLength(chunk)))
      this.#isBegun = true
      if (row !== null) this.#rows.push(row)
    } catch (error) {
      this.#fault ??= new Error("PostgreSQL sent a row of the cube that is none", { cause: error })
    }
  }

  handleCommandComplete(): void {
    // said once more below
  }

  handleReadyForQuery(): void {
    this.callback(this.#fault)
  }

  handleError(error: Error): void {
    this.callback(error)
  }
}

function headLength(chunk: Buffer): number {
  if (!chunk.subarray(0, SIGNATURE.length).equals(SIGNATURE)) throw new Error("the signature of a copy is missing")
  const flags = SIGNATURE.length + FLAGS_BYTES
  return flags + LENGTH_BYTES + chunk.readInt32BE(flags)
}

/** Null: the end of the copy, or a head without a row. The client uses the memory of `chunk` again: bytes are copied. */
function rowIn(chunk: Buffer): CopiedRow | null {
  if (chunk.length === 0) return null
  const count = chunk.readInt16BE(0)
  if (count === -1) return null
  if (count !== FIELDS) throw new Error(`a row has ${count} fields`)
  let at = COUNT_BYTES
  const field = (): Buffer => {
    const from = at + LENGTH_BYTES
    at = from + chunk.readInt32BE(at)
    if (at > chunk.length) throw new Error("a row ends too early")
    return chunk.subarray(from, at)
  }
  const id = field()
  if (id.length !== ID_BYTES) throw new Error("an id is no BIGINT")
  return [Number(id.readBigInt64BE(0)), field().toString("utf8"), new Uint8Array(field())]
}
