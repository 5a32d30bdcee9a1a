/** Takes a response off the wire: head, then body without its transfer framing. Bytes in, views of the same bytes out. */
import { latin1 } from "../../text.ts"
import { HttpFault, parseHead, type ResponseHead } from "./head.ts"

const LF = 10
const CR = 13
const LONGEST_HEAD_BYTES = 65_536
const LONGEST_SIZE_LINE = 4096

const NO_DIGIT = 255
const HEX_VALUE: Uint8Array = new Uint8Array(256).fill(NO_DIGIT)
for (const [value, digit] of Array.from("0123456789abcdef").entries()) {
  HEX_VALUE[digit.charCodeAt(0)] = value
  HEX_VALUE[digit.toUpperCase().charCodeAt(0)] = value
}

type State = "head" | "length" | "size" | "data" | "after-data" | "trailer" | "close" | "done"

export class ResponseDecoder {
  head: ResponseHead | null = null
  /** Pieces of the body, in order; whoever takes them empties the list. */
  body: Uint8Array[] = []
  /** Bytes that came after the end of the answer: a server that speaks out of turn. */
  surplus = false
  private state: State = "head"
  /** An incomplete head or line. */
  private text = ""
  private left = 0

  get done(): boolean {
    return this.state === "done"
  }

  /** @throws HttpFault */
  push(bytes: Uint8Array): void {
    let at = 0
    while (at < bytes.length) {
      switch (this.state) {
        case "head":
          at = this.takeHead(bytes, at)
          break
        case "length":
        case "data":
          at = this.takeBody(bytes, at)
          break
        case "close":
          this.body.push(bytes.subarray(at))
          return
        case "done":
          this.surplus = true
          return
        default:
          at = this.takeLine(bytes, at)
      }
    }
  }

  /** The connection has ended. @throws HttpFault when the answer is not whole */
  finish(): void {
    if (this.state === "close") this.state = "done"
    else if (this.state !== "done") throw new HttpFault("the connection ended inside the answer")
  }

  private takeHead(bytes: Uint8Array, from: number): number {
    const before = this.text.length
    const text = this.text + latin1(bytes, from, Math.min(bytes.length, from + LONGEST_HEAD_BYTES))
    const end = text.indexOf("\r\n\r\n", Math.max(0, before - 3))
    if (end < 0) {
      if (text.length >= LONGEST_HEAD_BYTES) throw new HttpFault("the head is too large")
      this.text = text
      return bytes.length
    }
    this.text = ""
    const head = parseHead(text.slice(0, end))
    // 100 Continue, 103 Early Hints: the answer is still to come
    if (head.status >= 200) this.begin(head)
    return from + end + 4 - before
  }

  private begin(head: ResponseHead): void {
    this.head = head
    const { framing } = head
    if (framing.kind === "length") {
      this.left = framing.bytes
      this.state = framing.bytes === 0 ? "done" : "length"
    } else this.state = framing.kind === "chunked" ? "size" : framing.kind === "close" ? "close" : "done"
  }

  private takeBody(bytes: Uint8Array, from: number): number {
    const to = Math.min(bytes.length, from + this.left)
    this.body.push(from === 0 && to === bytes.length ? bytes : bytes.subarray(from, to))
    this.left -= to - from
    if (this.left === 0) this.state = this.state === "length" ? "done" : "after-data"
    return to
  }

  /** Lines of the chunked framing: sizes, the ends of chunks, trailers. */
  private takeLine(bytes: Uint8Array, from: number): number {
    if (this.text === "") {
      const at =
        this.state === "after-data"
          ? this.takeChunkEnd(bytes, from)
          : this.state === "size"
            ? this.takeSize(bytes, from)
            : -1
      if (at >= 0) return at
    }
    const end = bytes.indexOf(LF, from)
    const stop = end < 0 ? bytes.length : end
    if (this.text.length + stop - from > LONGEST_SIZE_LINE) throw new HttpFault("a chunk line is too long")
    const line = this.text + latin1(bytes, from, stop)
    if (end < 0) {
      this.text = line
      return bytes.length
    }
    this.text = ""
    this.line(line.charCodeAt(line.length - 1) === CR ? line.slice(0, -1) : line)
    return end + 1
  }

  /** The usual end of a chunk; -1 for anything else. */
  private takeChunkEnd(bytes: Uint8Array, at: number): number {
    if (bytes[at] !== CR || bytes[at + 1] !== LF) return -1
    this.state = "size"
    return at + 2
  }

  /** A bare size that has arrived as a whole, without making text of it; -1 for anything else. */
  private takeSize(bytes: Uint8Array, from: number): number {
    let size = 0
    let at = from
    for (; at < from + 7; at++) {
      const digit = HEX_VALUE[bytes[at] ?? 0] ?? NO_DIGIT
      if (digit === NO_DIGIT) break
      size = size * 16 + digit
    }
    if (at === from || bytes[at] !== CR || bytes[at + 1] !== LF) return -1
    this.left = size
    this.state = size === 0 ? "trailer" : "data"
    return at + 2
  }

  private line(line: string): void {
    if (this.state === "trailer") {
      if (line === "") this.state = "done"
    } else if (this.state === "after-data") {
      if (line !== "") throw new HttpFault("a chunk that is longer than it says")
      this.state = "size"
    } else {
      const size = /^([0-9a-fA-F]{1,12})[ \t]*(?:;|$)/.exec(line)
      if (size === null) throw new HttpFault("a chunk size that is none")
      this.left = Number.parseInt(size[1] ?? "", 16)
      this.state = this.left === 0 ? "trailer" : "data"
    }
  }
}
