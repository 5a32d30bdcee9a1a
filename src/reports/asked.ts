/** Reads what a reader asks for, once for the command line and the API: every value is a text from outside. */
import { splitBy } from "./breakdown.ts"
import { MOST_FOUND, ReportRefused, type Slot } from "./query.ts"
import type { Asked, Baseline, SortName } from "./section.ts"
import { instantOf } from "./time-text.ts"
import { dimensionsIn, filtersIn } from "./where.ts"
import { zoneClock } from "./zones.ts"

/** By the names of the API's parameters. Absent: the default. */
export interface AskedTexts {
  /** `24h`, `7d`: the range that ends now. Not together with `from`. */
  readonly since?: string | undefined
  /** A date in the zone, or an instant with its offset. */
  readonly from?: string | undefined
  readonly to?: string | undefined
  readonly tz?: string | undefined
  readonly by?: string | undefined
  readonly where?: readonly string[] | undefined
  readonly top?: string | undefined
  readonly sort?: string | undefined
  /** `asc` or `desc`, of sorts that have both. */
  readonly direction?: string | undefined
  readonly after?: string | undefined
  readonly near?: string | undefined
  readonly tables?: readonly string[] | undefined
}

export interface AskedDefaults {
  readonly nowMs: number
  readonly sinceMs: number
  readonly zone: string
  readonly top: number
  readonly scope: Asked["scope"]
  readonly baselines: readonly Baseline[]
}

const UNITS_MS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 }
const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

/** Also by the names of the columns of other tools. */
const SORTS: Readonly<Record<string, SortName>> = {
  newest: "newest",
  oldest: "oldest",
  cost: "cost",
  latency: "latency",
  status: "status",
  outcome: "outcome",
  surface: "surface",
  reason: "reason",
  timeUtc: "newest",
  // ids begin with their time
  requestId: "newest",
  costUsd: "cost",
  latencyMs: "latency",
}

export const SORT_NAMES: readonly string[] = Object.keys(SORTS)

/** @throws ReportRefused with the name of the parameter */
export function readAsked(texts: AskedTexts, defaults: AskedDefaults): Asked {
  const zone = texts.tz ?? defaults.zone
  if (zoneClock(zone) === null)
    throw new ReportRefused(
      "tz",
      `There is no time zone ${JSON.stringify(zone.slice(0, 60))}; an IANA name is needed, as Europe/Berlin.`,
    )
  const { from, to } = rangeOf(texts, zone, defaults)
  const by = texts.by === undefined ? [] : dimensionsIn(texts.by)
  splitBy(by)
  return {
    from,
    to,
    zone,
    slot: slotFor(to - from),
    where: filtersIn(texts.where ?? []),
    scope: defaults.scope,
    by,
    top: texts.top === undefined ? defaults.top : wholeOf(texts.top, 1, MOST_FOUND, "top"),
    baselines: defaults.baselines,
    ...orderOf(texts),
    after: texts.after ?? null,
    tables: texts.tables ?? null,
    nearPercent: texts.near === undefined ? 0 : wholeOf(texts.near, 0, 100, "near"),
  }
}

function orderOf({ sort: name = "newest", direction }: AskedTexts): Pick<Asked, "sort" | "isAscending"> {
  const sort = Object.hasOwn(SORTS, name) ? SORTS[name] : undefined
  if (sort === undefined) throw new ReportRefused("sort", `Lists are sorted by one of ${SORT_NAMES.join(", ")}.`)
  if (direction !== undefined && direction !== "asc" && direction !== "desc")
    throw new ReportRefused("direction", "`direction` is asc or desc.")
  const isAscending = direction === undefined ? sort === "oldest" : direction === "asc"
  if (isAscending && (sort === "cost" || sort === "latency"))
    throw new ReportRefused("direction", "By cost and by latency the largest come first: `direction` is desc.")
  if (sort !== "newest" && sort !== "oldest") return { sort, isAscending }
  return { sort: isAscending ? "oldest" : "newest", isAscending }
}

function rangeOf(
  { since, from, to }: AskedTexts,
  zone: string,
  { nowMs, sinceMs }: AskedDefaults,
): Pick<Asked, "from" | "to"> {
  if (since !== undefined && from !== undefined)
    throw new ReportRefused("since", "A range begins either by since or by from.")
  // a call of this millisecond is in
  const end = to === undefined ? nowMs + 1 : instantOf(to, zone, "to")
  const begin =
    from === undefined
      ? Math.max(0, end - (since === undefined ? sinceMs : durationOf(since)))
      : instantOf(from, zone, "from")
  if (begin >= end) throw new ReportRefused("to", "The range must end behind its beginning; its end is not part of it.")
  return { from: begin, to: end }
}

function durationOf(text: string): number {
  const match = /^(\d{1,6})([mhdw])$/.exec(text)
  const ms = Number(match?.[1]) * (UNITS_MS[match?.[2] ?? ""] ?? Number.NaN)
  if (!Number.isSafeInteger(ms) || ms === 0)
    throw new ReportRefused("since", `${JSON.stringify(text.slice(0, 40))} is no duration: write 90m, 24h, 7d or 4w.`)
  return ms
}

function wholeOf(text: string, least: number, most: number, path: string): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN
  if (value >= least && value <= most) return value
  throw new ReportRefused(path, `A whole number from ${least} to ${most} is needed.`)
}

/** At least three slots, at most about 110; a week is seven days. */
export function slotFor(rangeMs: number): Slot {
  if (rangeMs <= 6 * HOUR_MS) return "15m"
  if (rangeMs <= 3 * DAY_MS) return "hour"
  if (rangeMs <= 100 * DAY_MS) return "day"
  return rangeMs <= 700 * DAY_MS ? "week" : "month"
}
