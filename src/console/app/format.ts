/** Values as people read them. Whole numbers stay exact to the last step: money is rounded once, here. */
import type { Kind, Value } from "../../reports/pages/block.ts"
import type { Slot } from "../../reports/query.ts"

/** How the values of one column, axis or chart are written: with one unit and equally many decimals. */
export interface Scale {
  /** Stands beside the title (`USD`, `ms`); empty: there is none. */
  readonly unit: string
  readonly text: (value: Value) => string
}

export const UNKNOWN = "–"

const NANO_DIGITS = 9

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 })
const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 })

function largest(values: readonly Value[]): number {
  return values.reduce((most: number, value) => Math.max(most, Math.abs(Number(value ?? 0)) || 0), 0)
}

/** @param values all that stand together */
export function scaleOf(kind: Kind, values: readonly Value[]): Scale {
  const most = largest(values)
  switch (kind) {
    case "money":
    case "price":
      return {
        unit: "USD",
        text: known((value) => moneyText(value, most === 0 || most >= 1e9 ? 2 : most >= 0.01e9 ? 4 : 6)),
      }
    case "ms":
      if (most < 1000) return { unit: "ms", text: known((value) => fixed(Number(value), most < 10 ? 1 : 0)) }
      if (most < 600_000)
        return { unit: "s", text: known((value) => fixed(Number(value) / 1000, most < 100_000 ? 2 : 1)) }
      return { unit: "min", text: known((value) => fixed(Number(value) / 60_000, 1)) }
    case "percent":
      return { unit: "%", text: known((value) => fixed(Number(value), 2)) }
    case "tokens_per_second":
      return { unit: "tokens/s", text: known((value) => fixed(Number(value), 1)) }
    case "bytes":
      if (most < 10_000) return { unit: "bytes", text: known((value) => whole.format(Number(value))) }
      if (most < 10_000_000) return { unit: "kB", text: known((value) => fixed(Number(value) / 1000, 1)) }
      return { unit: "MB", text: known((value) => fixed(Number(value) / 1_000_000, 1)) }
    case "count":
    case "tokens":
      return { unit: "", text: known((value) => whole.format(typeof value === "string" ? BigInt(value) : value)) }
    default:
      return { unit: "", text: (value) => (value === null ? UNKNOWN : String(value)) }
  }
}

/** One value that stands alone, with its unit. */
export function single(kind: Kind, value: Value): string {
  if (value === null) return UNKNOWN
  const { unit, text } = scaleOf(kind, [value])
  if (unit === "") return text(value)
  return unit === "%" ? `${text(value)} %` : `${text(value)} ${unit}`
}

/** Short enough for an axis. */
export function axisText(kind: Kind, value: number): string {
  if (value === 0) return "0"
  if (kind === "money") {
    const usd = value / 1e9
    return `$${usd !== 0 && Math.abs(usd) < 1 ? String(Number(usd.toPrecision(2))) : compact.format(usd)}`
  }
  if (kind === "ms")
    return value < 1000 ? `${Number(value.toPrecision(3))} ms` : `${Number((value / 1000).toPrecision(3))} s`
  if (kind === "percent") return `${Number(value.toPrecision(3))} %`
  return compact.format(value)
}

function known(text: (value: number | string) => string): Scale["text"] {
  return (value) => (value === null ? UNKNOWN : text(value))
}

function fixed(value: number, decimals: number): string {
  return new Intl.NumberFormat("en", { minimumFractionDigits: decimals, maximumFractionDigits: decimals }).format(value)
}

/** Half away from zero. What is not zero never looks like it. */
export function moneyText(value: number | string, decimals: number): string {
  const nano = BigInt(value)
  const unit = 10n ** BigInt(NANO_DIGITS - decimals)
  const size = nano < 0n ? -nano : nano
  const rounded = (size + unit / 2n) / unit
  const sign = nano < 0n ? "−" : ""
  if (rounded === 0n && size > 0n) return `${sign === "" ? "<" : "> −"}0.${"0".repeat(decimals - 1)}1`
  const digits = String(rounded).padStart(decimals + 1, "0")
  return `${sign}${whole.format(BigInt(digits.slice(0, -decimals)))}.${digits.slice(-decimals)}`
}

/** Change in percent; null where there was nothing to compare with. */
export function changeOf(now: Value, before: Value | undefined): number | null {
  if (now === null || before === undefined || before === null || Number(before) === 0) return null
  return ((Number(now) - Number(before)) / Math.abs(Number(before))) * 100
}

export function signedText(percent: number): string {
  if (Math.abs(percent) < 0.05) return "no change"
  if (percent >= 1000) return `× ${whole.format(percent / 100 + 1)}`
  return `${percent > 0 ? "+" : "−"}${fixed(Math.abs(percent), 1)} %`
}

const formats = new Map<string, Intl.DateTimeFormat>()

function format(zone: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = zone + JSON.stringify(options)
  const made = formats.get(key) ?? new Intl.DateTimeFormat("en-GB", { ...options, timeZone: zone })
  formats.set(key, made)
  return made
}

const DATE = { year: "numeric", month: "short", day: "numeric" } as const
const TIME = { hour: "2-digit", minute: "2-digit" } as const

export function timeText(ms: number, zone: string, withSeconds = true): string {
  return format(zone, { ...DATE, ...TIME, ...(withSeconds ? { second: "2-digit" } : {}) }).format(ms)
}

/** `2026-11-30 09:14:05 UTC`. */
export function utcText(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19).replace("T", " ")} UTC`
}

/** Ids begin with their time, so that their ends tell them apart. */
export function shortId(id: string): string {
  return id.length <= 12 ? id : `…${id.slice(-8)}`
}

/** The name of a slot that begins then. */
export function slotText(ms: number, slot: Slot, zone: string): string {
  if (slot === "month") return format(zone, { year: "numeric", month: "long" }).format(ms)
  if (slot === "week") return `week of ${format(zone, DATE).format(ms)}`
  if (slot === "day") return format(zone, { weekday: "short", ...DATE }).format(ms)
  return format(zone, { weekday: "short", month: "short", day: "numeric", ...TIME }).format(ms)
}

/** The same, short enough for an axis. */
export function tickText(ms: number, slot: Slot, zone: string): string {
  if (slot === "month") return format(zone, { month: "short", year: "2-digit" }).format(ms)
  if (slot === "week" || slot === "day") return format(zone, { month: "short", day: "numeric" }).format(ms)
  const time = format(zone, TIME).format(ms)
  return time === "00:00" ? format(zone, { month: "short", day: "numeric" }).format(ms) : time
}
