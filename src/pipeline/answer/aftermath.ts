/** How a stream of an upstream ends, and what follows its end. */
import { FRAME, type StreamObserver } from "../../dialects/dialect.ts"
import type { RouterError } from "../../errors.ts"
import type { FrameSplitter } from "../../sse/frames.ts"
import type { Timers } from "../../system/clock.ts"
import type { UpstreamAnswer } from "../../upstream/answer.ts"
import type { AttemptFailure } from "../../upstream/failure.ts"

export type StreamEnd =
  | { readonly kind: "complete" }
  /** The upstream broke off, or said that it failed. */
  | { readonly kind: "failed"; readonly failure: AttemptFailure }
  /** A limit of the caller allows no more. */
  | { readonly kind: "stopped"; readonly error: RouterError }

/** How long a stream may go on after its terminal frame before its rest is given up. */
const AFTERMATH_MS = 200
/** Bytes behind the terminal frame that are looked at; an upstream that sends more is cut off. */
const MOST_TRAILING_BYTES = 16_384
const NOTHING = new Uint8Array(0)

/** What follows the terminal frame: blank lines, comments and a stray `[DONE]` belong to it; a second end does not. */
export class Trailing {
  readonly #splitter: FrameSplitter
  readonly #observer: StreamObserver
  readonly #isKept: boolean
  readonly #cancel: () => void
  /** In order. */
  readonly #frames: Uint8Array[] = []
  #bytes = 0

  /** `isKept`: frames go to the client as they are. */
  constructor(splitter: FrameSplitter, observer: StreamObserver, isKept: boolean, cancel: () => void) {
    this.#splitter = splitter
    this.#observer = observer
    this.#isKept = isKept
    this.#cancel = cancel
  }

  /** What came with the terminal frame. */
  addHere(): void {
    this.add(NOTHING)
  }

  readonly add = (more: Uint8Array): void => {
    if (this.#bytes >= MOST_TRAILING_BYTES) return
    const splitter = this.#splitter
    splitter.push(more)
    while (this.#bytes < MOST_TRAILING_BYTES && splitter.next()) {
      this.#bytes += splitter.end - splitter.start
      if (this.#bytes > MOST_TRAILING_BYTES) break
      const verdict = this.#observer.frame(splitter.bytes, splitter.start, splitter.end)
      if (verdict === FRAME.plain && this.#isKept)
        this.#frames.push(splitter.bytes.subarray(splitter.start, splitter.end))
    }
    // not from inside of the upstream's own callback
    if (this.#bytes >= MOST_TRAILING_BYTES) queueMicrotask(this.#cancel)
  }

  /** Reads to the end of the body, so that the connection can be used again; most upstreams end at once. Resolves with what is to be sent. */
  async rest(answer: UpstreamAnswer, timers: Timers): Promise<readonly Uint8Array[]> {
    const timer = timers.after(AFTERMATH_MS, this.#cancel)
    try {
      for (let pieces = await answer.read(); pieces !== null; pieces = await answer.read()) pieces.forEach(this.add)
      const rest = this.#splitter.remainder()
      if (this.#isKept && this.#bytes + rest.length <= MOST_TRAILING_BYTES) this.#frames.push(rest)
    } catch {
      // the answer is whole already
    } finally {
      timer.close()
    }
    return this.#frames
  }
}
