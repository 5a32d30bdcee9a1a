/** A database for the ledger that fails for the calls of a test's choice. */
import type { LedgerDatabase } from "../../src/ledger/database.ts"
import type { DatabaseFailure } from "../../src/ledger/failure.ts"
import type { CallRecord } from "../../src/ledger/record.ts"

export class Refusal extends Error {
  readonly kind: DatabaseFailure

  constructor(kind: DatabaseFailure) {
    super(kind)
    this.kind = kind
  }
}

/** Takes calls unless they are of the bad ones; remembers how much it was given at once. */
export class FakeDatabase implements LedgerDatabase {
  readonly rows: string[] = []
  readonly bad: Map<string, DatabaseFailure> = new Map()
  isDown: DatabaseFailure | null = null
  /** The longest JSON of a transaction, in characters. */
  largest = 0
  /** How many transactions were tried. */
  asked = 0

  async write(calls: readonly CallRecord[]): Promise<number> {
    await Promise.resolve()
    this.asked += 1
    this.largest = Math.max(this.largest, JSON.stringify(calls).length)
    if (this.isDown !== null) throw new Refusal(this.isDown)
    for (const { usage } of calls) {
      const failure = this.bad.get(usage.request_id)
      if (failure !== undefined) throw new Refusal(failure)
    }
    const before = this.rows.length
    for (const { usage } of calls) if (!this.rows.includes(usage.request_id)) this.rows.push(usage.request_id)
    return this.rows.length - before
  }

  probe(): void {}

  look(): void {}

  query<Row>(): Row[] {
    return []
  }

  reading<Result>(work: (at: Pick<LedgerDatabase, "query">) => Promise<Result>): Promise<Result> {
    return work(this)
  }

  failureOf(error: unknown): DatabaseFailure {
    return error instanceof Refusal ? error.kind : "content"
  }

  reopen(): Promise<void> {
    return Promise.resolve()
  }

  sync(): Promise<void> {
    return Promise.resolve()
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}
