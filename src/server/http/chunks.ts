/** Takes a chunked body off the wire (RFC 9112, 7.1). */
import { latin1 } from "../../text.ts"
import { BadRequest } from "./head.ts"

const LF = 10
const LONGEST_LINE = 4096

export class ChunkDecoder {
  done = false
  /** "size", the bytes of a chunk, the line end behind it, or the trailer. */
  private state: "size" | "data" | "after" | "trailer" = "size"
  private left = 0
  private text = ""

  /** Calls `take` with each piece of the body; returns the offset behind what belongs to this body. @throws BadRequest */
  push(bytes: Uint8Array, from: number, take: (piece: Uint8Array) => void): number {
    let at = from
    while (at < bytes.length && !this.done) {
      if (this.state === "data") {
        const to = Math.min(bytes.length, at + this.left)
        take(bytes.subarray(at, to))
        this.left -= to - at
        if (this.left === 0) this.state = "after"
        at = to
      } else at = this.takeLine(bytes, at)
    }
    return at
  }

  private takeLine(bytes: Uint8Array, from: number): number {
    const end = bytes.indexOf(LF, from)
    const stop = end < 0 ? bytes.length : end
    if (this.text.length + stop - from > LONGEST_LINE) throw new BadRequest("A chunk line is too long.")
    this.text += latin1(bytes, from, stop)
    if (end < 0) return bytes.length
    const line = this.text
    this.text = ""
    if (!line.endsWith("\r")) throw new BadRequest("A chunk line is malformed.")
    this.line(line.slice(0, -1))
    return end + 1
  }

  private line(line: string): void {
    if (this.state === "trailer") {
      this.done = line === ""
      return
    }
    if (this.state === "after") {
      if (line !== "") throw new BadRequest("A chunk is longer than it says.")
      this.state = "size"
      return
    }
    const size = /^([0-9a-fA-F]{1,8})(?:;[^\r\n]*)?$/.exec(line)
    if (size === null) throw new BadRequest("A chunk size is malformed.")
    this.left = Number.parseInt(size[1] ?? "", 16)
    this.state = this.left === 0 ? "trailer" : "data"
  }
}
