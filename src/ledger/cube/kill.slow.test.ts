/** The cube equals its rows after kills at any moment: of writers, and of those that merge. */
import { expect, test } from "bun:test"
import { join } from "node:path"
import { tied } from "../../../test/helpers/children.ts"
import { addressOf, testCube } from "../../../test/helpers/cube.ts"
import { type LedgerState, onEachDriver } from "../../../test/helpers/ledger-drivers.ts"

const ROUNDS = 10
const WRITERS = 3
const START = Date.UTC(2026, 2, 28)
const HOUR_MS = 3_600_000

/** Writes calls and merges them at the same time, as fast as it can. */
const child = `
  import { openLedger } from "${join(import.meta.dir, "../open.ts")}"
  import { openCube } from "${join(import.meta.dir, "connection.ts")}"
  import { mergeStep } from "${join(import.meta.dir, "merge.ts")}"
  import { systemClock } from "${join(import.meta.dir, "../../system/clock.ts")}"
  import { silentLog } from "${join(import.meta.dir, "../../system/log.ts")}"
  import { sampleCall } from "${join(import.meta.dir, "../../../test/helpers/sample-call.ts")}"
  import { writeSync } from "node:fs"
  const { path, dsn, spoolPath, from } = JSON.parse(process.argv.at(-1))
  const ledger = await openLedger({ path, dsn, spoolPath, durability: "commit", onUnavailable: "spool", clock: systemClock, log: silentLog })
  const cube = await openCube({ path, dsn }, { statementMs: 60000, lockMs: 10000 }, "write")
  let number = from
  const write = async () => {
    for (;;) {
      number += 1
      const caller_id = "app-" + (number % 5)
      await ledger.record(sampleCall(${START} + (number % 7) * ${HOUR_MS}, number, { caller_id, total_cost_nano_usd: number }))
    }
  }
  const rules = { batchCells: 64, batches: 8, smallSegments: 3, foldBeforeMs: ${START + 8 * HOUR_MS} }
  const merge = async () => {
    for (;;) {
      await mergeStep(cube, rules)
      await Bun.sleep(1)
    }
  }
  writeSync(1, "ready\\n")
  await Promise.all([merge(), ...Array.from({ length: 8 }, write)])
`

/** PostgreSQL ends the statement of a client that was killed: what is asked here is asked between two of those. */
async function settled<Answer>(
  state: LedgerState,
  ask: () => Promise<Answer>,
): Promise<{ readonly answer: Answer; readonly count: number }> {
  for (;;) {
    const count = (await state.ids()).length
    const answer = await ask()
    if ((await state.ids()).length === count) return { answer, count }
  }
}

onEachDriver((driver) => {
  test("SIGKILL at any moment leaves a cube that equals its rows", async () => {
    await using state = await driver.state()
    const first = await state.open()
    await first.close()
    const address = addressOf(state)
    for (let round = 0; round < ROUNDS; round += 1) {
      const running = Array.from({ length: address.dsn === undefined ? 1 : WRITERS }, (_, index) => {
        const spoolPath = `${state.path}.${index}.spool`
        const from = (round * WRITERS + index) * 1_000_000
        const told = JSON.stringify({ path: state.path, dsn: address.dsn, spoolPath, from })
        const command = tied([process.execPath, "-e", child, "--", told])
        return Bun.spawn(command, { stdout: "pipe", stderr: "inherit" })
      })
      await Promise.all(running.map((one) => one.stdout.getReader().read()))
      await Bun.sleep(40 + round * 37)
      for (const one of running) one.kill("SIGKILL")
      await Promise.all(running.map((one) => one.exited))
      await using cube = await testCube(state)
      const { answer, count } = await settled(state, () => cube.verify({ from: START, to: START + 8 * HOUR_MS }))
      expect(answer).toMatchObject({ differences: [], rows: count })
    }
    await using cube = await testCube(state)
    await cube.merge({ batches: 2, smallSegments: 2, foldBeforeMs: START + 8 * HOUR_MS })
    expect(await state.rows("SELECT DISTINCT folded FROM usage_cube_segments")).toEqual([{ folded: 1 }])
    expect((await cube.verify({ from: START, to: START + 8 * HOUR_MS })).differences).toEqual([])
  }, 600_000)
})
