/** Rows of decisions on every kind of database: with their call or not at all, once, and back as they were. */
import { expect, test } from "bun:test"
import { onEachDriver, type LedgerState } from "../../test/helpers/ledger-drivers.ts"
import { sampleCall } from "../../test/helpers/sample-call.ts"
import { sampleDecision } from "../../test/helpers/sample-decision.ts"
import { decidedCall, decidedCalls, type ReplayedCall } from "./decision-queries.ts"
import type { LedgerReader } from "./reader.ts"

const NOON = Date.UTC(2026, 10, 20, 12)

/** Parameters are put in by hand, which only a test may do. */
function readerFor(state: LedgerState): LedgerReader {
  return {
    query: (sql, parameters) =>
      state.rows(
        sql.replaceAll(/\?(\d+)/g, (_, place: string) =>
          JSON.stringify(parameters[Number(place) - 1]).replaceAll('"', "'"),
        ),
      ),
    close: () => {},
  }
}

async function all(reader: LedgerReader, since: number, until: number): Promise<ReplayedCall[]> {
  const found: ReplayedCall[] = []
  for await (const batch of decidedCalls(reader, since, until)) found.push(...batch)
  return found
}

onEachDriver((driver) => {
  test("what was written is read back, and written again it stays once", async () => {
    await using state = await driver.state()
    const ledger = await state.open()
    const call = { ...sampleCall(NOON, 1), decision: sampleDecision(NOON) }
    await ledger.record(call)
    await ledger.record(call)
    const read = await decidedCall(readerFor(state), call.usage.request_id)
    const bare = (row: object | null): unknown =>
      row === null ? null : Object.fromEntries(Object.entries(row).filter(([name]) => name !== "request_id"))
    expect(bare(read?.decision.shape ?? null)).toEqual({ ...call.decision.shape })
    for (const part of ["candidates", "filterReasons", "decisions", "terms", "policies", "fallbacks"] as const)
      expect(read?.decision[part].map(bare)).toEqual(call.decision[part].map((row) => ({ ...row })))
    expect(await decidedCall(readerFor(state), "req_none")).toBeNull()
  })

  test("what a contract promised stands in a row of its own, for calls of groups that have one", async () => {
    await using state = await driver.state()
    const ledger = await state.open()
    const contract = {
      contract_bucket: "75-90",
      contract_workload: "coding",
      contract_failure_reason: null,
      target_validation_status: "passed",
      target_validation_workload: null,
      target_validation_age_bucket: "lt-7d",
    }
    const call = { ...sampleCall(NOON, 1), contract }
    await Promise.all([ledger.record(call), ledger.record(sampleCall(NOON, 2))])
    const rows = await state.rows("SELECT * FROM request_contracts")
    expect(rows.map((row) => ({ ...(row as object) }))).toEqual([{ request_id: call.usage.request_id, ...contract }])
  })

  test("a range comes in batches, oldest first, each call with its own attempts", async () => {
    await using state = await driver.state()
    const ledger = await state.open()
    const calls = Array.from({ length: 1203 }, (_, number) => ({
      ...sampleCall(NOON + number, number),
      decision: number % 2 === 0 ? sampleDecision(NOON + number) : null,
    }))
    await Promise.all(calls.map((call) => ledger.record(call)))
    const found = await all(readerFor(state), NOON + 1, NOON + 1202)
    expect(found.map(({ usage }) => usage.request_id)).toEqual(
      calls.slice(1, 1202).map(({ usage }) => usage.request_id),
    )
    expect(found.every(({ attempts }) => attempts.length === 1)).toBe(true)
    expect(found.filter(({ shape }) => shape === null)).toHaveLength(601)
    expect(found[1]?.shape).toMatchObject({ dialect: "openai-chat", ts: NOON + 2 })
  })
})
