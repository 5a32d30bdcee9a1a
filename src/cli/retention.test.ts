/** `smart-router retention`: counts, deletes, holds, releases and rewrites, and says so in words and in JSON. */
import { Database } from "bun:sqlite"
import { expect, test } from "bun:test"
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { runHere } from "../../test/helpers/command-line.ts"
import { type LedgerState, onDrawnDriver, sqliteState } from "../../test/helpers/ledger-drivers.ts"
import { replayConfig } from "../../test/helpers/past-calls.ts"
import { sampleCall, sampleRequestId } from "../../test/helpers/sample-call.ts"
import { openControl } from "../server/control.ts"
import { silentLog } from "../system/log.ts"

const DAY_MS = 86_400_000
const OLD = 8
const CLASSES = [
  { data_class: "usage_diagnostics", retention_days: 10 },
  { data_class: "decision_telemetry", retention_days: 10 },
  { data_class: "usage_detail", retention_days: 20 },
]

async function filled(state: LedgerState): Promise<void> {
  const ledger = await state.open()
  const from = Date.now() - 30 * DAY_MS
  await Promise.all(Array.from({ length: OLD }, (_, index) => ledger.record(sampleCall(from, index))))
  await ledger.record(sampleCall(Date.now(), OLD))
  await ledger.close()
  await state.change(["UPDATE usage_cube_fill SET done_at = 1"])
}

/** The arguments that name the configuration. */
function configured(state: LedgerState, retention: object): string[] {
  const folder = join(dirname(state.path), "config")
  const path = replayConfig(folder, { usageDb: state.usageDb })
  const config = JSON.parse(readFileSync(path, "utf8")) as { server: Record<string, unknown> }
  config.server["retention"] = retention
  writeFileSync(path, JSON.stringify(config))
  return ["--config", path]
}

async function told(...args: string[]): Promise<{ code: number; value: Record<string, unknown>; err: string }> {
  const { code, out, err } = await runHere(["retention", ...args, "--json"])
  return { code, value: out === "" ? {} : (JSON.parse(out) as Record<string, unknown>), err }
}

function deletedOf(value: Record<string, unknown>): Readonly<Record<string, number>> {
  const tables = value["tables"] as readonly { table_name: string; deleted: number; eligible: number; held: number }[]
  return Object.fromEntries(tables.filter((row) => row.deleted > 0).map((row) => [row.table_name, row.deleted]))
}

onDrawnDriver((driver) => {
  test("counts first, deletes then, and keeps what is held until it is released", async () => {
    await using state = await driver.state()
    await filled(state)
    const held = (await state.ids())[0] ?? ""
    const dry = configured(state, { enabled: true, classes: CLASSES })
    const counted = await told("run", ...dry)
    expect([counted.code, counted.value["dry_run"], deletedOf(counted.value)]).toEqual([0, true, {}])
    const args = configured(state, { enabled: true, dry_run: false, classes: CLASSES })
    const hold = await told("hold", "--class", "usage_diagnostics", "--request", held, "--reason", "case 12", ...args)
    const id = String(hold.value["hold_id"])
    expect([hold.code, id.startsWith("hold_")]).toEqual([0, true])
    const only = await told("run", "--dry-run", ...args)
    expect([only.code, deletedOf(only.value)]).toEqual([0, {}])
    const run = await told("run", ...args)
    const rows = { request_attempts: OLD - 1, request_trace_events: OLD - 1, request_usage: OLD - 1 }
    expect([run.code, deletedOf(run.value)]).toEqual([0, rows])
    expect(await state.ids()).toContain(held)
    const status = await told("status", ...args)
    expect(status.value).toMatchObject({ enabled: true, dry_run: false, running: false })
    expect(status.value["holds"]).toMatchObject([{ hold_id: id, request_id: held, reason: "case 12" }])
    const text = (await runHere(["retention", "status", ...args])).out
    expect(text).toContain("case 12")
    expect(text).toMatch(/usage_detail +20 days +20/)
    expect((await told("release", id, "--reason", "closed", ...args)).code).toBe(0)
    expect((await told("release", id, "--reason", "closed", ...args)).code).toBe(1)
    expect(deletedOf((await told("run", ...args)).value)).toMatchObject({ request_usage: 1 })
    expect(await state.ids()).toHaveLength(1)
  }, 60_000)
})

