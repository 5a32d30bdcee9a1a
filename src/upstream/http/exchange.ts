/** One request and its answer on a connection. */
import type { Reason } from "../../reasons.ts"
import { SpeaksTls } from "../reason.ts"
import { ResponseDecoder } from "./decoder.ts"
import type { ResponseHead } from "./head.ts"
import { isOwnShortage } from "./sockets.ts"

/** So much of a body may wait for its reader before the connection is paused. */
const HIGH_WATER_BYTES = 262_144
/** What the runtime keeps of a piece beside its bytes, about: it counts as well, because a piece may be a byte. */
const PIECE_COST_BYTES = 128

/** What an exchange needs of the connection that carries it. */
export interface Carrier {
  pause(): void
  resume(): void
  /** The answer is whole, or nobody wants it: the connection is free, or must go. */
  release(reusable: boolean): void
}

/** Why there is no answer, or no whole one: the connection, what came over it, or `cancel`. Nothing else is one of these. */
export class AnswerBroken extends Error {
  /** Where more is known than the cause says. */
  readonly reason: Reason | null = null
  readonly words: string | null = null

  constructor(cause: unknown, message = "the answer broke off") {
    super(message, { cause })
    this.name = "AnswerBroken"
  }
}

/** It failed before any byte of an answer came. The upstream may have read the request, and worked on it. */
export class NothingReceived extends AnswerBroken {
  constructor(cause: unknown) {
    super(cause, "the connection ended before an answer came")
    this.name = "NothingReceived"
  }
}

/**
 * A kept connection closed before the upstream can have worked on the request: it was closing when the request was
 * written, or the request was never written as a whole. https://www.rfc-editor.org/rfc/rfc9110#section-9.2.2
 */
export class StaleConnection extends NothingReceived {
  constructor(cause: unknown) {
    super(cause)
    this.name = "StaleConnection"
  }
}

/** This process has no room for the connection: no upstream is to blame. */
export class NotSent extends AnswerBroken {
  constructor(cause: unknown) {
    super(cause, "there is no room for another connection")
    this.name = "NotSent"
  }
}

/** Whoever waits for the answer; of `headed` and `failed` one is told, once. */
export interface Listener {
  /** The connection is made, TLS included: the request is on its way. Told at once where it was made before. */
  connected(): void
  headed(head: ResponseHead): void
  /** No head came. */
  failed(error: AnswerBroken): void
}

interface Flow {
  readonly take: (pieces: readonly Uint8Array[]) => boolean
  readonly settled: PromiseWithResolvers<boolean>
}

export class Exchange {
  private readonly decoder: ResponseDecoder = new ResponseDecoder()
  private readonly carrier: Carrier
  private readonly listener: Listener
  private reader: PromiseWithResolvers<readonly Uint8Array[] | null> | null = null
  private flowing: Flow | null = null
  private failure: AnswerBroken | null = null
  private waitingBytes = 0
  private paused = false
  private over = false
  /** A byte of an answer has come. */
  private heard = false
  /** The listener knows how it went. */
  private told = false

  constructor(carrier: Carrier, listener: Listener) {
    this.carrier = carrier
    this.listener = listener
  }

  /** Every byte of the answer has arrived. */
  get complete(): boolean {
    return this.decoder.done
  }

  /** The next pieces of the body; null at its end. One caller at a time. Rejects with `AnswerBroken` when the answer breaks off. */
  read(): Promise<readonly Uint8Array[] | null> {
    const ready = this.take()
    if (ready.length > 0) return Promise.resolve(ready)
    if (this.decoder.done) return Promise.resolve(null)
    if (this.failure !== null) return Promise.reject(this.failure)
    this.reader = Promise.withResolvers()
    return this.reader.promise
  }

