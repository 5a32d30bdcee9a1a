/** Which failures of a target the log tells: the first after it worked, and each with another reason; none twice in a minute. */
import type { Reason } from "../reasons.ts"

const TOLD_FOR_MS = 60_000

export class ToldReasons {
  #last: Reason | null = null
  /** On the monotonic clock: when each was told. */
  readonly #toldAt = new Map<Reason, number>()

  /** True: this failure is to be told. */
  failed(reason: Reason, now: number): boolean {
    if (reason === this.#last) return false
    this.#last = reason
    const before = this.#toldAt.get(reason)
    if (before !== undefined && now - before < TOLD_FOR_MS) return false
    this.#toldAt.set(reason, now)
    return true
  }

  worked(): void {
    this.#last = null
  }
}
