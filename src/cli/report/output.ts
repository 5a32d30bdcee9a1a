/** Writes a report in the format that was asked for. */
import { renameSync, rmSync, writeFileSync } from "node:fs"
import { csvTable } from "../../reports/render/csv.ts"
import { markdownReport } from "../../reports/render/markdown.ts"
import { sectionJson } from "../../reports/section-json.ts"
import type { Asked, Section } from "../../reports/section.ts"
import { nearest } from "../../nearest.ts"
import { OWNER_FILE } from "../../system/owner-only.ts"
import { type Arguments, UsageError } from "../command.ts"
import { terminalReport } from "./terminal.ts"

export const FORMATS = ["table", "md", "csv", "json"] as const

export type Format = (typeof FORMATS)[number]

/** @throws UsageError */
export function formatOf(options: Arguments): Format {
  const said = options.text("format") ?? (options.flag("json") ? "json" : undefined)
  if (said === undefined) return process.stdout.isTTY && options.text("out") === undefined ? "table" : "md"
  const format = FORMATS.find((name) => name === said)
  if (format === undefined)
    throw new UsageError(`The format is one of ${FORMATS.join(", ")}, not ${JSON.stringify(said)}.`)
  return format
}

/** @throws UsageError where there is no such table */
export function renderReport(
  sections: readonly Section[],
  asked: Asked,
  format: Format,
  table: string | undefined,
): string {
  if (format === "json") return `${jsonText(sections, asked)}\n`
  if (format === "csv") return csvText(sections, asked, table)
  if (format === "md") return `${markdownReport(sections, asked)}\n`
  const width = process.stdout.columns > 0 ? process.stdout.columns : 100
  return `${terminalReport(sections, asked, { width, isColoured: isColoured() })}\n`
}

function isColoured(): boolean {
  const { NO_COLOR: no = "", TERM: terminal = "" } = process.env
  return process.stdout.isTTY && no === "" && terminal !== "dumb"
}

function jsonText(sections: readonly Section[], asked: Asked): string {
  const all = sections.map((section) => sectionJson(section, asked))
  return JSON.stringify(all.length === 1 ? all[0] : { sections: all }, null, 2)
}

function csvText([section]: readonly Section[], { zone }: Asked, id: string | undefined): string {
  const tables = section?.tables ?? []
  const table = id === undefined ? tables[0] : tables.find((one) => one.id === id)
  if (table !== undefined) return csvTable(table, zone)
  const ids = tables.map((one) => one.id)
  const meant = nearest(id ?? "", ids)
  throw new UsageError(
    `There is no table ${JSON.stringify(id)} here. ${meant === undefined ? `There are ${ids.join(", ")}.` : `Did you mean ${meant}?`}`,
  )
}

/** The file is replaced in one step; only its owner can read it, as the usage database. */
export function writeReport(path: string, text: string): void {
  const temporary = `${path}.${process.pid}.tmp`
  try {
    writeFileSync(temporary, text, { mode: OWNER_FILE, flag: "wx" })
    renameSync(temporary, path)
  } catch (error) {
    rmSync(temporary, { force: true })
    throw error
  }
}
