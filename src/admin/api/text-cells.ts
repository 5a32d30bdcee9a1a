/** Cells of reports as text: exact, and harmless to what opens the file. */
import type { Cell, Column } from "../../reports/section.ts"
import { jsonCell } from "../../reports/section-json.ts"

/** Money is a decimal text in USD, time an ISO text in UTC; unknown is empty. */
export function cellText(cell: Cell, { kind }: Pick<Column, "kind">): string {
  if (typeof cell === "bigint" && kind !== "money") return cell.toString()
  return String(jsonCell(cell, kind) ?? "")
}

/** Spreadsheets take a text that begins so for a formula, on each of its lines (CVE-2021-41270). */
const FORMULA = /(^|\r\n|[\r\n])(?=[\s\u00a0]*[=+\-@\t\r\uff1d\uff0b\uff0d\uff20])/g

/** One line of RFC 4180, with its end. */
export function csvLine(cells: readonly { readonly text: string; readonly isText: boolean }[]): string {
  return `${cells.map(({ text, isText }) => csvCell(isText ? text.replaceAll(FORMULA, "$1'") : text)).join(",")}\r\n`
}

function csvCell(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

/** In a table or a paragraph: nothing of it is markup. */
export function markdownText(text: string): string {
  return text
    .replaceAll(/[\\`*_{}[\]()#+!|~-]/g, String.raw`\$&`)
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll(/[\r\n\u2028\u2029]+/g, " ")
}
