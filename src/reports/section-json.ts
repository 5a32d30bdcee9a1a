/** A section as JSON: what the API answers and `report --format json` writes. Exact: money is a decimal text in USD. */
import type { Cell, Chart, Column, Kind, Row, Section, Table } from "./section.ts"

/** Money: a decimal text in USD (`"12.345678901"`); time: an ISO text in UTC; everything else: a number, text or null. */
export type JsonCell = string | number | null

export interface TableJson extends Omit<Table, "rows" | "totals"> {
  readonly rows: readonly (readonly JsonCell[])[]
  readonly totals: readonly JsonCell[] | null
}

export interface ChartJson extends Omit<Chart, "points"> {
  readonly points: readonly { readonly x: JsonCell; readonly y: readonly JsonCell[] }[]
}

export interface SectionJson extends Omit<Section, "tables" | "charts"> {
  /** Where the range begins and ends (outside), ISO texts in UTC, and the IANA name of the zone that cuts it. */
  readonly range: { readonly from: string; readonly to: string; readonly time_zone: string }
  readonly tables: readonly TableJson[]
  readonly charts: readonly ChartJson[]
}

export function sectionJson(
  { tables, charts, ...section }: Section,
  { from, to, zone }: { readonly from: number; readonly to: number; readonly zone: string },
): SectionJson {
  return {
    ...section,
    range: { from: isoOf(from), to: isoOf(to), time_zone: zone },
    tables: tables.map(tableJson),
    charts: charts.map(chartJson),
  }
}

function tableJson({ columns, rows, totals, ...table }: Table): TableJson {
  const cells = (row: Row): JsonCell[] => row.map((cell, index) => jsonCell(cell, kindOf(columns[index])))
  return { ...table, columns, rows: rows.map(cells), totals: totals === null ? null : cells(totals) }
}

function chartJson({ points, axes, ...chart }: Chart): ChartJson {
  const { x: across, y: up } = axes
  return {
    ...chart,
    axes,
    points: points.map(({ x, y }) => ({ x: jsonCell(x, across.kind), y: y.map((cell) => jsonCell(cell, up.kind)) })),
  }
}

function kindOf(column: Column | undefined): Kind {
  return column?.kind ?? "text"
}

export function jsonCell(cell: Cell, kind: Kind): JsonCell {
  if (cell === null) return null
  if (kind === "money" && typeof cell === "bigint") return usdText(cell)
  if (kind === "time" && typeof cell === "number") return isoOf(cell)
  return typeof cell === "bigint" ? Number(cell) : cell
}

/** Nano-USD as a decimal text in USD, exact: `12.345678901`, `-0.5`, `0`. */
export function usdText(nanoUsd: bigint): string {
  const digits = (nanoUsd < 0n ? -nanoUsd : nanoUsd).toString().padStart(10, "0")
  const fraction = digits.slice(-9).replace(/0+$/, "")
  return `${nanoUsd < 0n ? "-" : ""}${digits.slice(0, -9)}${fraction === "" ? "" : `.${fraction}`}`
}

function isoOf(ts: number): string {
  return new Date(ts).toISOString()
}
