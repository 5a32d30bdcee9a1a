/** Where a block stood, for losses: asked for rarely, so it is worked out only then. */
import type { Block } from "./block.ts"

export type PlaceOf = (block: Block) => string

/** Of the blocks of a list at `path`: `path[n]`. */
export function placesIn(blocks: readonly Block[], path: string): PlaceOf {
  let places: Map<Block, number> | null = null
  return (block) => {
    places ??= new Map(blocks.map((each, index) => [each, index]))
    return `${path}[${places.get(block) ?? 0}]`
  }
}

/** Of whatever stands inside of one place. */
export function inside(place: string): PlaceOf {
  return () => place
}
