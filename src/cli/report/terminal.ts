/** Sections as tables for a terminal, with small bars and lines. */
import { rangeText, type ReportRange } from "../../reports/render/markdown.ts"
import { shownTable } from "../../reports/render/display.ts"
import type { Cell, Chart, Column, Section, Table } from "../../reports/section.ts"

export interface Screen {
  readonly width: number
  readonly isColoured: boolean
}

const GAP = "  "
const BAR_WIDTH = 16
const LEAST_BAR = 6
const LEAST_TEXT = 20
const EIGHTHS = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"]
const LEVELS = "▁▂▃▄▅▆▇█"

type Paint = "bold" | "dim" | "cyan" | "yellow"

const CODES: Readonly<Record<Paint, string>> = { bold: "1", dim: "2", cyan: "36", yellow: "33" }

type Painter = (text: string, paint: Paint) => string

function painterOf({ isColoured }: Screen): Painter {
  return (text, paint) => (isColoured && text !== "" ? `\u001B[${CODES[paint]}m${text}\u001B[0m` : text)
}

export function terminalReport(sections: readonly Section[], range: ReportRange, screen: Screen): string {
  const paint = painterOf(screen)
  const parts = sections.map((section) => sectionText(section, range.zone, screen, paint))
  return [paint(rangeText(range), "dim"), ...parts].join("\n\n")
}

function sectionText(
  { title, about, tables, charts, notes, next }: Section,
  zone: string,
  screen: Screen,
  paint: Painter,
): string {
  const following = next === null ? [] : [paint(`More: --after ${next}`, "dim")]
  return [
    [paint(title.toUpperCase(), "bold"), ...dimmed(about, screen, paint)].join("\n"),
    ...charts.flatMap((chart) => sparklines(chart, screen, paint)),
    ...tableTexts(tables, zone, screen, paint),
    ...notes.map((note) => dimmed(note, screen, paint).join("\n")),
    ...following,
  ].join("\n\n")
}

/** Tables beside one another that are empty for the same reason say it once. */
function tableTexts(tables: readonly Table[], zone: string, screen: Screen, paint: Painter): string[] {
  return tables.flatMap((table, index) => {
    const isEmpty = (one: Table | undefined): boolean => one?.rows.length === 0 && one.empty === table.empty
    if (!isEmpty(table)) return [tableText(table, zone, screen, paint)]
    if (isEmpty(tables[index - 1])) return []
    const following = tables.slice(index).findIndex((one) => !isEmpty(one))
    const empty = following < 0 ? tables.slice(index) : tables.slice(index, index + following)
    const titles = wrapped(empty.map(({ title }) => title).join(", "), screen.width).map((line) => paint(line, "bold"))
    const notes = [table.empty, ...new Set(empty.flatMap((one) => one.notes))]
    return [[...titles, ...notes.flatMap((note) => dimmed(note, screen, paint))].join("\n")]
  })
}

function dimmed(text: string, { width }: Screen, paint: Painter): string[] {
  return wrapped(text, width).map((line) => paint(line, "dim"))
}

interface Shape {
  readonly column: Pick<Column, "kind">
  width: number
}

interface Laid extends Shape {
  readonly column: Column
  readonly cells: readonly string[]
  readonly total: string | null
}

function tableText(table: Table, zone: string, screen: Screen, paint: Painter): string {
  const heading = paint(table.title, "bold")
  const notes = table.notes.flatMap((note) => dimmed(note, screen, paint))
  const { rows, totals } = shownTable(table, zone)
  const laid = table.columns.map((column, index): Laid => {
    const cells = rows.map((row) => row[index] ?? "")
    const total = totals === null ? null : (totals[index] ?? "")
    return { column, cells, total, width: widthOf(column, total === null ? cells : [...cells, total]) }
  })
  const isRead = rows.some((row) => row.some((cell) => columnsOf(cell) > LONG_CELL))
  const few = rows.length <= MOST_ACROSS && lineWidth(laid) > screen.width
  if (isRead || few) {
    const below = few && !isRead ? transposed(laid, screen.width, paint) : null
    return [heading, ...(below ?? cards(laid, screen.width, paint)), ...notes].join("\n")
  }
  const fitted = fit(laid, screen.width)
  const left = screen.width - lineWidth(fitted) - GAP.length
  const bars = left < LEAST_BAR ? null : barsOf(table, Math.min(BAR_WIDTH, left))
  const hidden = laid.filter((one) => !fitted.includes(one)).map(({ column }) => column.key)
  const lines = [heading, ...headerLines(fitted).map((line) => paint(line, "dim"))]
  rows.forEach((_, row) => {
    const text = fitted.map((one) => padded(one.cells[row] ?? "", one)).join(GAP)
    lines.push(bars === null ? text.trimEnd() : `${text}${GAP}${paint(bars[row] ?? "", "cyan")}`.trimEnd())
  })
  if (totals !== null)
    lines.push(
      paint(
        fitted
          .map((one) => padded(one.total ?? "", one))
          .join(GAP)
          .trimEnd(),
        "bold",
      ),
    )
  if (hidden.length > 0) lines.push(...dimmed(`Not shown for lack of width: ${hidden.join(", ")}.`, screen, paint))
  return [...lines, ...notes].join("\n")
}

