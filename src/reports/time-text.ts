/** Instants as people of a time zone write them. */
import { type Slot, ReportRefused } from "./query.ts"
import { zoneClock } from "./zones.ts"

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

/** Of one zone, which exists. */
export class TimeText {
  readonly #format: Intl.DateTimeFormat

  constructor(zone: string) {
    const [part, two] = ["numeric", "2-digit"] as const
    this.#format = new Intl.DateTimeFormat("en-US", {
      timeZone: zone,
      year: part,
      month: two,
      day: two,
      hour: two,
      minute: two,
      second: two,
      hourCycle: "h23",
      timeZoneName: "longOffset",
    })
  }

  /** `2026-11-30` */
  date(ts: number): string {
    const { year, month, day } = this.#parts(ts)
    return `${year}-${month}-${day}`
  }

  /** `2026-11-30 14:05:09` */
  moment(ts: number): string {
    const { hour, minute, second } = this.#parts(ts)
    return `${this.date(ts)} ${hour}:${minute}:${second}`
  }

  /** `2026-11-30T14:05:09+01:00` */
  iso(ts: number): string {
    return `${this.moment(ts).replace(" ", "T")}${this.#parts(ts).offset}`
  }

  /** The beginning of a slot: a date where it is a day or longer. */
  slot(ts: number, slot: Slot): string {
    if (slot === "month") return this.date(ts).slice(0, -3)
    return slot === "hour" || slot === "15m" ? this.moment(ts).slice(0, -3) : this.date(ts)
  }

  #parts(ts: number): Readonly<Record<"year" | "month" | "day" | "hour" | "minute" | "second" | "offset", string>> {
    const parts: Record<string, string> = {}
    for (const { type, value } of this.#format.formatToParts(ts)) parts[type] = value
    const of = (name: string): string => parts[name] ?? ""
    const offset = of("timeZoneName").replace("GMT", "")
    return {
      year: of("year").padStart(4, "0"),
      month: of("month"),
      day: of("day"),
      hour: of("hour"),
      minute: of("minute"),
      second: of("second"),
      offset: offset === "" ? "+00:00" : offset,
    }
  }
}

const DATE = /^\d{4}-\d\d-\d\d$/
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d)$/

/** Unix milliseconds of a date's first moment in the zone, or of an instant with its offset. @throws ReportRefused */
export function instantOf(text: string, zone: string, path: string): number {
  const [day] = text.split("T", 1)
  const ts = Date.parse(DATE.test(text) ? `${text}T00:00:00Z` : text)
  const isRight = (DATE.test(text) || INSTANT.test(text)) && isDay(day ?? "") && Number.isFinite(ts) && ts >= 0
  if (!isRight)
    throw new ReportRefused(
      path,
      `${JSON.stringify(text.slice(0, 40))} is no time since 1970: give a date (2026-11-30) or an instant with its offset (2026-11-30T14:00:00Z).`,
    )
  return DATE.test(text) ? beginOf(text, ts, zone) : ts
}

/** Is there such a day? */
function isDay(day: string): boolean {
  const ts = Date.parse(`${day}T00:00:00Z`)
  return Number.isFinite(ts) && new Date(ts).toISOString().startsWith(day)
}

/** Where the zone leaves a date out, the next one begins. */
function beginOf(date: string, utc: number, zone: string): number {
  const begins = zoneClock(zone)?.slots("day", Math.max(0, utc - 2 * DAY_MS), utc + 3 * DAY_MS, 10) ?? []
  const text = new TimeText(zone)
  return Math.max(0, begins.find((begin) => text.date(begin) >= date) ?? utc)
}
