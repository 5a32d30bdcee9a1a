/**
 * Leases that expired were booked at what they had reserved, because nobody knew better. Whoever shares the state asks the
 * ledger now and then whether their calls have rows by now, and books what these say instead.
 */
import type { Clock, Timer } from "../../system/clock.ts"
import type { Log } from "../../system/log.ts"
import type { Amounts } from "../state.ts"
import { storeKey } from "./lease.ts"
import { StoreUnavailable, type StoreLink } from "./link.ts"
import { CORRECT, EXPIRED } from "./scripts.ts"

export interface CorrectionRules {
  readonly clock: Clock
  readonly log: Log
  /** Milliseconds from one look to the next. */
  readonly everyMs: number
  /** The time for scripts; empty: the store's own. */
  readonly time: () => string
  /** What the rows of these calls say that they used; calls without rows are left out. */
  readonly usedBy: (requestIds: readonly string[]) => Promise<ReadonlyMap<string, Amounts>>
}

interface ExpiredLease {
  readonly id: string
  /** Of its subject in the store. */
  readonly key: string
  /** Milliseconds since it was booked. */
  readonly ageMs: number
}

/** When the ledger is asked again, and how long was waited before. */
interface Wait {
  readonly untilMs: number
  readonly ms: number
}

/** A process that was killed may come back until then, with its reservations and its spool. A call without a row has used nothing. */
const GIVEN_BACK_AFTER_MS = 86_400_000
const NOTHING: Amounts = { requests: 0, tokens: 0, nanoUsd: 0 }
const SLOWEST_LOOK_MS = 300_000
const BATCH = 100
const EXPIRED_KEY = storeKey("expired")
const WORDS_PER_LEASE = 2

export class ExpiredLeases {
  readonly #link: StoreLink
  readonly #rules: CorrectionRules
  readonly #timer: Timer
  /** By request id. */
  #waits = new Map<string, Wait>()
  #isLooking = false

  constructor(link: StoreLink, rules: CorrectionRules) {
    this.#link = link
    this.#rules = rules
    this.#timer = rules.clock.every(rules.everyMs, () => void this.#look())
    this.#timer.unref()
  }

  close(): void {
    this.#timer.close()
  }

  async #look(): Promise<void> {
    if (this.#isLooking || !this.#link.isUp) return
    this.#isLooking = true
    try {
      await this.#correct(await this.#expired())
    } catch (error) {
      // of the store and the ledger: either may be away, the next look finds what is left
      if (!(error instanceof StoreUnavailable)) this.#rules.log.warn("expired leases are not corrected", { error })
    } finally {
      this.#isLooking = false
    }
  }

  async #expired(): Promise<readonly ExpiredLease[]> {
    const found: ExpiredLease[] = []
    let cursor = "0"
    do {
      const [next, ...words] = (await this.#link.run(EXPIRED, [
        "1",
        EXPIRED_KEY,
        this.#rules.time(),
        cursor,
      ])) as readonly string[]
      for (let at = 0; at < words.length; at += WORDS_PER_LEASE)
        found.push(leaseOf(words.slice(at, at + WORDS_PER_LEASE)))
      cursor = next ?? "0"
    } while (cursor !== "0")
    return found
  }

  async #correct(leases: readonly ExpiredLease[]): Promise<void> {
    const nowMs = this.#rules.clock.monotonicMs()
    const ids = [...new Set(leases.map(({ id }) => id))]
    const asked = ids.filter((id) => (this.#waits.get(id)?.untilMs ?? 0) <= nowMs)
    const used = new Map<string, Amounts>()
    for (let at = 0; at < asked.length; at += BATCH) {
      for (const [id, amounts] of await this.#rules.usedBy(asked.slice(at, at + BATCH))) used.set(id, amounts)
    }
    this.#waits = this.#waitsOf(ids, asked, used, nowMs)
    const known = leases.flatMap((lease) => {
      const amounts = used.get(lease.id) ?? (lease.ageMs > GIVEN_BACK_AFTER_MS ? NOTHING : undefined)
      return amounts === undefined ? [] : [{ ...lease, amounts }]
    })
    for (let at = 0; at < known.length; at += BATCH) await this.#send(known.slice(at, at + BATCH))
  }

  #waitsOf(
    ids: readonly string[],
    asked: readonly string[],
    used: ReadonlyMap<string, Amounts>,
    nowMs: number,
  ): Map<string, Wait> {
    const waits = new Map<string, Wait>()
    const again = new Set(asked)
    for (const id of ids) {
      if (used.has(id)) continue
      const known = this.#waits.get(id)
      const ms = Math.min(SLOWEST_LOOK_MS, 2 * (known?.ms ?? this.#rules.everyMs / 2))
      waits.set(id, known !== undefined && !again.has(id) ? known : { untilMs: nowMs + ms, ms })
    }
    return waits
  }

  async #send(corrections: readonly (ExpiredLease & { readonly amounts: Amounts })[]): Promise<void> {
    const keys = [...new Set(corrections.map(({ key }) => key))]
    const words = corrections.flatMap(({ id, key, amounts: { requests, tokens, nanoUsd } }) => [
      String(keys.indexOf(key) + 1),
      id,
      ...[requests, tokens, nanoUsd].map(String),
    ])
    await this.#link.run(CORRECT, [String(keys.length), ...keys, this.#rules.time(), ...words])
  }
}

function leaseOf([name = "", ageMs]: readonly string[]): ExpiredLease {
  const space = name.indexOf(" ")
  return {
    id: name.slice(0, space),
    key: name.slice(space + 1),
    ageMs: Number(ageMs),
  }
}
