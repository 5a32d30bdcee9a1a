/** Equal calls at one time: the first asks the upstream, the others wait for its answer. */
import type { Entry } from "./entry.ts"

export class Flight {
  /** The answer that was kept; null: the call ended without one. Never rejects. */
  readonly landed: Promise<Entry | null>
  /** What to do when the first call's client has left, and then the last one that waited. */
  onAbandoned: (() => void) | null = null
  readonly #land: (entry: Entry | null) => void
  #followers = 0

  constructor(land: (flight: Flight) => void) {
    const { promise, resolve } = Promise.withResolvers<Entry | null>()
    this.landed = promise
    this.#land = (entry) => {
      this.onAbandoned = null
      land(this)
      resolve(entry)
    }
  }

  /** So many calls wait. */
  get followers(): number {
    return this.#followers
  }

  follow(): void {
    this.#followers++
  }

  leave(): void {
    this.#followers--
    if (this.#followers === 0) this.onAbandoned?.()
  }

  /** The first call has its answer, or none. Later words do nothing. */
  end(entry: Entry | null): void {
    this.#land(entry)
  }
}

export class Flights {
  readonly #flights = new Map<string, Flight>()

  /** The flight that is on its way under this key; null: none is. */
  under(key: string): Flight | null {
    return this.#flights.get(key) ?? null
  }

  /** Calls that wait for the answer of another one. */
  get waiting(): number {
    let count = 0
    for (const { followers } of this.#flights.values()) count += followers
    return count
  }

  begin(key: string): Flight {
    const flight = new Flight((ended) => {
      if (this.#flights.get(key) === ended) this.#flights.delete(key)
    })
    this.#flights.set(key, flight)
    return flight
  }
}
