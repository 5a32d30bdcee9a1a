/** How many sign-ins of an address may be on their way to the provider: bounded, so that nobody fills the store. A pure state machine. */
import { networkOf } from "../../http/network.ts"

/** How long a sign-in may be on its way. */
export const PENDING_MS = 600_000
const MOST_OF_ONE = 10
const MOST = 1000

export class PendingLogins {
  /** When they began, by network: oldest first. */
  readonly #began = new Map<string, number[]>()
  #count = 0

  /** False: too many are on their way. `now` on the monotonic clock. */
  add(address: string, now: number): boolean {
    this.#forget(now)
    const network = networkOf(address)
    const own = this.#began.get(network) ?? []
    if (own.length >= MOST_OF_ONE || this.#count >= MOST) return false
    this.#began.set(network, [...own, now])
    this.#count += 1
    return true
  }

  /** One has come back. */
  end(address: string): void {
    const network = networkOf(address)
    const own = this.#began.get(network)
    if (own === undefined) return
    own.shift()
    this.#count -= 1
    if (own.length === 0) this.#began.delete(network)
  }

  #forget(now: number): void {
    for (const [network, began] of this.#began) {
      const left = began.filter((at) => now - at < PENDING_MS)
      this.#count -= began.length - left.length
      if (left.length === 0) this.#began.delete(network)
      else this.#began.set(network, left)
    }
  }
}
