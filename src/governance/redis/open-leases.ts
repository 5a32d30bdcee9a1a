/**
 * The calls of this process that hold leases in the store: renewed while they last, and counted again in a store that lost
 * its data meanwhile.
 */
import type { Clock } from "../../system/clock.ts"
import type { Log } from "../../system/log.ts"
import type { StoreLease } from "./lease.ts"
import { StoreUnavailable, type StoreLink } from "./link.ts"
import { RENEW } from "./scripts.ts"

export interface RenewalRules {
  readonly clock: Clock
  readonly log: Log
  readonly leaseMs: number
  /** The time for scripts; empty: the store's own. */
  readonly time: () => string
}

const BATCH = 128
/** A lease outlives a few renewals that fail. */
const RENEWALS_PER_LEASE = 4

export class OpenLeases {
  readonly #link: StoreLink
  readonly #rules: RenewalRules
  readonly #leases = new Map<string, StoreLease>()
  /** Of each subject by key: the generation that was seen last. */
  readonly #generations = new Map<string, string>()
  readonly #timer: ReturnType<typeof setInterval>

  constructor(link: StoreLink, rules: RenewalRules) {
    this.#link = link
    this.#rules = rules
    this.#timer = setInterval(() => this.renew(this.#leases.values()), rules.leaseMs / RENEWALS_PER_LEASE)
    this.#timer.unref()
  }

  close(): void {
    clearInterval(this.#timer)
  }

  add(lease: StoreLease): void {
    this.#leases.set(lease.id, lease)
    const { keys } = lease.prepared
    for (let at = 0; at < keys.length; at += 1) {
      const key = keys[at] ?? ""
      const generation = lease.generations[at] ?? ""
      const known = this.#generations.get(key)
      if (known === generation) continue
      this.#generations.set(key, generation)
      // what this process took before the subject was counted anew is not in it
      if (known !== undefined) this.countAgain(key)
    }
  }

  delete(lease: StoreLease): void {
    this.#leases.delete(lease.id)
  }

  generationOf(key: string): string {
    return this.#generations.get(key) ?? ""
  }

  renewAll(): void {
    this.renew(this.#leases.values())
  }

  renew(leases: Iterable<StoreLease>): void {
    const bySubject = new Map<string, StoreLease[]>()
    for (const lease of leases) {
      if (!lease.isOpen) continue
      for (const key of lease.prepared.keys) {
        const list = bySubject.get(key)
        if (list === undefined) bySubject.set(key, [lease])
        else list.push(lease)
      }
    }
    for (const [key, list] of bySubject) this.#renewAllOf(key, list)
  }

  countAgain(key: string): void {
    this.#renewAllOf(
      key,
      [...this.#leases.values()].filter(({ prepared }) => prepared.keys.includes(key)),
    )
  }

  #renewAllOf(key: string, leases: readonly StoreLease[]): void {
    for (let at = 0; at < leases.length; at += BATCH) void this.#renew(key, leases.slice(at, at + BATCH))
  }

  async #renew(key: string, leases: readonly StoreLease[]): Promise<void> {
    const { clock, log, leaseMs, time } = this.#rules
    const nowMs = clock.monotonicMs()
    const words = leases.flatMap((lease) => {
      const generation = lease.generations[lease.prepared.keys.indexOf(key)] ?? ""
      const amounts = [lease.tokens, lease.nanoUsd, Math.max(0, nowMs - lease.takenAtMs)].map(String)
      return [lease.id, generation, ...lease.calendar, ...amounts]
    })
    try {
      const answer = (await this.#link.run(RENEW, ["1", key, time(), String(leaseMs), ...words])) as readonly string[]
      const [generation, ...expired] = answer
      if (generation === undefined) return
      for (const lease of leases) lease.generations[lease.prepared.keys.indexOf(key)] = generation
      if (expired.length === 0) return
      const message = "calls in flight were booked at what they had reserved: their leases were renewed too late"
      log.warn(message, { calls: expired.length })
    } catch (error) {
      // the next renewal finds out what is left
      if (!(error instanceof StoreUnavailable)) throw error
    }
  }
}
