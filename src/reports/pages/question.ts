/** The parameters of a page's address, read strictly: what is not understood is refused, with its name. */
import { type Dimension, type Filter, ReportRefused, type Slot } from "../query.ts"
import { ALL_DIMENSIONS } from "../plan.ts"
import { zoneClock } from "../zones.ts"
import type { CallOrder, PageDefinition, PageQuestion } from "./page.ts"

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS
const UNITS: Readonly<Record<string, number>> = { m: MINUTE_MS, h: HOUR_MS, d: DAY_MS, w: 7 * DAY_MS }
const SLOTS: readonly Slot[] = ["15m", "hour", "day", "week", "month"]
const ORDERS: readonly CallOrder[] = ["newest", "oldest", "cost", "latency"]
const MEASURES: Readonly<Record<string, Extract<Filter, { readonly measure: string }>["measure"]>> = {
  latency_ms: "latency_ms",
  cost_usd: "total_cost_nano_usd",
  attempts: "attempts",
  total_tokens: "total_tokens",
}
const MORE = ["baseline", "near"]
const LONGEST_TEXT = 2048
const DEFAULT_SINCE = "7d"

export interface Bounds {
  readonly nowMs: number
  /** The longest range, milliseconds. */
  readonly mostMs: number
  /** What the reader sees: `*`, or a project and an environment. */
  readonly domain: "*" | { readonly project: string; readonly environment: string }
}

/** @throws ReportRefused */
export function readQuestion(page: PageDefinition, parameters: URLSearchParams, bounds: Bounds): PageQuestion {
  const once = (name: string): string | null => {
    const [first = null, second] = parameters.getAll(name)
    if (second !== undefined) throw new ReportRefused(name, "It may be said once only.")
    return first === "" ? null : first
  }
  const zone = once("tz") ?? "UTC"
  if (zoneClock(zone) === null)
    throw new ReportRefused("tz", `There is no time zone ${quoted(zone)}; an IANA name is needed, as Europe/Berlin.`)
  const { from, to } = rangeOf(once, bounds)
  const only = once("only")
  return {
    page: page.name,
    from,
    to,
    zone,
    slot: wordOf(once("slot"), SLOTS, "slot") ?? slotFor(to - from),
    where: [...scopeOf(bounds.domain), ...filtersOf(parameters.getAll("where"))],
    domain: bounds.domain === "*" ? "*" : `${bounds.domain.project}/${bounds.domain.environment}`,
    by: wordOf(once("by"), page.by.length === 0 ? ALL_DIMENSIONS : page.by, "by") ?? page.by[0] ?? "project",
    compare: once("compare") !== "no",
    sort: wordOf(once("sort"), ORDERS, "sort") ?? "newest",
    after: placeOf(once("after")),
    call: once("call"),
    only: only === null ? null : only.split(","),
    more: Object.fromEntries(
      MORE.flatMap((name) => [once(name)].flatMap((text) => (text === null ? [] : [[name, text]]))),
    ),
  }
}

/** Whatever the reader asks for, nothing beyond this is counted. */
function scopeOf(domain: Bounds["domain"]): Filter[] {
  if (domain === "*") return []
  const { project, environment } = domain
  return [
    { dimension: "project", is: [project] },
    { dimension: "environment", is: [environment] },
  ]
}

type Once = (name: string) => string | null

function rangeOf(once: Once, { nowMs, mostMs }: Bounds): { from: number; to: number } {
  const [from, to, since] = [once("from"), once("to"), once("since")]
  if (from === null && to !== null) throw new ReportRefused("from", "A range with an end needs a beginning.")
  if (from !== null && since !== null) throw new ReportRefused("since", "Either since or from and to can be said.")
  const end = to === null ? nowMs : instantOf(to, "to")
  const begin = from === null ? end - spanOf(since ?? DEFAULT_SINCE) : instantOf(from, "from")
  if (begin >= end) throw new ReportRefused("to", "The range must end behind its beginning.")
  if (end - begin > mostMs)
    throw new ReportRefused(
      from === null ? "since" : "from",
      `A range has at most ${Math.floor(mostMs / DAY_MS)} days.`,
    )
  return { from: Math.max(0, begin), to: end }
}

