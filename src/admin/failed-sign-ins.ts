/** How many sign-ins of an address may fail: a bucket each, bounded in number. A pure state machine. */
import { Bucket } from "../bucket.ts"
import { networkOf } from "../http/network.ts"

/** So many at once, then one every `REFILL_MS`. */
const BURST = 10
const REFILL_MS = 6000
const PER_SECOND = 1000 / REFILL_MS
/** So long is a failure held against an address where places are scarce. */
const REMEMBER_MS = 600_000
const MOST_ADDRESSES = 10_000

interface Failures {
  readonly bucket: Bucket
  readonly lastAt: number
}

export class FailedSignIns {
  /** The address that was heard of last stands last. */
  readonly #failures = new Map<string, Failures>()

  /** After how many milliseconds the address may try again; 0: at once. `now` on the monotonic clock. */
  waitMs(address: string, now: number): number {
    const level = this.#failures.get(networkOf(address))?.bucket.level(BURST, PER_SECOND, now) ?? BURST
    return level < 1 ? Math.ceil((1 - level) * REFILL_MS) : 0
  }

  /** Has a sign-in of the address failed lately? */
  hasFailed(address: string, now: number): boolean {
    const failures = this.#failures.get(networkOf(address))
    return failures !== undefined && now - failures.lastAt < REMEMBER_MS
  }

  add(address: string, now: number): void {
    const key = networkOf(address)
    const bucket = this.#failures.get(key)?.bucket ?? new Bucket()
    bucket.level(BURST, PER_SECOND, now)
    bucket.take(1)
    this.#failures.delete(key)
    this.#failures.set(key, { bucket, lastAt: now })
    for (const [oldest] of this.#failures) {
      if (this.#failures.size <= MOST_ADDRESSES) break
      this.#failures.delete(oldest)
    }
  }
}
