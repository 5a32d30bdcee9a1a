/** A table as CSV by RFC 4180, exact; what a spreadsheet would take for a formula is made a text. */
import type { Cell, Column, Table } from "../section.ts"
import { usdText } from "../section-json.ts"
import { TimeText } from "../time-text.ts"

/** What spreadsheets begin to compute at: at the start of a cell or of a line in it, behind any blanks. */
const FORMULA = /(^|[\r\n])([\s\u00a0]*)(?=[=+\-@\t\r\uff1d\uff0b\uff0d\uff20])/g

/**
 * Lines end with CRLF; the first one has the keys of the columns, which name their units, and `time_zone` where a column
 * is a time. Money is a decimal in USD, times have their offset, unknown cells are empty.
 */
export function csvTable({ columns, rows }: Table, zone: string): string {
  const time = new TimeText(zone)
  const hasTime = columns.some(({ kind }) => kind === "time")
  const header = [...columns.map(({ key }) => key), ...(hasTime ? ["time_zone"] : [])]
  const lines = rows.map((row) => [
    ...row.map((cell, index) => csvCell(cell, columns[index], time)),
    ...(hasTime ? [zone] : []),
  ])
  return [header, ...lines].map((cells) => `${cells.map(quoted).join(",")}\r\n`).join("")
}

function csvCell(cell: Cell, column: Column | undefined, time: TimeText): string {
  if (cell === null || column === undefined) return ""
  if (typeof cell === "string") return harmless(cell)
  if (column.kind === "time") return time.iso(Number(cell))
  if (column.kind === "money") return usdText(BigInt(cell))
  return String(cell)
}

/** Numbers are never changed: a negative amount stays one. */
export function harmless(text: string): string {
  return text.replaceAll(FORMULA, "$1$2'")
}

function quoted(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
