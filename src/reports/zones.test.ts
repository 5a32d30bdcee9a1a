import { expect, test } from "bun:test"
import { zoneClock } from "./zones.ts"

const HOUR_MS = 3_600_000

function hoursOf(zone: string, slot: "hour" | "day" | "week" | "month", from: string, to: string): number[] {
  const end = Date.parse(to)
  const slots = zoneClock(zone)?.slots(slot, Date.parse(from), end, 10_000) ?? []
  return slots.map((begin, index) => ((slots[index + 1] ?? end) - begin) / HOUR_MS)
}

test("days begin at the zone's midnight, also where that is a quarter past", () => {
  const begins = (zone: string): string[] =>
    (zoneClock(zone)?.slots("day", Date.UTC(2026, 5, 1, 12), Date.UTC(2026, 5, 2, 12), 10) ?? []).map((at) =>
      new Date(at).toISOString().slice(5, 16),
    )
  expect(begins("UTC")).toEqual(["06-01T00:00", "06-02T00:00"])
  expect(begins("Asia/Kolkata")).toEqual(["05-31T18:30", "06-01T18:30"])
  expect(begins("Asia/Kathmandu")).toEqual(["05-31T18:15", "06-01T18:15"])
  expect(begins("America/St_Johns")).toEqual(["06-01T02:30", "06-02T02:30"])
})

test("a day on which clocks are set has 23 or 25 hours, and none is missing or doubled", () => {
  expect(hoursOf("Europe/Berlin", "day", "2026-03-27T23:00Z", "2026-03-30T22:00Z")).toEqual([24, 23, 24])
  expect(hoursOf("Europe/Berlin", "day", "2026-10-23T22:00Z", "2026-10-26T23:00Z")).toEqual([24, 25, 24])
  expect(hoursOf("Australia/Lord_Howe", "day", "2026-04-03T13:00Z", "2026-04-05T13:30Z")).toEqual([24, 24.5])
})

test("where midnight itself is left out, the day begins at one", () => {
  // clocks in Cairo go from 0 to 1 o'clock on the last Friday of April
  expect(hoursOf("Africa/Cairo", "day", "2026-04-22T22:00Z", "2026-04-24T21:00Z")).toEqual([24, 23])
})

test("hours begin where the zone's clocks show none of minutes", () => {
  expect(hoursOf("Asia/Kathmandu", "hour", "2026-06-01T00:15Z", "2026-06-01T03:15Z")).toEqual([1, 1, 1])
  expect(hoursOf("Europe/Berlin", "hour", "2026-10-25T00:00Z", "2026-10-25T03:00Z")).toEqual([1, 1, 1])
})

test("weeks begin on Monday, months on their first", () => {
  expect(hoursOf("Europe/Berlin", "week", "2026-03-22T23:00Z", "2026-04-05T22:00Z")).toEqual([7 * 24 - 1, 7 * 24])
  expect(hoursOf("Asia/Kolkata", "month", "2026-01-31T18:30Z", "2026-03-31T18:30Z")).toEqual([28 * 24, 31 * 24])
})

test("what is no zone is told", () => {
  for (const zone of ["", "Mars/Olympus", "+05:30", "Europe/Berlin\u0000", "__proto__"])
    expect(zoneClock(zone)).toBeNull()
})

test("too many slots are told", () => {
  expect(zoneClock("UTC")?.slots("15m", 0, 100 * 365 * 24 * HOUR_MS, 10_000)).toBeNull()
})
