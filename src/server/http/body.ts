/** The body of one request while it arrives. */
import { ChunkedReader } from "../../http/chunked.ts"
import { Gathered } from "../../http/gathered.ts"
import { BadFraming, BodyTooLarge, Gone } from "../../pipeline/message.ts"

/** A body without a length is held in steps of so many bytes. */
const STEP_BYTES = 65_536

export class IncomingBody {
  /** Everything has arrived. */
  done: boolean
  /** The handler answers without the body: what still comes is thrown away. */
  private unwanted = false
  private lost = false
  private readonly chunks: ChunkedReader | null
  private readonly length: number
  private left: number
  private readonly gathered = new Gathered()
  private maxBytes = Infinity
  /** So many bytes may come before `hold` is told of more. */
  private heldBytes = Infinity
  private hold: ((bytes: number) => void) | null = null
  private waiting: PromiseWithResolvers<Uint8Array> | null = null
  private failure: unknown = null

  constructor(framing: number | "chunked") {
    this.chunks = framing === "chunked" ? new ChunkedReader() : null
    this.length = framing === "chunked" ? 0 : framing
    this.left = this.length
    this.done = framing === 0
  }

  /** Takes bytes off the wire; returns the offset behind the body. @throws HttpFault */
  push(bytes: Uint8Array, from: number): number {
    if (this.lost) return bytes.length
    const to = this.chunks === null ? this.pushCounted(bytes, from) : this.chunks.push(bytes, from, this.take)
    this.done = this.chunks === null ? this.left === 0 : this.chunks.done
    if (this.done) this.settle()
    return to
  }

  get size(): number {
    return this.gathered.size
  }

  /** At once when everything is here. What `hold` throws goes on. */
  read(maxBytes: number, hold: (bytes: number) => void): Uint8Array | Promise<Uint8Array> {
    this.maxBytes = maxBytes
    if (this.failure === null && this.length <= maxBytes && this.size <= maxBytes) {
      this.hold = hold
      this.heldBytes = this.chunks === null ? this.length : this.size
      hold(this.heldBytes)
      if (this.done) return this.gathered.take()
    }
    this.waiting = Promise.withResolvers()
    const { promise } = this.waiting
    if (this.length > maxBytes || this.size > maxBytes) this.fail(new BodyTooLarge())
    if (this.failure !== null) this.fail(this.failure)
    if (this.done) this.settle()
    return promise
  }

  /** The answer is on its way: the rest of the body interests nobody. */
  discard(): void {
    this.unwanted = true
    this.gathered.clear()
  }

  gone(): void {
    this.fail(new Gone())
  }

  /** Nobody can tell where it ends: what still comes is no part of anything. */
  malformed(message: string): void {
    this.lost = true
    this.fail(new BadFraming(message))
  }

  /** True while the sender should wait: nobody has asked for the body yet and a lot is here. */
  get isFull(): boolean {
    return this.waiting === null && !this.unwanted && this.size > 1 << 20
  }

  private pushCounted(bytes: Uint8Array, from: number): number {
    const to = Math.min(bytes.length, from + this.left)
    this.take(from === 0 && to === bytes.length ? bytes : bytes.subarray(from, to))
    this.left -= to - from
    return to
  }

  private readonly take = (piece: Uint8Array): void => {
    if (this.unwanted) return
    this.gathered.add(piece)
    if (this.size > this.maxBytes) this.fail(new BodyTooLarge())
    else if (this.size > this.heldBytes) this.holdMore()
  }

  private holdMore(): void {
    this.heldBytes = Math.min(this.maxBytes, this.size + STEP_BYTES)
    try {
      this.hold?.(this.heldBytes)
    } catch (error) {
      this.fail(error)
    }
  }

  private fail(error: unknown): void {
    this.failure = error
    this.discard()
    this.waiting?.reject(error)
    this.waiting = null
  }

  private settle(): void {
    const { waiting } = this
    if (waiting === null) return
    this.waiting = null
    waiting.resolve(this.gathered.take())
  }
}
