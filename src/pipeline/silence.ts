/** The longest time that an upstream may send nothing in a stream; behind its finish, what may follow it. */
import type { Attempt, Call } from "./call.ts"
import type { Gateway } from "./gateway.ts"

/** A stream that is finished, but not closed, is complete after this; found out to a quarter of a second. */
const FINISHED_GRACE_MS = 1500

export class Silence {
  /** What took too long, so that the upstream was given up: the silence, or the close behind the finish. */
  over: "silence" | "close" | null = null
  readonly #attempt: Attempt
  readonly #call: Call
  readonly #gateway: Gateway
  #isFinished = false

  constructor(attempt: Attempt, call: Call, gateway: Gateway) {
    this.#attempt = attempt
    this.#call = call
    this.#gateway = gateway
  }

  /** The next bytes are expected from now on. */
  expectSoon(): void {
    const waitMs = this.#isFinished ? FINISHED_GRACE_MS : this.#attempt.target.patience.silenceMs
    this.#call.deadline = this.#gateway.clock.monotonicMs() + waitMs
    this.#call.onDeadline = this.#expire
  }

  /** Bytes came: a sign of life. Behind the finish only content is one; heartbeats prolong nothing. */
  heard(isFinished: boolean, isContent: boolean): void {
    if (this.#isFinished && !isContent) return
    this.#isFinished = isFinished
    this.expectSoon()
  }

  /** Nothing is expected: the time that a stalled client takes does not count. */
  pause(): void {
    this.#call.deadline = Infinity
  }

  readonly #expire = (): void => {
    this.over = this.#isFinished ? "close" : "silence"
    this.#attempt.cancel()
  }
}
