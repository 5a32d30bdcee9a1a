/** The operator's expressions, in the syntax of RE2, on an engine whose time is linear in the text. */
import type * as Re2 from "re2js"
import type { Span } from "./span.ts"

/** A longer text is searched in windows of this size. */
const WINDOW_CHARS = 3072
/** Instructions that may all be at work on a character: with so many, a window takes some 20 ms at the very worst, and 2 ms as a rule. */
const MOST_INSTRUCTIONS = 24
/** Windows overlap by so much: the longest match that is sure to be found wherever it stands. */
export const LONGEST_MATCH_CHARS = 1024

/** Why an expression cannot be used. */
export type ExpressionFault = "invalid" | "empty"

/** An expression that cannot be used. */
export class InvalidExpression extends Error {
  readonly fault: ExpressionFault

  constructor(fault: ExpressionFault) {
    super(fault)
    this.fault = fault
  }
}

/** Null: it can be used. */
export function expressionFault(expression: string): ExpressionFault | null {
  try {
    compileExpression(expression)
    return null
  } catch (error) {
    if (error instanceof InvalidExpression) return error.fault
    throw error
  }
}

export interface Expression {
  /** No work for the event loop: a window may take longer than anything may there. */
  readonly isHeavy: boolean
  /** As `Find`; yields what each window has cost, as `Matcher` does. */
  find(text: string): Generator<number, readonly Span[]>
}

/** Of a character: to tell whether there is a match, and to find where. */
const TEST_COST = 2
/** However short the window is. */
const WINDOW_COST = 256
const SEARCH_COST = 50

const COMPILED = new Map<string, Expression>()
/** Of all configurations that the process has seen. */
const MOST_COMPILED = 1024

/** @throws InvalidExpression */
export function compileExpression(expression: string): Expression {
  let compiled = COMPILED.get(expression)
  if (compiled === undefined) {
    const form = formOf(expression)
    compiled = {
      isHeavy: form.programSize() - literalsIn(expression) > MOST_INSTRUCTIONS,
      find: (text) => inWindows(form, text),
    }
    if (COMPILED.size >= MOST_COMPILED) COMPILED.clear()
    COMPILED.set(expression, compiled)
  }
  return compiled
}

function formOf(expression: string): Re2.RE2JS {
  const { RE2JS, RE2JSException } = engine()
  let form: Re2.RE2JS
  try {
    form = RE2JS.compile(expression)
  } catch (error) {
    throw error instanceof RE2JSException ? new InvalidExpression("invalid") : error
  }
  if (form.test("")) throw new InvalidExpression("empty")
  return form
}

/** Escapes, classes, counts, names and flags of groups. */
const NO_LITERALS = /\\p\{[^}]*\}|\\.|\[[^\]]*\]|\{[\d,]*\}|\(\?P?<\w+>|\(\?[A-Za-z-]*:?/g

/** Of the characters of a word only one is at work at a time. */
function literalsIn(expression: string): number {
  return expression.replaceAll(NO_LITERALS, "").replaceAll(/[^A-Za-z0-9]/g, "").length
}

/** Loaded where a group has expressions: it takes some 20 ms. */
function engine(): typeof Re2 {
  // oxlint-disable-next-line typescript/no-require-imports -- nothing else loads at once, and only where it is needed
  return require("re2js") as typeof Re2
}

/** What one window cuts, the next one finds whole, or both find a part of it: parts that overlap become one match. */
function* inWindows(form: Re2.RE2JS, text: string): Generator<number, readonly Span[]> {
  const spans: Span[] = []
  for (
    let from = 0;
    from === 0 || from + LONGEST_MATCH_CHARS < text.length;
    from += WINDOW_CHARS - LONGEST_MATCH_CHARS
  ) {
    const window = text.slice(from, from + WINDOW_CHARS)
    const matches = form.test(window)
    if (matches) addMatches(spans, form, window, from)
    yield window.length * (matches ? SEARCH_COST : TEST_COST) + WINDOW_COST
  }
  return spans
}

/** Empty matches are left out. */
function addMatches(spans: Span[], form: Re2.RE2JS, window: string, offset: number): void {
  const matcher = form.matcher(window)
  while (matcher.find()) {
    const start = offset + matcher.start()
    const end = offset + matcher.end()
    if (end > start) spans.push({ start, end })
  }
}
