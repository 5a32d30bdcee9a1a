/** Series are told apart by colour, and lines also by their dashes. The colours stand in the style sheet. */

const DASHES = [undefined, "7 3", "2 3", "9 3 2 3", "5 2", "12 4", "1 4", "6 2 1 2"] as const

export const SERIES_COLOURS: number = DASHES.length

export function seriesClass(index: number, isRest: boolean | undefined): string {
  return isRest === true ? "series-rest" : `series-${index % SERIES_COLOURS}`
}

export function dashOf(index: number, isRest: boolean | undefined): string | undefined {
  return isRest === true ? "1 2" : DASHES[index % SERIES_COLOURS]
}
