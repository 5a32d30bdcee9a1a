/** The ledger behind PgBouncer: writers that share the server's connections with one another, statement by statement. */
import { describe, expect, test } from "bun:test"
import { postgresState } from "../../../test/helpers/ledger-drivers.ts"
import { noPgbouncer, startPgbouncer } from "../../../test/helpers/pgbouncer.ts"
import { execute, noPostgres, sharedPostgres } from "../../../test/helpers/postgres.ts"
import { sampleCall } from "../../../test/helpers/sample-call.ts"

const missing = noPostgres ?? noPgbouncer
const WRITERS = 5
const ROUNDS = 20

describe.skipIf(missing !== null)(`PgBouncer${missing === null ? "" : ` (${missing})`}`, () => {
  for (const mode of ["session", "transaction"] as const)
    test(`${mode} mode: every row is there, once, and nothing went to the spool`, async () => {
      const server = await (await sharedPostgres()).schema()
      // a pooler passes no search path on
      await execute(server, "DROP SCHEMA IF EXISTS public CASCADE; CREATE SCHEMA public")
      await using bouncer = await startPgbouncer(server, mode)
      await using state = postgresState(bouncer.dsn)
      const writers = mode === "session" ? 2 : WRITERS
      const ledgers = await Promise.all(
        Array.from({ length: writers }, (_, at) => state.open({ spoolPath: `${state.spoolPath}.${at}` })),
      )
      for (let round = 0; round < ROUNDS; round += 1)
        await Promise.all(ledgers.map((ledger, at) => ledger.record(sampleCall(at, round))))
      const totals = await Promise.all(ledgers.map((ledger) => ledger.limitTotals(true)))
      expect(new Set(totals.map((one) => JSON.stringify(one.periods))).size).toBe(1)
      expect((await state.ids()).length).toBe(writers * ROUNDS)
      expect(state.messages).toEqual([])
    })
})
