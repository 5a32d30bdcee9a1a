/** The ledger for reading only, beside a router that writes. */
import { Database } from "bun:sqlite"
import { describe, expect, test } from "bun:test"
import { ledgerFolder } from "../../test/helpers/ledger.ts"
import { postgresState } from "../../test/helpers/ledger-drivers.ts"
import { noPostgres, sharedPostgres } from "../../test/helpers/postgres.ts"
import { sampleCall } from "../../test/helpers/sample-call.ts"
import { sampleDecision } from "../../test/helpers/sample-decision.ts"
import { systemClock } from "../system/clock.ts"
import { silentLog } from "../system/log.ts"
import { decidedCall } from "./decision-queries.ts"
import { openReader } from "./reader.ts"

async function rejectionOf(work: unknown): Promise<unknown> {
  try {
    return await work
  } catch (error) {
    return error
  }
}

const TOOLS = { clock: systemClock, log: silentLog }
const CALL = { ...sampleCall(1_790_000_000_000, 1), decision: sampleDecision(1_790_000_000_000) }
const ID = CALL.usage.request_id

describe("sqlite", () => {
  test("reads what a router that is open has written, and cannot write", async () => {
    await using state = ledgerFolder()
    const ledger = await state.open()
    await ledger.record(CALL)
    const reader = await openReader({ path: state.path, dsn: undefined }, TOOLS)
    expect((await decidedCall(reader, ID))?.decision.candidates).toHaveLength(1)
    const refused = await rejectionOf(reader.query("DELETE FROM request_usage", []))
    expect(refused).toMatchObject({ message: expect.stringContaining("readonly") })
    await reader.close()
  })

  test("makes no file, and says which is missing", async () => {
    await using state = ledgerFolder()
    const opened = await rejectionOf(openReader({ path: state.path, dsn: undefined }, TOOLS))
    expect(String(opened)).toContain(`${state.path} cannot be read`)
    expect(await Bun.file(state.path).exists()).toBe(false)
  })

  test.each([
    ["older", "DELETE FROM schema_migrations WHERE version > 7", "its schema has version 7"],
    ["newer", "INSERT INTO schema_migrations VALUES (999, 'later', 0)", "its schema has version 999"],
    ["of something else", "DROP TABLE schema_migrations", "it is none of smart-router"],
  ])("says that a schema is %s", async (_, sql, expected) => {
    await using state = ledgerFolder()
    await (await state.open()).close()
    const database = new Database(state.path)
    database.run(sql)
    database.close()
    const opened = await rejectionOf(openReader({ path: state.path, dsn: undefined }, TOOLS))
    expect(opened).toMatchObject({ message: expect.stringContaining(expected) })
  })
})

test.skipIf(noPostgres !== null)("postgres: reads what a router that is open has written", async () => {
  const dsn = await (await sharedPostgres()).schema()
  await using state = postgresState(dsn)
  const ledger = await state.open()
  await ledger.record(CALL)
  const reader = await openReader({ path: "", dsn }, TOOLS)
  expect((await decidedCall(reader, ID))?.decision.candidates).toHaveLength(1)
  await reader.close()
})
