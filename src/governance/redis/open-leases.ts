/**
 * The calls of this process that hold leases in the store: renewed while they last, and counted again in a store that lost
 * its data meanwhile.
 */
import type { Clock, Timer } from "../../system/clock.ts"
import type { Log } from "../../system/log.ts"
import type { Subject } from "../state.ts"
import type { StoreLease } from "./lease.ts"
import { StoreUnavailable, type StoreLink } from "./link.ts"
import { RENEW } from "./scripts.ts"

export interface RenewalRules {
  readonly clock: Clock
  readonly log: Log
  readonly leaseMs: number
  /** The time for scripts; empty: the store's own. */
  readonly time: () => string
  /** What the store says since when it has its data: another word when it has lost it. */
  readonly since: () => Promise<string>
  /** Tells the store what the ledger knows of subjects that are not there, and counts their calls again. */
  readonly restore: (subjects: readonly Subject[]) => Promise<void>
}

const BATCH = 128
/** A lease outlives a few renewals that fail. */
const RENEWALS_PER_LEASE = 4
/** A store that lost its data is noticed so soon. */
const LOOK_EACH_MS = 250
const IDLE_LOOKS = 4

export class OpenLeases {
  readonly #link: StoreLink
  readonly #rules: RenewalRules
  readonly #leases = new Map<string, StoreLease>()
  /** Of each subject by key: the generation that was seen last. */
  readonly #generations = new Map<string, string>()
  readonly #timers: readonly Timer[]
  #since = ""
  /** Some calls in flight are not in the store. */
  #isComplaining = false
  #isUncounted = false
  #isLooking = false
  #looks = 0

  constructor(link: StoreLink, rules: RenewalRules) {
    this.#link = link
    this.#rules = rules
    this.#timers = [
      rules.clock.every(rules.leaseMs / RENEWALS_PER_LEASE, () => this.renew(this.#leases.values())),
      rules.clock.every(LOOK_EACH_MS, () => void this.#look()),
    ]
    for (const timer of this.#timers) timer.unref()
  }

  close(): void {
    for (const timer of this.#timers) timer.close()
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

  /** The connection is a new one, and so may be the store. */
  lookAgain(): void {
    this.#isUncounted = true
    void this.#look()
  }

  /** Never rejects. */
  async #look(): Promise<void> {
    this.#looks += 1
    // a process without calls in flight has little to lose
    const isIdle = this.#leases.size === 0 && !this.#isUncounted && this.#looks % IDLE_LOOKS !== 0
    if (this.#isLooking || !this.#link.isUp || (isIdle && this.#since !== "")) return
    this.#isLooking = true
    try {
      const since = await this.#rules.since()
      if (since !== this.#since) this.#isUncounted = true
      this.#since = since
      if (this.#isUncounted) await this.#countAll()
      this.#isComplaining = false
    } catch (error) {
      // once until it succeeds: the next look is soon
      if (!(error instanceof StoreUnavailable) && !this.#isComplaining) {
        this.#isComplaining = true
        this.#rules.log.error("calls in flight could not be counted again", { cause: error })
      }
    } finally {
      this.#isLooking = false
    }
  }

  /** A subject that is not there would be counted without these calls by whoever asks for it first. */
  async #countAll(): Promise<void> {
    const unknown = await this.#renewAll([...this.#leases.values()])
    this.#isUncounted = unknown.length > 0
    if (unknown.length > 0) await this.#rules.restore(unknown)
  }

  renew(leases: Iterable<StoreLease>): void {
    void this.#renewAll(leases)
  }

  /** Subjects that the store does not know. */
  async #renewAll(leases: Iterable<StoreLease>): Promise<readonly Subject[]> {
    const bySubject = new Map<string, StoreLease[]>()
    for (const lease of leases) {
      if (!lease.isOpen) continue
      for (const key of lease.prepared.keys) {
        const list = bySubject.get(key)
        if (list === undefined) bySubject.set(key, [lease])
        else list.push(lease)
      }
    }
    const renewed = await Promise.all([...bySubject].map(([key, list]) => this.#renewAllOf(key, list)))
    return renewed.flat()
  }

  countAgain(key: string): void {
    void this.#renewAllOf(
      key,
      [...this.#leases.values()].filter(({ prepared }) => prepared.keys.includes(key)),
    )
  }

  async #renewAllOf(key: string, leases: readonly StoreLease[]): Promise<readonly Subject[]> {
    const batches: Promise<boolean>[] = []
    for (let at = 0; at < leases.length; at += BATCH) batches.push(this.#renew(key, leases.slice(at, at + BATCH)))
    const isKnown = (await Promise.all(batches)).every(Boolean)
    const [lease] = leases
    return isKnown || lease === undefined
      ? []
      : lease.limits.subjects.filter((_, at) => lease.prepared.keys[at] === key)
  }

  /** False: the store does not know the subject. */
  async #renew(key: string, leases: readonly StoreLease[]): Promise<boolean> {
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
      if (generation === undefined) return false
      for (const lease of leases) lease.generations[lease.prepared.keys.indexOf(key)] = generation
      if (expired.length === 0) return true
      const message = "calls in flight were booked at what they had reserved: their leases were renewed too late"
      log.warn(message, { calls: expired.length })
    } catch (error) {
      // the next renewal finds out what is left
      if (!(error instanceof StoreUnavailable)) throw error
    }
    return true
  }
}
