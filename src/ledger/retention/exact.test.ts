/**
 * After any sequence of calls, corrections, merges, holds and runs: reports have the same sums as without retention, no
 * row hangs on a call that is gone, and what is held is there.
 */
import { expect, test } from "bun:test"
import fc from "fast-check"
import { testCube } from "../../../test/helpers/cube.ts"
import { type Driver, onDrawnDriver } from "../../../test/helpers/ledger-drivers.ts"
import { expectAsyncProperty } from "../../../test/helpers/property.ts"
import { testRetention } from "../../../test/helpers/retention.ts"
import { sampleCall } from "../../../test/helpers/sample-call.ts"
import type { CallRecord, UsageRow } from "../record.ts"
import { CHILD_CLASSES, type DataClass, timeOf } from "./classes.ts"
import { foldTime } from "./marks.ts"

const DAY_MS = 86_400_000
const NOW = Date.UTC(2026, 10, 22, 10)
const DAYS = 12
const RANGE = { from: NOW - 2 * DAYS * DAY_MS, to: NOW + DAY_MS }
const HELD: readonly DataClass[] = ["usage_diagnostics", "usage_detail"]

/** Rows of calls that are gone. */
const ORPHANS = CHILD_CLASSES.flatMap(({ tables }) => tables)
  .map(({ name }) => `SELECT request_id FROM ${name} WHERE request_id NOT IN (SELECT request_id FROM request_usage)`)
  .join(" UNION ALL ")

const day = fc.integer({ min: 0, max: DAYS })
const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ is: fc.constant("call" as const), day, tokens: fc.integer({ min: 0, max: 1e9 }) }),
  },
  { weight: 1, arbitrary: fc.record({ is: fc.constant("correct" as const), which: fc.nat(), cost: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ is: fc.constant("merge" as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      is: fc.constant("hold" as const),
      dataClass: fc.constantFrom(...HELD),
      which: fc.option(fc.nat()),
      day,
    }),
  },
  { weight: 1, arbitrary: fc.record({ is: fc.constant("release" as const), which: fc.nat() }) },
  {
    weight: 2,
    arbitrary: fc.record({
      is: fc.constant("run" as const),
      details: fc.integer({ min: 1, max: DAYS }),
      calls: fc.integer({ min: 1, max: DAYS }),
      isRecounted: fc.boolean(),
      batchSize: fc.integer({ min: 1, max: 4 }),
    }),
  },
)
type Step = typeof step extends fc.Arbitrary<infer One> ? One : never

interface Hold {
  readonly id: string
  readonly dataClass: DataClass
  readonly requestId: string | null
  readonly fromMs: number
}

function isHeld(holds: readonly Hold[], dataClass: DataClass, id: string): boolean {
  return holds.some(
    (hold) =>
      hold.dataClass === dataClass &&
      (hold.requestId === null || hold.requestId === id) &&
      timeOf(id) >= hold.fromMs &&
      timeOf(id) < hold.fromMs + 2 * DAY_MS,
  )
}

async function play(driver: Driver, steps: readonly Step[]): Promise<void> {
  await using state = await driver.state()
  const ledger = await state.open()
  await state.change([`UPDATE usage_cube_fill SET done_at = ${NOW}`])
  await using cube = await testCube(state)
  await using retention = await testRetention(state, NOW)
  const rows: UsageRow[] = []
  const holds: Hold[] = []
  /** What was ever there and held from before it could be deleted. */
  const mustStay = new Set<string>()
  for (const taken of steps) {
    if (taken.is === "call") {
      const ts = NOW - taken.day * DAY_MS - 60_000
      const call: CallRecord = sampleCall(ts, rows.length, {
        total_tokens: taken.tokens,
        caller_id: `app-${taken.day % 3}`,
      })
      await ledger.record(call)
      rows.push(call.usage)
    }
    const there = new Set(await state.ids())
    if (taken.is === "correct") {
      const at = rows.findIndex(
        (row, index) => index >= taken.which % Math.max(1, rows.length) && there.has(row.request_id),
      )
      const row = rows[at]
      if (row !== undefined) {
        const changed = { total_cost_nano_usd: taken.cost }
        await cube.correct(row, changed)
        rows[at] = { ...row, ...changed }
      }
    }
    if (taken.is === "merge")
      await cube.merge({ batches: 2, smallSegments: 2, foldBeforeMs: await foldTime(retention.connection) })
    if (taken.is === "hold") {
      const row = taken.which === null ? undefined : rows[taken.which % Math.max(1, rows.length)]
      const { dataClass } = taken
      const requestId = row?.request_id ?? null
      const fromMs = row === undefined ? NOW - taken.day * DAY_MS - DAY_MS : timeOf(row.request_id)
      const id = await retention.hold({ dataClass, requestId, fromMs, toMs: fromMs + 2 * DAY_MS })
      holds.push({ id, dataClass, requestId, fromMs })
    }
    if (taken.is === "release" && holds.length > 0) {
      const [gone] = holds.splice(taken.which % holds.length, 1)
      if (gone !== undefined) expect(await retention.release(gone.id)).toBe(true)
    }
    const details = new Set(
      (await state.rows<{ id: string }>("SELECT request_id AS id FROM request_attempts")).map(({ id }) => id),
    )
    mustStay.clear()
    for (const id of there) {
      if (isHeld(holds, "usage_detail", id)) mustStay.add(`call ${id}`)
      // what is held blocks the call that it hangs on
      if (isHeld(holds, "usage_diagnostics", id) && details.has(id)) mustStay.add(`call ${id}`).add(`details ${id}`)
    }
    if (taken.is === "run") {
      const { batchSize, isRecounted } = taken
      const report = await retention.run(
        {},
        {
          classes: [
            { dataClass: "usage_detail", days: taken.calls, batchSize, isRecounted },
            { dataClass: "usage_diagnostics", days: taken.details, batchSize, isRecounted: false },
            { dataClass: "decision_telemetry", days: 1, batchSize, isRecounted: false },
          ],
        },
      )
      expect(report.job).toMatchObject({ state: "done", fault: null })
      expect(report.results.filter((row) => row.deleted !== row.eligible)).toEqual([])
    }
    const left = new Set(await state.ids())
    const leftDetails = await state.rows<{ id: string }>("SELECT request_id AS id FROM request_attempts")
    const found = new Set([...[...left].map((id) => `call ${id}`), ...leftDetails.map(({ id }) => `details ${id}`)])
    expect([...mustStay].filter((one) => !found.has(one))).toEqual([])
    expect(await state.rows(ORPHANS)).toEqual([])
  }
  await cube.merge({ batches: 2, smallSegments: 2, foldBeforeMs: await foldTime(retention.connection) })
  const { totals } = await cube.query({ ...RANGE, measures: ["calls", "total_tokens", "total_cost_nano_usd"] })
  expect(totals.figures.sums).toMatchObject({
    calls: BigInt(rows.length),
    total_tokens: rows.reduce((sum, row) => sum + BigInt(row.total_tokens ?? 0), 0n),
    total_cost_nano_usd: rows.reduce((sum, row) => sum + BigInt(row.total_cost_nano_usd ?? 0), 0n),
  })
  expect((await cube.verify(RANGE)).differences).toEqual([])
}

onDrawnDriver((driver) => {
  test("sums stay, no row hangs on a call that is gone, what is held is there", async () => {
    const steps = fc.array(step, { minLength: 5, maxLength: 30 })
    await expectAsyncProperty(
      fc.asyncProperty(steps, (each) => play(driver, each)),
      driver.name === "sqlite" ? 20 : 6,
    )
  }, 600_000)
})
