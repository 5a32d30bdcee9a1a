/** A table as text for other programs: every row that the router sent, exact values, units in the names of columns. */
import type { Kind, TableBlock, Value } from "../../reports/pages/block.ts"
import { moneyText, timeText } from "./format.ts"

const UNITS: Readonly<Partial<Record<Kind, string>>> = {
  money: "usd",
  price: "usd per million tokens",
  ms: "ms",
  percent: "percent",
  tokens_per_second: "tokens_per_second",
  bytes: "bytes",
}

function headOf({ columns }: TableBlock): string[] {
  return columns.map(({ title, kind }) => (UNITS[kind] === undefined ? title : `${title} (${UNITS[kind]})`))
}

/** Money with all nine decimals, times in UTC. */
function exact(kind: Kind, value: Value): string {
  if (value === null) return ""
  if (kind === "money" || kind === "price") return moneyText(value, 9).replaceAll(",", "").replace("−", "-")
  if (kind === "time") return new Date(Number(value)).toISOString()
  return String(value)
}

function rowsOf(block: TableBlock): (readonly Value[])[] {
  return block.totals === null ? [...block.rows] : [...block.rows, block.totals]
}

function harmless(text: string): string {
  return /^[=+\-@\t\r\n]/.test(text) ? `'${text}` : text
}

function field(text: string, isNumber: boolean): string {
  const value = isNumber ? text : harmless(text)
  return /[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value
}

function oneLine(text: string): string {
  return harmless(text).replaceAll(/[\t\r\n]+/g, " ")
}

/** RFC 4180. A text that a spreadsheet would run begins with an apostrophe. */
export function csvOf(block: TableBlock): string {
  const lines = [
    headOf(block).map((text) => field(text, false)),
    ...rowsOf(block).map((row) =>
      row.map((value, index) => {
        const kind = block.columns[index]?.kind ?? "text"
        return field(exact(kind, value), kind !== "text" && kind !== "call" && kind !== "state")
      }),
    ),
  ]
  const text = lines.map((line) => line.join(",")).join("\r\n")
  // a place behind says that there is more
  return typeof block.next === "string" ? `${text}\r\n"More calls match: this is one page of them."\r\n` : `${text}\r\n`
}

/** For the clipboard: spreadsheets take it as cells. */
export function tabbedOf(block: TableBlock, zone: string): string {
  const rows = rowsOf(block).map((row) =>
    row.map((value, index) => {
      const kind = block.columns[index]?.kind ?? "text"
      if (kind === "time" && value !== null) return timeText(Number(value), zone)
      return kind === "text" ? oneLine(exact(kind, value)) : exact(kind, value)
    }),
  )
  return [headOf(block).map(oneLine), ...rows].map((row) => row.join("\t")).join("\n")
}

export function saveText(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: "text/csv" }))
  const link = document.createElement("a")
  link.href = url
  link.download = name
  link.click()
  URL.revokeObjectURL(url)
}
