/** Finds everything that a filter's rules call personal in a text. */
import { DETECTORS } from "./detectors/detectors.ts"
import { asDetected } from "./detectors/scan.ts"
import { compileExpression, type Expression } from "./expression.ts"
import type { PiiRule } from "./filter.ts"
import { joinMatches, type Find, type Match } from "./span.ts"

export interface Matcher {
  /** A rule of it is no work for the event loop. */
  readonly isHeavy: boolean
  /** Of the placeholders, by the place of a rule. */
  readonly prefixes: readonly string[]
  /** In order, without overlaps; yields what a step has cost, in characters that one detector of the router's own reads. */
  matches(text: string): Generator<number, readonly Match[]>
}

/** What a detector takes for a text however short it is. */
const TEXT_COST = 32

/** @throws InvalidExpression */
export function createMatcher(rules: readonly PiiRule[]): Matcher {
  const finders = rules.map((rule) =>
    rule.expression === null ? DETECTORS[rule.name].find : compileExpression(rule.expression),
  )
  return {
    isHeavy: finders.some((finder) => typeof finder !== "function" && finder.isHeavy),
    prefixes: rules.map((rule) => (rule.expression === null ? DETECTORS[rule.name].prefix : rule.prefix)),
    matches: (text) => matchesIn(text, finders),
  }
}

function* matchesIn(text: string, finders: readonly (Find | Expression)[]): Generator<number, readonly Match[]> {
  const plain = asDetected(text)
  const found: Match[] = []
  for (let rule = 0; rule < finders.length; rule++) {
    const finder = finders[rule]
    if (finder === undefined) continue
    const spans = typeof finder === "function" ? finder(plain) : yield* finder.find(text)
    for (const { start, end } of spans) found.push({ start, end, rule })
    yield text.length + TEXT_COST
  }
  return joinMatches(found)
}