  /**
   * Hands pieces over as they arrive, without a promise for each, until `take` returns false or the body ends.
   * Resolves with whether more may come. Rejects with `AnswerBroken` when the answer breaks off, or with what `take` throws.
   */
  flow(take: (pieces: readonly Uint8Array[]) => boolean): Promise<boolean> {
    const ready = this.take()
    if (ready.length > 0 && !take(ready)) return Promise.resolve(!this.decoder.done)
    if (this.decoder.done) return Promise.resolve(false)
    if (this.failure !== null) return Promise.reject(this.failure)
    this.flowing = { take, settled: Promise.withResolvers() }
    return this.flowing.settled.promise
  }

  /** Nobody wants the rest: the connection goes. */
  cancel(): void {
    if (this.over) return
    this.fail("cancelled")
  }

  // what the connection tells

  connected(): void {
    this.listener.connected()
  }

  received(bytes: Uint8Array): void {
    if (this.over) return
    this.heard = true
    try {
      this.decoder.push(bytes)
    } catch (error) {
      return this.fail(this.decoder.looksLikeTls ? new SpeaksTls() : error)
    }
    this.progress(bytes.length)
    if (this.told || this.decoder.head === null) return
    this.told = true
    this.listener.headed(this.decoder.head)
  }

  /** `isStale`: the connection was kept, and closed before the upstream can have worked on the request. */
  ended(cause: Error | null, isStale: boolean): void {
    if (this.over) return
    if (this.decoder.head === null) {
      if (this.decoder.looksLikeTls) return this.fail(new SpeaksTls())
      return this.fail(whyNoHead(cause, isStale && !this.heard))
    }
    try {
      if (cause !== null) throw cause
      this.decoder.finish()
      this.progress(0)
    } catch (error) {
      this.fail(error)
    }
  }

  private progress(arrivedBytes: number): void {
    if (this.flowing !== null) this.passOn(this.flowing)
    else if (this.reader !== null) {
      const ready = this.take()
      if (ready.length > 0) this.answerReader(ready)
      else if (this.decoder.done) this.answerReader(null)
    } else if (!this.decoder.done) {
      this.waitingBytes += arrivedBytes + PIECE_COST_BYTES
      if (this.waitingBytes > HIGH_WATER_BYTES && !this.paused) {
        this.paused = true
        this.carrier.pause()
      }
    }
    if (this.decoder.done) this.finish(this.decoder.head?.keepAlive === true && !this.decoder.surplus)
  }

  private passOn(flowing: Flow): void {
    try {
      const ready = this.take()
      const wantsMore = ready.length === 0 || flowing.take(ready)
      if (wantsMore && !this.decoder.done) return
      this.flowing = null
      flowing.settled.resolve(!this.decoder.done)
    } catch (error) {
      this.flowing = null
      flowing.settled.reject(error)
    }
  }

  private answerReader(ready: readonly Uint8Array[] | null): void {
    const { reader } = this
    this.reader = null
    reader?.resolve(ready)
  }

  /** The pieces of the body that are here. */
  take(): readonly Uint8Array[] {
    const pieces = this.decoder.body
    if (pieces.length === 0) return pieces
    this.decoder.body = []
    this.waitingBytes = 0
    if (this.paused) {
      this.paused = false
      if (!this.over) this.carrier.resume()
    }
    return pieces
  }

  private fail(cause: unknown): void {
    const error = cause instanceof AnswerBroken ? cause : new AnswerBroken(cause)
    this.failure = error
    const { reader, flowing } = this
    this.reader = null
    this.flowing = null
    reader?.reject(error)
    flowing?.settled.reject(error)
    this.finish(false)
    if (!this.told) this.listener.failed(error)
    this.told = true
  }

  private finish(reusable: boolean): void {
    this.over = true
    this.carrier.release(reusable)
  }
}

function whyNoHead(cause: Error | null, isStale: boolean): AnswerBroken {
  if (isOwnShortage(cause)) return new NotSent(cause)
  return isStale ? new StaleConnection(cause) : new NothingReceived(cause)
}
