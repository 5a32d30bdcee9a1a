/** Offsets in ascending order. */

/** Index of the first that is at least `least`. */
export function indexFrom(offsets: readonly number[], least: number): number {
  let [low, high] = [0, offsets.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((offsets[middle] ?? 0) < least) low = middle + 1
    else high = middle
  }
  return low
}

/** How many are at least `start` and below `end`. */
export function countWithin(offsets: readonly number[], start: number, end: number): number {
  return offsets.length === 0 ? 0 : indexFrom(offsets, end) - indexFrom(offsets, start)
}
