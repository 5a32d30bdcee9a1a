/**
 * Pins that several processes share. The pins of this process stand in front: a conversation that goes on here is asked
 * for in the store once in 15 s, and written there as often. Another process may have moved it meanwhile (its target had
 * failed), so for that long a call may still try the old target first, which costs it a cold cache or an attempt. Where it
 * would cost the call, because its reasoning is sealed by the new target, the store is asked each time.
 *
 * Nothing depends on the store: while it does not answer, each process goes by its own pins.
 */
import { MemoryPinStore, type Pin, type PinBounds, type PinQuery, type PinStore } from "./pin-store.ts"

/** The connection to a Redis or Valkey. */
export interface PinLink {
  readonly isUp: boolean
  /** Rejects when the answer takes too long, and at once while the store is known to be away. */
  ask(command: "MGET" | "SET", words: readonly string[]): Promise<unknown>
  close(): void
}

const FRESH_MS = 15_000
/** The store may be shared with limits, and be a cluster: all keys in one slot. */
const PREFIX = "{smart-router}:pin:"
const NOTHING: readonly unknown[] = []

/** What this process knows of a conversation. */
interface OwnPin extends Pin {
  at: number
  /** When it was last the same as in the store, by this process's clock. */
  checkedAt: number
  /** `at` of what stands in the store; null: it does not stand there. */
  sharedAt: number | null
}

export class SharedPinStore implements PinStore {
  readonly #link: PinLink
  readonly #own = new MemoryPinStore<OwnPin>()

  constructor(link: PinLink) {
    this.#link = link
  }

  get(query: PinQuery): Pin | null | Promise<Pin | null> {
    const { group, keys, now, mustBeCurrent } = query
    if (!this.#link.isUp) return this.#own.get(query)
    // a lesser key may belong to another conversation that began with the same words
    const own = this.#own.getOne(group, keys[0] ?? "", now)
    if (own !== null && !mustBeCurrent && now - own.checkedAt < FRESH_MS) return own
    return this.#ask(query)
  }

  /** The store's word, as `get` would have it when it asks. */
  peek(query: PinQuery): Pin | null | Promise<Pin | null> {
    const { group, keys, now, mustBeCurrent } = query
    if (!this.#link.isUp) return this.#own.peek(query)
    const own = this.#own.peekOne(group, keys[0] ?? "", now)
    if (own !== null && !mustBeCurrent && now - own.checkedAt < FRESH_MS) return own
    return this.#look(query)
  }

  set(group: string, key: string, pin: Pin, bounds: PinBounds): void {
    const own = this.#own.getOne(group, key, pin.at)
    if (own !== null && isSame(own, pin) && own.sharedAt !== null && pin.at - own.sharedAt < FRESH_MS) {
      own.at = Math.max(own.at, pin.at)
      this.#own.set(group, key, own, bounds)
      return
    }
    const { target, issuer, foreignSeals, at } = pin
    const known: OwnPin = { target, issuer, foreignSeals, at, checkedAt: at, sharedAt: null }
    this.#own.set(group, key, known, bounds)
    if (!this.#link.isUp) return
    known.sharedAt = at
    this.#link
      .ask("SET", [nameOf(group, key), JSON.stringify([target, issuer, foreignSeals, at]), "PX", String(bounds.ttlMs)])
      .catch(() => {
        known.sharedAt = null
      })
  }

  close(): void {
    this.#link.close()
  }

  async #look({ group, keys, now }: PinQuery): Promise<Pin | null> {
    const names = keys.map((key) => nameOf(group, key))
    const answer = await this.#link.ask("MGET", names).catch(() => null)
    const found: readonly unknown[] = Array.isArray(answer) ? answer : NOTHING
    for (const [index, key] of keys.entries()) {
      const own = this.#own.peekOne(group, key, now)
      const shared = pinOf(found[index])
      if (own !== null && (shared === null || (own.sharedAt === null && own.at > shared.at))) return own
      if (shared !== null) return shared
    }
    return null
  }

  async #ask({ group, keys, now, bounds }: PinQuery): Promise<Pin | null> {
    const names = keys.map((key) => nameOf(group, key))
    const answer = await this.#link.ask("MGET", names).catch(() => null)
    const isReached = answer !== null
    const found: readonly unknown[] = Array.isArray(answer) ? answer : NOTHING
    for (const [index, key] of keys.entries()) {
      const own = this.#own.getOne(group, key, now)
      const shared = pinOf(found[index])
      if (own !== null && isReached && shared === null) own.sharedAt = null
      // the store's word counts, but for what could not be said to it
      if (own !== null && (shared === null || (own.sharedAt === null && own.at > shared.at))) {
        if (isReached) own.checkedAt = now
        return own
      }
      if (shared === null) continue
      this.#own.set(group, key, { ...shared, checkedAt: now, sharedAt: shared.at }, bounds)
      return shared
    }
    return null
  }
}

function nameOf(group: string, key: string): string {
  return `${PREFIX}${group}:${key}`
}

function isSame(own: Pin, { target, issuer, foreignSeals }: Pin): boolean {
  return own.target === target && own.issuer === issuer && own.foreignSeals === foreignSeals
}

/** Null: not there, or written by somebody else. */
function pinOf(text: unknown): Pin | null {
  if (typeof text !== "string") return null
  try {
    const parts: unknown = JSON.parse(text)
    if (!Array.isArray(parts)) return null
    const [target, issuer, foreignSeals, at] = parts as readonly unknown[]
    if (typeof target !== "string" || (issuer !== null && typeof issuer !== "string")) return null
    if (typeof foreignSeals !== "number" || foreignSeals < 0 || typeof at !== "number") return null
    return { target, issuer, foreignSeals, at }
  } catch {
    return null
  }
}
