/** Series are told apart by colour, and lines also by their dashes. The colours stand in the style sheet. */
import type { PageAnswer } from "../../reports/pages/block.ts"

const DASHES = [undefined, "7 3", "2 3", "9 3 2 3", "5 2", "12 4", "1 4", "6 2 1 2"] as const

/** Of the series of a chart, in their order; what is left of the others has none. */
export type Colours = readonly (number | null)[]

/** By the id of a chart: a name keeps its colour on all charts of a page, and no two names of a chart have the same. */
export function coloursOf({ blocks }: PageAnswer): ReadonlyMap<string, Colours> {
  const known = new Map<string, number>()
  return new Map(
    blocks.flatMap((block) =>
      block.show === "chart" ? [[block.id, chosen(block.series.map(nameToColour), known)] as const] : [],
    ),
  )
}

function nameToColour({ name, isRest }: { readonly name: string; readonly isRest?: boolean }): string | null {
  return isRest === true ? null : name
}

function chosen(names: readonly (string | null)[], known: Map<string, number>): Colours {
  const taken = new Set<number>()
  const kept = names.map((name) => {
    const colour = name === null ? undefined : known.get(name)
    if (colour === undefined || taken.has(colour)) return null
    taken.add(colour)
    return colour
  })
  return names.map((name, index) => {
    if (name === null) return null
    const colour = kept[index] ?? DASHES.findIndex((_, free) => !taken.has(free))
    taken.add(colour)
    known.set(name, colour)
    return colour
  })
}

export function seriesClass(colour: number | null | undefined): string {
  return colour === null || colour === undefined ? "series-rest" : `series-${colour % DASHES.length}`
}

export function dashOf(colour: number | null | undefined): string | undefined {
  return colour === null || colour === undefined ? "1 2" : DASHES[colour % DASHES.length]
}