/** Longer texts are read, not compared: each row stands by itself. */
const LONG_CELL = 50

function cards(laid: readonly Laid[], width: number, paint: Painter): string[] {
  const names = namesOf(laid)
  const nameWidth = Math.max(...names.map(columnsOf))
  const indent = " ".repeat(nameWidth + GAP.length)
  const count = laid[0]?.cells.length ?? 0
  return Array.from({ length: count }, (_, row) =>
    laid.flatMap(({ cells }, index) => {
      const [first = "", ...others] = wrapped(cells[row] ?? "", Math.max(20, width - indent.length))
      const name = padded(names[index] ?? "", { column: { kind: "text" }, width: nameWidth })
      return [`${paint(name, "dim")}${GAP}${first}`, ...others.map((line) => `${indent}${line}`)]
    }),
  ).flatMap((lines, index) => (index === 0 ? lines : ["", ...lines]))
}

/** Few rows with much to tell stand beside one another. */
const MOST_ACROSS = 3

/** Null: the screen is too narrow for it. */
function transposed(laid: readonly Laid[], width: number, paint: Painter): string[] | null {
  const names = namesOf(laid)
  const nameWidth = Math.max(...names.map(columnsOf))
  const across = laid[0]?.cells.length ?? 0
  const widths = Array.from({ length: across }, (_, row) =>
    Math.max(...laid.map(({ cells }) => columnsOf(cells[row] ?? ""))),
  )
  if (across === 1 || widths.reduce((sum, one) => sum + one + GAP.length, nameWidth) > width) return null
  return laid.map(({ cells }, index) => {
    const name = padded(names[index] ?? "", { column: { kind: "text" }, width: nameWidth })
    const values = cells.map((cell, row) => padded(cell, { column: { kind: "count" }, width: widths[row] ?? 0 }))
    return `${paint(name, "dim")}${GAP}${values.join(GAP)}`
  })
}

function namesOf(laid: readonly Laid[]): string[] {
  return laid.map(({ column: { title, unit } }) => (unit === "" ? title : `${title} (${unit})`))
}

function isText({ kind }: Pick<Column, "kind">): boolean {
  return kind === "text" || kind === "time"
}

function widthOf({ title, unit }: Column, cells: readonly string[]): number {
  const words = [...title.split(" "), unit]
  return Math.max(...cells.map(columnsOf), ...words.map(columnsOf))
}

/** Terminals show some characters in two columns. */
function columnsOf(text: string): number {
  return Bun.stringWidth(text)
}

function lineWidth(laid: readonly Laid[]): number {
  return laid.reduce((sum, { width }) => sum + width, 0) + GAP.length * Math.max(0, laid.length - 1)
}

/** Shortens long texts first, then leaves out the last columns, but never the first two. */
function fit(laid: readonly Laid[], width: number): readonly Laid[] {
  let over = lineWidth(laid) - width
  while (over > 0) {
    const longest = laid
      .filter(({ column }) => column.kind === "text")
      .toSorted((one, other) => other.width - one.width)[0]
    if (longest === undefined || longest.width <= LEAST_TEXT) break
    const cut = Math.min(over, longest.width - LEAST_TEXT, 4)
    longest.width -= cut
    over -= cut
  }
  let shown = laid
  while (shown.length > 2 && lineWidth(shown) > width) {
    const last = shown.findLastIndex(({ column }) => column.bar !== true)
    shown = shown.filter((_, index) => index !== last)
  }
  return shown
}

