/** Secrets of known shapes, and what the operator names: a mark takes their place. */

export const REDACTED = "[redacted]"

/** Every quantifier has a bound. */
const SECRETS: readonly RegExp[] = [
  /\b(?:sk|pk|rk)-[A-Za-z0-9_-]{16,256}/g,
  /\brtr_[A-Za-z0-9_.-]{24,512}/g,
  /\b(?:gh[oprsu]_[A-Za-z0-9]{30,255}|github_pat_[A-Za-z0-9_]{30,255}|glpat-[A-Za-z0-9_-]{20,64})/g,
  /\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/g,
  /\bAIza[A-Za-z0-9_-]{35}/g,
  /\bxox[abeoprs]-[A-Za-z0-9-]{10,255}/g,
  /\bhf_[A-Za-z0-9]{30,64}\b/g,
  /(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{10,4096}\.[A-Za-z0-9_-]{10,8192}\.[A-Za-z0-9_-]{10,4096}/g,
  /\b(?:Bearer|Basic)[ \t]{1,4}[A-Za-z0-9._~+/-]{16,4096}={0,2}/gi,
  /-----BEGIN [A-Z ]{0,32}PRIVATE KEY-----(?:[A-Za-z0-9+/=\s:,\\]|-(?!-)){0,16384}(?:-----END [A-Z ]{0,32}PRIVATE KEY-----)?/g,
  /\b(?:api[_-]?key|secret(?:[_-]?key)?|access[_-]?token|passw(?:or)?d)["']?[ \t]{0,4}[:=][ \t]{0,4}["']?[^\s"'\\,;]{8,256}/gi,
  /\b[a-z][a-z0-9+.-]{1,20}:\/\/[^\s:@/]{0,128}:[^\s@/]{1,256}@/gi,
]

export interface Found {
  readonly from: number
  readonly to: number
}

export class Redactor {
  readonly #patterns: readonly RegExp[]

  constructor(more: readonly { readonly source: string; readonly flags: string }[]) {
    this.#patterns = [...SECRETS, ...more.map(({ source, flags }) => new RegExp(source, flags))]
  }

  /** In order; none touches another. */
  find(text: string): readonly Found[] {
    const found: Found[] = []
    for (const pattern of this.#patterns)
      for (const { index, 0: match } of text.matchAll(pattern))
        if (match !== "") found.push({ from: index, to: index + match.length })
    return found.length < 2 ? found : merged(found)
  }

  /** `count`: how many marks there are. */
  redacted(text: string): { readonly text: string; readonly count: number } {
    const found = this.find(text)
    return found.length === 0 ? { text, count: 0 } : { text: without(text, 0, found), count: found.length }
  }
}

function merged(found: Found[]): readonly Found[] {
  const [first, ...rest] = found.toSorted((one, other) => one.from - other.from)
  if (first === undefined) return []
  const all = [first]
  for (const next of rest) {
    const last = all[all.length - 1] ?? next
    if (next.from > last.to) all.push(next)
    else all[all.length - 1] = { from: last.from, to: Math.max(last.to, next.to) }
  }
  return all
}

/** A piece of a longer text that begins at `at` of it. What is found has its mark where it begins. */
export function without(piece: string, at: number, found: readonly Found[]): string {
  let text = ""
  let next = at
  const end = at + piece.length
  for (const { from, to } of found) {
    if (to <= at || from >= end) continue
    text += piece.slice(next - at, Math.max(from, at) - at)
    if (from >= at) text += REDACTED
    next = Math.min(to, end)
  }
  return text + piece.slice(next - at)
}
