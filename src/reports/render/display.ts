/** Cells as people read them. Money is rounded here and nowhere else. */
import { plain } from "../../bounded-text.ts"
import { dimensionOf } from "../dimensions.ts"
import type { Cell, Column, Table } from "../section.ts"
import { TimeText } from "../time-text.ts"

const LONGEST = 256
const NANO_DIGITS = 9

export interface ShownTable {
  readonly rows: readonly (readonly string[])[]
  readonly totals: readonly string[] | null
}

/** `–`: unknown, or there is none; `(none)`: calls without such a value; `Other`: what is left out. */
export function shownTable(table: Table, zone: string): ShownTable {
  const time = new TimeText(zone)
  const { columns, rows, totals } = table
  const digits = columns.map(({ kind }, index) => (kind === "money" ? moneyDigits(table, index) : 0))
  const shown = (row: readonly Cell[]): string[] =>
    row.map((cell, index) => shownCell(cell, columns[index], { time, digits: digits[index] ?? 0 }))
  const keys = columns.flatMap(({ dimension, kind }, index) =>
    dimension !== undefined && kind === "text" ? [index] : [],
  )
  return {
    rows: rows.map((row) => {
      const isRest = keys.length > 0 && keys.every((index) => row[index] === null)
      const texts = shown(row)
      if (isRest) for (const index of keys) texts[index] = index === keys[0] ? `Other (${table.restOf})` : ""
      return texts
    }),
    totals: totals === null ? null : totalTexts(shown(totals), totals),
  }
}

function totalTexts(texts: readonly string[], cells: readonly Cell[]): string[] {
  const first = cells.findIndex((cell) => cell !== null && cell !== "")
  return texts.map((text, index) => (index >= first ? text : index === 0 ? "Total" : ""))
}

interface Means {
  readonly time: TimeText
  readonly digits: number
}

function shownCell(cell: Cell, column: Column | undefined, { time, digits }: Means): string {
  if (cell === null || column === undefined) return "–"
  if (typeof cell === "string") return cell === "" ? "(none)" : plain(cell, LONGEST)
  if (column.kind === "time") return shownTime(Number(cell), column, time)
  if (column.kind === "money") return fixed(BigInt(cell), digits)
  if (typeof cell === "bigint") return grouped(cell.toString())
  if (column.kind === "percent" || column.kind === "rate") return grouped(cell.toFixed(1))
  return grouped(cell < 10 ? String(Math.round(cell * 10) / 10) : String(Math.round(cell)))
}

function shownTime(ts: number, { dimension }: Column, time: TimeText): string {
  const told = dimension === undefined ? undefined : dimensionOf(dimension)
  return told?.is === "time" ? time.slot(ts, told.slot) : time.moment(ts)
}

/** So many digits behind the point that the largest amount of a column has at least three that count. */
function moneyDigits({ rows, totals }: Table, index: number): number {
  const amounts = [...rows, ...(totals === null ? [] : [totals])].map((row) => {
    const cell = row[index]
    return typeof cell === "bigint" ? (cell < 0n ? -cell : cell) : 0n
  })
  const largest = amounts.reduce((most, amount) => (amount > most ? amount : most), 0n)
  if (largest >= 10_000_000_000n || largest === 0n) return 2
  return largest >= 100_000_000n ? 4 : 6
}

/** Nano-USD, rounded half away from zero. */
export function fixed(nanoUsd: bigint, digits: number): string {
  const unit = 10n ** BigInt(NANO_DIGITS - digits)
  const size = nanoUsd < 0n ? -nanoUsd : nanoUsd
  const rounded = ((size + unit / 2n) / unit).toString().padStart(digits + 1, "0")
  const text = `${rounded.slice(0, rounded.length - digits)}.${rounded.slice(rounded.length - digits)}`
  return `${nanoUsd < 0n && /[1-9]/.test(text) ? "-" : ""}${grouped(text)}`
}

function grouped(text: string): string {
  const [whole = "", fraction] = text.split(".")
  const groups = whole.replaceAll(/\B(?=(\d{3})+$)/g, ",")
  return fraction === undefined ? groups : `${groups}.${fraction}`
}
