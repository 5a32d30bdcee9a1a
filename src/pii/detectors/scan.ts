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
 * The same text, as long, as detectors read it: with spaces for the escapes of JSON and of source code that end in a letter,
 * since behind `\\n` a word begins, and in ASCII what stands for it elsewhere: spaces and hyphens of typesetting, full-width
 * characters, the digits of Arabic and Persian.
 */
export function asDetected(text: string): string {
  const plain = text.includes("\\") ? text.replaceAll(/\\[nrtbf]/g, "  ") : text
  return LOOKALIKE.test(plain) ? plain.replaceAll(LOOKALIKES, inAscii) : plain
}

/** Runs, because whole sentences are written in full width. */
const CLASS = "[\u00a0\u2000-\u200a\u2010-\u2015\u202f\u205f\u2212\u3000\uff01-\uff5e\u0660-\u0669\u06f0-\u06f9]"
const LOOKALIKE = new RegExp(CLASS)
const LOOKALIKES = new RegExp(`${CLASS}{1,256}`, "g")

function inAscii(run: string): string {
  let ascii = ""
  for (let at = 0; at < run.length; at++) ascii += asciiOf(run.charCodeAt(at))
  return ascii
}

function asciiOf(code: number): string {
  if (code >= 0xff01) return String.fromCharCode(code - 0xfee0)
  if (code >= 0x0660 && code <= 0x06f9) return String.fromCharCode(48 + (code & 15))
  return (code >= 0x2010 && code <= 0x2015) || code === 0x2212 ? "-" : " "
}
