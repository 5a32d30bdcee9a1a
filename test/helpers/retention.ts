/** Runs of retention as the thread makes them, in the process of the test. */
import { type CubeConnection, openCube } from "../../src/ledger/cube/connection.ts"
import type { DataClass } from "../../src/ledger/retention/classes.ts"
import { type HoldTools, placeHold, releaseHold, type WantedHold } from "../../src/ledger/retention/holds.ts"
import type { ResultRow } from "../../src/ledger/retention/jobs.ts"
import type { ClassRule, RunReport, RunRules, RunTools } from "../../src/ledger/retention/rules.ts"
import { runRetention } from "../../src/ledger/retention/run.ts"
import { verifyRange } from "../../src/reports/verify.ts"
import { systemClock } from "../../src/system/clock.ts"
import { systemRandom } from "../../src/system/random.ts"
import { addressOf } from "./cube.ts"
import type { LedgerState } from "./ledger-drivers.ts"

export interface TestRetention extends AsyncDisposable {
  readonly connection: CubeConnection
  /** Rows of these classes older than so many days before `nowMs` are deleted. */
  run(
    days: Partial<Record<DataClass, number>>,
    rules?: Partial<RunRules>,
    tools?: Partial<RunTools>,
  ): Promise<RunReport>
  hold(wanted: Partial<WantedHold> & Pick<WantedHold, "dataClass">): Promise<string>
  release(id: string): Promise<boolean>
}

export async function testRetention(state: LedgerState, nowMs: number): Promise<TestRetention> {
  const address = addressOf(state)
  const connection = await openCube(address, { statementMs: 60_000, lockMs: 10_000 }, "write")
  const random = systemRandom()
  const holdTools = (): HoldTools => ({
    connection,
    nowMs,
    actor: "test",
    random: random.hex(10),
    pause: (ms) => systemClock.sleep(ms),
  })
  return {
    connection,
    run: async (days, rules = {}, tools = {}) => {
      const classes = Object.entries(days).map(([name, each]): ClassRule => ({
        dataClass: name as DataClass,
        days: each,
        batchSize: 500,
        isRecounted: false,
      }))
      const report = await runRetention(
        {
          connection,
          isFile: address.dsn === undefined,
          nowMs: () => nowMs,
          monotonicMs: () => systemClock.monotonicMs(),
          pause: () => Promise.resolve(),
          random: random.hex(10),
          recount: async (from, to) => {
            const reading = { connection, pause: () => Promise.resolve() }
            return (await verifyRange(reading, { from, to }, () => {})).differences.length
          },
          onProgress: () => {},
          ...tools,
        },
        { isDry: false, classes, askedBy: "test", budgetMs: 600_000, ...rules },
      )
      if (report === null) throw new Error("another run has the lease")
      return report
    },
    hold: (wanted) =>
      placeHold({ requestId: null, fromMs: null, toMs: null, reason: "a case", ...wanted }, holdTools()),
    release: (id) => releaseHold(id, "the case is closed", holdTools()),
    [Symbol.asyncDispose]: () => connection.close(),
  }
}

/** What a run found in a table. */
export function figuresOf(
  { results }: RunReport,
  table: string,
): Omit<ResultRow, "job_id" | "table_name" | "data_class" | "cutoff_at"> {
  const row = results.find(({ table_name: name }) => name === table)
  if (row === undefined) throw new Error(`${table} was not looked at`)
  const { candidate, held, eligible, blocked, deleted, state } = row
  return { candidate, held, eligible, blocked, deleted, state }
}
