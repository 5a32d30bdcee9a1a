/** A part of a text, in UTF-16 units. */
export interface Span {
  readonly start: number
  readonly end: number
}

/** Finds what is personal in a text, in any order; spans may overlap. Linear in the length of the text. */
export type Find = (text: string) => readonly Span[]

/** What a rule has found. */
export interface Match extends Span {
  /** Its place in the list of rules. */
  readonly rule: number
}

/** Sorted and without overlaps: matches that overlap become one, which belongs to the rule that begins first, else is the longest. */
export function joinMatches(matches: Match[]): readonly Match[] {
  if (matches.length < 2) return matches
  const sorted = matches.toSorted(
    (one, other) => one.start - other.start || other.end - one.end || one.rule - other.rule,
  )
  const joined: Match[] = []
  for (const match of sorted) {
    const last = joined.at(-1)
    if (last === undefined || match.start >= last.end) joined.push(match)
    else if (match.end > last.end) joined[joined.length - 1] = { ...last, end: match.end }
  }
  return joined
}
