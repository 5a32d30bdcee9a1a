/** The rows of the sample month agree with one another. What reports tell of them: `month.slow.test.ts`. */
import { afterAll, describe, expect, test } from "bun:test"
import { sampled } from "../../test/helpers/sample.ts"
import type { CallRecord } from "../ledger/record.ts"
import { CATALOGUE } from "../error-catalogue.ts"
import { PROGRAMS } from "./company.ts"
import { SAMPLE_ENVIRONMENT, SAMPLE_TAG, SAMPLE_VERSION } from "./mark.ts"
import { sampleMonth } from "./month.ts"
import { sampleSecurityEvents } from "./security.ts"
import { DAY_MS, HOUR_MS, INCIDENT, storyUntil } from "./story.ts"

/** A Tuesday. */
const END = Date.UTC(2026, 11, 1)
const STORY = storyUntil(END)
const RANGE = { from: STORY.startMs, to: END }
const MONTH: CallRecord[] = [...sampleMonth(END)].flat()
// the process of the tests goes on
afterAll(() => void MONTH.splice(0))

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

  for (const day of sampled([1, 10, 20, 28], 1))
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
