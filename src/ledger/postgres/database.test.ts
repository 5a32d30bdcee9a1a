import { describe, expect, test } from "bun:test"
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { createServer, type Server } from "node:net"
import { dirname } from "node:path"
import { rejectionOf, until } from "../../../test/helpers/ledger.ts"
import { type LedgerState, postgresState } from "../../../test/helpers/ledger-drivers.ts"
import { execute, noPostgres, sharedPostgres } from "../../../test/helpers/postgres.ts"
import { SAMPLE_PARTS, sampleCall } from "../../../test/helpers/sample-call.ts"
import { isNullable, storedKind } from "../column.ts"
import { ALL_TABLES } from "../tables.ts"
import { MIGRATIONS } from "../migrations.ts"
import type { LedgerLimits } from "../open.ts"
import type { CallRecord } from "../record.ts"
import { encodeLine } from "../spool-line.ts"

const TS = Date.UTC(2026, 10, 22, 10)
const PASSWORD = "pass-7c1f"
const limits: Partial<LedgerLimits> = {
  firstProbeMs: 10,
  slowestProbeMs: 20,
  openMs: 0,
  connectMs: 500,
  answerMs: 500,
}

async function fresh(): Promise<LedgerState> {
  return postgresState(await (await sharedPostgres()).schema())
}

function calls(from: number, count: number): CallRecord[] {
  return Array.from({ length: count }, (_, index) => sampleCall(TS, from + index))
}

const failedCall: CallRecord = {
  ...sampleCall(TS, 1, { status: 502, error: "upstream-failed", ...SAMPLE_PARTS }),
  losses: [{ seq: 0, code: "image-dropped", path: "messages[0]" }],
  error: {
    ts: TS,
    code: "upstream-failed",
    status: 502,
    blame: "upstream",
    error_class: "network",
    upstream_status: null,
    message: "The upstream failed.",
    param: null,
    retryable: 1,
    attempts: 1,
    provider: "alpha",
    model: "vendor-big-2026",
    dialect: "openai-chat",
  },
}

