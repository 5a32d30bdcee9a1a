/** The ledger in PostgreSQL: one connection for writes, a few for queries. */
import { type Client, type ClientConfig, Pool, type PoolClient } from "pg"
import type { Clock } from "../../system/clock.ts"
import type { Log } from "../../system/log.ts"
import type { LedgerDatabase, Scalar } from "../database.ts"
import type { DatabaseFailure } from "../failure.ts"
import type { MigrationListener } from "../migrations.ts"
import type { CallRecord } from "../record.ts"
import { clientConfig, PostgresConnection, type PostgresLimits } from "./connection.ts"
import { failureOf, postgresFailure } from "./failure.ts"
import { inTransaction, migrate } from "./migrate.ts"
import { cubeParameters, mendedParameters, parametersOf, WRITE_CALLS } from "./statement.ts"

export interface PostgresOptions {
  /** Secret: it may hold a password. */
  readonly dsn: string
  readonly clock: Clock
  readonly log: Log
  readonly limits: PostgresLimits
  readonly onMigration: MigrationListener
}

interface Written {
  readonly written: number
}

const QUERY_CONNECTIONS = 3
/** Data that is not acceptable as it is, but may be with other values. */
const DATA_STATE = /\(22...\)$/
const TOUCH = "INSERT INTO ledger_probe VALUES (1, $1) ON CONFLICT (id) DO UPDATE SET probed_at = excluded.probed_at"

export class PostgresDatabase implements LedgerDatabase {
  readonly #options: PostgresOptions
  readonly #writer: PostgresConnection
  readonly #queries: Pool
  #wasOpened = false
  /** A pooler gives each statement whatever connection is free: none of them remembers what was prepared. */
  #isPooled = false

  constructor(options: PostgresOptions) {
    const { dsn, limits } = options
    this.#options = options
    this.#writer = new PostgresConnection(clientConfig(dsn, limits, limits.answerMs), (client) => this.#prepare(client))
    this.#queries = queryPool(clientConfig(dsn, limits, limits.queryMs))
  }

  async write(calls: readonly CallRecord[]): Promise<number> {
    const parameters = parametersOf(calls)
    const cube = cubeParameters(calls)
    try {
      return await this.#write(parameters, cube)
    } catch (error) {
      if (!(error instanceof Error && DATA_STATE.test(error.message))) throw error
      return await this.#write(mendedParameters(parameters), cube)
    }
  }

  async probe(): Promise<void> {
    await this.#writer.run((client) => client.query(TOUCH, [this.#now()]))
  }

  /** The server looks after its files. */
  look(): void {}

  async query<Row>(sql: string, parameters: readonly Scalar[]): Promise<Row[]> {
    return await queryOn(this.#queries, sql, parameters)
  }

  async reading<Result>(work: (at: Pick<LedgerDatabase, "query">) => Promise<Result>): Promise<Result> {
    const client = await this.#queries.connect().catch((error: unknown) => {
      throw postgresFailure(error)
    })
    let isBroken = true
    try {
      await queryOn(client, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", [])
      const result = await work({ query: (sql, parameters) => queryOn(client, sql, parameters) })
      await queryOn(client, "COMMIT", [])
      isBroken = false
      return result
    } finally {
      // a connection inside a transaction is not given back
      client.release(isBroken)
    }
  }

  failureOf(error: unknown): DatabaseFailure {
    return failureOf(error)
  }

  async reopen(): Promise<void> {
    await this.#writer.drop()
    await this.#writer.run(() => Promise.resolve())
  }

  /** Under `synchronous_commit = off` a commit that waits takes those before it along. */
  async sync(): Promise<void> {
    await this.#writer.run((client) =>
      inTransaction(client, async () => {
        await client.query("SET LOCAL synchronous_commit = on")
        await client.query(TOUCH, [this.#now()])
      }),
    )
  }

  async close(): Promise<void> {
    await this.#writer.drop()
    // A server that hangs does not hold up the end, nor does the timer that sees to that.
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = this.#options.clock.after(this.#options.limits.connectMs, resolve)
    void this.#queries
      .end()
      .catch(() => {})
      .finally(resolve)
    await promise
    timer.close()
  }

  async #write(parameters: readonly string[], cube: readonly unknown[]): Promise<number> {
    const statement = { text: WRITE_CALLS, values: [...parameters, ...cube] }
    const { rows } = await this.#writer.run(async (client) => {
      if (this.#isPooled) return await client.query<Written>(statement)
      try {
        return await client.query<Written>({ name: WRITE_CALLS_NAME, ...statement })
      } catch (error) {
        // said before anything was done
        if (!isForeignStatement(error)) throw error
        this.#isPooled = true
        return await client.query<Written>(statement)
      }
    })
    return rows[0]?.written ?? 0
  }

  async #prepare(client: Client): Promise<void> {
    const { clock, onMigration } = this.#options
    await migrate(client, { nowMs: () => clock.now(), acceptsNewer: this.#wasOpened, onProgress: onMigration })
    if (!this.#wasOpened) await this.#warnOfLaxCommits(client)
    this.#wasOpened = true
  }

  async #warnOfLaxCommits(client: Client): Promise<void> {
    const { rows } = await client.query<{ synchronous_commit: string }>("SHOW synchronous_commit")
    if (rows[0]?.synchronous_commit !== "off") return
    this.#options.log.warn("the usage database has synchronous_commit = off: its crash loses confirmed calls")
  }

  #now(): string {
    return new Date(this.#options.clock.now()).toISOString()
  }
}

/** Another version of this program may have prepared its own on the same connection. */
const WRITE_CALLS_NAME = `write-calls-${Bun.hash(WRITE_CALLS).toString(36)}`

/** It is not prepared here, or by somebody else. */
function isForeignStatement(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "26000" || error.code === "42P05")
}

function queryPool(config: ClientConfig): Pool {
  const pool = new Pool({ ...config, max: QUERY_CONNECTIONS, allowExitOnIdle: true })
  // A connection that dies while nobody uses it: the next query gets another.
  pool.on("error", () => {})
  return pool
}

async function queryOn<Row>(asked: Pool | PoolClient, sql: string, parameters: readonly Scalar[]): Promise<Row[]> {
  try {
    const { rows } = await asked.query(numbered(sql), [...parameters])
    return rows as Row[]
  } catch (error) {
    throw postgresFailure(error)
  }
}

/** Parameters as PostgreSQL names them: `?2` is `$2`, and a bare `?` is the next one. */
function numbered(sql: string): string {
  let next = 0
  return sql.replaceAll(/\?(\d*)/g, (_, number: string) => `$${number === "" ? ++next : number}`)
}
