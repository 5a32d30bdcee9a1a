/** Parses the head of an HTTP/1.1 response (RFC 9112), as strictly as that of a request where it decides on the end of the body. */
import { HttpFault } from "../../http/fault.ts"
import { asksToClose, FIELD_LINES, framingValue, lists, withoutSpace } from "../../http/fields.ts"

/** How the body ends. */
export type Framing =
  | { readonly kind: "none" }
  | { readonly kind: "length"; readonly bytes: number }
  | { readonly kind: "chunked" }
  /** With the connection. */
  | { readonly kind: "close" }

export interface ResponseHead {
  readonly status: number
  readonly headers: ResponseHeaders
  readonly framing: Framing
  /** May another request follow on this connection? */
  readonly keepAlive: boolean
}

/** Header fields, looked up when asked for: an answer has a dozen of which two or three matter. */
export class ResponseHeaders {
  private readonly text: string
  private lower: string | null = null

  /** `text`: the lines behind the status line, each with CRLF before it. */
  constructor(text: string) {
    this.text = text
  }

  /** The value of a field, `name` in lower case; several lines are joined by ", ". */
  get(name: string, valueOf: typeof withoutSpace = withoutSpace): string | null {
    this.lower ??= this.text.toLowerCase()
    const needle = `\r\n${name}:`
    let value: string | null = null
    for (let at = this.lower.indexOf(needle); at >= 0; at = this.lower.indexOf(needle, at + 2)) {
      const from = at + needle.length
      const end = this.text.indexOf("\r\n", from)
      const line = valueOf(this.text, from, end < 0 ? this.text.length : end)
      value = value === null ? line : `${value}, ${line}`
    }
    return value
  }
}

/** `text`: the head without its final empty line. @throws HttpFault */
export function parseHead(text: string): ResponseHead {
  const match = STATUS_LINE.exec(text)
  if (match === null) throw new HttpFault("There is no HTTP/1.1 status line.")
  const lines = text.slice(match[0].length)
  if (!FIELD_LINES.test(lines)) throw new HttpFault("A header field is malformed.")
  const status = Number(match[2])
  if (status === 101) throw new HttpFault("The server speaks another protocol.")
  const headers = new ResponseHeaders(lines)
  const isModern = match[1] === "1"
  const framing = framingOf(status, headers, isModern)
  const persistent = !asksToClose(headers) && (isModern || lists(headers.get("connection"), "keep-alive"))
  return { status, headers, framing, keepAlive: persistent && framing.kind !== "close" }
}

const STATUS_LINE = /^HTTP\/1\.([01]) ([1-9]\d{2})(?: [\t\x20-\x7e\x80-\xff]*)?(?=\r\n|$)/

function framingOf(status: number, headers: ResponseHeaders, isModern: boolean): Framing {
  const encoding = headers.get("transfer-encoding", framingValue)
  const length = headers.get("content-length", framingValue)
  // a proxy in between may have gone by the other one, so there is no telling where this answer ends
  if (encoding !== null && length !== null)
    throw new HttpFault("Content-Length and Transfer-Encoding contradict each other.")
  if (encoding !== null && (!isModern || encoding.toLowerCase() !== "chunked"))
    throw new HttpFault("The transfer encoding is not supported.")
  if (length !== null && !/^\d{1,15}$/.test(length)) throw new HttpFault("The content length is no number.")
  if (status === 204 || status === 304 || status < 200) return { kind: "none" }
  if (encoding !== null) return { kind: "chunked" }
  return length === null ? { kind: "close" } : { kind: "length", bytes: Number(length) }
}
