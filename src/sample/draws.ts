/** Numbers that look random and depend on a seed alone. */

/** From 0 up to 1 (mulberry32). */
export type Draw = () => number

export function draws(seed: number): Draw {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** A place in a list of `count`; the first places are the most frequent. */
export function skew(draw: number, count: number): number {
  return Math.min(count - 1, Math.floor(count * draw ** 2.5))
}

export function between(draw: Draw, least: number, most: number): number {
  return least + draw() * (most - least)
}

/** Each entry has the same chance. @throws Error where there is none */
export function oneOf<Entry>(entries: readonly Entry[], draw: Draw): Entry {
  const entry = entries[Math.floor(draw() * entries.length)]
  if (entry === undefined) throw new Error("there is nothing to choose from")
  return entry
}
