/** What blocks of the cube have in common: how they ask, and how groups and titles are named. */
import type { Dimension, Group, Histogram, Measure, Query } from "../query.ts"
import type { Block } from "./block.ts"
import { dimensionTitle } from "../dimension-titles.ts"
import { type Figure, FIGURES, type FigureName } from "./figure.ts"
import type { BlockDefinition, By, PageQuestion } from "./page.ts"

interface Asked {
  readonly figures: readonly FigureName[]
  readonly by?: readonly Dimension[]
  readonly top?: number
  readonly slot?: Query["slot"]
  readonly where?: Query["where"]
  readonly before?: boolean
}

export function queryOf({ from, to, zone, where }: PageQuestion, asked: Asked): Query {
  const needed: readonly Figure[] = asked.figures.map((name) => FIGURES[name])
  const span = to - from
  return {
    from: asked.before === true ? Math.max(0, from - span) : from,
    to: asked.before === true ? from : to,
    zone,
    where: [...where, ...(asked.where ?? [])],
    by: asked.by ?? [],
    measures: [...new Set<Measure>(needed.flatMap(({ measures }) => measures))],
    histograms: [...new Set<Histogram>(needed.flatMap(({ histograms }) => histograms))],
    ...(asked.slot === undefined ? {} : { slot: asked.slot }),
    ...(asked.top === undefined ? {} : { top: asked.top }),
  }
}

export function framed({ id, title, note, half }: BlockDefinition): Pick<Block, "id" | "title" | "note" | "half"> {
  return { id, title, ...(note === undefined ? {} : { note }), ...(half === undefined ? {} : { half }) }
}

export function chosen(by: By, question: PageQuestion): Dimension {
  return by === "chosen" ? question.by : by
}

/** Titles say what is told apart: `by project`. */
export function titled(definition: BlockDefinition, by: Dimension): string {
  return definition.title.replace("{by}", dimensionTitle(by).toLowerCase())
}

/** A call without a value of the dimension has the empty text. */
function nameOf(value: string | undefined): string {
  return value === undefined || value === "" ? "(none)" : value
}

export function nameOfGroup({ key }: Group): string {
  return key === null ? "Other" : key.map(nameOf).join(" · ")
}
