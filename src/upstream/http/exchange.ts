/** One request and its answer on a connection. */
import { ResponseDecoder } from "./decoder.ts"
import type { ResponseHead } from "./head.ts"

/** So much of a body may wait for its reader before the connection is paused. */
const HIGH_WATER_BYTES = 262_144

/** What an exchange needs of the connection that carries it. */
export interface Carrier {
  pause(): void
  resume(): void
  /** The answer is whole, or nobody wants it: the connection is free, or must go. */
  release(reusable: boolean): void
}

/** Why an exchange failed before any byte of an answer came; it may be tried again on another connection. */
export class NothingReceived extends Error {
  constructor(cause: unknown) {
    super("the connection ended before an answer came", { cause })
    this.name = "NothingReceived"
  }
}

export class Exchange {
  /** The head of the answer. Rejects with `NothingReceived`, `HttpFault`, or what `cancel` was given. */
  readonly head: Promise<ResponseHead>
  private readonly headSettled: PromiseWithResolvers<ResponseHead> = Promise.withResolvers()
  private readonly decoder = new ResponseDecoder()
  private readonly carrier: Carrier
  private reader: PromiseWithResolvers<readonly Uint8Array[] | null> | null = null
  private failure: Error | null = null
  private waitingBytes = 0
  private paused = false
  private over = false

  constructor(carrier: Carrier) {
    this.carrier = carrier
    this.head = this.headSettled.promise
    // a failure that comes while nobody waits for the head is told by `read`
    this.head.catch(() => undefined)
  }

  /** The next pieces of the body; null at its end. One caller at a time. Rejects when the answer breaks off. */
  read(): Promise<readonly Uint8Array[] | null> {
    const ready = this.take()
    if (ready !== null) return Promise.resolve(ready)
    if (this.decoder.done) return Promise.resolve(null)
    if (this.failure !== null) return Promise.reject(this.failure)
    this.reader = Promise.withResolvers()
    return this.reader.promise
  }

  /** Nobody wants the rest: the connection goes. */
  cancel(): void {
    if (this.over) return
    this.fail(new Error("cancelled"))
  }

  // what the connection tells

  received(bytes: Uint8Array): void {
    if (this.over) return
    const headBefore = this.decoder.head
    try {
      this.decoder.push(bytes)
    } catch (error) {
      this.fail(error instanceof Error ? error : new Error(String(error)))
      return
    }
    if (headBefore === null && this.decoder.head !== null) this.headSettled.resolve(this.decoder.head)
    this.progress(bytes.length)
  }

  ended(cause: Error | null): void {
    if (this.over) return
    if (this.decoder.head === null) return this.fail(new NothingReceived(cause))
    try {
      if (cause !== null) throw cause
      this.decoder.finish()
      this.progress(0)
    } catch (error) {
      this.fail(error instanceof Error ? error : new Error(String(error)))
    }
  }

  private progress(arrivedBytes: number): void {
    if (this.reader !== null) {
      const ready = this.take()
      if (ready !== null || this.decoder.done) this.answerReader(ready)
    } else if (!this.decoder.done) {
      this.waitingBytes += arrivedBytes
      if (this.waitingBytes > HIGH_WATER_BYTES && !this.paused) {
        this.paused = true
        this.carrier.pause()
      }
    }
    if (this.decoder.done) this.finish(this.decoder.head?.keepAlive === true && !this.decoder.surplus)
  }

  private answerReader(ready: readonly Uint8Array[] | null): void {
    const { reader } = this
    this.reader = null
    reader?.resolve(ready)
  }

  private take(): readonly Uint8Array[] | null {
    const pieces = this.decoder.body
    if (pieces.length === 0) return null
    this.decoder.body = []
    this.waitingBytes = 0
    if (this.paused) {
      this.paused = false
      if (!this.over) this.carrier.resume()
    }
    return pieces
  }

  private fail(error: Error): void {
    this.failure = error
    this.headSettled.reject(error)
    const { reader } = this
    this.reader = null
    reader?.reject(error)
    this.finish(false)
  }

  private finish(reusable: boolean): void {
    this.over = true
    this.carrier.release(reusable)
  }
}
