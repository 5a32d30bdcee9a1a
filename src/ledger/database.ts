/**
 * What the ledger needs of a kind of database. SQLite answers at once and PostgreSQL later, so that most results may be
 * promises; whoever handles calls looks before waiting, because a turn of the event loop costs a lone call dearly.
 */
import type { DatabaseFailure } from "./failure.ts"
import type { CallRecord } from "./record.ts"

export type Scalar = string | number | Uint8Array | null

export interface LedgerDatabase {
  /**
   * All calls in one transaction; done when it is committed. A call that is there already changes nothing, in no table:
   * what was written, but not confirmed, is simply written again.
   * @returns how many were not there
   */
  write(calls: readonly CallRecord[]): number | Promise<number>
  /** Fails unless the database takes writes that need room. */
  probe(): void | Promise<void>
  /** Fails where what was written is no longer where others find it. Cheap: called once a second. */
  look(): void
  /**
   * Portable SQL: parameters are `?1`, `?2`, …, or `?` each; `CAST(?1 AS BIGINT)` where their type cannot be told from a column;
   * `CAST(x AS DOUBLE PRECISION)` under `sum`. Texts are ordered byte by byte; integers come as numbers, exact up to 2^53.
   */
  query<Row>(sql: string, parameters: readonly Scalar[]): Row[] | Promise<Row[]>
  /**
   * All queries of `work` see the rows that were there at the first of them, and none that came later. Writing goes on
   * meanwhile. Rejects as `work` does, and as `query`.
   */
  reading<Result>(work: (at: Pick<LedgerDatabase, "query">) => Promise<Result>): Promise<Result>
  failureOf(error: unknown): DatabaseFailure
  /** A new connection. Fails as opening does. */
  reopen(): Promise<void>
  /** Resolves when what was committed survives a power cut, as far as this router can see to that. */
  sync(): Promise<void>
  close(): Promise<void>
}
