import { Database } from "bun:sqlite"
import { describe, expect, test } from "bun:test"
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { ledgerFolder, rejectionOf, until } from "../../test/helpers/ledger.ts"
import { SAMPLE_PARTS, sampleCall } from "../../test/helpers/sample-call.ts"
import type { Log, LogFields } from "../system/log.ts"
import { type Column, isNullable, storedKind } from "./column.ts"
import { MIGRATIONS } from "./migrations.ts"
import type { CallRecord } from "./record.ts"
import { ALL_TABLES } from "./tables.ts"

const TS = Date.UTC(2026, 10, 22, 10)

function modes(folder: string): Record<string, string> {
  const names = [".", ...readdirSync(folder)]
  return Object.fromEntries(names.map((name) => [name, (statSync(join(folder, name)).mode & 0o777).toString(8)]))
}

const failedCall: CallRecord = {
  ...sampleCall(TS, 1, { status: 502, error: "upstream-failed", ...SAMPLE_PARTS }),
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

test("a recorded call is there for every other process, column by column", async () => {
  await using state = ledgerFolder()
  const ledger = await state.open()
  await ledger.record(failedCall)
  const { usage, attempts, trace, error } = failedCall
  const durations = { latency_ms: 812, ttfb_ms: 310, upstream_duration_ms: 810, downstream_duration_ms: 2 }
  expect(state.rows("SELECT * FROM request_usage")).toEqual([{ ...usage, ...durations }])
  const id = { request_id: usage.request_id }
  expect(state.rows("SELECT * FROM request_attempts")).toEqual([{ ...id, ...attempts[0], duration_ms: 810 }])
  expect(state.rows("SELECT * FROM request_trace_events")).toEqual([{ ...id, ...trace[0] }])
  expect(state.rows("SELECT * FROM request_errors")).toEqual([{ ...id, ...error }])
})

test("the same call twice is one call", async () => {
  await using state = ledgerFolder()
  const ledger = await state.open()
  await ledger.record(failedCall)
  await Promise.all([ledger.record(failedCall), ledger.record(failedCall)])
  for (const table of ["request_usage", "request_attempts", "request_trace_events", "request_errors"]) {
    expect(state.rows(`SELECT request_id FROM ${table}`)).toHaveLength(1)
  }
  expect(state.rows("SELECT requests, errors FROM usage_rollup_hourly")).toEqual([{ requests: 1, errors: 1 }])
})

test("every column is a scalar, declared as one, or holds bytes of the cube", async () => {
  await using state = ledgerFolder()
  await state.open()
  const types = state.rows<{ type: string }>(
    `SELECT DISTINCT column.type FROM sqlite_schema AS tables JOIN pragma_table_info(tables.name) AS column
    WHERE tables.name NOT LIKE 'sqlite%'`,
  )
  expect(types.map(({ type }) => type).toSorted()).toEqual(["BLOB", "INTEGER", "REAL", "TEXT"])
})

function declared(name: string, column: Column): string {
  const type = { text: "TEXT", integer: "INTEGER", real: "REAL", milliseconds: "INTEGER", bytes: "BLOB" }[
    storedKind(column)
  ]
  return `${name} ${type}${isNullable(column) ? "" : " NOT NULL"}`
}

test("every column is there as its table says, in the same order", async () => {
  await using state = ledgerFolder()
  await state.open()
  const names = state.rows<{ name: string }>("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
  expect(names.map(({ name }) => name)).toEqual(ALL_TABLES.map(({ name }) => name).toSorted())
  for (const { name, columns } of ALL_TABLES) {
    const found = state.rows<{ name: string; type: string; notnull: number }>(
      `SELECT name, type, "notnull" FROM pragma_table_info('${name}') ORDER BY cid`,
    )
    expect(found.map((column) => `${column.name} ${column.type}${column.notnull === 1 ? " NOT NULL" : ""}`)).toEqual(
      Object.entries(columns).map(([column, entry]) => declared(column, entry)),
    )
  }
})

describe("modes", () => {
  test("everything in the folder is the owner's alone, the sidecars too", async () => {
    await using state = ledgerFolder()
    const umask = process.umask(0)
    try {
      const ledger = await state.open()
      await ledger.record(failedCall)
    } finally {
      process.umask(umask)
    }
    const found = modes(dirname(state.path))
    expect(found).toMatchObject({ ".": "700", "usage.sqlite": "600", "usage.sqlite-wal": "600" })
    const { ".": _own, ...files } = found
    expect(new Set(Object.values(files))).toEqual(new Set(["600"]))
  })

  test("what a killed process left open to others is narrowed", async () => {
    await using state = ledgerFolder()
    const killed = await state.open()
    await killed.record(failedCall)
    const copy = join(state.folder, "copy")
    cpSync(dirname(state.path), copy, { recursive: true })
    for (const name of readdirSync(copy)) chmodSync(join(copy, name), 0o644)
    chmodSync(copy, 0o755)
    expect(readdirSync(copy)).toContain("usage.sqlite-wal")
    const ledger = await state.open({ path: join(copy, "usage.sqlite") })
    await ledger.record(sampleCall(TS, 2))
    const { ".": own, ...files } = modes(copy)
    expect(own).toBe("700")
    expect(new Set(Object.values(files))).toEqual(new Set(["600"]))
  })
})

describe("a database that is not ours to write is refused with a sentence", () => {
  test("a newer schema is refused", async () => {
    await using state = ledgerFolder()
    const ledger = await state.open()
    await ledger.close()
    const database = new Database(state.path)
    database.run("INSERT INTO schema_migrations VALUES (999, 'later', 0)")
    database.close()
    expect(await rejectionOf(state.open())).toMatchObject({
      message: expect.stringMatching(/version 999.*newer binary/),
    })
  })

  test("tables of another product are refused", async () => {
    await using state = ledgerFolder()
    mkdirSync(dirname(state.path))
    const database = new Database(state.path, { create: true })
    database.run("CREATE TABLE request_usage (id TEXT)")
    database.close()
    expect(await rejectionOf(state.open())).toMatchObject({
      message: expect.stringContaining("tables of another product"),
    })
  })

  test("a folder that cannot be made", async () => {
    await using state = ledgerFolder()
    const reason = await rejectionOf(state.open({ path: "/proc/nowhere/usage.sqlite" }))
    expect(reason).toMatchObject({ message: expect.stringContaining("/proc/nowhere/usage.sqlite cannot be opened") })
  })

  test("a spool that another process uses", async () => {
    await using state = ledgerFolder()
    await state.open()
    expect(await rejectionOf(state.open({ limits: { openMs: 0 } }))).toMatchObject({
      message: expect.stringContaining("Another process uses the spool"),
    })
  })
})

describe("a database that may come back does not stop the start: the cause and the cure are in the log", () => {
  const limits = { openMs: 60, firstProbeMs: 10, slowestProbeMs: 20 }

  function logged(): { readonly log: Log; readonly causes: () => string } {
    const causes: string[] = []
    const note = (_message: string, fields?: LogFields): void => void causes.push(String(fields?.["cause"]))
    return { log: { info: () => {}, warn: note, error: note }, causes: () => causes.join("\n") }
  }

  test("a file that is no database any more, until it is moved away", async () => {
    await using state = ledgerFolder()
    mkdirSync(dirname(state.path))
    writeFileSync(state.path, "this is a letter to my aunt, and no database. ".repeat(50))
    const { log, causes } = logged()
    const ledger = await state.open({ limits, log })
    expect(causes()).toContain(`${state.path} is damaged: file is not a database. Put a backup in its place`)
    await ledger.record(sampleCall(TS, 1))
    renameSync(state.path, `${state.path}.damaged`)
    await until(() => ledger.status().isUp && ledger.status().spooledBytes === 0)
    expect(state.ids()).toEqual([sampleCall(TS, 1).usage.request_id])
  })

  test("damaged pages behind a sound beginning", async () => {
    await using state = ledgerFolder()
    const first = await state.open()
    for (let number = 0; number < 200; number += 1) await first.record(sampleCall(TS, number))
    await first.close()
    const [table] = state.rows<{ page: number }>(
      "SELECT rootpage AS page FROM sqlite_schema WHERE name = 'usage_rollup_hourly'",
    )
    const behind = 4096 * (table?.page ?? 0)
    const bytes = readFileSync(state.path)
    writeFileSync(state.path, bytes.fill(0xab, behind - 4096, behind))
    const { log } = logged()
    const ledger = await state.open({ limits, log })
    const { cause } = (await rejectionOf(ledger.limitTotals(true))) as Error
    expect(String(cause)).toContain(`${state.path} is damaged: database disk image is malformed. Put a backup`)
    await ledger.record(sampleCall(TS, 1))
  })

  test("a file that another process locks, until it lets go", async () => {
    await using state = ledgerFolder()
    mkdirSync(dirname(state.path))
    const other = new Database(state.path, { create: true })
    other.run("BEGIN EXCLUSIVE")
    const { log, causes } = logged()
    const ledger = await state.open({ limits, log })
    expect(causes()).toContain(`${state.path} is locked by another process: database is locked. End that process`)
    await ledger.record(sampleCall(TS, 1))
    other.close()
    await until(() => ledger.status().isUp && ledger.status().spooledBytes === 0)
    expect(state.ids()).toEqual([sampleCall(TS, 1).usage.request_id])
  })
})

test("opening again keeps what is there", async () => {
  await using state = ledgerFolder()
  const first = await state.open()
  await first.record(sampleCall(TS, 1))
  await first.close()
  const second = await state.open()
  await second.record(sampleCall(TS, 2))
  expect(state.ids()).toEqual([1, 2].map((number) => sampleCall(TS, number).usage.request_id))
  const versions = MIGRATIONS.map(({ version }) => ({ version }))
  expect(state.rows("SELECT version FROM schema_migrations")).toEqual(versions)
})
