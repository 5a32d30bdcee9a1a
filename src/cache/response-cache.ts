/** Kept answers in the memory of this process: those that were used last stay, up to a bound of bytes and for some time. */
import type { CacheRule } from "../config/compile/cache-rule.ts"
import { CopyBudget } from "./copy.ts"
import { weightOf, weightOfTelling, type Entry, type Telling } from "./entry.ts"
import { Flights } from "./flights.ts"

/** How full the cache is. */
export interface Occupancy {
  readonly items: number
  readonly bytes: number
  /** 0: the cache is off. */
  readonly maxBytes: number
}

/** Where processes share answers. */
export interface AnswerStore {
  /** Values that nobody may trust, and questions and answers that the store did not take. */
  readonly refused: number
  readonly failed: number
  /** Null: there is none, or none that can be trusted. Never rejects. */
  get(key: string): Promise<Entry | null>
  /** Keeps it for so long, if it can. */
  put(key: string, entry: Entry, rule: CacheRule): void
  close(): void
}

interface Kept {
  readonly entry: Entry & { readonly tellings: Map<string, Telling> }
  weight: number
}

/** Bodies that are told apart for one entry: clients that write the same question in other bytes are few. */
const MOST_TELLINGS = 8

/** One answer takes no more of the bound than this, and so do all bodies that are known again. */
const LARGEST_SHARE = 1 / 16
/** Copies of streams under way take so much beside it. */
const COPIES_SHARE = 1 / 4
/** Of a body that was keyed before: its hash, and the key of what it asks. */
const ALIAS_BYTES = 384
const MOST_ALIASES = 4096

export class ResponseCache {
  readonly flights: Flights = new Flights()
  /** Of streams under way whose answers may be kept. */
  readonly copies: CopyBudget = new CopyBudget()
  /** Entries that had to go before their time. */
  evictions = 0
  readonly #openStore: () => AnswerStore | null
  #store: AnswerStore | null = null
  readonly #kept = new Map<string, Kept>()
  readonly #aliases = new Map<string, string>()
  #bytes = 0
  #rule: CacheRule | null = null

  /** `openStore`: null where there is no place to share answers. */
  constructor(openStore: () => AnswerStore | null) {
    this.#openStore = openStore
  }

  /** Null: nothing is shared. */
  get store(): Pick<AnswerStore, "refused" | "failed"> | null {
    return this.#store
  }

  get occupancy(): Occupancy {
    return { items: this.#kept.size, bytes: this.#bytes, maxBytes: this.#rule?.maxBytes ?? 0 }
  }

  /** The configuration says so from now on; null: nothing is kept. */
  adopt(rule: CacheRule | null): void {
    this.#rule = rule
    this.copies.mostBytes = Math.floor((rule?.maxBytes ?? 0) * COPIES_SHARE)
    if (rule?.shared === true) this.#store ??= this.#openStore()
    else this.close()
    if (rule === null) {
      this.#kept.clear()
      this.#aliases.clear()
      this.#bytes = 0
    } else {
      this.#forgetAliases(mostAliases(rule))
      this.#shrink(rule.maxBytes)
    }
  }

  /** No larger answer is kept. */
  get largestBytes(): number {
    return this.#rule === null ? 0 : Math.floor(this.#rule.maxBytes * LARGEST_SHARE)
  }

  /** The answer, at once where this process has it; null: there is none. `now`: Unix milliseconds. */
  get(key: string, rule: CacheRule, now: number): Entry | null | Promise<Entry | null> {
    const own = this.#own(key, rule, now)
    if (own !== null || !rule.shared || this.#store === null) return own
    return this.#store
      .get(key)
      .then((entry) => (entry === null || isExpired(entry, rule, now) ? null : this.#keep(key, entry)))
  }

  /** Is there one? Changes nothing, and asks only this process. */
  has(key: string, rule: CacheRule, now: number): boolean {
    const kept = this.#kept.get(key)
    return kept !== undefined && !isExpired(kept.entry, rule, now)
  }

  /** The entry as it is kept from now on; as it came where it is not. */
  put(key: string, entry: Entry, rule: CacheRule): Entry {
    if (this.#rule === null || entry.bytes.length > this.largestBytes) return entry
    if (rule.shared) this.#store?.put(key, entry, rule)
    return this.#keep(key, entry)
  }

  /** How the entry was told, for the next call that is to be told the same. */
  remember(key: string, entry: Entry, how: string, telling: Telling): void {
    const kept = this.#kept.get(key)
    if (kept?.entry !== entry || this.#rule === null || kept.entry.tellings.size >= MOST_TELLINGS) return
    if (telling.bytes.length > this.largestBytes || kept.entry.tellings.has(how)) return
    kept.entry.tellings.set(how, telling)
    const weight = weightOfTelling(how, telling)
    kept.weight += weight
    this.#bytes += weight
    this.#shrink(this.#rule.maxBytes)
  }

  /** What a body asks, where the same bytes were keyed before; null: they were not, or not lately. */
  knownContent(bodyHash: string): string | null {
    return this.#aliases.get(bodyHash) ?? null
  }

  learnContent(bodyHash: string, content: string): void {
    if (this.#rule === null || this.#aliases.has(bodyHash)) return
    this.#forgetAliases(mostAliases(this.#rule) - 1)
    this.#aliases.set(bodyHash, content)
    this.#bytes += ALIAS_BYTES
    this.#shrink(this.#rule.maxBytes)
  }

  close(): void {
    this.#store?.close()
    this.#store = null
  }

  #own(key: string, rule: CacheRule, now: number): Entry | null {
    const kept = this.#kept.get(key)
    if (kept === undefined) return null
    this.#kept.delete(key)
    if (isExpired(kept.entry, rule, now)) {
      this.#bytes -= kept.weight
      return null
    }
    this.#kept.set(key, kept)
    return kept.entry
  }

  #keep(key: string, entry: Entry): Entry {
    if (this.#rule === null) return entry
    const before = this.#kept.get(key)
    if (before !== undefined) {
      this.#kept.delete(key)
      this.#bytes -= before.weight
    }
    const weight = weightOf(key, entry)
    const own = { ...entry, tellings: new Map() }
    this.#kept.set(key, { entry: own, weight })
    this.#bytes += weight
    this.#shrink(this.#rule.maxBytes)
    return own
  }

  #shrink(maxBytes: number): void {
    while (this.#bytes > maxBytes) {
      const [oldest] = this.#kept
      if (oldest === undefined) return
      this.#kept.delete(oldest[0])
      this.#bytes -= oldest[1].weight
      this.evictions++
    }
  }

  /** All but so many, the oldest first. */
  #forgetAliases(most: number): void {
    for (const bodyHash of this.#aliases.keys()) {
      if (this.#aliases.size <= most) return
      this.#aliases.delete(bodyHash)
      this.#bytes -= ALIAS_BYTES
    }
  }
}

/** They must not take the place of answers. */
function mostAliases({ maxBytes }: CacheRule): number {
  return Math.min(MOST_ALIASES, Math.floor((maxBytes * LARGEST_SHARE) / ALIAS_BYTES))
}

function isExpired({ storedAt }: Entry, { ttlMs }: CacheRule, now: number): boolean {
  // a clock that was set back makes no answer younger than new
  return now - storedAt >= ttlMs || storedAt > now + ttlMs
}
