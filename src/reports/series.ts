/** Charts over time, from the cube. */
import { filtersOf, splitBy } from "./breakdown.ts"
import { dimensionOf, type DimensionName } from "./dimensions.ts"
import { FIGURES, type FigureName, needsOf } from "./figure-columns.ts"
import type { Filter, Query, Rows } from "./query.ts"
import type { Asked, Chart } from "./section.ts"

export interface TimeChart {
  readonly id: string
  readonly title: string
  /** All of the same kind, so that they have one axis. */
  readonly figures: readonly FigureName[]
  /** Tells the series of the first figure apart; absent: a series for each figure. */
  readonly by?: DimensionName
  readonly where?: readonly Filter[]
}

const MOST_SERIES = 8

export function timeQuery(asked: Asked, { figures, by, where = [] }: TimeChart): Query {
  const { from, to, zone, slot } = asked
  const shape =
    by === undefined ? { by: [] } : { by: splitBy([by]).dimensions.map(({ stored }) => stored), top: MOST_SERIES }
  return { from, to, zone, slot, where: [...filtersOf(asked), ...where], ...needsOf(figures), ...shape }
}

export function timeChart({ id, title, figures, by }: TimeChart, rows: Rows): Chart {
  const [first] = figures
  if (first === undefined) throw new Error("a chart has no figure")
  const { unit, kind, title: y } = FIGURES[first].column
  const axes = {
    x: { title: "Time", unit: "", kind: "time" as const },
    y: { title: by === undefined && figures.length > 1 ? title : y, unit, kind },
  }
  if (by === undefined)
    return {
      id,
      title,
      form: "lines",
      axes,
      units: unit,
      series: figures.map((name) => ({ key: name, title: FIGURES[name].column.title })),
      points: rows.slots.map((x, index) => ({
        x,
        y: figures.map((name) => FIGURES[name].value(rows.totals.series[index] ?? { sums: {}, spreads: {} })),
      })),
    }
  return {
    id,
    title,
    form: "stack",
    axes,
    units: unit,
    series: rows.groups.map(({ key }) => ({
      key: key?.[0] ?? null,
      title: key === null ? "Other" : key[0] === "" ? `No ${dimensionOf(by).title.toLowerCase()}` : (key[0] ?? ""),
    })),
    points: rows.slots.map((x, index) => ({
      x,
      y: rows.groups.map(({ series }) => FIGURES[first].value(series[index] ?? { sums: {}, spreads: {} })),
    })),
  }
}
