/** The cube of the sample month adds up to its rows, and tells its story, on both databases. */
import { expect, setDefaultTimeout, test } from "bun:test"
import { testCube, type TestCube } from "../../test/helpers/cube.ts"
import { type LedgerState, onEachDriver } from "../../test/helpers/ledger-drivers.ts"
import type { CallRecord } from "../ledger/record.ts"
import { sampleMonth } from "./month.ts"
import { DAY_MS, DAYS, HOUR_MS, INCIDENT, isBusy, storyUntil } from "./story.ts"

setDefaultTimeout(600_000)

/** A Tuesday. */
const END = Date.UTC(2026, 11, 1)
const STORY = storyUntil(END)
const RANGE = { from: STORY.startMs, to: END }
const MONTH: readonly CallRecord[] = [...sampleMonth(END)].flat()

async function written(state: LedgerState, calls: readonly CallRecord[]): Promise<TestCube> {
  const ledger = await state.open()
  for (let from = 0; from < calls.length; from += 1000)
    await Promise.all(calls.slice(from, from + 1000).map((call) => ledger.record(call)))
  const cube = await testCube(state)
  await cube.merge()
  return cube
}

onEachDriver((driver) => {
  test("the cube adds up to the rows, and tells the story of the month", async () => {
    await using state = await driver.state()
    await using cube = await written(state, MONTH)
    expect(await cube.verify(RANGE)).toMatchObject({ rows: MONTH.length, differences: [] })
    await tellsTheIncident(cube)
    await tellsTheMoney(cube)
    await tellsTheSpeed(cube)
    await tellsTheRefusals(cube)
  })
})

/** One provider failed on one afternoon: errors by provider and hour show which and when. */
async function tellsTheIncident(cube: TestCube): Promise<void> {
  const by = ["provider"] as const
  const { groups, slots } = await cube.query({
    ...RANGE,
    by,
    top: 8,
    slot: "hour",
    measures: ["upstream_errors", "calls"],
  })
  const lumen = groups.find(({ key }) => key?.[0] === INCIDENT.provider)
  const hourly = lumen?.series.map(({ sums }) => Number(sums.upstream_errors ?? 0n)) ?? []
  const worst = hourly
    .map((errors, index) => ({ errors, ts: slots[index] ?? 0 }))
    .toSorted((a, b) => b.errors - a.errors)
  const from = STORY.startMs + STORY.incidentDay * DAY_MS + INCIDENT.fromHour * HOUR_MS
  const hours = INCIDENT.toHour - INCIDENT.fromHour
  expect(
    worst
      .slice(0, hours)
      .map(({ ts }) => (ts - from) / HOUR_MS)
      .toSorted((one, other) => one - other),
  ).toEqual([0, 1, 2])
  expect(worst[hours - 1]?.errors).toBeGreaterThan(5 * (worst[hours]?.errors ?? 0))
  const afternoon = await cube.query({ from, to: from + hours * HOUR_MS, measures: ["fallbacks"] })
  const dayBefore = await cube.query({
    from: from - 7 * DAY_MS,
    to: from - 7 * DAY_MS + hours * HOUR_MS,
    measures: ["fallbacks"],
  })
  // whoever has another target did not fail
  expect(afternoon.totals.figures.sums.fallbacks).toBeGreaterThan(2n * (dayBefore.totals.figures.sums.fallbacks ?? 0n))
}

async function tellsTheMoney(cube: TestCube): Promise<void> {
  const cost = ["total_cost_nano_usd"] as const
  const daily = await cube.query({ ...RANGE, slot: "day", measures: cost })
  const costs = daily.totals.series.map(({ sums }) => sums.total_cost_nano_usd ?? 0n)
  expect(costs).toHaveLength(DAYS)
  const dearest = costs.indexOf(costs.reduce((most, one) => (one > most ? one : most)))
  expect(dearest).toBe(STORY.dearNight)
  // prompts are cached from the middle of the month on: fewer tokens are paid in full
  const share = async (from: number, to: number): Promise<number> => {
    const where = [{ dimension: "caller", is: ["storefront-web"] }] as const
    const { totals } = await cube.query({ from, to, where, measures: ["cached_input_tokens", "input_tokens"] })
    return Number(totals.figures.sums.cached_input_tokens) / Number(totals.figures.sums.input_tokens)
  }
  const begins = STORY.startMs + STORY.cachingDay * DAY_MS
  expect(await share(RANGE.from, begins)).toBe(0)
  expect(await share(begins, END)).toBeGreaterThan(0.4)
  // against the prices of one large model for everything, the month saved money
  const { totals } = await cube.query({ ...RANGE, measures: ["input_tokens", "output_tokens", ...cost] })
  const { input_tokens: input = 0n, output_tokens: output = 0n, total_cost_nano_usd: paid = 0n } = totals.figures.sums
  expect(paid).toBeGreaterThan(0n)
  expect((input * 3_000_000_000n + output * 15_000_000_000n) / 1_000_000n).toBeGreaterThan(2n * paid)
  const unknown = await cube.query({ ...RANGE, by: ["cost_unknown", "project"], measures: ["unknown_cost_calls"] })
  expect(unknown.groups.filter(({ key }) => key?.[0] !== "").map(({ key }) => key)).toEqual([["price", "research"]])
}

async function tellsTheSpeed(cube: TestCube): Promise<void> {
  const where = [{ dimension: "model", is: ["north-large"] }] as const
  const { totals } = await cube.query({ ...RANGE, where, slot: "day", histograms: ["ttfb_ms"] })
  const medians = totals.series.map(({ spreads }) => spreads.ttfb_ms?.p50 ?? 0)
  const slowest = medians.map((median, day) => ({ median, day })).toSorted((a, b) => b.median - a.median)
  expect(
    slowest
      .slice(0, 2)
      .map(({ day }) => day)
      .toSorted((one, other) => one - other),
  ).toEqual([STORY.slowDay, STORY.slowDay + 1])
}

async function tellsTheRefusals(cube: TestCube): Promise<void> {
  const { groups } = await cube.query({ ...RANGE, by: ["error"], measures: ["errors"] })
  const codes = groups.flatMap(({ key }) => key ?? [])
  for (const code of ["rpm-exceeded", "traffic-shaped", "model-not-allowed", "client-closed", "spend-exhausted"])
    expect(codes).toContain(code)
  const limited = await cube.query({
    ...RANGE,
    where: [{ dimension: "error", is: ["rpm-exceeded"] }],
    slot: "hour",
  })
  const busy = limited.totals.series.flatMap(({ sums }, index) =>
    (sums.calls ?? 0n) === 0n ? [] : [((limited.slots[index] ?? 0) - STORY.startMs) / HOUR_MS],
  )
  expect(busy.filter((hour) => !isBusy(STORY, Math.floor(hour / 24), hour % 24))).toEqual([])
}
