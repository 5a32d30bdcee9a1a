/** The ledger for reading only, beside a router that writes. */
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
    expect(() => reader.query("DELETE FROM request_usage", [])).toThrow("readonly")
    await reader.close()
  })

  test("makes no file, and says which is missing", async () => {
    await using state = ledgerFolder()
    const opened = await openReader({ path: state.path, dsn: undefined }, TOOLS).catch((error: unknown) => error)
    expect(String(opened)).toContain(`${state.path} cannot be read`)
    expect(await Bun.file(state.path).exists()).toBe(false)
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
