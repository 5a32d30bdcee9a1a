/** The cube of a ledger in a test: merged, folded, corrected and counted without a thread. */
import { CellBatch } from "../../src/ledger/cube/batch.ts"
import { type CubeAddress, type CubeConnection, openCube } from "../../src/ledger/cube/connection.ts"
import { MERGE_RULES, type MergeRules, mergeStep } from "../../src/ledger/cube/merge.ts"
import type { UsageRow } from "../../src/ledger/record.ts"
import type { Found, Query, Rows, Search, Verified } from "../../src/reports/query.ts"
import { Remembered } from "../../src/reports/remembered.ts"
import { answerQueries } from "../../src/reports/scan.ts"
import { findCalls } from "../../src/reports/search.ts"
import type { VerifyRange } from "../../src/reports/thread-protocol.ts"
import { verifyRange } from "../../src/reports/verify.ts"
import type { LedgerState } from "./ledger-drivers.ts"

const PATIENCE = { statementMs: 60_000, lockMs: 10_000 }

export interface TestCube extends AsyncDisposable {
  readonly connection: CubeConnection
  /** Until nothing is left to merge. Absent rules are those of the product. */
  merge(rules?: Partial<MergeRules>): Promise<void>
  /** What was added up for earlier queries is used again; throws where the answer differs from that of the cube alone. */
  query(query: Partial<Query> & Pick<Query, "from" | "to">): Promise<Rows>
  search(search: Partial<Search> & Pick<Search, "from" | "to">): Promise<Found>
  verify(range: VerifyRange): Promise<Verified>
  /** Changes a row, and what the cube holds of it, in one transaction. */
  correct(row: UsageRow, changed: Partial<UsageRow>): Promise<void>
}

export function addressOf(state: LedgerState): CubeAddress {
  return { path: state.path, dsn: (state.usageDb as { readonly dsn?: string }).dsn }
}

export async function testCube(state: LedgerState): Promise<TestCube> {
  const connection = await openCube(addressOf(state), PATIENCE, "write")
  const reading = { connection, pause: async () => await Promise.resolve() }
  const remembered = new Remembered()
  return {
    connection,
    merge: async (rules = {}) => {
      while (await mergeStep(connection, { ...MERGE_RULES, ...rules }));
    },
    query: async (query) => {
      const defaults = { zone: "UTC", where: [], by: [], measures: ["calls"], histograms: [] } as const
      const [rows] = await answerQueries({ ...reading, remembered }, [{ ...defaults, ...query }])
      const [anew] = await answerQueries(reading, [{ ...defaults, ...query }])
      if (rows === undefined) throw new Error("no answer")
      if (!Bun.deepEquals(rows, anew)) throw new Error("what was added up before is not what the cube holds")
      return rows
    },
    search: (search) => findCalls(reading, { where: [], sort: "newest", limit: 50, ...search }),
    verify: (range) => verifyRange(reading, range, () => {}),
    correct: (row, changed) => correct(connection, row, changed),
    [Symbol.asyncDispose]: () => connection.close(),
  }
}

async function correct(connection: CubeConnection, row: UsageRow, changed: Partial<UsageRow>): Promise<void> {
  const batch = new CellBatch()
  batch.add(row, null, -1)
  batch.add({ ...row, ...changed }, null)
  const names = Object.keys(changed)
  const sets = names.map((name, index) => `${name} = ?${index + 2}`).join(", ")
  const sql = `UPDATE request_usage SET ${sets} WHERE request_id = ?1`
  for (;;) {
    const done = await connection.writing(async () => {
      await connection.query(sql, [row.request_id, ...names.map((name) => changed[name as keyof UsageRow] ?? null)])
      await connection.query("INSERT INTO usage_cube_batches (cells, data) VALUES (?1, ?2)", [2, batch.encoded()])
      return true
    })
    if (done === true) return
  }
}
