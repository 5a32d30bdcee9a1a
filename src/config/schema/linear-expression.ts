/**
 * Linear formulas over named scores: numbers, names, `+`, `-`, `*` and parentheses; no two names are multiplied.
 * Parsed once when the configuration is loaded; what runs for a call is a sum over `factors`.
 */

export const SCORE_NAMES = [
  "cost_score",
  "latency_score",
  "first_token_score",
  "throughput_score",
  "reliability_score",
  "complexity_score",
  "eval_quality_score",
  "load_score",
] as const
export type ScoreName = (typeof SCORE_NAMES)[number]

export interface LinearExpression {
  readonly constant: number
  /** Each name at most once, in the order of `SCORE_NAMES`; never 0. */
  readonly factors: readonly { readonly name: ScoreName; readonly factor: number }[]
  /** The largest value that it can have: every score lies between 0 and 1. */
  readonly max: number
}

export interface ExpressionFault {
  /** From 1. */
  readonly character: number
  /** Without the text of the expression. */
  readonly message: string
}

const LONGEST = 1000
const DEEPEST = 32
const NUMBER = /(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?/y
const WORD = /[A-Za-z_][A-Za-z0-9_]*/y

export function parseLinear(text: string): LinearExpression | ExpressionFault {
  if (text.length > LONGEST) return { character: LONGEST, message: `it is longer than ${LONGEST} characters` }
  const reader = new Reader(text)
  try {
    const sum = reader.sum(0)
    reader.end()
    return expressionOf(sum)
  } catch (error) {
    if (error instanceof Unreadable) return { character: error.at + 1, message: error.message }
    throw error
  }
}

export function isFault(parsed: LinearExpression | ExpressionFault): parsed is ExpressionFault {
  return "message" in parsed
}

function expressionOf({ constant, factors }: Sum): LinearExpression | ExpressionFault {
  const named = SCORE_NAMES.flatMap((name) => {
    const factor = factors.get(name) ?? 0
    return factor === 0 ? [] : [{ name, factor }]
  })
  const max = named.reduce((total, { factor }) => total + Math.max(0, factor), constant)
  if (!Number.isFinite(max)) return { character: 1, message: "a number in it is too large" }
  if (max <= 0) return { character: 1, message: "it is never greater than 0, so no target could score" }
  return { constant, factors: named, max }
}

interface Sum {
  readonly constant: number
  readonly factors: ReadonlyMap<ScoreName, number>
}

class Unreadable extends Error {
  readonly at: number

  constructor(at: number, message: string) {
    super(message)
    this.at = at
  }
}

class Reader {
  private readonly text: string
  private at = 0

  constructor(text: string) {
    this.text = text
  }

  sum(depth: number): Sum {
    let total = this.product(depth)
    for (;;) {
      if (this.take("+")) total = added(total, this.product(depth), 1)
      else if (this.take("-")) total = added(total, this.product(depth), -1)
      else return total
    }
  }

  end(): void {
    this.space()
    if (this.at < this.text.length) throw new Unreadable(this.at, "an operator (+, -, *) or the end was expected")
  }

  private product(depth: number): Sum {
    let result = this.part(depth)
    for (;;) {
      this.space()
      const { at } = this
      if (!this.take("*")) return result
      const next = this.part(depth)
      if (result.factors.size > 0 && next.factors.size > 0)
        throw new Unreadable(at, "two scores are multiplied, which is not linear")
      result = next.factors.size > 0 ? scaled(next, result.constant) : scaled(result, next.constant)
    }
  }

  private part(depth: number): Sum {
    this.space()
    if (depth > DEEPEST) throw new Unreadable(this.at, `it is nested deeper than ${DEEPEST} levels`)
    if (this.take("-")) return scaled(this.part(depth + 1), -1)
    if (this.take("(")) {
      const inner = this.sum(depth + 1)
      if (!this.take(")")) throw new Unreadable(this.at, "a closing parenthesis was expected")
      return inner
    }
    const number = this.match(NUMBER)
    if (number !== null) return { constant: Number(number), factors: new Map() }
    const { at } = this
    const word = this.match(WORD)
    if (word === null) throw new Unreadable(at, "a number, the name of a score or a parenthesis was expected")
    const name = SCORE_NAMES.find((known) => known === word)
    if (name === undefined)
      throw new Unreadable(at, `there is no score of that name; the names are ${SCORE_NAMES.join(", ")}`)
    return { constant: 0, factors: new Map([[name, 1]]) }
  }

  private take(character: string): boolean {
    this.space()
    if (this.text[this.at] !== character) return false
    this.at++
    return true
  }

  private match(form: RegExp): string | null {
    form.lastIndex = this.at
    const found = form.exec(this.text)
    if (found === null) return null
    this.at = form.lastIndex
    return found[0]
  }

  private space(): void {
    while (/\s/.test(this.text[this.at] ?? "")) this.at++
  }
}

function added(left: Sum, right: Sum, sign: 1 | -1): Sum {
  const factors = new Map(left.factors)
  for (const [name, factor] of right.factors) factors.set(name, (factors.get(name) ?? 0) + sign * factor)
  return { constant: left.constant + sign * right.constant, factors }
}

function scaled({ constant, factors }: Sum, by: number): Sum {
  return { constant: constant * by, factors: new Map([...factors].map(([name, factor]) => [name, factor * by])) }
}
