/** Parses the head of an HTTP/1.1 request, strictly (RFC 9112): what two parsers could read differently is refused. */

export interface RequestHead {
  readonly method: string
  /** Origin form: path and query. */
  readonly target: string
  readonly headers: RequestHeaders
  /** Bytes of the body, "chunked", or 0 for none. */
  readonly body: number | "chunked"
  readonly keepAlive: boolean
  /** HTTP/1.0 clients understand no chunks. */
  readonly chunksAllowed: boolean
}

/** A request that cannot be understood; the connection ends with the refusal. */
export class BadRequest extends Error {
  readonly status: number
  /** What the request line named, as far as it could be read. */
  target = "/"

  constructor(message: string, status = 400) {
    super(message)
    this.name = "BadRequest"
    this.status = status
  }
}

/** Field values by lower-case name; repeated fields are joined by ", ". `Content-Length` is not among them: see `RequestHead.body`. */
export class RequestHeaders {
  private readonly fields = new Map<string, string>()

  get(name: string): string | null {
    return this.fields.get(name) ?? null
  }

  has(name: string): boolean {
    return this.fields.has(name)
  }

  delete(name: string): void {
    this.fields.delete(name)
  }

  add(name: string, value: string): void {
    const before = this.fields.get(name)
    this.fields.set(name, before === undefined ? value : `${before}, ${value}`)
  }
}

const MOST_FIELDS = 200
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
/** Names are tokens; values hold no control characters but tabs. */
const FIELDS = /^(?:\r\n[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*)*$/
/** Fields that say the same thing twice when they are repeated are refused when they are not the same. */
const ONCE: ReadonlySet<string> = new Set([
  "content-length",
  "host",
  "transfer-encoding",
  "authorization",
  "x-api-key",
  "content-type",
])

/** `text`: the head in Latin-1, without its final empty line. @throws BadRequest */
export function parseRequestHead(text: string): RequestHead {
  const end = text.indexOf("\r\n")
  const line = end < 0 ? text : text.slice(0, end)
  const [method = "", target = "", version = "", ...more] = line.split(" ")
  if (!TOKEN.test(method) || target === "" || more.length > 0 || !/^HTTP\/\d\.\d$/.test(version))
    throw new BadRequest("The request line is malformed.")
  const path = originForm(target)
  try {
    if (!version.startsWith("HTTP/1.")) throw new BadRequest("Only HTTP/1.1 is spoken here.", 505)
    const headers = end < 0 ? new RequestHeaders() : parseFields(text.slice(end))
    return finish(method, path, headers, version !== "HTTP/1.0")
  } catch (error) {
    if (error instanceof BadRequest) error.target = path
    throw error
  }
}

function finish(method: string, target: string, headers: RequestHeaders, modern: boolean): RequestHead {
  if (modern && !headers.has("host")) throw new BadRequest("The Host field is missing.")
  const connection = headers.get("connection")?.toLowerCase() ?? ""
  return {
    method,
    target,
    headers,
    body: bodyOf(headers, modern),
    // an HTTP/1.0 client that asks for it would have to be told in a field of the answer: such a connection is closed instead
    keepAlive: modern && !connection.includes("close"),
    chunksAllowed: modern,
  }
}

/** Proxies may send the whole URL. */
function originForm(target: string): string {
  if (target.startsWith("/")) return target
  const absolute = /^https?:\/\/[^/?#]*([^#]*)/i.exec(target)
  if (absolute === null) return "/"
  const rest = absolute[1] ?? ""
  return rest.startsWith("/") ? rest : `/${rest}`
}

/** `lines`: each with CRLF before it. Checked in one go, then cut up. */
function parseFields(lines: string): RequestHeaders {
  if (!FIELDS.test(lines)) throw new BadRequest("A header field is malformed.")
  const headers = new RequestHeaders()
  let count = 0
  for (let at = 2; at < lines.length; count++) {
    if (count === MOST_FIELDS) throw new BadRequest("There are too many header fields.", 431)
    const stop = lines.indexOf("\r\n", at)
    const end = stop < 0 ? lines.length : stop
    const colon = lines.indexOf(":", at)
    addField(headers, lines.slice(at, colon).toLowerCase(), lines.slice(colon + 1, end).trim())
    at = end + 2
  }
  return headers
}

function addField(headers: RequestHeaders, name: string, value: string): void {
  if (!ONCE.has(name) || !headers.has(name)) return headers.add(name, value)
  if (headers.get(name) !== value) throw new BadRequest(`The field ${name} stands twice with different values.`)
}

function bodyOf(headers: RequestHeaders, modern: boolean): number | "chunked" {
  const encoding = headers.get("transfer-encoding")
  const length = headers.get("content-length")
  if (encoding !== null) {
    if (length !== null) throw new BadRequest("Content-Length and Transfer-Encoding contradict each other.")
    if (!modern || encoding.toLowerCase() !== "chunked")
      throw new BadRequest("The transfer encoding is not supported.", 501)
    return "chunked"
  }
  if (length === null) return 0
  headers.delete("content-length")
  if (!/^\d{1,15}$/.test(length)) throw new BadRequest("The content length is no number.")
  return Number(length)
}