function padded(text: string, { column, width }: Shape): string {
  const shown = columnsOf(text) > width ? shortened(text, width) : text
  const blank = " ".repeat(Math.max(0, width - columnsOf(shown)))
  return isText(column) ? shown + blank : blank + shown
}

function shortened(text: string, width: number): string {
  let short = ""
  for (const character of text) {
    if (columnsOf(short + character) > width - 1) break
    short += character
  }
  return `${short}…`
}

/** Titles over as many lines as their columns are narrow, units below. */
function headerLines(laid: readonly Laid[]): string[] {
  const titles = laid.map(({ column, width }) => wrapped(column.title, width))
  const height = Math.max(...titles.map((lines) => lines.length))
  const rows = Array.from({ length: height }, (_, row) =>
    laid.map((one, index) => padded(titles[index]?.[row - height + (titles[index]?.length ?? 0)] ?? "", one)).join(GAP),
  )
  const units = laid.map((one) => padded(one.column.unit, one)).join(GAP)
  return [...rows, ...(units.trim() === "" ? [] : [units])].map((line) => line.trimEnd())
}

function barsOf({ columns, rows }: Table, width: number): readonly string[] | null {
  const index = columns.findIndex(({ bar }) => bar === true)
  if (index < 0) return null
  const key = columns.findIndex(({ dimension, kind }) => dimension !== undefined && kind === "text")
  // what is left together is no group to compare with
  const amounts = rows.map((row) =>
    key >= 0 && row[key] === null ? 0 : Math.max(0, amountOf(row[index] ?? null) ?? 0),
  )
  const most = Math.max(...amounts)
  if (most === 0 || amounts.length < 2) return null
  return amounts.map((amount) => {
    const eighths = Math.round((amount / most) * width * 8)
    return "█".repeat(Math.floor(eighths / 8)) + (EIGHTHS[eighths % 8] ?? "")
  })
}

function amountOf(cell: Cell): number | null {
  return cell === null || typeof cell === "string" ? null : Number(cell)
}

const NAME_WIDTH = 20

/** A line for each series of a chart over time. */
function sparklines({ title, form, series, points, axes }: Chart, screen: Screen, paint: Painter): string[] {
  if (form === "bars" || points.length < 2) return []
  const room = Math.max(10, Math.min(60, screen.width - NAME_WIDTH - GAP.length))
  const lines = series.flatMap(({ title: name }, index) => {
    const amounts = points.map(({ y }) => amountOf(y[index] ?? null))
    const most = Math.max(0, ...amounts.map((amount) => amount ?? 0))
    if (most === 0) return []
    const text = squeezed(amounts, room).map((amount) => levelOf(amount, most))
    return [`${padded(name, { column: TEXT, width: NAME_WIDTH })}${GAP}${paint(text.join(""), "cyan")}`]
  })
  const unit = axes.y.unit === "" || axes.y.unit === title.toLowerCase() ? "" : ` (${axes.y.unit})`
  return lines.length === 0
    ? []
    : [[paint(`${title}${unit}, each line by its own highest`, "dim"), ...lines].join("\n")]
}

const TEXT = { kind: "text" } as const

/** A gap is a blank, nothing a dot. */
function levelOf(amount: number | null, most: number): string {
  if (amount === null) return " "
  return amount <= 0 ? "·" : (LEVELS[Math.min(7, Math.floor((amount / most) * 8))] ?? "")
}

/** The highest of each share of the points. */
function squeezed(amounts: readonly (number | null)[], room: number): (number | null)[] {
  if (amounts.length <= room) return [...amounts]
  return Array.from({ length: room }, (_, place) => {
    const from = Math.floor((place * amounts.length) / room)
    const to = Math.max(from + 1, Math.floor(((place + 1) * amounts.length) / room))
    const some = amounts.slice(from, to).filter((amount) => amount !== null)
    return some.length === 0 ? null : Math.max(...some)
  })
}

function wrapped(text: string, width: number): string[] {
  const lines: string[] = []
  let line = ""
  for (const word of text.split(" ")) {
    const longer = line === "" ? word : `${line} ${word}`
    if (line !== "" && columnsOf(longer) > width) {
      lines.push(line)
      line = word
    } else line = longer
  }
  return [...lines, line]
}
