/** What only a server on the other side of a network can do: every call is there once all the same. */
import { describe, expect, test } from "bun:test"
import { chownSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { until } from "../../../test/helpers/ledger.ts"
import { type LedgerState, postgresState } from "../../../test/helpers/ledger-drivers.ts"
import { execute, noPostgres, POSTGRES_USER, sharedPostgres } from "../../../test/helpers/postgres.ts"
import { startRelay } from "../../../test/helpers/relay.ts"
import { sampleCall } from "../../../test/helpers/sample-call.ts"
import { mayMount, smallDisk } from "../../../test/helpers/small-disk.ts"
import type { LedgerLimits } from "../open.ts"
import type { CallRecord } from "../record.ts"

const TS = Date.UTC(2026, 10, 22, 10)
const limits: Partial<LedgerLimits> = { firstProbeMs: 10, slowestProbeMs: 20, connectMs: 1000, answerMs: 1000 }
/** Where the server answers, however busy the machine is. */
const patient: Partial<LedgerLimits> = { ...limits, connectMs: 60_000, answerMs: 60_000 }

function calls(from: number, count: number): CallRecord[] {
  return Array.from({ length: count }, (_, index) => sampleCall(TS, from + index))
}

async function expectExactly(state: LedgerState, records: readonly CallRecord[]): Promise<void> {
  expect(await state.ids()).toEqual(records.map(({ usage }) => usage.request_id))
  expect(await state.rows("SELECT request_id FROM request_attempts")).toHaveLength(records.length)
  expect(await state.rows("SELECT sum(requests) AS requests FROM usage_rollup_hourly")).toEqual([
    { requests: records.length },
  ])
}

describe.skipIf(noPostgres !== null)(`postgres${noPostgres === null ? "" : ` (${noPostgres})`}`, () => {
  async function behindRelay(): Promise<{ readonly direct: string; readonly relayed: string; readonly port: number }> {
    const direct = await (await sharedPostgres()).schema()
    return { direct, relayed: direct, port: Number(new URL(direct).port) }
  }

  test("a commit whose confirmation is lost with the connection is not repeated", async () => {
    const { direct, port } = await behindRelay()
    await using relay = await startRelay(port)
    await using state = postgresState(direct)
    const ledger = await state.open({ limits, dsn: direct.replace(`:${port}/`, `:${relay.port}/`) })
    await ledger.record(sampleCall(TS, 0))
    relay.answers = "cut"
    const pending = Promise.all(calls(1, 20).map((call) => ledger.record(call)))
    await until(async () => (await state.ids()).length === 21)
    relay.answers = "pass"
    await pending
    await expectExactly(state, calls(0, 21))
  })

  test("a commit whose confirmation never comes is in the spool, and not repeated from there", async () => {
    const { direct, port } = await behindRelay()
    await using relay = await startRelay(port)
    await using state = postgresState(direct)
    const ledger = await state.open({ limits, dsn: direct.replace(`:${port}/`, `:${relay.port}/`) })
    relay.answers = "vanish"
    await Promise.all(calls(0, 20).map((call) => ledger.record(call)))
    expect(readFileSync(state.spoolPath, "utf8")).toContain(sampleCall(TS, 19).usage.request_id)
    expect(await state.ids()).toHaveLength(20)
    relay.answers = "pass"
    await until(() => state.messages.includes("the spooled calls are in the usage database"))
    await ledger.record(sampleCall(TS, 20))
    await expectExactly(state, calls(0, 21))
  })

  test("a connection that was cut while nobody used it costs nothing", async () => {
    const { direct, port } = await behindRelay()
    await using relay = await startRelay(port)
    await using state = postgresState(direct)
    const ledger = await state.open({ limits: patient, dsn: direct.replace(`:${port}/`, `:${relay.port}/`) })
    for (let round = 0; round < 5; round += 1) {
      await ledger.record(sampleCall(TS, round))
      await execute(
        direct,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'smart-router'",
      )
    }
    await ledger.record(sampleCall(TS, 5))
    await expectExactly(state, calls(0, 6))
    expect(state.messages).not.toContain("the usage database takes no rows; calls go to the spool")
  })

  test("no connection left: calls go to the spool, and in once there is one", async () => {
    const direct = await (await sharedPostgres()).schema()
    const schema = /search_path%3D(\w+)/u.exec(direct)?.[1] ?? ""
    await execute(direct, `CREATE ROLE limited LOGIN; GRANT ALL ON SCHEMA ${schema} TO limited`)
    await using state = postgresState(direct)
    const ledger = await state.open({ limits: patient, dsn: direct.replace("postgres@", "limited@") })
    await ledger.record(sampleCall(TS, 0))
    await execute(direct, "ALTER ROLE limited CONNECTION LIMIT 0")
    await execute(direct, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'limited'")
    await Promise.all(calls(1, 20).map((call) => ledger.record(call)))
    expect(await state.ids()).toHaveLength(1)
    await execute(direct, "ALTER ROLE limited CONNECTION LIMIT -1")
    await until(async () => (await state.ids()).length === 21)
    await expectExactly(state, calls(0, 21))
  })

  test("a statement that waits too long does not pile up at the server", async () => {
    const direct = await (await sharedPostgres()).schema()
    await using state = postgresState(direct)
    const ledger = await state.open({ limits: { ...limits, answerMs: 200 } })
    const waiting = "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    {
      await using _lock = await state.lock()
      for (const call of calls(0, 10)) await ledger.record(call)
      // time for several statements
      await Bun.sleep(1500)
      expect((await state.rows(waiting)).length).toBeLessThan(4)
    }
    await until(async () => (await state.ids()).length === 10)
    await expectExactly(state, calls(0, 10))
  })

  test.skipIf(!mayMount())(
    "a full disk (needs the right to mount): calls go to the spool, and in with room",
    async () => {
      using disk = smallDisk("3m")
      if (disk === null) throw new Error("the disk was there a moment ago")
      const location = join(disk.folder, "table")
      mkdirSync(location)
      chownSync(location, POSTGRES_USER, POSTGRES_USER)
      const direct = await (await sharedPostgres()).schema()
      await using state = postgresState(direct)
      const ledger = await state.open({ limits })
      await execute(direct, `CREATE TABLESPACE small LOCATION '${location}'`)
      await execute(direct, "ALTER TABLE request_usage SET TABLESPACE small")
      const filler = join(disk.folder, "filler")
      expect(() => writeFileSync(filler, Buffer.alloc(4 << 20))).toThrow("ENOSPC")
      const many = calls(0, 300)
      for (let from = 0; from < many.length; from += 50) {
        await Promise.all(many.slice(from, from + 50).map((call) => ledger.record(call)))
      }
      expect(state.messages).toContain("the usage database takes no rows; calls go to the spool")
      rmSync(filler)
      await until(async () => (await state.ids()).length === many.length)
      await expectExactly(state, many)
      await ledger.close()
      await execute(direct, "DROP TABLE request_usage")
      await execute(direct, "DROP TABLESPACE small")
    },
  )
})
