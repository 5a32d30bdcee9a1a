/**
 * A connection of the cube's own, on SQLite or PostgreSQL: beside those of calls, so that neither waits for the other.
 * Opened for one piece of work and closed behind it: it always finds the file and the server that are there now.
 */
import { Database } from "bun:sqlite"
import { Client, type ClientConfig, types } from "pg"
import type { Scalar } from "../database.ts"
import { type CopiedRow, copyOut } from "./copy-out.ts"
import { keptText } from "./dimensions.ts"

export type CubeValue = Scalar | Uint8Array

export interface CubeConnection {
  /** Portable SQL, as in `LedgerDatabase`; bytes come as `Uint8Array`. */
  query<Row>(sql: string, parameters?: readonly CubeValue[]): Promise<Row[]>
  /** The first way for large bytes. SQL without parameters, whose columns are a BIGINT, a text and bytes. */
  bytes(sql: string): Promise<readonly CopiedRow[]>
  /** All that `work` reads is of one moment. */
  reading<Result>(work: () => Promise<Result>): Promise<Result>
  /** One transaction, rolled back where `work` throws. Null: another process merges, and nothing was done. */
  writing<Result>(work: () => Promise<Result>): Promise<Result | null>
  close(): Promise<void>
}

export interface CubeAddress {
  /** Of SQLite. */
  readonly path: string
  /** Of PostgreSQL, in place of SQLite. */
  readonly dsn?: string | undefined
}

/** How long a statement may take, and a lock of SQLite is waited for. */
export interface CubePatience {
  readonly statementMs: number
  readonly lockMs: number
}

/** Held while the cube is merged, so that one router does it. Any fixed number does; the second one is the schema's. */
const LOCK_KEY = 724_930_511
const CONNECT_MS = 5000
const CACHE_KIB = 4096

export async function openCube(
  address: CubeAddress,
  patience: CubePatience,
  access: "read" | "write",
): Promise<CubeConnection> {
  return address.dsn === undefined
    ? sqliteCube(address.path, patience, access)
    : await postgresCube(address.dsn, patience)
}

function sqliteCube(path: string, { lockMs }: CubePatience, access: "read" | "write"): CubeConnection {
  const database = access === "read" ? new Database(path, { readonly: true }) : new Database(path, { readwrite: true })
  database.run(`PRAGMA busy_timeout=${lockMs}`)
  database.run(`PRAGMA cache_size=-${CACHE_KIB}`)
  if (access === "write") {
    // the router's own thread does that
    database.run("PRAGMA wal_autocheckpoint=0")
    database.run("PRAGMA synchronous=NORMAL")
  }
  const within = async <Result>(begin: string, work: () => Promise<Result>): Promise<Result> => {
    database.run(begin)
    try {
      const result = await work()
      database.run("COMMIT")
      return result
    } catch (error) {
      if (database.inTransaction) database.run("ROLLBACK")
      throw error
    }
  }
  return {
    query: async <Row>(sql: string, parameters: readonly CubeValue[] = []) =>
      await Promise.resolve(database.query<Row, CubeValue[]>(sql).all(...parameters)),
    bytes: async (sql) =>
      await Promise.resolve(database.query(sql).values() as readonly unknown[] as readonly CopiedRow[]),
    reading: (work) => within("BEGIN", work),
    writing: (work) => within("BEGIN IMMEDIATE", work),
    close: async () => await Promise.resolve(database.close()),
  }
}

async function postgresCube(dsn: string, { statementMs }: CubePatience): Promise<CubeConnection> {
  const client = new Client(configOf(dsn, statementMs))
  // what fails is the statement that waits
  client.on("error", () => {})
  await client.connect()
  const query = async <Row>(sql: string, parameters: readonly CubeValue[] = []): Promise<Row[]> => {
    // a text that no row can hold is asked for as rows hold it
    const values = parameters.map((value) => (typeof value === "string" ? keptText(value) : value))
    const { rows } = await client.query(numbered(sql), values)
    return rows as Row[]
  }
  const within = async <Result>(begin: string, work: () => Promise<Result>): Promise<Result> => {
    await client.query(begin)
    try {
      const result = await work()
      await client.query("COMMIT")
      return result
    } catch (error) {
      await client.query("ROLLBACK").catch(() => {})
      throw error
    }
  }
  return {
    query,
    bytes: (sql) => copyOut(client, sql),
    reading: (work) => within("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", work),
    writing: (work) =>
      within("BEGIN", async () => {
        const sql = `SELECT pg_try_advisory_xact_lock(${LOCK_KEY}, hashtext(current_schema())) AS held`
        const [lock] = await query<{ readonly held: boolean }>(sql)
        return lock?.held === true ? await work() : null
      }),
    close: () => client.end(),
  }
}

/** In text: the client library reads every value as UTF-8, also where it comes as bytes. */
const PARSERS: Readonly<Record<number, (text: string) => unknown>> = {
  [types.builtins.BOOL]: (text) => text === "t",
  [types.builtins.INT8]: Number,
  [types.builtins.INT4]: Number,
  [types.builtins.FLOAT8]: Number,
  // \x and hex digits
  [types.builtins.BYTEA]: (text) => Buffer.from(text.slice(2), "hex"),
}

function configOf(dsn: string, statementMs: number): ClientConfig {
  const url = new URL(dsn)
  url.searchParams.set("uselibpqcompat", "true")
  return {
    connectionString: url.href,
    application_name: "smart-router reports",
    connectionTimeoutMillis: CONNECT_MS,
    query_timeout: statementMs,
    statement_timeout: statementMs,
    types: {
      getTypeParser: (oid: number) => PARSERS[oid] ?? String,
    },
  }
}

/** Parameters as PostgreSQL names them. */
function numbered(sql: string): string {
  let next = 0
  return sql.replaceAll(/\?(\d*)/g, (_, number: string) => `$${number === "" ? ++next : number}`)
}
