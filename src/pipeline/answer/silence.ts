/** The longest time that an upstream may send nothing in a stream; behind its finish, what may follow it. */
import type { Clock } from "../../system/clock.ts"
import type { Attempt } from "../call/attempt.ts"
import type { Life } from "../call/life.ts"

/** A stream that is finished, but not closed, is complete after this; found out to a quarter of a second. */
const FINISHED_GRACE_MS = 1500

export class Silence {
  /** What took too long, so that the upstream was given up: the silence, or the close behind the finish. */
  over: "silence" | "close" | null = null
  readonly #attempt: Attempt
  readonly #life: Life
  readonly #clock: Clock
  #isFinished = false

  constructor(attempt: Attempt, life: Life, clock: Clock) {
    this.#attempt = attempt
    this.#life = life
    this.#clock = clock
  }

  /** The next bytes are expected from now on. */
  expectSoon(): void {
    const waitMs = this.#isFinished ? FINISHED_GRACE_MS : this.#attempt.target.patience.silenceMs
    this.#life.deadline = this.#clock.monotonicMs() + waitMs
    this.#life.onDeadline = this.#expire
  }

  /** Bytes came: a sign of life. Behind the finish only content is one; heartbeats prolong nothing. */
  heard(isFinished: boolean, isContent: boolean): void {
    if (this.#isFinished && !isContent) return
    this.#isFinished = isFinished
    this.expectSoon()
  }

  /** Nothing is expected: the time that a stalled client takes does not count. */
  pause(): void {
    this.#life.deadline = Infinity
  }

  readonly #expire = (): void => {
    this.over = this.#isFinished ? "close" : "silence"
    this.#attempt.cancel()
  }
}
