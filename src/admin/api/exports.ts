/** Reports as files: CSV of a table, Markdown of all sections. They are written a part at a time, and say where they are cut. */
import { MOST_FOUND } from "../../reports/query.ts"
import { sectionJson } from "../../reports/section-json.ts"
import { inTurns } from "../../reports/turns.ts"
import type { Asked, Row, Section, SectionDefinition, Table } from "../../reports/section.ts"
import type { Operation, Question, ReportTools } from "./operation.ts"
import { invalid, one, type Parameter } from "./parameter.ts"
import { askedOf, RANGE, TABLE_BY } from "./questions.ts"
import { permissionOf, sectionOf } from "./section-operations.ts"
import { cellText, csvLine, markdownText } from "./text-cells.ts"

/** A file of calls or of security events has at most so many rows, every other one `MOST_FOUND`. */
export const MOST_EXPORTED = 100_000

const TABLE_NAME: Parameter = {
  name: "table",
  place: "query",
  about: "Which table of the section; absent: the first, of security the single events.",
  schema: { type: "string" },
  example: "",
}

const MODE: Parameter = {
  name: "mode",
  place: "query",
  about: "`summary`: the summary alone; absent: all sections.",
  schema: { type: "string", enum: ["summary"] },
  example: "summary",
}

export function csvOperations(sections: readonly SectionDefinition[]): Operation[] {
  return sections.flatMap((section) => {
    const own = csvOperation(section, `/export/${section.id}.csv`, `export_${section.id}`)
    return section.id === "security" ? [own, csvOperation(section, "/security/export.csv", "security_export")] : [own]
  })
}

function csvOperation(section: SectionDefinition, path: string, id: string): Operation {
  const isCalls = section.id === "calls"
  return {
    id,
    path,
    summary: `${section.about} As CSV, at most ${isCalls || section.id === "security" ? MOST_EXPORTED : MOST_FOUND} rows.`,
    permission: permissionOf(section, "export"),
    parameters: isCalls ? RANGE : [...(section.takesBy ? TABLE_BY : RANGE), TABLE_NAME],
    answers: { type: "text/csv" },
    handle: async (question, tools) => {
      const wanted = tableName(section, question)
      const isList = isCalls || (section.id === "security" && wanted === EVENTS)
      const asked = { ...askedOf(question, tools), top: MOST_FOUND, tables: isList && !isCalls ? [EVENTS] : null }
      // asked first: what cannot be answered is an error, no file
      const first = await sectionOf(section, asked, question, tools)
      const table = tableOf(first, wanted)
      const parts = isList ? listParts(section, first, table, asked, question, tools) : tableParts(table, asked.top)
      return { is: "file", name: `${section.id}.csv`, parts }
    },
  }
}

const EVENTS = "events"

/** Of security events single ones are wanted. Undefined: the first table. */
function tableName({ id }: SectionDefinition, { texts }: Question): string | undefined {
  return one(texts, "table") ?? (id === "security" ? EVENTS : undefined)
}

function tableOf({ tables }: Section, wanted: string | undefined): Table {
  const table = wanted === undefined ? tables[0] : tables.find((each) => each.id === wanted)
  if (table !== undefined) return table
  throw invalid("table", `There is no such table; there are ${tables.map((each) => each.id).join(", ")}.`)
}

async function* tableParts(table: Table, most: number): AsyncGenerator<string> {
  yield headLine(table)
  yield* rowLines(table, table.rows)
  if (table.restOf > 0) yield lastLine(table, `${table.restOf} groups are summed up in one row`)
  else if (table.rows.length >= most) yield lastLine(table, `cut after ${most} rows: ask for a shorter range`)
}

