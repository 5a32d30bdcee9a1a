/** Reads a body in chunks (RFC 9112, 7.1), of requests and of responses alike. */
import { latin1 } from "../text.ts"
import { HttpFault } from "./fault.ts"
import { FIELD_LINES } from "./fields.ts"

const CR = 13
const LF = 10
const LONGEST_LINE = 4096
/** Extensions and trailers of one body together: they are read and thrown away, so nobody needs more. */
const MOST_ASIDE_BYTES = 16_384
/** A chunk up to this size is moved behind the one before it, because a view costs more than the copy. */
const SMALL_CHUNK_BYTES = 1024

const SIZE_LINE =
  /^([0-9a-fA-F]{1,12})(?:;[!#$%&'*+.^_`|~0-9A-Za-z-]+(?:=(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+|"(?:[\t\x20-\x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t\x20-\x7e\x80-\xff])*"))?)*$/

/** Trailers that some readers take for fields of the head (RFC 9110, 6.5.1). */
const FRAMING_FIELD = /^(?:content-length|transfer-encoding):/i

const NO_DIGIT = 255
const HEX_VALUE: Uint8Array = new Uint8Array(256).fill(NO_DIGIT)
for (const [value, digit] of Array.from("0123456789abcdef").entries()) {
  HEX_VALUE[digit.charCodeAt(0)] = value
  HEX_VALUE[digit.toUpperCase().charCodeAt(0)] = value
}

export class ChunkedReader {
  /** The body and its trailers are over. */
  done = false
  /** "size", the bytes of a chunk, the line end behind it, or the trailers. */
  private state: "size" | "data" | "after" | "trailer" = "size"
  private left = 0
  /** An incomplete line. */
  private text = ""
  private asideBytes = 0

  /**
   * Calls `take` with the pieces of the body, in order; returns the offset behind what belongs to this body.
   * `bytes` are overwritten: what small chunks hold is moved together in them, so the pieces are few.
   * @throws HttpFault
   */
  push(bytes: Uint8Array, from: number, take: (piece: Uint8Array) => void): number {
    let at = from
    let start = from
    let end = from
    while (at < bytes.length && !this.done) {
      if (this.state !== "data") {
        at = this.takeFraming(bytes, at)
        continue
      }
      const to = Math.min(bytes.length, at + this.left)
      if (end > start && to - at <= SMALL_CHUNK_BYTES) {
        bytes.copyWithin(end, at, to)
        end += to - at
      } else {
        if (end > start) take(bytes.subarray(start, end))
        start = at
        end = to
      }
      this.left -= to - at
      if (this.left === 0) this.state = "after"
      at = to
    }
    if (end > start) take(bytes.subarray(start, end))
    return at
  }

  private takeFraming(bytes: Uint8Array, from: number): number {
    if (this.text === "") {
      const at = this.state === "after" ? this.takeChunkEnd(bytes, from) : this.takeSize(bytes, from)
      if (at >= 0) return at
    }
    const end = bytes.indexOf(LF, from)
    const stop = end < 0 ? bytes.length : end
    if (this.text.length + stop - from > LONGEST_LINE) throw new HttpFault("A chunk line is too long.")
    const line = this.text + latin1(bytes, from, stop)
    if (end < 0) {
      this.text = line
      return bytes.length
    }
    this.text = ""
    if (line.charCodeAt(line.length - 1) !== CR) throw new HttpFault("A chunk line is malformed.")
    this.line(line.slice(0, -1))
    return end + 1
  }

  /** The end of a chunk that has arrived as a whole; -1 for anything else. */
  private takeChunkEnd(bytes: Uint8Array, at: number): number {
    if (bytes[at] !== CR || bytes[at + 1] !== LF) return -1
    this.state = "size"
    return at + 2
  }

  /** A bare size that has arrived as a whole, without making text of it; -1 for anything else. */
  private takeSize(bytes: Uint8Array, from: number): number {
    if (this.state !== "size") return -1
    let size = 0
    let at = from
    for (; at < from + 7; at++) {
      const digit = HEX_VALUE[bytes[at] ?? 0] ?? NO_DIGIT
      if (digit === NO_DIGIT) break
      size = size * 16 + digit
    }
    if (at === from || bytes[at] !== CR || bytes[at + 1] !== LF) return -1
    this.begin(size)
    return at + 2
  }

  private begin(size: number): void {
    this.left = size
    this.state = size === 0 ? "trailer" : "data"
  }

  private line(line: string): void {
    if (this.state === "trailer") {
      this.done = line === ""
      if (this.done) return
      this.putAside(line.length + 2)
      if (!FIELD_LINES.test(`\r\n${line}`) || FRAMING_FIELD.test(line)) throw new HttpFault("A trailer is malformed.")
    } else if (this.state === "after") {
      if (line !== "") throw new HttpFault("A chunk is longer than it says.")
      this.state = "size"
    } else {
      const digits = SIZE_LINE.exec(line)?.[1]
      if (digits === undefined) throw new HttpFault("A chunk size is malformed.")
      this.putAside(line.length - digits.length)
      this.begin(Number.parseInt(digits, 16))
    }
  }

  private putAside(bytes: number): void {
    this.asideBytes += bytes
    if (this.asideBytes > MOST_ASIDE_BYTES) throw new HttpFault("Chunk extensions and trailers are too large.")
  }
}
