import { breakdowns, byTitle, columnsOf, filtersOf, splitBy, topFor } from "../breakdown.ts"
import { CACHE_BY_GROUP } from "../cache-table.ts"
import { dimensionOf, type DimensionName } from "../dimensions.ts"
import { FIGURES } from "../figure-columns.ts"
import { columnOf, divide, percentOf } from "../figure-makers.ts"
import type { Figures, Measure, Query, Rows } from "../query.ts"
import type { Asked, Baseline, Cell, Column, Row, SectionDefinition, Table } from "../section.ts"
import { slotTable } from "../slots.ts"
import type { timeChart } from "../series.ts"

const MILLION = 1_000_000n

const OWN: readonly DimensionName[][] = [["project"], ["user"], ["provider", "model"]]

const COLUMNS: readonly Column[] = [
  columnOf(
    "reference_cost_usd",
    "money",
    "Reference cost",
    "The cost of the same tokens at the prices of the baseline.",
  ),
  { ...FIGURES.cost_usd.column },
  {
    ...columnOf(
      "savings_usd",
      "money",
      "Savings",
      "The reference cost less the stored cost; negative: the calls cost more.",
    ),
    bar: true,
  },
  columnOf("savings_percent", "percent", "Saved", "Of the reference cost."),
  FIGURES.input_tokens.column,
  FIGURES.output_tokens.column,
  columnOf("priced_calls", "count", "Priced calls", "The calls that are compared: those whose cost is known."),
]

const NO_BASELINE =
  "There is no price to compare with: server.admin_reports.baselines names some, or give --baseline-input-price-per-million-usd and --baseline-output-price-per-million-usd."

/** Calls of unknown cost are left out of both sides: else their tokens would count as saved in full. */
const PRICED = { dimension: "cost_unknown", is: [""] } as const

export const SAVINGS: SectionDefinition = {
  id: "savings",
  title: "Savings",
  about:
    "The cost of the same tokens at the prices of a baseline, less the cost of the calls; and the cost that the response cache saved.",
  takesBy: true,
  build: async (asked, { queries }) => {
    const coverage = { from: asked.from, to: asked.to, zone: asked.zone, where: filtersOf(asked), by: [] } as const
    const slots = slotTable(asked)
    const bys: readonly (readonly DimensionName[])[] = asked.by.length === 0 ? [slots.by, ...OWN] : [asked.by]
    const [whole, overall, series, ...groups] = await queries([
      { ...coverage, measures: ["calls", "unknown_cost_calls"], histograms: [] },
      savingsQuery(asked, []),
      { ...savingsQuery(asked, []), slot: asked.slot },
      ...bys.map((by) => savingsQuery(asked, by)),
    ])
    if (whole === undefined || overall === undefined || series === undefined) throw new Error("a query has no answer")
    const tables = asked.baselines.flatMap((baseline) =>
      bys.flatMap((by, index) => {
        const rows = groups[index]
        return rows === undefined ? [] : [savingsTable(baseline, by, rows, asked.baselines.length > 1)]
      }),
    )
    const cached = asked.by.length === 0 ? await breakdowns(asked, queries, [CACHE_BY_GROUP]) : []
    return {
      tables: [baselineTable(asked.baselines, overall.totals.figures), ...tables, ...cached],
      charts: asked.baselines.map((baseline) => savingsChart(baseline, series)),
      notes: [coverageNote(whole.totals.figures)],
    }
  },
}

const MEASURES: readonly Measure[] = ["total_cost_nano_usd", "input_tokens", "output_tokens", "calls"]

function savingsQuery(asked: Asked, by: readonly DimensionName[]): Query {
  const { dimensions, slot } = splitBy(by)
  const { from, to, zone } = asked
  const needs = { measures: MEASURES, histograms: [] }
  return {
    from,
    to,
    zone,
    where: [...filtersOf(asked), PRICED],
    by: dimensions.map(({ stored }) => stored),
    ...(slot === null ? {} : { slot }),
    ...needs,
    top: topFor(asked, slot, needs),
  }
}

