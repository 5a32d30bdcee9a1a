/** The longest time that an upstream may send nothing in the middle of a stream. */
import type { Call } from "./call.ts"
import type { Gateway } from "./gateway.ts"

export class Silence {
  /** It lasted too long, and the upstream was given up. */
  tooLong = false
  readonly #call: Call
  readonly #gateway: Gateway
  readonly #cancel: () => void

  constructor(call: Call, gateway: Gateway, cancel: () => void) {
    this.#call = call
    this.#gateway = gateway
    this.#cancel = cancel
  }

  /** The next bytes are expected from now on. */
  expectSoon(): void {
    this.#call.deadline = this.#gateway.clock.monotonicMs() + this.#call.snapshot.limits.timeoutMs
    this.#call.onDeadline = this.#expire
  }

  /** Nothing is expected: the time that a stalled client takes does not count. */
  pause(): void {
    this.#call.deadline = Infinity
  }

  readonly #expire = (): void => {
    this.tooLong = true
    this.#cancel()
  }
}
