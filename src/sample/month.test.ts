/** What a reader of reports finds in the sample month, and that its rows agree with one another, on both databases. */
import { describe, expect, test } from "bun:test"
import { testCube, type TestCube } from "../../test/helpers/cube.ts"
import { type LedgerState, onEachDriver } from "../../test/helpers/ledger-drivers.ts"
import type { CallRecord } from "../ledger/record.ts"
import { CATALOGUE } from "../errors.ts"
import { PROGRAMS } from "./company.ts"
import { SAMPLE_ENVIRONMENT, SAMPLE_TAG, SAMPLE_VERSION } from "./mark.ts"
import { sampleMonth } from "./month.ts"
import { sampleSecurityEvents } from "./security.ts"
import { DAY_MS, DAYS, HOUR_MS, INCIDENT, isBusy, storyUntil } from "./story.ts"

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

describe("the calls", () => {
  test("are the same for the same end, others for another one, and stand in the thirty days before it", () => {
    expect(Bun.deepEquals([...sampleMonth(END)].flat().slice(-300), MONTH.slice(-300))).toBe(true)
    expect([...sampleMonth(END, 2)].flat().length).not.toBe(MONTH.length)
    expect(MONTH.length).toBeGreaterThan(20_000)
    expect(MONTH.length).toBeLessThan(60_000)
    const times = MONTH.map(({ usage }) => usage.ts)
    expect(Math.min(...times)).toBeGreaterThanOrEqual(RANGE.from)
    expect(Math.max(...times)).toBeLessThan(END)
    expect(END - Math.max(...times)).toBeLessThan(DAY_MS)
    expect(new Set(MONTH.map(({ usage }) => usage.request_id)).size).toBe(MONTH.length)
  })

  test("carry the mark of sample data, in every row", () => {
    const unmarked = MONTH.filter(
      ({ usage }) =>
        !usage.caller_environment.startsWith(SAMPLE_ENVIRONMENT) || usage.router_version !== SAMPLE_VERSION,
    )
    expect(unmarked).toEqual([])
    expect(PROGRAMS.filter(({ tags }) => tags[SAMPLE_TAG.name] !== SAMPLE_TAG.value)).toEqual([])
    expect(sampleSecurityEvents(END).filter(({ event }) => event.client !== SAMPLE_VERSION)).toEqual([])
  })

  test("have an error row where they failed, and attempts, counters and costs that agree", () => {
    for (const { usage, attempts, error } of MONTH) {
      const { error: code, status } = usage
      expect(error?.code ?? null).toBe(code)
      expect(status).toBe(code === null ? 200 : (CATALOGUE[code as keyof typeof CATALOGUE]?.status ?? -1))
      expect(usage.attempts).toBe(attempts.length)
      expect(attempts.filter(({ selected }) => selected === 1)).toHaveLength(
        code === null || (code === "client-closed" && attempts.length > 0) ? 1 : 0,
      )
      const { input_tokens: input, output_tokens: output, total_tokens: total } = usage
      expect(total).toBe(input === null || output === null ? null : input + output)
      const known = usage.total_cost_nano_usd !== null
      expect(known).toBe(input !== null && usage.cost_unknown_reason === null)
    }
  })

  test("are spread over weekdays and hours as people work", () => {
    const office = MONTH.filter(({ usage }) => usage.caller_id === "agent-dan")
    const isOnWeekend = ({ usage }: CallRecord): boolean => [0, 6].includes(new Date(usage.ts).getUTCDay())
    expect(office.filter(isOnWeekend).length).toBeLessThan(office.length / 20)
    const hours = office.map(({ usage }) => new Date(usage.ts).getUTCHours())
    expect(hours.filter((hour) => hour < 5)).toEqual([])
  })

  for (const day of [1, 10, 20, 28])
    test(`have the same story when the month ends on the ${day}th`, () => {
      const end = Date.UTC(2027, 1, day)
      const story = storyUntil(end)
      const calls = [...sampleMonth(end)].flat()
      const inIncident = calls.filter(({ usage: { ts } }) => {
        const hour = (ts - story.startMs) / HOUR_MS - 24 * story.incidentDay
        return hour >= INCIDENT.fromHour && hour < INCIDENT.toHour
      })
      expect(inIncident.filter(({ error }) => error?.blame === "upstream").length).toBeGreaterThan(20)
      expect(calls.some(({ usage }) => usage.key_state === "warning")).toBe(true)
      expect(calls.some(({ callerShapes }) => callerShapes.length > 0)).toBe(true)
      expect(calls.some(({ upstreamShapes }) => upstreamShapes.length > 0)).toBe(true)
    })
})

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
