/** Addresses of e-mail: from each `@` to both sides, within the lengths of RFC 5321. */
import type { Span } from "../span.ts"
import { isDigit, isWord } from "./scan.ts"

const LONGEST_LOCAL = 64
const LONGEST_DOMAIN = 253
const LONGEST_LABEL = 63

export function findEmails(text: string): readonly Span[] {
  const spans: Span[] = []
  let from = 0
  for (let at = text.indexOf("@"); at >= 0; at = text.indexOf("@", at + 1)) {
    const start = localStart(text, at, from)
    if (start === at || isService(text, start, at)) continue
    const end = domainEnd(text, at + 1)
    if (end < 0) continue
    spans.push({ start, end })
    from = end
    at = end - 1
  }
  return spans
}

function localStart(text: string, at: number, from: number): number {
  const least = Math.max(from, at - LONGEST_LOCAL)
  let start = at
  while (start > least && isLocal(text.charCodeAt(start - 1))) start--
  while (start < at && !isName(text.charCodeAt(start))) start++
  return text[at - 1] === "." ? at : start
}

/** `git@host:path` is the address of a repository. */
function isService(text: string, start: number, at: number): boolean {
  return at - start === 3 && text.startsWith("git", start)
}

/** As addresses are written in practice: what else RFC 5322 allows surrounds them in prose and code. */
function isLocal(code: number): boolean {
  return isName(code) || code === DOT || code === PLUS || code === HYPHEN || code === PERCENT
}

const DOT = 46
const PLUS = 43
const HYPHEN = 45
const PERCENT = 37

/** Words of Latin, Greek and Cyrillic letters (RFC 6531). Other scripts put no spaces between an address and the words before it. */
function isName(code: number): boolean {
  return isWord(code) || (code >= 0x00c0 && code <= 0x052f)
}

/** -1: no name of a host with a dot begins here. */
function domainEnd(text: string, from: number): number {
  const most = Math.min(text.length, from + LONGEST_DOMAIN)
  let end = -1
  let labels = 0
  for (let at = from; at < most;) {
    const label = labelEnd(text, at, most)
    if (label === at || text[at] === "-" || text[label - 1] === "-") break
    labels++
    if (labels > 1 && !isDigit(text.charCodeAt(label - 1)) && label - at > 1) end = label
    if (text[label] !== ".") break
    at = label + 1
  }
  return end
}

function labelEnd(text: string, from: number, most: number): number {
  const bound = Math.min(most, from + LONGEST_LABEL)
  let at = from
  while (at < bound && isLabel(text.charCodeAt(at))) at++
  return at
}

function isLabel(code: number): boolean {
  return (isName(code) && code !== UNDERSCORE) || code === HYPHEN
}

const UNDERSCORE = 95
