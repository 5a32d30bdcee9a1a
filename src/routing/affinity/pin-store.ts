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

export interface PinQuery {
  readonly group: string
  /** Best first. */
  readonly keys: readonly string[]
  /** Unix milliseconds. */
  readonly now: number
  /** The call would fail where an outdated pin sends it. */
  readonly mustBeCurrent: boolean
  /** For stores that keep what they were told. */
  readonly bounds: PinBounds
}

/** Keys are hashes: nothing of a prompt or a session is kept. */
export interface PinStore {
  /** The promise is for stores that are shared between processes; it never rejects. A store that fails finds nothing. */
  get(query: PinQuery): Pin | null | Promise<Pin | null>
  /** The same without a trace: what is looked at is not kept any longer for it. */
  peek(query: PinQuery): Pin | null | Promise<Pin | null>
  /** Waits for nothing. */
  set(group: string, key: string, pin: Pin, bounds: PinBounds): void
  close(): void
}

export class MemoryPinStore<P extends Pin = Pin> implements PinStore {
  readonly #groups = new Map<string, Map<string, { readonly pin: P; readonly until: number }>>()

  get({ group, keys, now }: Pick<PinQuery, "group" | "keys" | "now">): P | null {
    for (const key of keys) {
      const pin = this.getOne(group, key, now)
      if (pin !== null) return pin
    }
    return null
  }

  peek({ group, keys, now }: Pick<PinQuery, "group" | "keys" | "now">): P | null {
    for (const key of keys) {
      const pin = this.peekOne(group, key, now)
      if (pin !== null) return pin
    }
    return null
  }

  peekOne(group: string, key: string, now: number): P | null {
    const found = this.#groups.get(group)?.get(key)
    return found === undefined || found.until <= now ? null : found.pin
  }

  getOne(group: string, key: string, now: number): P | null {
    const pins = this.#groups.get(group)
    const found = pins?.get(key)
    if (pins === undefined || found === undefined) return null
    pins.delete(key)
    if (found.until <= now) return null
    // put last again: what stands first was used least recently
    pins.set(key, found)
    return found.pin
  }

  set(group: string, key: string, pin: P, { ttlMs, maxEntries }: PinBounds): void {
    const pins = this.#groups.get(group) ?? new Map<string, { pin: P; until: number }>()
    this.#groups.set(group, pins)
    pins.delete(key)
    pins.set(key, { pin, until: pin.at + ttlMs })
    for (const [oldest] of pins) {
      if (pins.size <= maxEntries) break
      pins.delete(oldest)
    }
  }

  close(): void {}
}
