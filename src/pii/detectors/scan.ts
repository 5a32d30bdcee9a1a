/** Walks over the matches of a bounded expression. */
import type { Span } from "../span.ts"

/**
 * The spans of the matches that `accept` takes: it answers with where the match ends, or -1.
 * `form` is global. A match that is not taken is searched again from its second character.
 */
export function eachMatch(
  text: string,
  form: RegExp,
  accept: (match: string, start: number) => number,
): readonly Span[] {
  const spans: Span[] = []
  form.lastIndex = 0
  for (let found = form.exec(text); found !== null; found = form.exec(text)) {
    const start = found.index
    const end = accept(found[0], start)
    if (end > start) spans.push({ start, end })
    form.lastIndex = end > start ? end : start + 1
  }
  return spans
}

/** As an `accept` of `eachMatch`: all of it. */
export function whole(match: string, start: number): number {
  return start + match.length
}

/** A letter, a digit or `_`, in ASCII. */
export function isWord(code: number): boolean {
  return isDigit(code) || (code >= 65 && code <= 90) || (code >= 97 && code <= 122) || code === 95
}

export function isDigit(code: number): boolean {
  return code >= 48 && code <= 57
}

/**
 * The same text, as long, with spaces for the escapes of JSON and of source code that end in a letter: behind `\\n` a word
 * begins.
 */
export function withoutEscapes(text: string): string {
  return text.includes("\\") ? text.replaceAll(/\\[nrtbf]/g, "  ") : text
}
