/** Sections of reports as blocks of a page: their figures are made once, by the section. */
import type { Cell, Column as SectionColumn, Kind as SectionKind, Row, Section, SectionId, Table } from "../section.ts"
import { dimensionOf } from "../dimensions.ts"
import type { Block, Column, FlowChart, Kind, TableBlock, Value } from "./block.ts"
import { whole } from "./figure.ts"

const KINDS: Readonly<Record<SectionKind, Kind>> = {
  text: "text",
  count: "count",
  tokens: "tokens",
  money: "money",
  ms: "ms",
  percent: "percent",
  rate: "tokens_per_second",
  time: "time",
}

/** Words of sections that a mark stands before. */
const STATES: Readonly<Record<string, string>> = {
  ok: "ok",
  permitted: "ok",
  validated: "ok",
  proven: "ok",
  warning: "warning",
  expired: "warning",
  changed: "warning",
  exhausted: "bad",
  failed: "bad",
  refused: "bad",
}

/** @param ids tables of the section, in the order to show; empty: all */
export function sectionBlocks(section: Section, ids: readonly string[] = []): readonly Block[] {
  const tables = ids.length === 0 ? section.tables : section.tables.filter(({ id }) => ids.includes(id))
  return tables.map((table, index) => {
    // what holds for the section is said once, below its last table
    const notes = index === tables.length - 1 ? [...table.notes, ...section.notes] : table.notes
    return tableBlock(table, section.id, notes)
  })
}

function tableBlock(table: Table, section: SectionId, notes: readonly string[]): TableBlock {
  const columns = table.columns.map((column) => columnOf(column, section))
  return {
    id: `${section}-${table.id}`.replaceAll(/[^a-z0-9-]/g, "-"),
    title: table.title,
    show: "table",
    columns,
    rows: table.rows.map((row) => rowOf(row, columns, "Other")),
    totals: table.totals === null ? null : rowOf(table.totals, columns, "Total"),
    hasRest: table.restOf > 0,
    rowCount: table.rows.length + Math.max(0, table.restOf - 1),
    empty: table.empty,
    ...(notes.length === 0 ? {} : { note: notes.join(" ") }),
  }
}

function columnOf({ key, title, kind, dimension, bar }: SectionColumn, section: SectionId): Column {
  const stored = dimension === undefined ? undefined : dimensionOf(dimension)
  return {
    key,
    title,
    kind:
      key === "request_id" && section === "calls"
        ? "call"
        : key === "state" || key === "validation" || key === "proven"
          ? "state"
          : KINDS[kind],
    ...(stored?.is === "value" ? { filter: stored.stored } : {}),
    ...(stored?.is === "time" ? { precision: stored.slot } : {}),
    ...(section === "limits" && kind === "time" ? { precision: "minute" } : {}),
    ...(bar === true ? { bar } : {}),
  }
}

/** Where a group has no value of its own, the first cell says what the row is. */
function rowOf(row: Row, columns: readonly Column[], name: string): Value[] {
  const isNamed = columns.some(({ filter }, index) => filter !== undefined && row[index] !== null)
  return row.map((cell, index) =>
    index === 0 && cell === null && !isNamed ? name : valueOf(cell, columns[index]?.kind ?? "text"),
  )
}

function valueOf(cell: Cell, kind: Kind): Value {
  if (typeof cell === "bigint") return whole(cell)
  if (kind !== "state" || cell === null) return cell
  return `${STATES[String(cell)] ?? "off"}: ${cell}`
}

/** The moves from target to target as a flow; those that no target served end as failed. */
export function fallbackFlow(section: Section): Omit<FlowChart, "id" | "title"> | null {
  const table = section.tables.find(({ id }) => id === "fallbacks")
  if (table === undefined) return null
  const place = (key: string): number => table.columns.findIndex((column) => column.key === key)
  const [from, to, calls, served] = ["from_target", "to_target", "calls", "served"].map(place)
  const links = new Map<string, FlowChart["links"][number]>()
  const add = (link: FlowChart["links"][number]): void => {
    const key = JSON.stringify([link.from, link.to])
    if (link.value > 0) links.set(key, { ...link, value: link.value + (links.get(key)?.value ?? 0) })
  }
  for (const row of table.rows) {
    // a target may be left and come next: the two sides are nodes of their own
    const [first, next] = [String(row[from ?? 0]), `then ${row[to ?? 0]}`]
    const [moved, answered] = [Number(row[calls ?? 0] ?? 0), Number(row[served ?? 0] ?? 0)]
    add({ from: first, to: next, value: moved })
    add({ from: next, to: "served", value: answered })
  }
  return {
    show: "flow",
    kind: "count",
    links: [...links.values()],
    ...(table.notes.length === 0 ? {} : { note: table.notes.join(" ") }),
  }
}
