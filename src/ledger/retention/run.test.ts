/** What a run deletes, what stays and why, and what it writes down of that. */
import { expect, test } from "bun:test"
import { testCube } from "../../../test/helpers/cube.ts"
import { type LedgerState, onDrawnDriver } from "../../../test/helpers/ledger-drivers.ts"
import { figuresOf, testRetention } from "../../../test/helpers/retention.ts"
import { sampleCall } from "../../../test/helpers/sample-call.ts"
import { RunStopped } from "./run.ts"

const DAY_MS = 86_400_000
const NOW = Date.UTC(2026, 10, 22, 10)
const ALL = { usage_diagnostics: 10, decision_telemetry: 10, usage_detail: 20 } as const
const NOTHING = { candidate: 0, held: 0, eligible: 0, blocked: 0, deleted: 0, state: "done" } as const

/** One call for each of the last so many days, the youngest first; each has an attempt and a trace event. */
async function filled(state: LedgerState, days: number, each = 1): Promise<string[]> {
  const ledger = await state.open()
  const calls = Array.from({ length: days * each }, (_, index) =>
    sampleCall(NOW - Math.floor(index / each) * DAY_MS - 60_000, index),
  )
  await Promise.all(calls.map((call) => ledger.record(call)))
  await ledger.close()
  // as a day after the start of a router
  await state.change([`UPDATE usage_cube_fill SET done_at = ${NOW}`])
  return calls.map(({ usage }) => usage.request_id)
}

async function count(state: LedgerState, table: string): Promise<number> {
  const [row] = await state.rows<{ n: number }>(`SELECT count(*) AS n FROM ${table}`)
  return row?.n ?? -1
}

