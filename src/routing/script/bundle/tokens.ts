/**
 * The tokens of a JavaScript or TypeScript text: comments are gone, escapes are resolved. Only as exact as finding imports
 * asks for: numbers and operators are single signs. A text or comment that does not end is the last token. Takes time in
 * proportion to the text, whatever that is.
 */

export interface Token {
  readonly kind: "word" | "text" | "sign"
  /** A word or a text with its escapes resolved; one sign. Templates with parts that are computed have no value. */
  readonly value: string
  /** Where it begins, in UTF-16 units. */
  readonly at: number
}

const BLANK = /(?:\s|\/\/[^\n\r\u2028\u2029]*|\/\*[^]*?\*\/)+/y
const HASHBANG = /^#![^\n\r]*/
const WORD = /#?(?:[\p{ID_Start}$_]|\\u)(?:[\p{ID_Continue}$\u200c\u200d]|\\u\{[0-9a-fA-F]+\}|\\u[0-9a-fA-F]{4}|\\u)*/uy
const NUMBER = /\.?\d[\w.]*/y
const TEXT = /"(?:[^"\\\n\r]|\\(?:\r\n|[^]))*"|'(?:[^'\\\n\r]|\\(?:\r\n|[^]))*'/y
const FLAGS = /\w*/y
/** Up to the end of a template, or to the next part that is computed. */
const TEMPLATE = /(?:[^`\\$]|\\[^]|\$(?!\{))*(?:`|\$\{)/y

/** Behind these a slash begins a regular expression. */
const OPERATORS: ReadonlySet<string> = new Set(
  "return typeof instanceof in of new delete void throw case do else await yield default extends".split(" "),
)
const HEADS: ReadonlySet<string> = new Set(["if", "while", "for", "with"])

/** So many slashes in a line may look like a regular expression and be none. */
const MOST_MISTAKEN = 100

export function tokensOf(source: string): readonly Token[] {
  return new Tokenizer(source).all()
}

class Tokenizer {
  private readonly source: string
  private readonly tokens: Token[] = []
  /** What stands before each open bracket; null: a template that goes on behind it. */
  private readonly open: (Token | undefined | null)[] = []
  /** Does a slash divide what comes before it? */
  private divides = false
  private at: number
  private mistaken = 0

  constructor(source: string) {
    this.source = source
    this.at = HASHBANG.exec(source)?.[0].length ?? 0
  }

  all(): readonly Token[] {
    while (this.at < this.source.length) this.next()
    return this.tokens
  }

  private next(): void {
    const { at, source } = this
    const blank = this.take(BLANK)
    if (blank !== null) {
      if (blank.includes("\n")) this.mistaken = 0
      return
    }
    const text = this.take(TEXT)
    if (text !== null) return this.add("text", resolved(text.slice(1, -1)), at, true)
    const word = this.take(WORD)
    if (word !== null) {
      const isMember = this.tokens.at(-1)?.value === "."
      return this.add("word", resolved(word), at, isMember || !OPERATORS.has(word))
    }
    if (this.take(NUMBER) !== null) return this.add("sign", "0", at, true)
    const sign = source[at] ?? ""
    if (sign === "/" && !this.divides && this.pattern()) return this.add("sign", sign, at, true)
    if (sign === '"' || sign === "'" || source.startsWith("/*", at)) return this.end()
    this.at++
    if (sign === "`") return this.template(at)
    this.sign(sign, at)
  }

  private pattern(): boolean {
    if (this.mistaken > MOST_MISTAKEN) return false
    const { at, source } = this
    let isClass = false
    for (let next = at + 1; next < source.length; next++) {
      const sign = source[next]
      if (sign === "\n" || sign === "\r") break
      if (sign === "\\") next++
      else if (sign === "[") isClass = true
      else if (sign === "]") isClass = false
      else if (sign === "/" && !isClass) {
        this.at = next + 1
        this.take(FLAGS)
        return true
      }
    }
    this.mistaken++
    return false
  }

  private end(): void {
    this.at = this.source.length
  }

  private sign(sign: string, at: number): void {
    const before = this.tokens.at(-1)
    if (sign === "(" || sign === "[" || sign === "{") this.open.push(before)
    if (sign === ")" || sign === "]" || sign === "}") {
      const opener = this.open.pop()
      if (opener === null) return this.template(at)
      return this.add("sign", sign, at, sign === "]" || (sign === ")" ? !isHead(opener) : isObject(opener)))
    }
    const isStep = (sign === "+" || sign === "-") && before?.value === sign && before.at === at - 1
    this.add("sign", sign, at, isStep)
  }

  /** From its beginning, or behind a part of it that is computed. */
  private template(at: number): void {
    const begins = this.source[at] === "`"
    const text = this.take(TEMPLATE)
    if (text === null) return this.end()
    if (text.endsWith("${")) {
      this.add("sign", "`", at, false)
      this.open.push(null)
    } else if (begins) this.add("text", resolved(text.slice(0, -1)), at, true)
    else this.add("sign", "`", at, true)
  }

  private take(pattern: RegExp): string | null {
    pattern.lastIndex = this.at
    const found = pattern.exec(this.source)?.[0]
    if (found === undefined) return null
    this.at += found.length
    return found
  }

  private add(kind: Token["kind"], value: string, at: number, divides: boolean): void {
    this.tokens.push({ kind, value, at })
    this.divides = divides
  }
}

function isHead(opener: Token | undefined): boolean {
  return opener?.kind === "word" && HEADS.has(opener.value)
}

/** Else a block, behind which no value stands that could be divided. */
function isObject(opener: Token | undefined): boolean {
  if (opener === undefined) return false
  if (opener.kind === "word") return opener.value === "return" || opener.value === "typeof"
  return opener.kind === "sign" && "(=,?:[|&+".includes(opener.value)
}

const ESCAPE = /\\(?:u\{([0-9a-fA-F]+)\}|u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|([0-7]{1,3})|(\r\n|[^]))/g
const SIGNS: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", b: "\b", f: "\f", v: "\v" }

function resolved(text: string): string {
  if (!text.includes("\\")) return text
  return text.replace(ESCAPE, (_, braced?: string, unit?: string, byte?: string, octal?: string, sign?: string) => {
    if (octal !== undefined) return String.fromCodePoint(Number.parseInt(octal, 8))
    const code = braced ?? unit ?? byte
    if (code !== undefined) return String.fromCodePoint(Math.min(Number.parseInt(code, 16), 0x10ffff))
    return /[\r\n\u2028\u2029]/.test(sign ?? "") ? "" : (SIGNS[sign ?? ""] ?? sign ?? "")
  })
}
