/** What was added up of segments once is not read again, and not used where a segment is another one. */
import { expect, test } from "bun:test"
import { testCube } from "../../test/helpers/cube.ts"
import { onEachDriver } from "../../test/helpers/ledger-drivers.ts"
import { sampleCall } from "../../test/helpers/sample-call.ts"
import type { CubeConnection } from "../ledger/cube/connection.ts"
import { MERGE_RULES, mergeStep } from "../ledger/cube/merge.ts"
import type { Query } from "./query.ts"
import { Remembered } from "./remembered.ts"
import { answerQueries } from "./scan.ts"

const START = Date.UTC(2026, 2, 28)
const HOUR_MS = 3_600_000
const QUERY: Query = {
  from: START,
  to: START + 48 * HOUR_MS,
  zone: "UTC",
  slot: "hour",
  where: [],
  by: ["caller"],
  top: 10,
  measures: ["calls"],
  histograms: ["latency_ms"],
}

onEachDriver((driver) => {
  test("a segment is read once, and once more where it is another one under the same id", async () => {
    await using state = await driver.state()
    const ledger = await state.open()
    const write = (from: number): Promise<unknown> =>
      Promise.all(Array.from({ length: 30 }, (_, index) => ledger.record(sampleCall(START + index, from + index))))
    await using cube = await testCube(state)
    const fold = async (): Promise<void> => {
      await write(900)
      while (await mergeStep(cube.connection, { ...MERGE_RULES, batches: 2, foldBeforeMs: QUERY.to }));
    }
    await write(0)
    await fold()
    const reads = { count: 0 }
    const connection = counting(cube.connection, reads)
    const reading = { connection, pause: async () => await Promise.resolve(), remembered: new Remembered() }
    const asked = async (): Promise<[calls: bigint | undefined, reads: number]> => {
      reads.count = 0
      const [rows] = await answerQueries(reading, [QUERY])
      return [rows?.totals.figures.sums.calls, reads.count]
    }
    const [first, firstReads] = await asked()
    expect(firstReads).toBeGreaterThan(0)
    expect(await asked()).toEqual([first, 0])
    await write(2000)
    expect(await asked()).toEqual([(first ?? 0n) + 30n, 0])

    await cube.connection.query("UPDATE usage_cube_segments SET cells = 0 WHERE folded = 1")
    expect((await asked())[1]).toBeGreaterThan(0)
    await cube.connection.query("DELETE FROM usage_cube_segments WHERE folded = 1")
    expect((await asked())[0]).toBeLessThan((first ?? 0n) + 30n)
  })
})

function counting(connection: CubeConnection, reads: { count: number }): CubeConnection {
  return {
    ...connection,
    bytes: (sql) => {
      reads.count += 1
      return connection.bytes(sql)
    },
  }
}