describe.skipIf(noPostgres !== null)(`postgres${noPostgres === null ? "" : ` (${noPostgres})`}`, () => {
  test("a recorded call is there, column by column", async () => {
    await using state = await fresh()
    const ledger = await state.open()
    await ledger.record(failedCall)
    await Promise.all([ledger.record(failedCall), ledger.record(failedCall)])
    const { usage, attempts, trace, losses, error } = failedCall
    const durations = { latency_ms: 812, ttfb_ms: 310, upstream_duration_ms: 810, downstream_duration_ms: 2 }
    expect(await state.rows("SELECT * FROM request_usage")).toEqual([{ ...usage, ...durations }])
    const id = { request_id: usage.request_id }
    expect(await state.rows("SELECT * FROM request_attempts")).toEqual([{ ...id, ...attempts[0], duration_ms: 810 }])
    expect(await state.rows("SELECT * FROM request_trace_events")).toEqual([{ ...id, ...trace[0] }])
    expect(await state.rows("SELECT * FROM request_losses")).toEqual([{ ...id, ...losses[0] }])
    expect(await state.rows("SELECT * FROM request_errors")).toEqual([{ ...id, ...error }])
    expect(await state.rows("SELECT requests, errors FROM usage_rollup_hourly")).toEqual([{ requests: 1, errors: 1 }])
  })

  test("every column is there, in the same order and of the same kind as on SQLite", async () => {
    await using state = await fresh()
    await state.open()
    for (const { name: table, columns } of ALL_TABLES) {
      const types = {
        text: "text",
        integer: "bigint",
        milliseconds: "bigint",
        bytes: "bytea",
        real: "double precision",
      }
      const durations = Object.entries(columns).filter(([name]) => name.endsWith("_ms"))
      expect(durations.filter(([, column]) => storedKind(column) !== "milliseconds")).toEqual([])
      expect(
        await state.rows(
          `SELECT column_name AS name, data_type AS type, is_nullable AS nullable FROM information_schema.columns
           WHERE table_schema = current_schema() AND table_name = '${table}' ORDER BY ordinal_position`,
        ),
      ).toEqual(
        Object.entries(columns).map(([name, column]) => ({
          name,
          type: types[storedKind(column)],
          nullable: isNullable(column) ? "YES" : "NO",
        })),
      )
    }
  })

  test("calls of one moment share a transaction; a crowd is written in parts", async () => {
    await using state = await fresh()
    const ledger = await state.open()
    const transactions = "SELECT count(DISTINCT xmin::text) AS count FROM request_usage"
    await Promise.all(calls(0, 50).map((call) => ledger.record(call)))
    expect(await state.rows(transactions)).toEqual([{ count: 1 }])
    await Promise.all(calls(50, 300).map((call) => ledger.record(call)))
    expect(await state.rows(transactions)).toEqual([{ count: 4 }])
  })

  test("texts that PostgreSQL does not take lose only what is no text", async () => {
    await using state = await fresh()
    const ledger = await state.open()
    const odd = sampleCall(TS, 1, { requested_model: "a\0b\uD800c", client: "back\\u0000slash 'quoted' \"twice\"" })
    await Promise.all([sampleCall(TS, 0), odd, sampleCall(TS, 2)].map((call) => ledger.record(call)))
    const rows = await state.rows("SELECT requested_model, client FROM request_usage WHERE requested_model <> 'fast'")
    expect(rows).toEqual([{ requested_model: "a\uFFFDb\uFFFDc", client: odd.usage.client }])
    expect(await state.ids()).toHaveLength(3)
  })

  test("four routers that start at once make one schema, and their calls add up", async () => {
    await using state = await fresh()
    const ledgers = await Promise.all(Array.from({ length: 4 }, () => state.open()))
    const pending = ledgers.flatMap((ledger, number) =>
      calls(number * 400, 400).map(async (call) => {
        // every group holds several callers, in an order of its own
        const caller_id = `app-${(Number.parseInt(call.usage.request_id.slice(-6), 16) * (number + 3)) % 7}`
        await ledger.record({ ...call, usage: { ...call.usage, caller_id } })
      }),
    )
    await Promise.all(pending)
    expect(await state.ids()).toHaveLength(1600)
    expect(await state.rows("SELECT sum(requests) AS requests FROM usage_rollup_hourly")).toEqual([{ requests: 1600 }])
    const versions = await state.rows<{ version: number }>("SELECT version FROM schema_migrations ORDER BY 1")
    expect(versions).toEqual(MIGRATIONS.map(({ version }) => ({ version })))
    expect(state.messages).toEqual([])
    const spools = readdirSync(dirname(state.path)).filter((name) => /spool(\.\d)?$/.test(name))
    expect(spools.toSorted()).toEqual(["", ".2", ".3", ".4"].map((slot) => `usage.sqlite.spool${slot}`))
  })

  test("what a process that is gone left in its own spool is taken over", async () => {
    await using state = await fresh()
    await (await state.open()).close()
    writeFileSync(`${state.spoolPath}.3`, Buffer.concat(calls(0, 90).map((call) => encodeLine("g", call))))
    await state.open()
    await until(async () => (await state.ids()).length === 90)
    expect(existsSync(`${state.spoolPath}.3`)).toBe(false)
  })
})

