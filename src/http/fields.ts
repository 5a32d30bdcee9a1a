/** The rules for header fields that requests, responses and trailers share (RFC 9110, 5.5 and 5.6; RFC 9112, 5). */

/** Any number of lines, each with CRLF before it: a token, a colon, and text without control characters but tabs. */
export const FIELD_LINES: RegExp = /^(?:\r\n[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*)*$/

/** Half a line end. It is in no head, so a head need not be complete to be refused. */
export const BARE_LINE_END: RegExp = /\r[^\n]|[^\r]\n/

const TAB = 9
const SPACE = 32

/** A part of a text without its optional white space, which is space and tab only: `trim()` also takes the no-break space. */
export function withoutSpace(text: string, from = 0, to: number = text.length): string {
  let start = from
  let end = to
  while (start < end && isSpace(text.charCodeAt(start))) start++
  while (end > start && isSpace(text.charCodeAt(end - 1))) end--
  return text.slice(start, end)
}

/**
 * The value of a field that says how long a message is. A tab behind it stays, so that it is no number and no coding:
 * readers differ there.
 */
export function framingValue(text: string, from = 0, to: number = text.length): string {
  let start = from
  let end = to
  while (start < end && isSpace(text.charCodeAt(start))) start++
  while (end > start && text.charCodeAt(end - 1) === SPACE) end--
  return text.slice(start, end)
}

interface Fields {
  get(name: string): string | null
}

/** Does this message end its connection? Some readers take the field of old proxies for the one of HTTP. */
export function asksToClose(fields: Fields): boolean {
  return lists(fields.get("connection"), "close") || lists(fields.get("proxy-connection"), "close")
}

/** Does a list such as the value of `Connection` name this? `member` in lower case. */
export function lists(value: string | null, member: string): boolean {
  // most say something else, and need not be cut up
  if (value === null || !value.toLowerCase().includes(member)) return false
  return value.split(",").some((part) => withoutSpace(part).toLowerCase() === member)
}

function isSpace(code: number): boolean {
  return code === SPACE || code === TAB
}
