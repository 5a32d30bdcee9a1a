/**
 * Sign-ins on their way to the provider: bounded, so that nobody fills the store. An address has few places. Where all are taken, the
 * oldest goes, so that however many addresses begin sign-ins, none is kept out. A pure state machine.
 */
import { networkOf } from "../../http/network.ts"

/** How long a sign-in may be on its way. */
export const PENDING_MS = 600_000
const MOST_OF_ONE = 10
const MOST = 1000

/** Of one sign-in. */
export interface Place {
  readonly network: string
  readonly beganAt: number
  /** By which the browser comes back; null: it has not left yet. */
  secret: string | null
}

export interface Taken {
  readonly place: Place
  /** The sign-in that had to go; null: none. */
  readonly displaced: Place | null
}

export class PendingLogins {
  /** The oldest first. */
  readonly #places = new Set<Place>()
  /** How many they are, by network. */
  readonly #counts = new Map<string, number>()

  /** Null: too many of the address are on their way. `now` on the monotonic clock. */
  add(address: string, now: number): Taken | null {
    for (const place of this.#places) {
      if (now - place.beganAt < PENDING_MS) break
      this.#remove(place)
    }
    const network = networkOf(address)
    const own = this.#counts.get(network) ?? 0
    if (own >= MOST_OF_ONE) return null
    const displaced = this.#places.size < MOST ? null : (this.#places.values().next().value ?? null)
    if (displaced !== null) this.#remove(displaced)
    const place = { network, beganAt: now, secret: null }
    this.#places.add(place)
    this.#counts.set(network, (this.#counts.get(network) ?? 0) + 1)
    return { place, displaced }
  }

  /** The browser with this secret has come back. */
  end(secret: string): void {
    for (const place of this.#places) if (place.secret === secret) return this.#remove(place)
  }

  #remove(place: Place): void {
    this.#places.delete(place)
    const left = (this.#counts.get(place.network) ?? 0) - 1
    if (left > 0) this.#counts.set(place.network, left)
    else this.#counts.delete(place.network)
  }
}