/** The zone stands in the text; a date alone is midnight UTC. */
function instantOf(text: string, name: string): number {
  const isInstant = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?(?:Z|[+-]\d\d:\d\d))?$/.test(text)
  const ms = isInstant ? Date.parse(text) : Number.NaN
  if (Number.isNaN(ms) || ms < 0)
    throw new ReportRefused(name, "An instant with its offset is needed, as 2026-11-30T00:00:00+01:00.")
  return ms
}

function spanOf(text: string): number {
  const [, count = "", unit = ""] = /^(\d{1,5})([mhdw])$/.exec(text) ?? []
  const ms = Number(count) * (UNITS[unit] ?? 0)
  if (ms <= 0)
    throw new ReportRefused("since", "A span is needed: minutes, hours, days or weeks, as 90m, 24h, 7d or 4w.")
  return ms
}

function slotFor(spanMs: number): Slot {
  if (spanMs <= 12 * HOUR_MS) return "15m"
  if (spanMs <= 4 * DAY_MS) return "hour"
  if (spanMs <= 120 * DAY_MS) return "day"
  return spanMs <= 800 * DAY_MS ? "week" : "month"
}

/**
 * `project=a`, `project!=a`, `token^=tok`, `latency_ms>=500`; a value may stand in quotes, as in JSON. Several of one
 * dimension with `=` are alternatives, everything else holds together.
 */
function filtersOf(texts: readonly string[]): Filter[] {
  const alternatives = new Map<Dimension, string[]>()
  const others: Filter[] = []
  texts.forEach((text, index) => {
    const at = texts.length === 1 ? "where" : `where[${index}]`
    if (text.length > LONGEST_TEXT) throw new ReportRefused(at, `A filter has at most ${LONGEST_TEXT} characters.`)
    const [, name = "", sign = "", value = ""] = /^([a-z_0-9]+)(!=|\^=|>=|<=|=)([^]*)$/.exec(text) ?? []
    if (sign === ">=" || sign === "<=") others.push(boundOf(name, sign, value, at))
    else if (sign === "=")
      alternatives.set(dimensionOf(name, at), [...(alternatives.get(dimensionOf(name, at)) ?? []), unquoted(value, at)])
    else if (sign === "!=") others.push({ dimension: dimensionOf(name, at), not: [unquoted(value, at)] })
    else others.push({ dimension: dimensionOf(name, at), prefix: unquoted(value, at) })
  })
  return [...[...alternatives].map(([dimension, is]): Filter => ({ dimension, is })), ...others]
}

function dimensionOf(name: string, at: string): Dimension {
  const dimension = ALL_DIMENSIONS.find((known) => known === name)
  if (dimension !== undefined) return dimension
  throw new ReportRefused(
    at,
    `A filter is a dimension, =, != or ^=, and a value; the dimensions are ${ALL_DIMENSIONS.join(", ")}.`,
  )
}

function boundOf(name: string, sign: ">=" | "<=", value: string, at: string): Filter {
  const measure = MEASURES[name]
  const [, whole = "", decimals = ""] = /^(\d{1,9})(?:\.(\d{1,9}))?$/.exec(value) ?? []
  const isMoney = measure === "total_cost_nano_usd"
  if (measure === undefined || whole === "" || (!isMoney && decimals !== ""))
    throw new ReportRefused(at, `Bounds are numbers of ${Object.keys(MEASURES).join(", ")}.`)
  const amount = isMoney ? Number(whole + decimals.padEnd(9, "0")) : Number(whole)
  return sign === ">=" ? { measure, min: amount } : { measure, max: amount }
}

function unquoted(value: string, at: string): string {
  if (!value.startsWith('"')) return value
  try {
    return String(JSON.parse(value))
  } catch {
    throw new ReportRefused(at, "This is no quoted text: quotes are those of JSON.")
  }
}

function placeOf(text: string | null): PageQuestion["after"] {
  if (text === null) return null
  const [, value = "", requestId = ""] = /^(\d{1,16})\.(.{1,256})$/s.exec(text) ?? []
  if (value === "") throw new ReportRefused("after", "This is not a place that an answer named as its next.")
  return { value: Number(value), requestId }
}

function wordOf<Word extends string>(text: string | null, known: readonly Word[], name: string): Word | null {
  if (text === null) return null
  const word = known.find((each) => each === text)
  if (word === undefined) throw new ReportRefused(name, `${quoted(text)} is not one of ${known.join(", ")}.`)
  return word
}

function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 100))
}
