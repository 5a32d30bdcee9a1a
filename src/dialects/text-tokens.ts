/**
 * Tokens of a text, without a tokenizer: read where it stands in JSON, one pass over its bytes. A word is about a token, most
 * marks half of one, a repeated mark nearly nothing. Fitted to o200k_base: within some 10 % of it on prose, code and JSON in
 * four scripts, within some 20 % on numbers, tables and digests.
 */
const WORD = 1.2
/** For each letter of a word behind the sixth. */
const LETTER = 0.03
const FREE_LETTERS = 6
/** For the first three digits of a number, and for three more. */
const NUMBER_BEGINS = 1.5
const DIGITS = 1
const MARK = 0.5
const REPEATED = 0.02
const LINE = 1
const REST = 0.3
/** Characters by the number of bytes that UTF-8 takes for them. */
const TWO_BYTES = 0.38
const THREE_BYTES = 0.88
const FOUR_BYTES = 1.5

const QUOTE = 34
const BACKSLASH = 92
const SPACE = 32
const COLON = 58
const OTHER = 0
const LETTERS = 1
const LINES = 2
const NUMBER = 3

/** How a text ended. */
export interface TextPlace {
  readonly kind: number
  readonly run: number
  readonly last: number
}

/** Reads JSON whose bytes are given as one character each (`latin1`). */
export class TextScan {
  /** Where the last text ended: behind its closing quote. */
  end = 0
  /** How the last text ended: a word may go on in the next. */
  #kind = OTHER
  #run = 0
  #last = 0

  get place(): TextPlace {
    return { kind: this.#kind, run: this.#run, last: this.#last }
  }

  /** The next text follows one that ended so. */
  goOnFrom({ kind, run, last }: TextPlace): void {
    this.#kind = kind
    this.#run = run
    this.#last = last
  }

  /** Tokens of the string whose opening quote stands at `quote`. */
  string(json: string, quote: number): number {
    let tokens = 0
    let kind = this.#kind
    let run = this.#run
    let last = this.#last
    let at = quote + 1
    for (; at < json.length; at++) {
      let code = json.charCodeAt(at)
      if (code === QUOTE) break
      if (code === BACKSLASH) {
        at++
        code = json.charCodeAt(at)
        if (code === 0x75) {
          at += 4
          tokens += THREE_BYTES
          kind = OTHER
          continue
        }
        // \n, \r and \t, not the letters
        if (code === 0x6e || code === 0x72 || code === 0x74) code = 10
      }
      if ((code >= 97 && code <= 122) || (code >= 65 && code <= 90)) {
        if (kind !== LETTERS || (code < 97 && last >= 97)) {
          tokens += WORD
          run = 0
          kind = LETTERS
        } else if (++run > FREE_LETTERS) tokens += LETTER
      } else if (code === SPACE) kind = OTHER
      else if (code >= 0x80) {
        kind = OTHER
        if (code >= 0xf0) tokens += FOUR_BYTES
        else if (code >= 0xe0) tokens += THREE_BYTES
        else if (code >= 0xc0) tokens += TWO_BYTES
      } else if (code === 10) {
        if (kind !== LINES) tokens += LINE
        kind = LINES
      } else if (code >= 48 && code <= 57) {
        run = kind === NUMBER ? run + 1 : 0
        if (run % 3 === 0) tokens += run === 0 ? NUMBER_BEGINS : DIGITS
        kind = NUMBER
      } else {
        tokens += code === last ? REPEATED : MARK
        kind = OTHER
      }
      last = code
    }
    this.end = at + 1
    this.#kind = kind
    this.#run = run
    this.#last = last
    // blanks, or the rest of a word
    return tokens === 0 && at > quote + 1 ? REST : tokens
  }

  /** Tokens of all strings between `from` and `to` that are values of such a member, however deep. */
  members(json: string, from: number, to: number, names: ReadonlySet<string>): number {
    let tokens = 0
    for (let at = json.indexOf('"', from); at >= 0 && at < to; at = json.indexOf('"', at)) {
      const close = closingQuote(json, at)
      const value = valueBehind(json, close)
      if (value >= 0 && json.charCodeAt(value) === QUOTE) {
        const isWanted = names.has(json.slice(at + 1, close))
        const text = this.string(json, value)
        if (isWanted) tokens += text
        at = this.end
      } else at = close + 1
    }
    return tokens
  }
}

/** Where the list or object ends that opens at `open`: behind its last bracket. */
export function behindValue(json: string, open: number): number {
  let depth = 0
  for (let at = open; at < json.length; at++) {
    const code = json.charCodeAt(at)
    if (code === QUOTE) at = closingQuote(json, at)
    else if (code === 0x7b || code === 0x5b) depth++
    else if ((code === 0x7d || code === 0x5d) && --depth === 0) return at + 1
  }
  return json.length
}

/** Where the string ends whose opening quote stands at `at`. */
export function closingQuote(json: string, at: number): number {
  for (let end = json.indexOf('"', at + 1); end >= 0; end = json.indexOf('"', end + 1)) {
    let slashes = 0
    while (json.charCodeAt(end - 1 - slashes) === BACKSLASH) slashes++
    if (slashes % 2 === 0) return end
  }
  return json.length
}

/** Where the value begins of the member whose name ends with the quote at `close`; below 0: it is no name. */
export function valueBehind(json: string, close: number): number {
  let at = afterBlanks(json, close + 1)
  if (json.charCodeAt(at) !== COLON) return -1
  at = afterBlanks(json, at + 1)
  return at
}

export function afterBlanks(json: string, from: number): number {
  let at = from
  for (let code = json.charCodeAt(at); code <= SPACE; code = json.charCodeAt(at)) at++
  return at
}
