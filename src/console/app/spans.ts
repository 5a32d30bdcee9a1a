/** The ranges that one click asks for: those that the router answers (`server.admin_reports.max_range`). */
import { LONGEST_RANGE_MS } from "./location.ts"

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

const ALL: readonly (readonly [since: string, title: string, ms: number])[] = [
  ["1h", "Hour", HOUR_MS],
  ["24h", "Day", DAY_MS],
  ["7d", "7 days", 7 * DAY_MS],
  ["30d", "30 days", 30 * DAY_MS],
  ["90d", "90 days", 90 * DAY_MS],
  ["365d", "Year", 365 * DAY_MS],
]

export const SPANS: typeof ALL = ALL.filter(([, , ms]) => ms <= LONGEST_RANGE_MS)

/** A week, or as much of it as the router answers. */
export const DEFAULT_SINCE: string =
  SPANS.findLast(([, , ms]) => ms <= 7 * DAY_MS)?.[0] ?? `${Math.max(1, Math.floor(LONGEST_RANGE_MS / 60_000))}m`
