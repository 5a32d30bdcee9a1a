/** Limits counted in Redis or Valkey, for any number of processes: one atomic script for each step. */
import type { Clock } from "../../system/clock.ts"
import type { Log } from "../../system/log.ts"
import { resetOf } from "../measure.ts"
import type {
  AdmissionRequest,
  Amounts,
  CheckView,
  CompiledLimits,
  GovernanceState,
  Lease,
  Refusal,
  Subject,
  SubjectTotals,
} from "../state.ts"
import { CalendarWords, prepare, StoreLease, storeKey, type PreparedLimits } from "./lease.ts"
import { StoreLink, StoreUnavailable, type LinkLimits } from "./link.ts"
import { OpenLeases } from "./open-leases.ts"
import { ADMIT, ALL_SCRIPTS, EXTEND, RESTORE, VIEW, type Script } from "./scripts.ts"
import { Settlements } from "./settlements.ts"

export interface StoreOptions {
  readonly url: string
  readonly clock: Clock
  readonly log: Log
  /** A text that no other process draws. */
  readonly drawId: () => string
  /** What the ledger knows of these subjects, and of as many others as it likes: for a store that knows nothing of them. */
  readonly totalsOf: (subjects: readonly Subject[]) => Promise<readonly SubjectTotals[]>
  /** The store answers, again or for the first time. */
  readonly onUp?: (() => void) | undefined
  readonly limits?: Partial<LinkLimits> | undefined
  /** How long a lease lives that nobody renews. */
  readonly leaseMs?: number | undefined
  /** For tests: what scripts take for the time of the store, in milliseconds. */
  readonly timeMs?: (() => number) | undefined
}

/** Amounts of many calls. */
export interface Sums {
  readonly requests: number
  readonly tokens: number
  readonly nanoUsd: number
}

const LEASE_MS = 15_000
const DRAIN_MS = 2000
const MINUTE_MS = 60_000
/** A store that forgets a subject between two answers, again and again, is of no use. */
const MOST_TRIES = 3

export class StoreState implements GovernanceState {
  readonly #options: StoreOptions
  readonly #link: StoreLink
  readonly #settlements: Settlements
  readonly #open: OpenLeases
  readonly #prepared = new WeakMap<CompiledLimits, PreparedLimits>()
  readonly #calendar = new CalendarWords()
  readonly #leaseMs: number
  #restoring: Promise<void> | null = null

