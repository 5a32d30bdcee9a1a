/** SIGKILL at any moment of a run: no row hangs on a call that is gone, sums stay, and the next run goes on. */
import { expect, test } from "bun:test"
import { join } from "node:path"
import { tied } from "../../../test/helpers/children.ts"
import { addressOf, testCube } from "../../../test/helpers/cube.ts"
import { onEachDriver } from "../../../test/helpers/ledger-drivers.ts"
import { testRetention } from "../../../test/helpers/retention.ts"
import { sampleCall } from "../../../test/helpers/sample-call.ts"

const ROUNDS = 8
const CALLS = 6000
const DAY_MS = 86_400_000
const NOW = Date.UTC(2026, 10, 22, 10)
const DAYS = 5

/** Deletes as fast as it can. */
const child = `
  import { openCube } from "${join(import.meta.dir, "../cube/connection.ts")}"
  import { runRetention } from "${join(import.meta.dir, "run.ts")}"
  import { systemRandom } from "${join(import.meta.dir, "../../system/random.ts")}"
  import { writeSync } from "node:fs"
  const { path, dsn, nowMs } = JSON.parse(process.argv.at(-1))
  const connection = await openCube({ path, dsn }, { statementMs: 60000, lockMs: 10000 }, "write")
  const rule = (dataClass) => ({ dataClass, days: ${DAYS}, batchSize: 40, isRecounted: false })
  const rules = {
    isDry: false, askedBy: "child", budgetMs: 600000,
    classes: ["usage_diagnostics", "decision_telemetry", "usage_detail"].map(rule),
  }
  let told = false
  const report = await runRetention({
    connection, isFile: dsn === undefined, nowMs: () => nowMs, monotonicMs: () => performance.now(),
    pause: (ms) => Bun.sleep(ms), random: systemRandom().hex(10), recount: async () => 0,
    onProgress: ({ deleted }) => { if (!told && deleted > 0) { told = true; writeSync(1, "deleting\\n") } },
  }, rules)
  writeSync(1, "ended " + report?.job.state + "\\n")
`

onEachDriver((driver) => {
  test("a run that is killed leaves whole batches", async () => {
    await using state = await driver.state()
    const ledger = await state.open()
    for (let from = 0; from < CALLS; from += 500) {
      const some = Array.from({ length: 500 }, (_, index) =>
        sampleCall(NOW - 20 * DAY_MS + (from + index) * 120_000, from + index, { total_tokens: from + index }),
      )
      await Promise.all(some.map((call) => ledger.record(call)))
    }
    await ledger.close()
    await state.change([`UPDATE usage_cube_fill SET done_at = ${NOW}`])
    await using cube = await testCube(state)
    const query = { from: NOW - 30 * DAY_MS, to: NOW, measures: ["calls", "total_tokens"] } as const
    const sums = (await cube.query(query)).totals
    const address = addressOf(state)
    for (let round = 0; round < ROUNDS; round += 1) {
      // the lease of the one that was killed has run out
      const told = JSON.stringify({ ...address, nowMs: NOW + round * 120_000 })
      const running = Bun.spawn(tied([process.execPath, "-e", child, "--", told]), {
        stdout: "pipe",
        stderr: "inherit",
      })
      const reader = running.stdout.getReader()
      await reader.read()
      await Bun.sleep(round * 23)
      running.kill("SIGKILL")
      await running.exited
      const orphans =
        "SELECT request_id FROM request_attempts WHERE request_id NOT IN (SELECT request_id FROM request_usage)"
      expect(await state.rows(orphans)).toEqual([])
      expect((await cube.query(query)).totals).toEqual(sums)
    }
    await using retention = await testRetention(state, NOW + ROUNDS * 120_000)
    const rest = { usage_diagnostics: DAYS, decision_telemetry: DAYS, usage_detail: DAYS }
    expect((await retention.run(rest)).job.state).toBe("done")
    const old = (await state.ids()).filter((id) => Number.parseInt(id.slice(4, 16), 16) < NOW - DAYS * DAY_MS)
    expect(old).toEqual([])
    expect((await cube.query(query)).totals).toEqual(sums)
    expect((await cube.verify(query)).differences).toEqual([])
    // each killed run says so, and what it did is in its figures
    const [deleted] = await state.rows<{ n: number }>(
      "SELECT CAST(sum(deleted) AS DOUBLE PRECISION) AS n FROM retention_job_table_results WHERE table_name = 'request_usage'",
    )
    expect(deleted?.n).toBe(CALLS - (await state.ids()).length)
  }, 600_000)
})
