/** Secrets of known shapes, and what the operator names: a mark takes their place. */
import { asDetected } from "../pii/detectors/scan.ts"
import { findSecrets } from "../pii/detectors/secret.ts"
import { compileExpression, type Expression } from "../pii/expression.ts"
import type { Span } from "../pii/span.ts"

export const REDACTED = "[redacted]"

/** Secrets by the words before them. Every quantifier has a bound. */
const NAMED: readonly RegExp[] = [
  /\b(?:Bearer|Basic)[ \t]{1,4}[A-Za-z0-9._~+/-]{16,4096}={0,2}/gi,
  /\b(?:api[_-]?key|secret(?:[_-]?key)?|access[_-]?token|passw(?:or)?d)["']?[ \t]{0,4}[:=][ \t]{0,4}["']?[^\s"'\\,;]{8,256}/gi,
]

export class Redactor {
  readonly #expressions: readonly Expression[]

  /** `expressions`: in the syntax of RE2. */
  constructor(expressions: readonly string[]) {
    this.#expressions = expressions.map(compileExpression)
  }

  /** In order; none touches another. */
  find(text: string): readonly Span[] {
    const found: Span[] = [...findSecrets(asDetected(text))]
    for (const form of NAMED)
      for (const { index, 0: match } of text.matchAll(form)) found.push({ start: index, end: index + match.length })
    for (const expression of this.#expressions) found.push(...spansOf(expression, text))
    return found.length < 2 ? found : joined(found)
  }

  /** `count`: how many marks there are. */
  redacted(text: string): { readonly text: string; readonly count: number } {
    const found = this.find(text)
    return found.length === 0 ? { text, count: 0 } : { text: without(text, 0, found), count: found.length }
  }
}

function spansOf(expression: Expression, text: string): readonly Span[] {
  const work = expression.find(text)
  for (;;) {
    const step = work.next()
    if (step.done === true) return step.value
  }
}

function joined(found: readonly Span[]): readonly Span[] {
  const [first, ...rest] = found.toSorted((one, other) => one.start - other.start)
  if (first === undefined) return []
  const all = [first]
  for (const next of rest) {
    const last = all.at(-1) ?? next
    if (next.start > last.end) all.push(next)
    else all[all.length - 1] = { start: last.start, end: Math.max(last.end, next.end) }
  }
  return all
}

/** A piece of a longer text that begins at `at` of it. What is found has its mark where it begins. */
export function without(piece: string, at: number, found: readonly Span[]): string {
  let text = ""
  let next = at
  const after = at + piece.length
  for (const { start, end } of found) {
    if (end <= at || start >= after) continue
    text += piece.slice(next - at, Math.max(start, at) - at)
    if (start >= at) text += REDACTED
    next = Math.min(end, after)
  }
  return text + piece.slice(next - at)
}
