/** Parses the head of an HTTP/1.1 request, strictly (RFC 9112): what two parsers could read differently is refused. */
import { HttpFault } from "../../http/fault.ts"
import { asksToClose, FIELD_LINES, framingValue, withoutSpace } from "../../http/fields.ts"

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
export class BadRequest extends HttpFault {
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
const REQUEST_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([\x21-\x7e]+) HTTP\/(\d)\.(\d)$/
/** The methods of HTTP itself. Others are answered, because routes name what they allow, but end the connection. */
const METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
/** A name, an IPv4 address or an IPv6 address in brackets, with or without a port (RFC 3986, 3.2.2 and 3.2.3). */
const HOST = /^(?:[A-Za-z0-9._~!$&'()*+,;=%-]+|\[[0-9A-Fa-f:.]+\])(?::\d{0,5})?$/
const WHOLE_URL = /^https?:\/\/([^/?#]+)([/?][^#]*)?$/i
/** They say how long the message is, or whom it is for: a second one is refused, whatever it says. */
const ONCE: ReadonlySet<string> = new Set(["content-length", "host", "transfer-encoding"])
/** A second one is refused where it says something else. */
const ONE_VALUE: ReadonlySet<string> = new Set(["authorization", "x-api-key", "content-type"])

/** `text`: the head in Latin-1, without its final empty line. @throws BadRequest */
export function parseRequestHead(text: string): RequestHead {
  const end = text.indexOf("\r\n")
  const line = REQUEST_LINE.exec(end < 0 ? text : text.slice(0, end))
  if (line === null) throw new BadRequest("The request line is malformed.")
  const [, method = "", target = "", major = "", minor = ""] = line
  const path = originForm(target, method)
  try {
    if (major !== "1" || minor > "1") throw new BadRequest("Only HTTP/1.1 is spoken here.", 505)
    const headers = end < 0 ? new RequestHeaders() : parseFields(text.slice(end))
    return finish(method, path, headers, minor === "1")
  } catch (error) {
    if (error instanceof BadRequest) error.target = path
    throw error
  }
}

function finish(method: string, target: string, headers: RequestHeaders, modern: boolean): RequestHead {
  const host = headers.get("host")
  if (host === null && modern) throw new BadRequest("The Host field is missing.")
  if (host !== null && !HOST.test(host)) throw new BadRequest("The Host field is malformed.")
  const body = bodyOf(headers, modern)
  return {
    method,
    target,
    headers,
    // readers differ on what stands behind other methods (CONNECT, PRI): it is not read
    body: METHODS.has(method) ? body : 0,
    // an HTTP/1.0 client that asks for it would have to be told in a field of the answer: such a connection is closed instead
    keepAlive: modern && METHODS.has(method) && !asksToClose(headers),
    chunksAllowed: modern,
  }
}

/** Proxies may send the whole URL, and OPTIONS may be about the server as a whole. @throws BadRequest */
function originForm(target: string, method: string): string {
  if (target.includes("#")) throw new BadRequest("The request target is malformed.")
  if (target.startsWith("/")) return target
  if (target === "*" && method === "OPTIONS") return "/"
  const [url, authority = "", rest = "/"] = WHOLE_URL.exec(target) ?? []
  if (url === undefined || !HOST.test(authority)) throw new BadRequest("The request target is malformed.")
  return rest.startsWith("/") ? rest : `/${rest}`
}

/** `lines`: each with CRLF before it. Checked in one go, then cut up. */
function parseFields(lines: string): RequestHeaders {
  if (!FIELD_LINES.test(lines)) throw new BadRequest("A header field is malformed.")
  const headers = new RequestHeaders()
  let count = 0
  for (let at = 2; at < lines.length; count++) {
    if (count === MOST_FIELDS) throw new BadRequest("There are too many header fields.", 431)
    const stop = lines.indexOf("\r\n", at)
    const end = stop < 0 ? lines.length : stop
    const colon = lines.indexOf(":", at)
    const name = lines.slice(at, colon).toLowerCase()
    const valueOf = ONCE.has(name) ? framingValue : withoutSpace
    addField(headers, name, valueOf(lines, colon + 1, end))
    at = end + 2
  }
  return headers
}

function addField(headers: RequestHeaders, name: string, value: string): void {
  if (!headers.has(name)) return headers.add(name, value)
  if (ONCE.has(name)) throw new BadRequest(`The field ${name} stands twice.`)
  if (!ONE_VALUE.has(name)) return headers.add(name, value)
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