/** Nano-USD: rounded once, half away from zero. */
export function referenceCost({ sums }: Figures, { inputPrice, outputPrice }: Baseline): bigint {
  const millionfold = (sums.input_tokens ?? 0n) * inputPrice + (sums.output_tokens ?? 0n) * outputPrice
  return divide(millionfold, MILLION) ?? 0n
}

function savingsCells(figures: Figures, baseline: Baseline): Cell[] {
  const { sums } = figures
  const reference = referenceCost(figures, baseline)
  const cost = sums.total_cost_nano_usd ?? 0n
  const saved = reference - cost
  const tokens = [sums.input_tokens ?? 0n, sums.output_tokens ?? 0n]
  return [reference, cost, saved, percentOf(saved, reference), ...tokens, sums.calls ?? 0n]
}

function baselineTable(baselines: readonly Baseline[], figures: Figures): Table {
  return {
    id: "baselines",
    title: "Against each baseline",
    columns: [
      columnOf("baseline", "text", "Baseline", "The name of the baseline."),
      columnOf("input_price_per_million_usd", "money", "Input price", "Of a million tokens of input."),
      columnOf("output_price_per_million_usd", "money", "Output price", "Of a million tokens of output."),
      ...COLUMNS,
    ],
    rows: baselines.map((baseline): Row => [
      baseline.name,
      baseline.inputPrice,
      baseline.outputPrice,
      ...savingsCells(figures, baseline),
    ]),
    restOf: 0,
    totals: null,
    empty: NO_BASELINE,
    notes: [],
  }
}

function savingsTable(baseline: Baseline, by: readonly DimensionName[], rows: Rows, isOneOfMany: boolean): Table {
  const isTime = by.map((name) => dimensionOf(name).is === "time")
  const names = by.filter((_, index) => isTime[index] !== true)
  const rowOf = (key: readonly string[] | null, ts: number | null, figures: Figures): Row => [
    ...by.map((name, index) => (isTime[index] === true ? ts : (key?.[names.indexOf(name)] ?? null))),
    ...savingsCells(figures, baseline),
  ]
  const groups = names.length > 0 ? rows.groups : [rows.totals]
  const made = isTime.includes(true)
    ? rows.slots.flatMap((ts, index) =>
        groups.flatMap(({ key, series }) => {
          const figures = series[index]
          return figures === undefined || (names.length > 0 && (figures.sums.calls ?? 0n) === 0n)
            ? []
            : [rowOf(key, ts, figures)]
        }),
      )
    : groups.map(({ key, figures }) => rowOf(key, null, figures))
  const suffix = isOneOfMany ? `_${baseline.id}` : ""
  return {
    id: `by_${by.join("_")}${suffix}`,
    title: `Against ${baseline.name}: ${byTitle(by)}`,
    columns: [...columnsOf({ by, figures: [] }), ...COLUMNS],
    rows: (rows.totals.figures.sums.calls ?? 0n) === 0n ? [] : made,
    restOf: rows.groupCount - rows.groups.filter(({ key }) => key !== null).length,
    totals: rowOf(null, null, rows.totals.figures),
    empty: "No call of known cost was made in this range that the filters leave.",
    notes: [],
  }
}

function savingsChart(baseline: Baseline, rows: Rows): ReturnType<typeof timeChart> {
  const { unit, kind } = FIGURES.cost_usd.column
  return {
    id: `savings_${baseline.id}`,
    title: `Cost against ${baseline.name}`,
    form: "lines",
    axes: { x: { title: "Time", unit: "", kind: "time" }, y: { title: "Cost", unit, kind } },
    units: unit,
    series: [
      { key: "reference_cost_usd", title: baseline.name },
      { key: "cost_usd", title: "Cost" },
    ],
    points: rows.slots.map((x, index) => {
      const figures = rows.totals.series[index] ?? { sums: {}, spreads: {} }
      return { x, y: [referenceCost(figures, baseline), figures.sums.total_cost_nano_usd ?? 0n] }
    }),
  }
}

function coverageNote({ sums }: Figures): string {
  const [calls, unknown] = [sums.calls ?? 0n, sums.unknown_cost_calls ?? 0n]
  if (unknown <= 0n) return `All ${calls} calls have a known cost and are compared.`
  return `${unknown} of ${calls} calls used something of unknown cost. They are left out of the reference cost, of the cost and of the savings.`
}
