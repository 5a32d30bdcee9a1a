/** Sections as Markdown: names from outside cannot leave their cell, nor become HTML or a link. */
import type { Section, Table } from "../section.ts"
import { TimeText } from "../time-text.ts"
import { shownTable } from "./display.ts"

const MARKUP = /[\\`*_[\]<>|~&]/g

export interface ReportRange {
  readonly from: number
  readonly to: number
  readonly zone: string
}

/** `2026-11-23 00:00:00 to 2026-11-30 00:00:00 (Europe/Berlin)`; the end is not part of it. */
export function rangeText({ from, to, zone }: ReportRange): string {
  const time = new TimeText(zone)
  return `${time.moment(from)} to ${time.moment(to)} (${zone})`
}

export function markdownReport(sections: readonly Section[], range: ReportRange): string {
  return [
    `# Usage report`,
    `Range: ${rangeText(range)}`,
    ...sections.map((section) => sectionText(section, range.zone)),
  ].join("\n\n")
}

function sectionText({ title, about, tables, notes, next }: Section, zone: string): string {
  const following = next === null ? [] : [`More: \`--after ${next}\``]
  return [
    `## ${title}`,
    escaped(about),
    ...tables.map((table) => tableText(table, zone)),
    ...notes.map((note) => `_${escaped(note)}_`),
    ...following,
  ].join("\n\n")
}

function tableText(table: Table, zone: string): string {
  const { columns, title, notes, empty } = table
  const { rows, totals } = shownTable(table, zone)
  const head = `### ${escaped(title)}`
  const tail = notes.map((note) => `_${escaped(note)}_`)
  if (rows.length === 0) return [head, `_${escaped(empty)}_`, ...tail].join("\n\n")
  const titles = columns.map(({ title: name, unit }) =>
    unit === "" || name.toLowerCase() === unit ? name : `${name} (${unit})`,
  )
  const lines = [
    line(titles.map(escaped)),
    line(columns.map(({ kind }) => (kind === "text" || kind === "time" ? "---" : "---:"))),
    ...rows.map((row) => line(row.map(escaped))),
    ...(totals === null ? [] : [line(totals.map((text) => (text === "" ? "" : `**${escaped(text)}**`)))]),
  ]
  return [head, lines.join("\n"), ...tail].join("\n\n")
}

function line(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`
}

function escaped(text: string): string {
  return text
    .replaceAll(/\s+/g, " ")
    .replaceAll(MARKUP, (mark) => (mark === "<" ? "&lt;" : mark === "&" ? "&amp;" : `\\${mark}`))
}
