/** How many sign-ins of an address may fail: a bucket each, bounded in number. A pure state machine. */
import { networkOf } from "../http/network.ts"

/** So many at once, then one every `REFILL_MS`. */
const BURST = 10
const REFILL_MS = 6000
/** So long is a failure held against an address where places are scarce. */
const REMEMBER_MS = 600_000
const MOST_ADDRESSES = 10_000

interface Bucket {
  /** How many were taken, as of `at`. */
  taken: number
  at: number
}

export class FailedSignIns {
  /** The address that was heard of last stands last. */
  readonly #buckets = new Map<string, Bucket>()

  /** After how many milliseconds the address may try again; 0: at once. `now` on the monotonic clock. */
  waitMs(address: string, now: number): number {
    const taken = this.#taken(networkOf(address), now)
    return taken > BURST - 1 ? Math.ceil((taken - (BURST - 1)) * REFILL_MS) : 0
  }

  /** Has a sign-in of the address failed lately? */
  hasFailed(address: string, now: number): boolean {
    const bucket = this.#buckets.get(networkOf(address))
    return bucket !== undefined && now - bucket.at < REMEMBER_MS
  }

  add(address: string, now: number): void {
    const key = networkOf(address)
    this.#keep(key, this.#taken(key, now) + 1, now)
  }

  #taken(key: string, now: number): number {
    const bucket = this.#buckets.get(key)
    return bucket === undefined ? 0 : Math.max(0, bucket.taken - (now - bucket.at) / REFILL_MS)
  }

  #keep(key: string, taken: number, now: number): void {
    this.#buckets.delete(key)
    this.#buckets.set(key, { taken, at: now })
    for (const [oldest] of this.#buckets) {
      if (this.#buckets.size <= MOST_ADDRESSES) break
      this.#buckets.delete(oldest)
    }
  }
}
