/** Calls are told apart by the tags that their callers had when they were made: in the cube, and in detail rows. */
import { expect, setDefaultTimeout, test } from "bun:test"
import { addressOf, testCube } from "../../test/helpers/cube.ts"
import { onEachDriver } from "../../test/helpers/ledger-drivers.ts"
import { sampleCall } from "../../test/helpers/sample-call.ts"
import { callDimension } from "./dimensions.ts"
import { openReports, type ReportThread } from "./open.ts"

setDefaultTimeout(300_000)

const HOUR_MS = 3_600_000
const FROM = Date.UTC(2026, 5, 1)
const TO = FROM + 48 * HOUR_MS
/** In the middle of an hour, and between two calls. */
const CHANGE = FROM + 20.5 * HOUR_MS
const CALLS = 480

const TAGS: readonly (readonly [caller: string, since: number, until: number | null, value: string])[] = [
  ["moved", 0, CHANGE, "red"],
  ["moved", CHANGE, null, "blue"],
  ["steady", 0, null, "blue"],
  ["late", CHANGE, null, "red"],
  ["gone", 0, CHANGE, "red"],
]
const CALLERS = ["moved", "steady", "late", "gone", "untagged"]

onEachDriver((driver) => {
  test("as they were, before and after the cube is merged, in queries, searches and rows", async () => {
    await using state = await driver.state()
    const ledger = await state.open()
    const calls = Array.from({ length: CALLS }, (_, number) => {
      const usage = { caller_id: CALLERS[number % CALLERS.length] ?? "", latency_ms: 10 + number }
      return sampleCall(FROM + Math.floor((number * (TO - FROM)) / CALLS), number, usage)
    })
    await Promise.all(calls.map((call) => ledger.record(call)))
    await using cube = await testCube(state)
    for (const [caller, since, until, value] of TAGS)
      await cube.connection.query(
        "INSERT INTO caller_tags (caller_id, name, since, until, value) VALUES (?1, 'team', ?2, ?3, ?4) RETURNING name",
        [caller, since, until, value],
      )
    const valueAt = (caller: string, ts: number): string =>
      TAGS.find(([id, since, until]) => id === caller && since <= ts && (until === null || until > ts))?.[3] ?? ""
    const expected = new Map<string | undefined, number>()
    for (const { usage } of calls) {
      const value = valueAt(usage.caller_id, usage.ts)
      expected.set(value, (expected.get(value) ?? 0) + 1)
    }
    const reports = openReports(addressOf(state))
    try {
      await expectTags(reports, expected)
      await cube.merge()
      await expectTags(reports, expected)
      const { sql } = callDimension("tag.team")
      const rows = await state.rows<{ value: string; calls: number }>(
        `SELECT ${sql} AS value, count(*) AS calls FROM request_usage AS u GROUP BY 1`,
      )
      expect(new Map<string | undefined, number>(rows.map(({ value, calls: count }) => [value, count]))).toEqual(
        expected,
      )
    } finally {
      await reports.close()
      await ledger.close()
    }
  })
})

async function expectTags(reports: ReportThread, expected: Map<string | undefined, number>): Promise<void> {
  const range = { from: FROM, to: TO, zone: "UTC", measures: ["calls"], histograms: ["latency_ms"] } as const
  const whole = await reports.query({ ...range, where: [], by: ["tag.team"] })
  expect(new Map(whole.groups.map(({ key, figures }) => [key?.[0], Number(figures.sums.calls)]))).toEqual(expected)
  expect(whole.groupCount).toBe(expected.size)
  const [mostCount] = whole.groups.map(({ figures }) => figures.spreads.latency_ms?.count)
  expect(mostCount).toBe(Math.max(...expected.values()))
  const slotted = await reports.query({ ...range, where: [], by: ["tag.team"], slot: "hour", top: 20 })
  for (const { key, series } of slotted.groups)
    expect(series.reduce((sum, { sums }) => sum + Number(sums.calls), 0)).toBe(expected.get(key?.[0] ?? "") ?? -1)
  const blue = { dimension: "tag.team", is: ["blue"] } as const
  const filtered = await reports.query({ ...range, where: [blue], by: ["caller"] })
  expect(Number(filtered.totals.figures.sums.calls)).toBe(expected.get("blue") ?? -1)
  expect(filtered.groups.map(({ key }) => key?.[0])).toEqual(["steady", "moved"])
  const found = await reports.search({ from: FROM, to: TO, where: [blue], sort: "newest", limit: 1000 })
  expect(found.calls).toHaveLength(expected.get("blue") ?? -1)
}
