/**
 * Reads the heads of one connection. Clients that keep a connection send the same head again but for the length of the
 * body, so the last one is remembered: what is equal to the letter means the same and is not parsed again.
 */
import { parseRequestHead, type RequestHead } from "./head.ts"

/** Connections are many, and most heads are short. */
const LONGEST_REMEMBERED = 8192
const LENGTH_NAME = "content-length"
const LENGTH_FIELD = /\r\ncontent-length:[ \t]*(\d{1,15})(?=\r\n|$)/i
const ZERO = 48
const NINE = 57
const MOST_DIGITS = 15

export class HeadReader {
  private last: RequestHead | null = null
  /** What stands before and behind the digits of `Content-Length`. */
  private before = ""
  private behind = ""

  /** `text`: the head in Latin-1, without its final empty line. @throws BadRequest */
  read(text: string): RequestHead {
    const { last } = this
    if (last !== null && text.startsWith(this.before) && text.endsWith(this.behind)) {
      const length = lengthIn(text, this.before.length, text.length - this.behind.length)
      if (length >= 0) return { ...last, body: length }
    }
    const head = parseRequestHead(text)
    this.remember(text, head)
    return head
  }

  private remember(text: string, head: RequestHead): void {
    this.last = null
    if (text.length > LONGEST_REMEMBERED || typeof head.body !== "number") return
    const field = LENGTH_FIELD.exec(text)
    // the name stands nowhere else, by any spelling: the digits found are the ones that the parser has read
    if (field === null || text.toLowerCase().split(LENGTH_NAME).length !== 2) return
    const end = field.index + field[0].length
    this.last = head
    this.before = text.slice(0, end - (field[1] ?? "").length)
    this.behind = text.slice(end)
  }
}

/** The decimal number between the two places; -1 where there is none. */
function lengthIn(text: string, from: number, to: number): number {
  if (to <= from || to - from > MOST_DIGITS) return -1
  let length = 0
  for (let at = from; at < to; at++) {
    const digit = text.charCodeAt(at)
    if (digit < ZERO || digit > NINE) return -1
    length = length * 10 + digit - ZERO
  }
  return length
}
