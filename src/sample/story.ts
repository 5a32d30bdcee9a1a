/** What happens in the sample month, by its days and hours (UTC). A reader of reports should be able to find each of it. */
import type { SampleProgram } from "./company.ts"

export const HOUR_MS = 3_600_000
export const DAY_MS: number = 24 * HOUR_MS
export const DAYS = 30

/** The days of a month that ends with the day before `endMs`, a midnight; places from 0. */
export interface Story {
  readonly startMs: number
  /** A provider fails for an afternoon. */
  readonly incidentDay: number
  /** A batch is sent to the dearest model for a night. */
  readonly dearNight: number
  /** A provider is slow on this weekday and the next one. */
  readonly slowDay: number
  /** Prompts are cached from here on. */
  readonly cachingDay: number
}

export const INCIDENT = { provider: "sample-lumen", fromHour: 13, toHour: 16 } as const
export const SLOW_PROVIDER = "sample-north"
export const BUSY_PROVIDER = "sample-atlas"

/** `endMs`: midnight, UTC. */
export function storyUntil(endMs: number): Story {
  const startMs = endMs - DAYS * DAY_MS
  const weekdayFrom = (day: number): number => {
    let found = day
    while (isWeekend(startMs + found * DAY_MS)) found -= 1
    return found
  }
  return {
    startMs,
    incidentDay: weekdayFrom(DAYS - 8),
    dearNight: weekdayFrom(DAYS - 12),
    slowDay: weekdayFrom(11),
    cachingDay: 15,
  }
}

function isWeekend(ms: number): boolean {
  return [0, 6].includes(new Date(ms).getUTCDay())
}

export function isIncident({ incidentDay }: Story, day: number, hour: number): boolean {
  return day === incidentDay && hour >= INCIDENT.fromHour && hour < INCIDENT.toHour
}

export function isSlow({ slowDay }: Story, day: number, provider: string): boolean {
  return provider === SLOW_PROVIDER && (day === slowDay || day === slowDay + 1)
}

export function isDearNight({ dearNight }: Story, day: number, hour: number): boolean {
  return day === dearNight && hour >= 1 && hour < 5
}

/** The afternoons of weekdays, when everybody's agents work. */
export function isBusy(story: Story, day: number, hour: number): boolean {
  return hour >= 14 && hour < 17 && !isWeekend(story.startMs + day * DAY_MS)
}

const HOURS: Readonly<Record<SampleProgram["rhythm"], readonly number[]>> = {
  shop: [1, 1, 0, 0, 0, 1, 2, 4, 6, 8, 9, 9, 8, 8, 9, 9, 9, 10, 12, 13, 12, 9, 6, 3],
  office: [0, 0, 0, 0, 0, 0, 1, 5, 10, 13, 14, 12, 7, 11, 14, 14, 12, 8, 4, 2, 1, 1, 0, 0],
  night: [10, 24, 26, 22, 12, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4],
}
const SUMS = {
  shop: sum(HOURS.shop),
  office: sum(HOURS.office),
  night: sum(HOURS.night),
}
/** How much of a weekday a day of the weekend has. */
const WEEKENDS = { shop: 0.8, office: 0.08, night: 0.4 } as const
/** How many times as many calls the dear night has. */
const DEAR_TIMES = 5
/** From the first day to the last. */
const GROWTH = 0.35

/** How many calls a program makes in an hour, on average. */
export function expectedCalls(story: Story, program: SampleProgram, day: number, hour: number): number {
  const { rhythm, perDay } = program
  const weekly = isWeekend(story.startMs + day * DAY_MS) ? WEEKENDS[rhythm] : 1
  const grown = 1 - GROWTH / 2 + (GROWTH * day) / DAYS
  const times = rhythm === "night" && isDearNight(story, day, hour) ? DEAR_TIMES : 1
  return (perDay * (HOURS[rhythm][hour] ?? 0) * weekly * grown * times) / SUMS[rhythm]
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