test("a run whose time is over says that there is more", async () => {
  await using state = await sqliteState()
  await filled(state)
  const args = configured(state, { enabled: true, dry_run: false, classes: CLASSES })
  const { code, err } = await runHere(["retention", "run", "--budget", "0s", ...args])
  expect(code).toBe(4)
  expect(err).toContain("There is more to delete")
  expect(await state.ids()).toHaveLength(OLD + 1)
})

test("what makes no sense is said, with exit code 2, and nothing is done", async () => {
  await using state = await sqliteState()
  await filled(state)
  const args = configured(state, { enabled: true, dry_run: false, classes: CLASSES })
  const call = ["--request", sampleRequestId(Date.UTC(2026, 0, 1), 1)]
  const cases: readonly (readonly string[])[] = [
    [],
    ["stauts"],
    ["run", "more"],
    ["run", "--budget", "long"],
    ["hold", "--reason", "why"],
    ["hold", "--class", "usage_details", "--reason", "why"],
    ["hold", "--class", "usage_detail"],
    ["hold", "--class", "usage_detail", "--reason", "two\nlines"],
    ["hold", "--class", "usage_detail", "--reason", "why", "--request", "req_1"],
    ["hold", "--class", "usage_detail", "--reason", "why", "--from", "yesterday"],
    ["hold", "--class", "usage_detail", "--reason", "why", "--from", "2026-02-01", "--to", "2026-01-01"],
    ["hold", "--class", "usage_detail", "--reason", "why", "--from", "2026-02-01", ...call],
    ["release", "--reason", "why"],
  ]
  for (const each of cases) {
    const { code, out } = await runHere(["retention", ...each, ...args])
    expect([each, code, out]).toEqual([each, 2, ""])
  }
  expect(await state.rows("SELECT hold_id FROM legal_holds")).toEqual([])
})

test("a configuration that deletes nothing refuses to run", async () => {
  await using state = await sqliteState()
  await filled(state)
  const { code, err } = await runHere(["retention", "run", ...configured(state, { enabled: false, classes: CLASSES })])
  expect([code, err.includes("not enabled")]).toEqual([1, true])
  expect(await state.ids()).toHaveLength(OLD + 1)
})

test("compact rewrites a file of an earlier version, and not under a router", async () => {
  await using state = await sqliteState()
  await filled(state)
  {
    using database = new Database(state.path, { readwrite: true })
    database.run("PRAGMA journal_mode=DELETE")
    database.run("PRAGMA auto_vacuum=NONE")
    database.run("VACUUM")
    database.run("CREATE TABLE gone (filler TEXT)")
    database.run("INSERT INTO gone SELECT hex(randomblob(100000)) FROM (VALUES (1), (2), (3), (4), (5), (6), (7), (8))")
    database.run("DROP TABLE gone")
    database.run("PRAGMA journal_mode=WAL")
  }
  const args = configured(state, { enabled: false })
  const status = { status: () => Promise.resolve({ pid: 4711 }) }
  const router = await openControl({ path: `${state.path}.control`, answers: status, log: silentLog })
  const before = statSync(state.path).size
  const refused = await runHere(["retention", "compact", ...args])
  expect([refused.code, refused.err.includes("4711")]).toEqual([1, true])
  router.close()
  expect(existsSync(`${state.path}.control`)).toBe(false)
  expect((await runHere(["retention", "compact", ...args])).code).toBe(0)
  expect(statSync(state.path).size).toBeLessThan(before / 2)
  expect(await state.rows("PRAGMA auto_vacuum")).toEqual([{ auto_vacuum: 2 }])
  expect(await state.ids()).toHaveLength(OLD + 1)
})
