/** Which target a conversation was served by last. */

export interface Pin {
  /** `Target.pin` of the target that served last. */
  readonly target: string
  /** Label of the credential that sealed the reasoning in the client's own dialect; null: nobody did that we know of. */
  readonly issuer: string | null
  /** So many of the conversation's first seals are of another issuer: it had to move. */
  readonly foreignSeals: number
  /** Unix milliseconds of the last call. */
  readonly at: number
}

export interface PinBounds {
  readonly ttlMs: number
  /** Of the group; the least recently used give way. */
  readonly maxEntries: number
}

/** Keys are hashes: nothing of a prompt or a session is kept. */
export interface PinStore {
  /** The promise is for stores that are shared between processes. A store that fails finds nothing. */
  get(group: string, key: string, now: number): Pin | null | Promise<Pin | null>
  set(group: string, key: string, pin: Pin, bounds: PinBounds): void
}

export class MemoryPinStore implements PinStore {
  readonly #groups = new Map<string, Map<string, { readonly pin: Pin; readonly until: number }>>()

  get(group: string, key: string, now: number): Pin | null {
    const pins = this.#groups.get(group)
    const found = pins?.get(key)
    if (pins === undefined || found === undefined) return null
    pins.delete(key)
    if (found.until <= now) return null
    // put last again: what stands first was used least recently
    pins.set(key, found)
    return found.pin
  }

  set(group: string, key: string, pin: Pin, { ttlMs, maxEntries }: PinBounds): void {
    const pins = this.#groups.get(group) ?? new Map<string, { pin: Pin; until: number }>()
    this.#groups.set(group, pins)
    pins.delete(key)
    pins.set(key, { pin, until: pin.at + ttlMs })
    for (const [oldest] of pins) {
      if (pins.size <= maxEntries) break
      pins.delete(oldest)
    }
  }
}