describe.skipIf(noPostgres !== null)("a database that is not ours to write is refused with a sentence", () => {
  test("a newer schema is refused, but a router that runs goes on", async () => {
    await using state = await fresh()
    const running = await state.open({ limits: { ...limits, connectMs: 60_000, answerMs: 60_000 } })
    await state.rows("INSERT INTO schema_migrations VALUES (999, 'later', 0)")
    expect(await rejectionOf(state.open())).toMatchObject({
      message: expect.stringMatching(/version 999.*newer binary/),
    })
    await state.rows("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'smart-router'")
    await running.record(sampleCall(TS, 1))
    expect(await state.ids()).toHaveLength(1)
  })

  test("tables of another product are refused", async () => {
    await using state = await fresh()
    await state.rows("CREATE TABLE request_usage (id TEXT)")
    expect(await rejectionOf(state.open())).toMatchObject({
      message: "The usage database cannot be opened: it holds the tables of another product.",
    })
  })

  test("a role or database that does not exist, or a right that is missing, is refused", async () => {
    const dsn = await (await sharedPostgres()).schema()
    await using state = postgresState(dsn)
    await execute(dsn, "DROP ROLE IF EXISTS reader; CREATE ROLE reader LOGIN")
    const other = (change: (url: URL) => void): string => {
      const url = new URL(dsn)
      change(url)
      return url.href
    }
    for (const [address, reason] of [
      [other((url) => (url.username = "nobody-known")), /role "nobody-known" does not exist \(28000\)/],
      [other((url) => (url.pathname = "/nothing")), /database "nothing" does not exist \(3D000\)/],
      [other((url) => (url.username = "reader")), /permission denied|no schema has been selected/],
    ] as const) {
      expect(await rejectionOf(state.open({ dsn: address }))).toMatchObject({ message: expect.stringMatching(reason) })
    }
  })

  test("TLS that the server does not speak is refused", async () => {
    await using state = postgresState(`${await (await sharedPostgres()).schema()}&sslmode=require`)
    expect(await rejectionOf(state.open())).toMatchObject({
      message: expect.stringContaining("The server does not support SSL connections"),
    })
  })
})

describe("an address where nobody answers as PostgreSQL does", () => {
  async function listening(server: Server): Promise<AsyncDisposable & { readonly dsn: string }> {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
    const { port } = server.address() as { port: number }
    return {
      dsn: `postgres://router:${PASSWORD}@127.0.0.1:${port}/usage`,
      [Symbol.asyncDispose]: async () => {
        server.close()
        await Promise.resolve()
      },
    }
  }

  test.each([
    ["accepts and is silent", createServer(() => {})],
    ["hangs up at once", createServer((socket) => socket.destroy())],
    ["ends politely at once", createServer((socket) => socket.end())],
    ["speaks another protocol", createServer((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"))],
  ])("and that %s: the router starts, calls are safe in the spool, the address stays secret", async (_, server) => {
    await using far = await listening(server)
    await using state = postgresState(far.dsn)
    const ledger = await state.open({ limits: { ...limits, connectMs: 100, answerMs: 100 } })
    for (const call of calls(0, 5)) await ledger.record(call)
    for (const { usage } of calls(0, 5)) expect(readFileSync(state.spoolPath, "utf8")).toContain(usage.request_id)
    expect(ledger.accepting()).toBe(true)
    const refusal = await rejectionOf(ledger.usageOf("app-1", { sinceMs: 0, groupBy: [] }))
    expect(refusal).toMatchObject({ code: "usage-store-unavailable" })
    expect(Bun.inspect(refusal)).not.toContain(PASSWORD)
    expect(state.messages[0]).toBe("the usage database takes no rows; calls go to the spool")
    expect(JSON.stringify(state.details)).not.toContain(PASSWORD)
    await ledger.close()
  })

  test("and where fail_closed is set: calls are refused", async () => {
    await using state = postgresState(`postgres://router:${PASSWORD}@127.0.0.1:9/usage`)
    const ledger = await state.open({ limits, onUnavailable: "fail_closed" })
    expect(ledger.accepting()).toBe(false)
    expect(await rejectionOf(ledger.record(sampleCall(TS, 0)))).toMatchObject({ code: "usage-store-unavailable" })
    expect(existsSync(state.spoolPath)).toBe(false)
  })
})
