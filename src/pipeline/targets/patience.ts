/** How long an attempt's target is waited for: the connection, the head of its answer, a whole body. A stream's silence is `silence.ts`'s. */
import type { Reason } from "../../reasons.ts"
import type { Clock, Timer } from "../../system/clock.ts"
import type { UpstreamAnswer } from "../../upstream/answer.ts"
import { because, TIMEOUT, type AttemptFailure } from "../../upstream/failure.ts"
import { upstreamRequestId } from "../../upstream/headers.ts"
import type { ReceivedCall } from "../call.ts"
import type { Attempt } from "../call/attempt.ts"
import type { Life } from "../call/life.ts"
import type { Patience } from "./exchange.ts"
import { attemptTimeoutMs } from "./target-health.ts"

export class AttemptPatience implements Patience {
  /** The limit that ended the attempt; null: none has. */
  over: AttemptFailure | null = null
  readonly #tried: Attempt
  readonly #life: Life
  readonly #isStream: boolean
  readonly #clock: Clock
  readonly #timer: Timer | null
  #phase: Reason = "connect-timeout"

  /** Begins with the wait for a connection. */
  constructor(tried: Attempt, call: ReceivedCall, clock: Clock) {
    this.#tried = tried
    this.#life = call.life
    this.#isStream = call.facts.stream
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

  sent(cancel: () => void): void {
    this.#tried.cancel = cancel
  }

  headed({ status, headers }: UpstreamAnswer): void {
    this.#tried.status = status
    this.#tried.upstreamRequestId = upstreamRequestId(headers)
    const { wholeMs } = this.#tried.target.patience
    const from = this.#isStream ? this.#clock.monotonicMs() : this.#tried.startedAt
    this.#await("whole-timeout", wholeMs, from)
  }

  end(): void {
    this.#timer?.close()
    this.#life.deadline = Infinity
  }

  #await(phase: Reason, limitMs: number, from: number): void {
    const { startedAt, target } = this.#tried
    const until = from + limitMs
    const whole = this.#isStream ? Infinity : startedAt + target.patience.wholeMs
    this.#phase = whole < until ? "whole-timeout" : phase
    this.#life.deadline = Math.min(until, whole)
    this.#life.onDeadline = this.#expire
  }

  readonly #expire = (): void => this.#end(this.#phase)

  #end(reason: Reason): void {
    this.over = because(TIMEOUT, reason)
    this.#tried.cancel()
  }
}
