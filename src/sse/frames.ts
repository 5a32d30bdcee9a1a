/**
 * Cuts a server-sent event stream into whole frames without changing a byte.
 * A frame is everything up to and including the blank line that ends it. Lines end in LF, CRLF or CR.
 */

const LF = 10
const CR = 13
const LONG_FRAME_BYTES = 32_768

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
  /** What `bytes` is the beginning of; null where that is a chunk as it came. */
  private room: Uint8Array | null = null

  constructor(maxFrameBytes: number) {
    this.maxFrameBytes = maxFrameBytes
  }

  /** Takes the next chunk. @throws RangeError when one frame exceeds the bound */
  push(chunk: Uint8Array): void {
    const kept = this.bytes.length - this.rest
    if (kept > this.maxFrameBytes) throw new RangeError("an event of the stream is too large")
    if (kept === 0) this.restart(chunk)
    else if (this.room !== null && this.bytes.length + chunk.length <= this.room.length) this.append(this.room, chunk)
    else this.join(kept, chunk)
  }

  private restart(chunk: Uint8Array): void {
    this.room = null
    this.bytes = chunk
    this.at -= this.rest
    this.rest = 0
  }

  /** Behind what is there: frames that were handed out keep their bytes. */
  private append(room: Uint8Array, chunk: Uint8Array): void {
    const { length } = this.bytes
    room.set(chunk, length)
    this.bytes = room.subarray(0, length + chunk.length)
  }

  /** A long frame in many chunks gets room for more, or every chunk would copy all that came before it. */
  private join(kept: number, chunk: Uint8Array): void {
    const length = kept + chunk.length
    const room = new Uint8Array(kept < LONG_FRAME_BYTES ? length : 2 * length)
    room.set(this.bytes.subarray(this.rest))
    room.set(chunk, kept)
    this.room = room
    this.bytes = room.length === length ? room : room.subarray(0, length)
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
