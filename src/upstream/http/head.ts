/** Parses the head of an HTTP/1.1 response (RFC 9112). */

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
  get(name: string): string | null {
    this.lower ??= this.text.toLowerCase()
    const needle = `\r\n${name}:`
    let value: string | null = null
    for (let at = this.lower.indexOf(needle); at >= 0; at = this.lower.indexOf(needle, at + 2)) {
      const from = at + needle.length
      const end = this.text.indexOf("\r\n", from)
      const line = this.text.slice(from, end < 0 ? undefined : end).trim()
      value = value === null ? line : `${value}, ${line}`
    }
    return value
  }
}

/** Why an answer cannot be understood. */
export class HttpFault extends Error {
  constructor(message: string) {
    super(message)
    this.name = "HttpFault"
  }
}

/** `text`: the head without its final empty line. @throws HttpFault */
export function parseHead(text: string): ResponseHead {
  const match = /^HTTP\/1\.([01]) (\d{3})(?: [^\r\n]*)?(?=\r\n|$)/.exec(text)
  if (match === null) throw new HttpFault("no HTTP/1.1 status line")
  const status = Number(match[2])
  const headers = new ResponseHeaders(text.slice(match[0].length))
  const connection = headers.get("connection")?.toLowerCase() ?? ""
  const framing = framingOf(status, headers)
  const persistent = match[1] === "1" ? !connection.includes("close") : connection.includes("keep-alive")
  return { status, headers, framing, keepAlive: persistent && framing.kind !== "close" }
}

function framingOf(status: number, headers: ResponseHeaders): Framing {
  if (status === 204 || status === 304 || status < 200) return { kind: "none" }
  const encoding = headers.get("transfer-encoding")?.toLowerCase()
  if (encoding !== undefined) {
    if (encoding !== "chunked") throw new HttpFault("an unknown transfer encoding")
    return { kind: "chunked" }
  }
  const length = headers.get("content-length")
  if (length === null) return { kind: "close" }
  // several equal lengths are one
  const [first = "", ...others] = length.includes(",") ? length.split(", ") : [length]
  if (others.some((other) => other !== first) || !/^\d{1,15}$/.test(first))
    throw new HttpFault("a content length that is none")
  return { kind: "length", bytes: Number(first) }
}
