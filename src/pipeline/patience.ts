/** How long an attempt's target is waited for: the connection, the head of its answer, a whole body. A stream's silence is `silence.ts`'s. */
import type { Clock, Timer } from "../system/clock.ts"
import { because, TIMEOUT, type Failure } from "../upstream/failure.ts"
import type { Reason } from "../reasons.ts"
import type { Attempt, Call } from "./call.ts"
import { attemptTimeoutMs } from "./target-health.ts"

export class AttemptPatience {
  /** The limit that ended the attempt; null: none has. */
  over: Failure | null = null
  readonly #tried: Attempt
  readonly #call: Call
  readonly #clock: Clock
  readonly #timer: Timer | null
  #phase: Reason = "connect-timeout"

  /** Begins with the wait for a connection. */
  constructor(tried: Attempt, call: Call, clock: Clock) {
    this.#tried = tried
    this.#call = call
    this.#clock = clock
    const limitMs = attemptTimeoutMs(tried)
    this.#timer = limitMs > 0 ? clock.after(limitMs, () => this.#end("attempt-timeout")) : null
    this.#await("connect-timeout", tried.target.patience.connectMs, tried.startedAt)
  }

  readonly onConnection = (isMade: boolean): void => {
    const { connectMs, firstByteMs } = this.#tried.target.patience
    if (isMade) this.#await("first-byte-timeout", firstByteMs, this.#clock.monotonicMs())
    else this.#await("connect-timeout", connectMs, this.#clock.monotonicMs())
  }

  /** The head is there. */
  headed(): void {
    const { wholeMs } = this.#tried.target.patience
    const from = this.#call.facts.stream ? this.#clock.monotonicMs() : this.#tried.startedAt
    this.#await("whole-timeout", wholeMs, from)
  }

  end(): void {
    this.#timer?.close()
    this.#call.deadline = Infinity
  }

  #await(phase: Reason, limitMs: number, from: number): void {
    const { startedAt, target } = this.#tried
    const until = from + limitMs
    const whole = this.#call.facts.stream ? Infinity : startedAt + target.patience.wholeMs
    this.#phase = whole < until ? "whole-timeout" : phase
    this.#call.deadline = Math.min(until, whole)
    this.#call.onDeadline = this.#expire
  }

  readonly #expire = (): void => this.#end(this.#phase)

  #end(reason: Reason): void {
    this.over = because(TIMEOUT, reason)
    this.#tried.cancel()
  }
}
