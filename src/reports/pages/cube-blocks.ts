/** Blocks whose figures come from the cube: which queries they need, and what becomes of the answers. */
import type { Figures, Group, Query, Rows } from "../query.ts"
import type { Block, Column, Series, Tile, Value } from "./block.ts"
import { dimensionOf, frameOf, nameOfGroup, queryOf, titleOf } from "./block-query.ts"
import { changes } from "./changes.ts"
import { percentOf } from "../figure-makers.ts"
import { dimensionTitle } from "../dimension-titles.ts"
import { type Figure, FIGURES, type FigureName } from "./figure.ts"
import type { BlockDefinition, PageQuestion } from "./page.ts"

export interface PlannedBlock {
  readonly queries: readonly Query[]
  /** Gets an answer for each query. */
  readonly block: (answers: readonly Rows[]) => Block
}

const TOP_SERIES = 8
const TOP_BARS = 12
const TOP_ROWS = 1000

type Of<Show extends BlockDefinition["show"]> = Extract<BlockDefinition, { readonly show: Show }>

/** Null: the block is not of the cube. */
export function plannedBlock(definition: BlockDefinition, question: PageQuestion): PlannedBlock | null {
  switch (definition.show) {
    case "tiles":
      return tiles(definition, question)
    case "over-time":
      return overTime(definition, question)
    case "figures-over-time":
      return figuresOverTime(definition, question)
    case "bars":
      return bars(definition, question)
    case "histogram":
      return histogram(definition, question)
    case "groups":
      return groups(definition, question)
    case "changes":
      return changes(definition, question)
    case "calls":
    case "part":
      return null
  }
}

function tiles(definition: Of<"tiles">, question: PageQuestion): PlannedBlock {
  const { figures } = definition
  // the epoch has nothing before it
  const compares = question.compare && question.from > 0
  return {
    queries: [queryOf(question, { figures }), ...(compares ? [queryOf(question, { figures, before: true })] : [])],
    block: ([now, before]) => ({
      ...frameOf(definition),
      show: "tiles",
      tiles: figures.map((name): Tile => {
        const { title, kind, good, of }: Figure = FIGURES[name]
        return {
          id: name,
          title,
          kind,
          value: now === undefined ? null : of(now.totals.figures),
          ...(before === undefined ? {} : { before: of(before.totals.figures) }),
          ...(good === undefined ? {} : { good }),
        }
      }),
    }),
  }
}

function overTime(definition: Of<"over-time">, question: PageQuestion): PlannedBlock {
  const { figure: name, chart, by, where = [] } = definition
  const { slot } = question
  const figure: Figure = FIGURES[name]
  const dimension = by === undefined ? null : dimensionOf(by, question)
  const asked = { figures: [name], slot, where }
  const query = queryOf(question, dimension === null ? asked : { ...asked, by: [dimension], top: TOP_SERIES })
  return {
    queries: [query],
    block: ([rows]) => ({
      ...frameOf(definition),
      title: dimension === null ? definition.title : titleOf(definition, dimension),
      show: "chart",
      chart,
      kind: figure.kind,
      slot,
      times: rows?.slots ?? [],
      series: (dimension === null ? [rows?.totals] : (rows?.groups ?? [])).flatMap((group) =>
        group === undefined ? [] : [seriesOf(group, dimension === null ? figure.title : nameOfGroup(group), figure)],
      ),
    }),
  }
}

function seriesOf(group: Group, name: string, figure: Figure): Series {
  return {
    name,
    points: group.series.map(figure.of),
    ...(group.key === null && name === "Other" ? { isRest: true } : {}),
  }
}

function figuresOverTime(definition: Of<"figures-over-time">, question: PageQuestion): PlannedBlock {
  const { figures } = definition
  const { slot } = question
  const [first] = figures
  return {
    queries: [queryOf(question, { figures, slot })],
    block: ([rows]) => ({
      ...frameOf(definition),
      show: "chart",
      chart: "line",
      kind: first === undefined ? "count" : FIGURES[first].kind,
      slot,
      times: rows?.slots ?? [],
      series: figures.map((name) => ({
        name: FIGURES[name].title,
        points: (rows?.totals.series ?? []).map((each: Figures): Value => FIGURES[name].of(each)),
      })),
    }),
  }
}

function bars(definition: Of<"bars">, question: PageQuestion): PlannedBlock {
  const { figure: name, where = [] } = definition
  const by = dimensionOf(definition.by, question)
  const figure: Figure = FIGURES[name]
  return {
    queries: [queryOf(question, { figures: [name], by: [by], top: TOP_BARS, where })],
    block: ([rows]) => ({
      ...frameOf(definition),
      title: titleOf(definition, by),
      show: "bars",
      kind: figure.kind,
      bars: (rows?.groups ?? []).map((group) => ({
        name: nameOfGroup(group),
        value: figure.of(group.figures),
        ...(group.key === null ? { isRest: true } : {}),
      })),
    }),
  }
}

function histogram(definition: Of<"histogram">, question: PageQuestion): PlannedBlock {
  const name = definition.histogram
  const query = { ...queryOf(question, { figures: ["calls"] }), histograms: [name], buckets: true }
  return {
    queries: [query],
    block: ([rows]) => {
      const spread = rows?.totals.figures.spreads[name]
      return {
        ...frameOf(definition),
        show: "histogram",
        kind: name === "tokens_per_second" ? "tokens_per_second" : "ms",
        buckets: spread?.buckets ?? [],
        marks: (["p50", "p95", "p99"] as const).flatMap((rank) => {
          const value = spread?.[rank] ?? null
          return value === null ? [] : [{ name: rank, value }]
        }),
      }
    },
  }
}

function groups(definition: Of<"groups">, question: PageQuestion): PlannedBlock {
  const by = definition.by.map((each) => dimensionOf(each, question))
  const { figures, share, where = [], top = TOP_ROWS } = definition
  const columns: Column[] = [
    ...by.map((key): Column => ({ key, title: dimensionTitle(key), kind: "text", filter: key })),
    ...figures.map((key): Column => ({ key, title: FIGURES[key].title, kind: FIGURES[key].kind })),
    ...(share === undefined
      ? []
      : [
          {
            key: "share",
            title: `Share of ${FIGURES[share].title.toLowerCase()}`,
            kind: "percent" as const,
            bar: true,
          },
        ]),
  ]
  const values = (group: Group, all: Group): Value[] => [
    ...figures.map((name) => FIGURES[name].of(group.figures)),
    ...(share === undefined ? [] : [percentOf(wholeOf(share, group), wholeOf(share, all))]),
  ]
  return {
    queries: [queryOf(question, { figures, by, top, where })],
    block: (answers) => {
      const [rows] = answers
      const all = rows?.groups ?? []
      const totals = rows?.totals
      return {
        ...frameOf(definition),
        title: by[0] === undefined ? definition.title : titleOf(definition, by[0]),
        show: "table",
        columns,
        rows: all.map((group) => [
          ...(group.key ?? by.map((_, index) => (index === 0 ? "Other" : ""))),
          ...values(group, totals ?? group),
        ]),
        totals:
          totals === undefined
            ? null
            : [...by.map((_, index) => (index === 0 ? "Total" : "")), ...values(totals, totals)],
        hasRest: all.at(-1)?.key === null,
        rowCount: rows?.groupCount ?? 0,
        empty: "There are no calls in this range. A longer range or fewer filters show more.",
      }
    },
  }
}

function wholeOf(name: FigureName, { figures }: Group): bigint {
  return BigInt(FIGURES[name].of(figures) ?? 0)
}