  constructor(options: StoreOptions) {
    const { clock, log, leaseMs = LEASE_MS } = options
    const time = (): string => this.#time()
    this.#options = options
    this.#leaseMs = leaseMs
    this.#link = new StoreLink({
      ...options,
      name: "the shared state",
      scripts: ALL_SCRIPTS,
      onUp: () => this.#cameUp(),
    })
    this.#settlements = new Settlements(this.#link, log, time)
    this.#open = new OpenLeases(this.#link, { clock, log, leaseMs, time })
  }

  /** Resolves when the first attempt to reach the store has ended, well or not. */
  open(): Promise<void> {
    return this.#link.open()
  }

  get isUsable(): boolean {
    return this.#link.isUp
  }

  get isStoreUp(): boolean {
    return this.#link.isUp
  }

  async admit(request: AdmissionRequest): Promise<Lease | Refusal> {
    const { limits, ts } = request
    const prepared = this.#preparedFor(limits)
    const calendar = this.#calendar.of(ts)
    const words = this.#admitWords(request, prepared, calendar)
    for (let tries = 0; ; tries += 1) {
      const answer = await this.#ask(ADMIT, words, () => this.#undo(request.id, prepared, calendar))
      if (answer[0] === 0) return refusalOf(limits, ts, answer)
      if (answer[0] === 1) {
        const lease = new StoreLease(request, prepared, calendar, answer)
        this.#open.add(lease)
        return lease
      }
      await this.#learn(limits, answer, tries)
    }
  }

  async extend(held: Lease, outputTokens: number): Promise<Refusal | null> {
    const lease = held as StoreLease
    const { keys, checks } = lease.prepared
    const [day, month] = lease.calendar
    const wish = `[${this.#leaseMs},${day},${month},${outputTokens},${lease.outputNanoUsdPerMillion}]`
    const answer = await this.#ask(EXTEND, [String(keys.length), ...keys, this.#time(), lease.id, wish, checks])
    if (answer[0] === 0) return refusalOf(lease.limits, lease.ts, answer)
    lease.grow(outputTokens)
    return null
  }

  settle(held: Lease, actual: Amounts): void {
    const lease = held as StoreLease
    if (!lease.isOpen) return
    lease.isOpen = false
    this.#open.delete(lease)
    const { id, calendar, generations, prepared } = lease
    const { requests, tokens, nanoUsd } = actual
    this.#settlements.add({ id, calendar, requests, tokens, nanoUsd, keys: prepared.keys, generations })
  }

  book(limits: CompiledLimits, ts: number, actual: Amounts): void {
    this.#book(limits, ts, actual, () => "")
  }

  /** Calls that were counted elsewhere while the store was away; not where a subject was restored from the ledger since. */
  bookLate(limits: CompiledLimits, ts: number, sums: Sums): void {
    this.#book(limits, ts, sums, (key) => this.#open.generationOf(key))
  }

  renew(leases: Iterable<Lease>): void {
    const mine = [...leases].filter((lease) => lease instanceof StoreLease)
    this.#open.renew(mine)
  }

  async view(limits: CompiledLimits, ts: number): Promise<readonly CheckView[]> {
    const { keys, checks } = this.#preparedFor(limits)
    const words = [String(keys.length), ...keys, this.#time(), ...this.#calendar.of(ts), checks]
    for (let tries = 0; ; tries += 1) {
      const answer = await this.#ask(VIEW, words)
      if (answer[0] === 1) return viewsOf(limits, ts, answer)
      await this.#learn(limits, answer, tries)
    }
  }

  /** The store restores by itself what it does not know: it may lose its data at any time. */
  knows(): boolean {
    return true
  }

  forget(): void {}

  async restore(totals: readonly SubjectTotals[]): Promise<void> {
    await Promise.all(totals.map((one) => this.#restore(one)))
  }

  /** Resolves when all that was settled so far is in the store. */
  settled(): Promise<void> {
    return this.#settlements.drain(DRAIN_MS)
  }

  async close(): Promise<void> {
    if (this.#link.isUp) await this.settled()
    this.vanish()
  }

  /** What is not in the store is lost, and what is there is left to expire. */
  vanish(): void {
    this.#open.close()
    this.#link.close()
  }

  #time(): string {
    const { timeMs } = this.#options
    return timeMs === undefined ? "" : String(timeMs())
  }

  #preparedFor(limits: CompiledLimits): PreparedLimits {
    const known = this.#prepared.get(limits)
    if (known !== undefined) return known
    const fresh = prepare(limits)
    this.#prepared.set(limits, fresh)
    return fresh
  }

  #admitWords(request: AdmissionRequest, limits: PreparedLimits, [day, month]: StoreLease["calendar"]): string[] {
    const { inputTokens, outputTokens, leastOutputTokens, inputNanoUsd, outputNanoUsdPerMillion } = request
    const amounts = `${inputTokens},${outputTokens},${leastOutputTokens},${inputNanoUsd},${outputNanoUsdPerMillion}`
    const wish = `[${this.#leaseMs},${day},${month},${amounts}]`
    return [String(limits.keys.length), ...limits.keys, this.#time(), request.id, wish, limits.checks]
  }

  /** Behind all that was settled before. `onUnknown`: the store may have done it all the same. */
  async #ask(script: Script, words: readonly string[], onUnknown?: () => void): Promise<readonly unknown[]> {
    this.#settlements.flush()
    try {
      return (await this.#link.run(script, words)) as readonly unknown[]
    } catch (error) {
      if (error instanceof StoreUnavailable && error.fate === "unknown") onUnknown?.()
      throw error
    }
  }

  /** What the store may hold for a call that was told otherwise is given back when the store can be reached. */
  #undo(id: string, { keys }: PreparedLimits, calendar: StoreLease["calendar"]): void {
    this.#settlements.add({ id, calendar, requests: 0, tokens: 0, nanoUsd: 0, keys, generations: [] })
  }

  #book(limits: CompiledLimits, ts: number, sums: Sums, generationOf: (key: string) => string): void {
    const { keys } = this.#preparedFor(limits)
    const mark = storeKey(`booked:${this.#options.drawId()}`)
    const amounts = [sums.requests, sums.tokens, sums.nanoUsd].map(String)
    const head = [String(keys.length + 1), ...keys, mark, this.#time(), ...this.#calendar.of(ts)]
    this.#settlements.book([...head, ...amounts, ...keys.map(generationOf)])
  }

  /** The answer names subjects that the store does not know: the ledger is asked, once for all who wait. */
  async #learn({ subjects }: CompiledLimits, answer: readonly unknown[], tries: number): Promise<void> {
    if (tries === MOST_TRIES) throw new StoreUnavailable("refused", new Error("it forgets what it is told"))
    const unknown = answer.slice(1).flatMap((index) => subjects[Number(index)] ?? [])
    this.#restoring ??= this.#restoreFrom(unknown)
    await this.#restoring
  }

  /** What ends meanwhile is booked behind the totals, which may not have it yet: rather twice than not at all. */
  async #restoreFrom(unknown: readonly Subject[]): Promise<void> {
    this.#settlements.hold()
    try {
      await this.restore(await this.#options.totalsOf(unknown))
    } finally {
      this.#restoring = null
      this.#settlements.release()
    }
  }

  async #restore({ key, ts, day, month, lifetimeTokens, lastMinute }: SubjectTotals): Promise<void> {
    const recent = lastMinute.filter(({ agoMs }) => agoMs < MINUTE_MS)
    const calls = recent
      .toSorted((left, right) => right.agoMs - left.agoMs)
      .flatMap((call) => [call.agoMs, call.tokens])
    const numbers = [day.requests, day.tokens, day.nanoUsd, month.requests, month.tokens, month.nanoUsd, lifetimeTokens]
    const name = storeKey(key)
    const head = ["1", name, this.#time(), this.#options.drawId(), ...this.#calendar.of(ts)]
    const restored = this.#link.run(RESTORE, [...head, ...numbers.map(String), ...calls.map(String)])
    // on its heels, so that nobody is admitted in between
    this.#open.countAgain(name)
    await restored
  }

  #cameUp(): void {
    this.#settlements.flush()
    this.#open.renewAll()
    this.#options.onUp?.()
  }
}

function refusalOf({ checks, subjects }: CompiledLimits, ts: number, answer: readonly unknown[]): Refusal {
  const check = checks[Number(answer[1])]
  const subject = check === undefined ? undefined : subjects[check.subject]
  if (check === undefined || subject === undefined)
    throw new Error("the store refused for a check that it was not given")
  const wait = Number(answer[5])
  return {
    kind: "refusal",
    check,
    subject,
    used: Number(answer[2]),
    reserved: Number(answer[3]),
    requested: Number(answer[4]),
    retryAfterMs: wait < 0 ? null : wait,
    resetsAt: resetOf(check, ts),
  }
}

function viewsOf({ checks, subjects }: CompiledLimits, ts: number, answer: readonly unknown[]): readonly CheckView[] {
  return checks.flatMap((check, index): CheckView[] => {
    const subject = subjects[check.subject]
    if (subject === undefined) return []
    const [used, reserved] = [Number(answer[1 + 2 * index]), Number(answer[2 + 2 * index])]
    return [{ check, subject, used, reserved, resetsAt: resetOf(check, ts) }]
  })
}
