/** Rows from before the cube come into it. */
import { expect, test } from "bun:test"
import { testCube } from "../../../test/helpers/cube.ts"
import { onDrawnDriver } from "../../../test/helpers/ledger-drivers.ts"
import { sampleCall } from "../../../test/helpers/sample-call.ts"
import { countToFill, type Filled, fillStep } from "./fill.ts"

const START = Date.UTC(2026, 2, 28)
const HOUR_MS = 3_600_000
const RANGE = { from: START, to: START + 100 * HOUR_MS }

onDrawnDriver((driver) => {
  test("rows without cells are taken, those with cells are not taken again, wherever it was cut off", async () => {
    await using state = await driver.state()
    const ledger = await state.open()
    await using cube = await testCube(state)
    const old = Array.from({ length: 90 }, (_, index) => sampleCall(START + index * HOUR_MS, index))
    await Promise.all(old.map((call) => ledger.record(call)))
    const madeMs = START + 60 * HOUR_MS
    await cube.connection.query("DELETE FROM usage_cube_batches")
    await cube.connection.query("UPDATE schema_migrations SET applied_at = ?1", [madeMs - 1])
    await cube.connection.query("UPDATE schema_migrations SET applied_at = ?1 WHERE name = 'usage-cube'", [madeMs])
    // calls of this version, one of which began before the cube was made
    const own = [40.5, 61, 62].map((hour, index) => sampleCall(START + hour * HOUR_MS, 1000 + index))
    await Promise.all(own.map((call) => ledger.record(call)))
    expect((await cube.query(RANGE)).totals.figures.sums.calls).toBe(3n)

    expect(await countToFill(cube.connection)).toBe(61)
    const part = await fillStep(cube.connection, madeMs + HOUR_MS, 7)
    expect(part).toMatchObject({ rows: 7, isDone: false })
    // a report says of which part of its range it lacks calls
    const gap = { from: START + 7 * HOUR_MS, to: madeMs }
    expect((await cube.query(RANGE)).missing).toEqual(gap)
    expect((await cube.search(RANGE)).missing).toEqual(gap)
    expect((await cube.query({ ...RANGE, from: START + 20 * HOUR_MS })).missing).toEqual({
      ...gap,
      from: START + 20 * HOUR_MS,
    })
    expect((await cube.query({ ...RANGE, to: gap.from })).missing).toBeUndefined()
    expect(await countToFill(cube.connection)).toBe(54)
    const steps: number[] = []
    for (let step: Filled | null = part; step !== null && !step.isDone;) {
      step = await fillStep(cube.connection, madeMs + HOUR_MS, 7)
      if (step !== null) steps.push(step.rows)
    }
    expect(steps).toEqual([7, 7, 7, 7, 7, 7, 7, 5])
    expect((await cube.query(RANGE)).missing).toBeUndefined()
    expect(await countToFill(cube.connection)).toBe(0)
    expect(await fillStep(cube.connection, madeMs + HOUR_MS)).toBeNull()
    // as if a kill had come before the step was remembered
    await cube.connection.query("UPDATE usage_cube_fill SET after_id = ''")
    await fillStep(cube.connection, madeMs + HOUR_MS)
    await cube.merge({ batches: 2, smallSegments: 2 })
    const later = madeMs + 90 * HOUR_MS
    for (let step = await fillStep(cube.connection, later); step !== null && !step.isDone;)
      step = await fillStep(cube.connection, later)

    expect(await fillStep(cube.connection, later)).toBeNull()
    const { differences } = await cube.verify({ from: START, to: madeMs + 24 * HOUR_MS })
    expect(differences).toEqual([])
    expect((await cube.query({ from: START, to: madeMs + 24 * HOUR_MS })).totals.figures.sums.calls).toBe(87n)
  })

  test("a ledger that began with the cube has nothing to take", async () => {
    await using state = await driver.state()
    const ledger = await state.open()
    await ledger.record(sampleCall(START, 1))
    await using cube = await testCube(state)
    await cube.connection.query("UPDATE schema_migrations SET applied_at = 5")
    expect(await fillStep(cube.connection, START)).toEqual({ rows: 0, untilMs: START, isDone: true })
    expect(await fillStep(cube.connection, START)).toBeNull()
  })

  test("a recount says where the cube lacks a call", async () => {
    await using state = await driver.state()
    const ledger = await state.open()
    await ledger.record(sampleCall(START, 1))
    await using cube = await testCube(state)
    await cube.connection.query("DELETE FROM usage_cube_batches")
    const { differences, rows } = await cube.verify(RANGE)
    expect(rows).toBe(1)
    expect(differences.find(({ measure }) => measure === "calls")).toMatchObject({ slot: START, cube: 0n, rows: 1n })
  })
})
