/** A body that is written as it comes, in its framing, and kept alive while nothing comes. */
import type { BodyStream, Writer } from "../../pipeline/message.ts"
import { chunkOf, LAST_CHUNK } from "./write.ts"

export class StreamedBody {
  private readonly content: BodyStream
  private readonly chunked: boolean
  private readonly out: Writer
  /** Whether something was written since the last look: a mark, because the clock is too dear for every write. */
  private written = true
  /** On the monotonic clock: the last look that found something written. */
  private quietSince = 0

  constructor(content: BodyStream, chunked: boolean, out: Writer) {
    this.content = content
    this.chunked = chunked
    this.out = out
  }

  /** Writes everything to its end. */
  async pump(): Promise<void> {
    const { out } = this
    await this.content.pump({
      write: (bytes) => this.write(bytes),
      isFull: () => out.isFull(),
      drained: () => out.drained(),
    })
    if (this.chunked) out.write(LAST_CHUNK)
  }

  /** To be called again and again while the body is written; writes a keep-alive after `afterMs` of silence. */
  bridgeSilence(now: number, afterMs: number): void {
    // what a slow client has yet to take is no silence
    if (this.written || this.out.isFull()) {
      this.written = false
      this.quietSince = now
    } else if (now - this.quietSince >= afterMs) {
      this.quietSince = now
      const frame = this.content.keepAlive?.()
      if (frame !== undefined && frame.length > 0) this.out.write(this.chunked ? chunkOf(frame) : frame)
    }
  }

  private write(bytes: Uint8Array): void {
    this.written = true
    if (bytes.length > 0) this.out.write(this.chunked ? chunkOf(bytes) : bytes)
  }
}