onDrawnDriver((driver) => {
  test("a dry run counts what a run would delete, and deletes nothing", async () => {
    await using state = await driver.state()
    await filled(state, 30)
    await using retention = await testRetention(state, NOW)
    const dry = await retention.run(ALL, { isDry: true })
    const counted = { held: 0, blocked: 0, deleted: 0, state: "counted" } as const
    expect(figuresOf(dry, "request_attempts")).toEqual({ ...counted, candidate: 20, eligible: 20 })
    expect(figuresOf(dry, "request_usage")).toEqual({ ...counted, candidate: 10, eligible: 10 })
    expect(await count(state, "request_usage")).toBe(30)
    const real = await retention.run(ALL)
    const done = { held: 0, blocked: 0, state: "done" } as const
    expect(figuresOf(real, "request_attempts")).toEqual({ ...done, candidate: 20, eligible: 20, deleted: 20 })
    expect(figuresOf(real, "request_trace_events")).toEqual({ ...done, candidate: 20, eligible: 20, deleted: 20 })
    expect(figuresOf(real, "request_usage")).toEqual({ ...done, candidate: 10, eligible: 10, deleted: 10 })
    expect(figuresOf(real, "request_losses")).toEqual(NOTHING)
    expect([await count(state, "request_usage"), await count(state, "request_attempts")]).toEqual([20, 10])
    expect(await state.rows("SELECT state, dry_run FROM retention_jobs ORDER BY dry_run DESC")).toEqual([
      { state: "done", dry_run: 1 },
      { state: "done", dry_run: 0 },
    ])
  })

  test("a call stays while rows hang on it that stay", async () => {
    await using state = await driver.state()
    await filled(state, 30)
    await using retention = await testRetention(state, NOW)
    // attempts are kept longer than calls
    const report = await retention.run({ usage_diagnostics: 25, decision_telemetry: 1, usage_detail: 20 })
    expect(figuresOf(report, "request_usage")).toMatchObject({ candidate: 10, blocked: 5, eligible: 5, deleted: 5 })
    const orphans =
      "SELECT count(*) AS n FROM request_attempts WHERE request_id NOT IN (SELECT request_id FROM request_usage)"
    expect(await state.rows(orphans)).toEqual([{ n: 0 }])
    // diagnostics are not deleted at all: nor are their calls
    const without = await retention.run({ usage_detail: 10 })
    expect(figuresOf(without, "request_usage")).toMatchObject({ candidate: 15, blocked: 15, deleted: 0 })
  })

  test("legal holds keep rows by call and time, and block the calls that these hang on", async () => {
    await using state = await driver.state()
    const ids = await filled(state, 30)
    await using retention = await testRetention(state, NOW)
    const ofCall = await retention.hold({ dataClass: "usage_diagnostics", requestId: ids[29]! })
    const ofTime = await retention.hold({
      dataClass: "usage_detail",
      fromMs: NOW - 26 * DAY_MS,
      toMs: NOW - 24 * DAY_MS,
    })
    const dry = await retention.run(ALL, { isDry: true })
    expect(figuresOf(dry, "request_usage")).toMatchObject({ candidate: 10, held: 2, blocked: 1, eligible: 7 })
    const report = await retention.run(ALL)
    expect(figuresOf(report, "request_attempts")).toMatchObject({ candidate: 20, held: 1, eligible: 19, deleted: 19 })
    expect(figuresOf(report, "request_usage")).toMatchObject({ held: 2, blocked: 1, eligible: 7, deleted: 7 })
    const left = (await state.ids()).filter((id) => !ids.slice(0, 20).includes(id))
    expect(left).toEqual([ids[29]!, ids[25]!, ids[24]!])
    expect(await retention.release(ofCall)).toBe(true)
    expect(await retention.release(ofCall)).toBe(false)
    expect(await retention.release(ofTime)).toBe(true)
    const after = await retention.run(ALL)
    expect(figuresOf(after, "request_usage")).toMatchObject({ candidate: 3, held: 0, blocked: 0, deleted: 3 })
    const audit = await state.rows<{ action: string; actor: string }>(
      "SELECT action, actor, reason FROM legal_hold_audit_events ORDER BY action, hold_id",
    )
    expect(audit.map(({ action, actor }) => [action, actor])).toEqual([
      ["placed", "test"],
      ["placed", "test"],
      ["released", "test"],
      ["released", "test"],
    ])
  })

  test("a call whose response is still made in the background stays", async () => {
    await using state = await driver.state()
    const ids = await filled(state, 30)
    const waiting = "'r', 'c', 'u', 'p', 'e', 't', 'm', 'g', 's', 'p', 'm', 'd', 0, 0, 0, 0, 0"
    await state.change([`INSERT INTO background_responses VALUES ('${ids[29]!}', 1, ${waiting})`])
    await using retention = await testRetention(state, NOW)
    const report = await retention.run(ALL)
    expect(figuresOf(report, "request_usage")).toMatchObject({ candidate: 10, blocked: 1, deleted: 9 })
    expect(await state.ids()).toContain(ids[29]!)
  })

  test("rows stay until the cube holds them", async () => {
    await using state = await driver.state()
    await filled(state, 30)
    // as in a database that is older than the cube, until a day after its first start
    await state.change([
      "UPDATE usage_cube_fill SET done_at = 0",
      "UPDATE schema_migrations SET applied_at = applied_at - 1 WHERE version = 1",
    ])
    await using retention = await testRetention(state, NOW)
    const report = await retention.run({ ...ALL, security_access_events: 1 })
    const blocked = { eligible: 0, deleted: 0, state: "blocked_rollup_required" }
    expect(figuresOf(report, "request_usage")).toMatchObject({ candidate: 10, blocked: 10, ...blocked })
    expect(figuresOf(report, "request_attempts")).toMatchObject({ candidate: 20, blocked: 20, ...blocked })
    expect(await count(state, "request_usage")).toBe(30)
    await state.change([`UPDATE usage_cube_fill SET done_at = ${NOW}`])
    expect(figuresOf(await retention.run(ALL), "request_usage")).toMatchObject({ deleted: 10, state: "done" })
  })

  test("a recount that finds a difference keeps the rows from there on", async () => {
    await using state = await driver.state()
    const ids = await filled(state, 30)
    const wrong = ids[25]!
    await state.change([`UPDATE request_usage SET input_tokens = input_tokens + 1 WHERE request_id = '${wrong}'`])
    await using retention = await testRetention(state, NOW)
    const classes = [
      { dataClass: "usage_diagnostics", days: 10, batchSize: 500, isRecounted: true },
      { dataClass: "decision_telemetry", days: 10, batchSize: 500, isRecounted: true },
      { dataClass: "usage_detail", days: 20, batchSize: 2, isRecounted: true },
    ] as const
    const report = await retention.run({}, { classes })
    expect(figuresOf(report, "request_usage")).toMatchObject({ deleted: 4, state: "blocked_rollup_differs" })
    expect(await state.ids()).toContain(wrong)
    await state.change([`UPDATE request_usage SET input_tokens = input_tokens - 1 WHERE request_id = '${wrong}'`])
    const after = await retention.run({}, { classes })
    expect(figuresOf(after, "request_usage")).toMatchObject({ candidate: 6, deleted: 6, state: "done" })
  })

  test("a run ends at its budget, and where it is stopped; the next one goes on", async () => {
    await using state = await driver.state()
    await filled(state, 30, 20)
    await using retention = await testRetention(state, NOW)
    const none = await retention.run(ALL, { budgetMs: 0 })
    expect(none.job).toMatchObject({ state: "out_of_time", fault: null })
    expect(figuresOf(none, "request_attempts")).toMatchObject({ candidate: 400, deleted: 0, state: "partial" })
    let pauses = 0
    const pause = (ms: number): Promise<void> => {
      // three tables with rows are counted, a pause each
      if (ms > 0) pauses += 1
      return pauses < 6 ? Promise.resolve() : Promise.reject(new RunStopped())
    }
    const stopped = await retention.run(ALL, {}, { pause })
    expect(stopped.job).toMatchObject({ state: "stopped", fault: null })
    const { deleted } = figuresOf(stopped, "request_attempts")
    expect(deleted).toBeGreaterThan(0)
    expect(deleted).toBeLessThan(400)
    const rest = await retention.run(ALL)
    expect(figuresOf(rest, "request_attempts").deleted).toBe(400 - deleted)
    expect(figuresOf(rest, "request_usage").deleted).toBe(200)
  })

  test("of two runs one works; the lease of a process that is gone runs out", async () => {
    await using state = await driver.state()
    await filled(state, 3)
    await using retention = await testRetention(state, NOW)
    await state.change([
      `INSERT INTO retention_lease VALUES (1, 'job_other', ${NOW + 1})`,
      `INSERT INTO retention_jobs VALUES ('job_other', ${NOW}, NULL, 'schedule', 0, 'running', NULL)`,
    ])
    expect(retention.run(ALL)).rejects.toThrow("another run has the lease")
    await using later = await testRetention(state, NOW + 1)
    await later.run(ALL)
    const jobs = await state.rows("SELECT state FROM retention_jobs ORDER BY state")
    expect(jobs).toEqual([{ state: "done" }, { state: "interrupted" }])
    expect(await count(state, "retention_lease")).toBe(0)
  })

  test("sums of reports stay, folded or not, and recounts begin behind what is gone", async () => {
    await using state = await driver.state()
    await filled(state, 30)
    await using cube = await testCube(state)
    const range = { from: NOW - 40 * DAY_MS, to: NOW }
    const query = { ...range, measures: ["calls", "total_tokens", "total_cost_nano_usd"], by: ["caller"] } as const
    const before = await cube.query(query)
    await using retention = await testRetention(state, NOW)
    await retention.run(ALL)
    expect((await cube.query(query)).groups).toEqual(before.groups)
    const verified = await cube.verify(range)
    expect(verified).toMatchObject({ differences: [], rows: 20 })
    expect(verified.goneBefore).toBeGreaterThan(NOW - 21 * DAY_MS)
    const { foldTime } = await import("./marks.ts")
    await cube.merge({ batches: 2, smallSegments: 2, foldBeforeMs: await foldTime(retention.connection) })
    expect((await cube.query(query)).groups).toEqual(before.groups)
    expect((await cube.verify(range)).differences).toEqual([])
  })
})
