/** Where days, weeks and months begin in a time zone. */
import type { Slot } from "./query.ts"

const QUARTER_MS = 900_000
const HOUR_MS = 3_600_000
const DAY_MS = 86_400_000

/** Null: there is no such zone. Names alone count, no offsets. */
export function zoneClock(zone: string): ZoneClock | null {
  if (!/^[A-Za-z]/.test(zone)) return null
  try {
    const part = "numeric"
    const hours = { hour: part, minute: part, second: part, hourCycle: "h23" } as const
    const format = new Intl.DateTimeFormat("en-US", {
      timeZone: zone,
      year: part,
      month: part,
      day: part,
      era: "short",
      ...hours,
    })
    return new ZoneClock(format)
  } catch {
    return null
  }
}

export class ZoneClock {
  readonly #format: Intl.DateTimeFormat
  /** By quarter of an hour: what the zone's clocks show, as if it were UTC. */
  readonly #shown = new Map<number, number>()

  constructor(format: Intl.DateTimeFormat) {
    this.#format = format
  }

  /**
   * The beginnings of all slots that have a part in a range, Unix milliseconds; null where there are more than `most`.
   * Where clocks are set back, the hour that comes twice is two slots.
   */
  slots(slot: Slot, from: number, to: number, most: number): number[] | null {
    const begins: number[] = []
    for (let at = this.#begin(slot, from); at < to; at = this.#next(slot, at)) {
      if (begins.length === most) return null
      begins.push(at)
    }
    return begins
  }

  #begin(slot: Slot, at: number): number {
    if (slot === "15m") return Math.floor(at / QUARTER_MS) * QUARTER_MS
    if (slot === "hour") return this.#hour(at)
    return this.#dayBegin(dateOf(slot, this.#local(at)))
  }

  #next(slot: Slot, begin: number): number {
    if (slot === "15m") return begin + QUARTER_MS
    if (slot === "hour") return this.#nextHour(begin)
    const date = new Date(dateOf(slot, this.#local(begin)))
    if (slot === "month") return this.#dayBegin(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1))
    return this.#dayBegin(date.getTime() + (slot === "week" ? 7 : 1) * DAY_MS)
  }

  #hour(at: number): number {
    const quarter = Math.floor(at / QUARTER_MS) * QUARTER_MS
    return quarter - (this.#local(quarter) % HOUR_MS)
  }

  /** An hour is shorter or longer where clocks are set by half an hour. */
  #nextHour(begin: number): number {
    let next = begin + QUARTER_MS
    while (this.#local(next) % HOUR_MS !== 0 && next < begin + 2 * HOUR_MS) next += QUARTER_MS
    return next
  }

  /** The first quarter of an hour whose date is the given one or later: midnight itself may be left out. */
  #dayBegin(date: number): number {
    let low = date / QUARTER_MS - 104
    let high = date / QUARTER_MS + 104
    while (low < high) {
      const middle = Math.floor((low + high) / 2)
      if (this.#local(middle * QUARTER_MS) >= date) high = middle
      else low = middle + 1
    }
    return low * QUARTER_MS
  }

  /** Whole minutes: zones of today differ from UTC by quarters of an hour. */
  #local(at: number): number {
    const quarter = Math.floor(at / QUARTER_MS)
    let shown = this.#shown.get(quarter)
    if (shown === undefined) {
      shown = this.#asUtc(quarter * QUARTER_MS)
      this.#shown.set(quarter, shown)
    }
    return shown
  }

  #asUtc(at: number): number {
    const parts: Record<string, string> = {}
    for (const { type, value } of this.#format.formatToParts(at)) parts[type] = value
    const number = (name: string): number => Number(parts[name])
    const year = parts["era"] === "BC" ? 1 - number("year") : number("year")
    const shown = new Date(Date.UTC(2000, number("month") - 1, number("day"), number("hour"), number("minute"), 0))
    return shown.setUTCFullYear(year, number("month") - 1, number("day"))
  }
}

/** The date at which the slot around a local time begins, as if it were UTC. */
function dateOf(slot: "day" | "week" | "month", local: number): number {
  const date = new Date(Math.floor(local / DAY_MS) * DAY_MS)
  if (slot === "month") return Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 1)
  return slot === "week" ? date.getTime() - ((date.getUTCDay() + 6) % 7) * DAY_MS : date.getTime()
}
