/**
 * Cuts a server-sent event stream into whole frames without changing a byte.
 * A frame is everything up to and including the blank line that ends it. Lines end in LF, CRLF or CR.
 */

const LF = 10
const CR = 13

/** `bytes.subarray(start, end)` is the current frame; it is valid until the next push. */
export class FrameSplitter {
  bytes: Uint8Array = new Uint8Array(0)
  start = 0
  end = 0
  private readonly maxFrameBytes: number
  /** Where the first frame that is not complete begins. */
  private rest = 0
  /** Where the search for its end goes on. */
  private at = 0
  private lineIsEmpty = true

  constructor(maxFrameBytes: number) {
    this.maxFrameBytes = maxFrameBytes
  }

  /** Takes the next chunk. @throws RangeError when one frame exceeds the bound */
  push(chunk: Uint8Array): void {
    const kept = this.bytes.length - this.rest
    if (kept > this.maxFrameBytes) throw new RangeError("an event of the stream is too large")
    if (kept === 0) this.bytes = chunk
    else {
      const joined = new Uint8Array(kept + chunk.length)
      joined.set(this.bytes.subarray(this.rest))
      joined.set(chunk, kept)
      this.bytes = joined
    }
    this.at -= this.rest
    this.rest = 0
  }

  /** Moves to the next whole frame; false when more bytes are needed. */
  next(): boolean {
    const { bytes } = this
    const length = bytes.length
    let { at, lineIsEmpty } = this
    while (at < length) {
      const byte = bytes[at]
      if (byte !== LF && byte !== CR) {
        lineIsEmpty = false
        do at++
        while (at < length && bytes[at] !== LF && bytes[at] !== CR)
        continue
      }
      // a CR at the very end may be half of a CRLF
      if (byte === CR && at + 1 === length) break
      at += byte === CR && bytes[at + 1] === LF ? 2 : 1
      if (lineIsEmpty) return this.found(at)
      lineIsEmpty = true
    }
    this.at = at
    this.lineIsEmpty = lineIsEmpty
    return false
  }

  /** What is left when the stream has ended: a frame without its blank line, or nothing. */
  remainder(): Uint8Array {
    return this.bytes.subarray(this.rest)
  }

  private found(end: number): true {
    this.start = this.rest
    this.end = end
    this.rest = end
    this.at = end
    this.lineIsEmpty = true
    return true
  }
}
