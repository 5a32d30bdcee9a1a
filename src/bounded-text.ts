/**
 * Lengths and alphabets of texts from outside (clients, upstreams, policy services) that reach a row, a log line, a
 * metric, a header, an error or a terminal. One function per kind of text.
 */

const TOKEN = /^[\w.:/-]{1,64}$/
const OTHER = "other"

/** A word of a vendor's list, such as a finish reason: 1 to 64 of letters, digits and `_.:/-`; else `other`. */
export function token(text: string): string {
  return TOKEN.test(text) ? text : OTHER
}

const PLAIN_ASCII = /^[ -~]*$/
/** Control characters, line separators, and marks that turn the direction of writing. */
const UNPRINTABLE = /[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]+/gu

/**
 * Free text of at most `longest` UTF-16 units. A run of characters that terminals obey becomes one space, half a
 * surrogate pair U+FFFD, and `…` ends a text that was cut.
 */
export function plain(text: string, longest: number): string {
  return bounded(text, longest, UNPRINTABLE)
}

function bounded(text: string, longest: number, unwanted: RegExp): string {
  if (text.length <= longest && PLAIN_ASCII.test(text)) return text
  const cut = text.length <= longest ? text : `${text.slice(0, longest - 1)}…`
  return cut.toWellFormed().replace(unwanted, " ")
}

/** The longest id of a request that an upstream gives; ids that the router gives have 36 characters. */
const LONGEST_ID = 128

/** An id that an upstream gave a request; people paste it into a vendor's support form. */
export function foreignId(text: string): string {
  return plain(text, LONGEST_ID)
}

const LONGEST_MESSAGE = 2000
const LONGEST_PARAM = 256

/** The sentence of an error; it may quote what a client sent. */
export function errorMessage(text: string): string {
  return plain(text, LONGEST_MESSAGE)
}

/** The path of an error's cause in a body; it may hold the names of a client's members. */
export function errorParam(text: string): string {
  return plain(text, LONGEST_PARAM)
}

const LONGEST_LOGGED = 4096

/** Those that JSON does not escape. */
const RAW_IN_JSON = /[\x7f-\x9f\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]+/gu

/** A text that a line of JSON is to hold; causes may quote what another program said. */
export function loggableText(text: string): string {
  return bounded(text, LONGEST_LOGGED, RAW_IN_JSON)
}

/** Those that change what a terminal shows; line breaks and tabs do not. */
const OBEYED = /(?:(?![\n\t])[\p{Cc}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069])+/gu

/** Makes the output of a command safe for a terminal: rows, files and answers that it quotes may hold control characters. */
export function printable(text: string): string {
  return text.replace(OBEYED, " ")
}

const LONGEST_CELL = 256

/** One cell of what a command prints for people. */
export function cell(text: string): string {
  return plain(text, LONGEST_CELL)
}
