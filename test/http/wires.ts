/** Requests and responses as nobody should send them, from a seed: whole ones with odd parts, then a few bytes changed. */

export class Dice {
  private state: number

  constructor(seed: number) {
    this.state = seed >>> 0
  }

  /** 0 up to `below`. (Mulberry32.) */
  number(below: number): number {
    this.state = (this.state + 0x6d2b79f5) | 0
    let mixed = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }

  oneIn(count: number): boolean {
    return this.number(count) === 0
  }

  pick<T>(all: readonly T[]): T {
    return all[this.number(all.length)] as T
  }
}

const METHODS = [
  "GET",
  "POST",
  "POST",
  "PUT",
  "HEAD",
  "DELETE",
  "OPTIONS",
  "PROPFIND",
  "CONNECT",
  "post",
  "BREW",
  "PRI",
]
const TARGETS = [
  "/v1/messages",
  "/v1/messages?beta=true",
  "/",
  "/a%00b",
  "//x/y",
  "/a#b",
  "*",
  "x",
  "http://h/a",
  "https://h:1?q",
  "http://",
  "ftp://h/",
  "h:443",
  "/ä",
  "/\u007f",
]
const VERSIONS = ["HTTP/1.1", "HTTP/1.0", "HTTP/1.2", "HTTP/2.0", "HTTP/0.9", "http/1.1", "HTTP/1.11", "HTTP/01.1"]
const LENGTH_NAMES = [
  "Content-Length",
  "content-length",
  "CONTENT-LENGTH",
  "Content-Length ",
  " Content-Length",
  "Content_Length",
]
const SPACES = ["", " ", "\t", "  ", " \t ", "\u00a0", "\u000b", "\u000c", "\r\n "]
const CODINGS = [
  "chunked",
  "Chunked",
  "gzip, chunked",
  "chunked, gzip",
  "chunked,",
  "chunked, chunked",
  "identity",
  "xchunked",
  "",
]
const HOSTS = ["h", "h:80", "[::1]:8080", "127.0.0.1", "", "h h", "h/x", "h,h", "h@x", "h:x", "ä"]
const OTHERS = [
  "Connection: close",
  "Connection: keep-alive",
  "Connection: Keep-Alive, close",
  "Connection: x-close",
  "connection: CLOSE ",
  "Connection: upgrade",
  "Upgrade: websocket",
  "Expect: 100-continue",
  "X-A: b",
  "x-a:  c\t",
  "X-B:",
  "x-c: \u00a0d\u00a0",
  "No-Colon",
  ": no name",
  "X Y: z",
  "X-D: a\r\n b",
  "Authorization: Bearer a",
  "Proxy-Connection: keep-alive",
  "Proxy-Connection: close",
  "Trailer: X-T",
  "Transfer-Encoding : chunked",
]
const EXTENSIONS = [
  "",
  "",
  "",
  ";a",
  ";a=b",
  ';a="b"',
  ';a="b\\"c"',
  " ",
  ";",
  ";a=",
  "; a",
  ";a =b",
  ";\u0001",
  ';a="b',
  "\t;x",
]
const TRAILERS = [
  "",
  "",
  "",
  "X-T: 1\r\n",
  "Content-Length: 5\r\n",
  "Transfer-Encoding: chunked\r\n",
  "X T: 1\r\n",
  "x\r\n",
  "A: b\n",
]
const BYTES = [0, 1, 9, 10, 11, 12, 13, 27, 32, 34, 44, 48, 49, 58, 59, 92, 97, 102, 127, 128, 133, 160, 255]

/** One to four requests, often with the same head but for the length of the body. */
export function requestWire(dice: Dice): Buffer {
  const parts: string[] = []
  const line = requestLine(dice)
  const fields = otherFields(dice, true)
  for (let count = 1 + dice.number(4); count > 0; count--) {
    if (dice.oneIn(12)) parts.push(dice.pick(["\r\n", "\n", "\r\n\r\n", "\r", " "]))
    const same = !dice.oneIn(3)
    parts.push(message(dice, same ? line : requestLine(dice), same ? fields : otherFields(dice, true)))
  }
  return mutated(dice, Buffer.from(parts.join(""), "latin1"))
}

export function responseWire(dice: Dice): Buffer {
  const parts: string[] = []
  for (let count = dice.pick([0, 0, 0, 1, 2]); count > 0; count--)
    parts.push(`HTTP/1.1 ${dice.pick(["100 Continue", "103 Early Hints", "101 Switching", "199"])}\r\n\r\n`)
  parts.push(message(dice, statusLine(dice), otherFields(dice, false)))
  if (dice.oneIn(6)) parts.push(dice.pick(["x", "\r\n", "HTTP/1.1 200 OK\r\n\r\n"]))
  return mutated(dice, Buffer.from(parts.join(""), "latin1"))
}

/** Up to three places at which the wire is cut. */
export function cutsOf(dice: Dice, length: number): number[] {
  return Array.from({ length: dice.oneIn(20) ? 30 : dice.number(4) }, () => dice.number(length + 1))
}

