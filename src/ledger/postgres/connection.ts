/** One connection: made when it is needed, used by one operation at a time, given up at the first sign of trouble. */
import { Client, type ClientConfig, types } from "pg"
import { type PostgresFailure, postgresFailure } from "./failure.ts"

export interface PostgresLimits {
  readonly connectMs: number
  /** The longest that one statement of a write may take, here and at the server. */
  readonly answerMs: number
  /** The longest that one query may take. */
  readonly queryMs: number
}

type TypeParser = (text: string) => unknown

/** Of BIGINT and of sums over it: numbers, as SQLite gives them. */
const NUMBERS: readonly number[] = [types.builtins.INT8, types.builtins.NUMERIC]

/** `statementMs` also holds at the server: a statement that nobody waits for any more must not pile up there. */
export function clientConfig(dsn: string, limits: PostgresLimits, statementMs: number): ClientConfig {
  const url = new URL(dsn)
  // sslmode means what it means to PostgreSQL's own tools
  url.searchParams.set("uselibpqcompat", "true")
  return {
    connectionString: url.href,
    application_name: "smart-router",
    connectionTimeoutMillis: limits.connectMs,
    query_timeout: statementMs,
    statement_timeout: statementMs,
    keepAlive: true,
    types: {
      getTypeParser: (oid, format) =>
        NUMBERS.includes(oid) ? Number : (types.getTypeParser(oid, format) as TypeParser),
    },
  }
}

export class PostgresConnection {
  readonly #config: ClientConfig
  readonly #prepare: (client: Client) => Promise<void>
  #client: Client | null = null
  /** Operations follow one another. */
  #last: Promise<unknown> = Promise.resolve()

  /** `prepare` is run on each new connection before anything else. */
  constructor(config: ClientConfig, prepare: (client: Client) => Promise<void>) {
    this.#config = config
    this.#prepare = prepare
  }

  /** Rejects with a `PostgresFailure`; after one that is about more than the statement, the next run connects anew. */
  run<Result>(operation: (client: Client) => Promise<Result>): Promise<Result> {
    const result = this.#last.then(() => this.#run(operation))
    this.#last = result.catch(() => {})
    return result
  }

  /** The next run connects anew. */
  async drop(): Promise<void> {
    await this.#last
    this.#drop()
  }

  async #run<Result>(operation: (client: Client) => Promise<Result>): Promise<Result> {
    try {
      this.#client ??= await this.#connect()
      return await operation(this.#client)
    } catch (error) {
      const failure = postgresFailure(error)
      if (!isAboutStatement(failure)) this.#drop()
      throw failure
    }
  }

  async #connect(): Promise<Client> {
    const client = new Client(this.#config)
    client.on("error", () => {
      if (this.#client === client) this.#drop()
    })
    try {
      await client.connect()
      await this.#prepare(client)
      return client
    } catch (error) {
      end(client)
      throw error
    }
  }

  #drop(): void {
    if (this.#client !== null) end(this.#client)
    this.#client = null
  }
}

/** The server answered and goes on with this connection. */
function isAboutStatement({ kind }: PostgresFailure): boolean {
  return kind === "content" || kind === "busy"
}

/** Nobody waits: a server that does not answer does not answer this either. */
function end(client: Client): void {
  client.end().catch(() => {})
}