/** Page after page, while the client takes them. */
async function* listParts(
  definition: SectionDefinition,
  first: Section,
  head: Table,
  asked: Asked,
  question: Question,
  tools: ReportTools,
): AsyncGenerator<string> {
  yield headLine(head)
  let [count, section, table] = [0, first, head]
  for (;;) {
    const rows = table.rows.slice(0, MOST_EXPORTED - count)
    count += rows.length
    yield* rowLines(head, rows)
    if (section.next === null) return
    if (count >= MOST_EXPORTED) {
      yield lastLine(head, `cut after ${MOST_EXPORTED} rows: ask for a shorter range`)
      return
    }
    section = await sectionOf(definition, { ...asked, after: section.next }, question, tools)
    table = section.tables[0] ?? head
  }
}

/** Others have turns between: ten thousand rows are a tenth of a second's work. */
async function* rowLines(table: Table, rows: readonly Row[]): AsyncGenerator<string> {
  for await (const some of inTurns(rows)) yield some.map((row) => rowLine(table, row)).join("")
}

function headLine({ columns }: Table): string {
  return csvLine(columns.map(({ key }) => ({ text: key, isText: false })))
}

function rowLine({ columns }: Table, row: Row): string {
  return csvLine(
    columns.map((column, index) => ({ text: cellText(row[index] ?? null, column), isText: column.kind === "text" })),
  )
}

/** As wide as the others, so that every reader takes it. */
function lastLine({ columns }: Table, words: string): string {
  return csvLine(columns.map((_, index) => ({ text: index === 0 ? `# ${words}` : "", isText: false })))
}

export function markdownOperation(sections: readonly SectionDefinition[]): Operation {
  return {
    id: "export",
    path: "/export.md",
    summary: "All sections as one Markdown file.",
    permission: { object: "admin:reports", action: "export" },
    parameters: [...TABLE_BY, MODE],
    answers: { type: "text/markdown" },
    handle: async (question, tools) => {
      const mode = one(question.texts, "mode")
      if (mode !== undefined && mode !== "summary") throw invalid("mode", "`mode` can be summary.")
      const asked = askedOf(question, tools)
      const wanted = sections.filter(({ id }) =>
        mode === "summary" ? id === "summary" : id !== "calls" && id !== "security",
      )
      const [head, ...others] = wanted
      if (head === undefined) throw invalid("mode", "There is no such section.")
      const first = await sectionOf(head, asked, question, tools)
      return { is: "file", name: "report.md", parts: markdownParts(first, others, asked, question, tools) }
    },
  }
}

async function* markdownParts(
  first: Section,
  others: readonly SectionDefinition[],
  asked: Asked,
  question: Question,
  tools: ReportTools,
): AsyncGenerator<string> {
  const { range } = sectionJson(first, asked)
  yield `# Report\n\n${range.from} to ${range.to} (its end is outside), days of ${markdownText(range.time_zone)}.\n\n`
  yield* sectionTexts(first)
  for (const definition of others) yield* sectionTexts(await sectionOf(definition, asked, question, tools))
  yield `\nAt most ${asked.top} rows of each table; what is left is summed up in its last row.\n`
}

async function* sectionTexts({ title, about, tables, notes }: Section): AsyncGenerator<string> {
  yield `## ${markdownText(title)}\n\n${markdownText(about)}\n\n`
  for (const table of tables) yield* tableTexts(table)
  for (const note of notes) yield `${markdownText(note)}\n\n`
}

function line(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`
}

async function* tableTexts({ title, columns, rows, totals, empty, notes }: Table): AsyncGenerator<string> {
  yield `### ${markdownText(title)}\n\n`
  if (rows.length === 0) {
    yield `${markdownText(empty)}\n\n`
    return
  }
  const rowText = (row: Row): string =>
    `${line(columns.map((column, index) => markdownText(cellText(row[index] ?? null, column))))}\n`
  const heads = columns.map(({ title: name, unit }) => markdownText(unit === "" ? name : `${name} (${unit})`))
  const marks = columns.map(({ kind }) => (kind === "text" || kind === "time" ? "---" : "---:"))
  yield `${line(heads)}\n${line(marks)}\n`
  for await (const some of inTurns(totals === null ? rows : [...rows, totals])) yield some.map(rowText).join("")
  yield "\n"
  for (const note of notes) yield `${markdownText(note)}\n\n`
}