function requestLine(dice: Dice): string {
  if (!dice.oneIn(4)) return `${dice.pick(["GET", "POST"])} /v1/messages HTTP/1.1`
  const gap = dice.oneIn(10) ? dice.pick(["  ", "\t", "", " \u000b"]) : " "
  return `${dice.pick(METHODS)} ${dice.pick(TARGETS)}${gap}${dice.oneIn(3) ? dice.pick(VERSIONS) : "HTTP/1.1"}`
}

function statusLine(dice: Dice): string {
  if (!dice.oneIn(4)) return "HTTP/1.1 200 OK"
  const status = dice.pick(["200", "204", "304", "404", "206", "99", "099", "600", "999", "2000", "20", "2 0", "-20"])
  return `${dice.pick(VERSIONS)}${dice.pick([" ", "  ", "\t"])}${status}${dice.pick(["", " ", " OK", " \u00e4", " a\tb", "\tOK", " a\u0001"])}`
}

function otherFields(dice: Dice, isRequest: boolean): readonly string[] {
  const fields = Array.from({ length: dice.number(3) }, () => dice.pick(OTHERS))
  if (!isRequest) return fields
  if (!dice.oneIn(20)) fields.push(`Host: ${dice.oneIn(8) ? dice.pick(HOSTS) : "h"}`)
  if (dice.oneIn(20)) fields.push(`host: ${dice.pick(HOSTS)}`)
  return fields
}

function message(dice: Dice, line: string, fields: readonly string[]): string {
  const content = "abcdefgh".repeat(4).slice(0, dice.number(12))
  const framing: string[] = []
  let body = ""
  if (!dice.oneIn(5)) {
    if (dice.oneIn(2)) {
      body = content
      framing.push(lengthField(dice, content.length))
      if (dice.oneIn(8)) framing.push(lengthField(dice, dice.oneIn(2) ? content.length : 0))
    } else {
      body = chunks(dice, content)
      framing.push(
        `Transfer-Encoding:${space(dice)}${dice.oneIn(5) ? dice.pick(CODINGS) : "chunked"}${dice.oneIn(6) ? dice.pick(SPACES) : ""}`,
      )
    }
    if (dice.oneIn(12)) framing.push(`Transfer-Encoding: ${dice.pick(CODINGS)}`)
    if (dice.oneIn(12)) framing.push(lengthField(dice, content.length))
  }
  const all = dice.oneIn(2) ? [...fields, ...framing] : [...framing, ...fields]
  return `${[line, ...all].join(dice.oneIn(40) ? "\n" : "\r\n")}\r\n\r\n${body}`
}

function lengthField(dice: Dice, length: number): string {
  const digits = dice.oneIn(6)
    ? dice.pick([
        `+${length}`,
        `0${length}`,
        `${length},${length}`,
        `${length}, 0`,
        `0x${length}`,
        "",
        `${length}.0`,
        "-1",
        `${length} 1`,
        "18446744073709551621",
        "9".repeat(16),
      ])
    : String(length)
  return `${dice.oneIn(12) ? dice.pick(LENGTH_NAMES) : "Content-Length"}:${space(dice)}${digits}${dice.oneIn(6) ? dice.pick(SPACES) : ""}`
}

function space(dice: Dice): string {
  return dice.oneIn(5) ? dice.pick(SPACES) : " "
}

function chunks(dice: Dice, content: string): string {
  let wire = ""
  for (let at = 0; at < content.length;) {
    const length = 1 + dice.number(content.length - at)
    wire += `${sizeOf(dice, length)}${dice.oneIn(4) ? dice.pick(EXTENSIONS) : ""}\r\n${content.slice(at, at + length)}\r\n`
    at += length
  }
  return `${wire}${dice.pick(["0", "0", "0", "000", "0;a", "0 "])}\r\n${dice.pick(TRAILERS)}\r\n`
}

function sizeOf(dice: Dice, length: number): string {
  const hex = length.toString(16)
  return dice.oneIn(10)
    ? dice.pick([
        hex.toUpperCase(),
        `0${hex}`,
        `0x${hex}`,
        `+${hex}`,
        ` ${hex}`,
        `${hex}g`,
        `0000000000000${hex}`,
        "fffffffff",
        "",
      ])
    : hex
}

function mutated(dice: Dice, wire: Buffer): Buffer {
  let bytes = wire
  if (dice.oneIn(2)) return bytes
  for (let count = 1 + dice.number(3); count > 0 && bytes.length > 0; count--) {
    const at = dice.number(bytes.length)
    const to = Math.min(bytes.length, at + 1 + dice.number(dice.oneIn(3) ? 20 : 1))
    const between = dice.pick([Buffer.from([dice.pick(BYTES)]), Buffer.alloc(0), bytes.subarray(at, to)])
    bytes = Buffer.concat([bytes.subarray(0, at), between, bytes.subarray(dice.oneIn(2) ? at : to)])
  }
  return bytes
}
