/** Limits counted in Redis or Valkey, for any number of processes: one atomic script for each step. */
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
import { refusalOf, viewsOf } from "./answers.ts"
import { ExpiredLeases } from "./expired-leases.ts"
import { CalendarWords, prepare, StoreLease, storeKey, totalsWords, type PreparedLimits } from "./lease.ts"
import { StoreHistory } from "./history.ts"
import { StoreLink, StoreUnavailable } from "./link.ts"
import { OpenLeases } from "./open-leases.ts"
import { Recounts } from "./recounts.ts"
import { ADMIT, ALL_SCRIPTS, EXTEND, RESTORE, VIEW, type Script } from "./scripts.ts"
import { Settlements } from "./settlements.ts"
import type { StoreOptions, Sums } from "./store-options.ts"

const LEASE_MS = 15_000
/** How often expired leases are looked for, while one may live. */
const LOOKS_PER_LEASE = 3
/** Longer than it takes to notice, also where the connection has to be made anew. */
const RECOUNT_MS = 1500
const WAIT_STEP_MS = 100
const DRAIN_MS = 2000
/** A store that forgets a subject between two answers, again and again, is of no use. */
const MOST_TRIES = 3

export class StoreState implements GovernanceState {
  readonly #options: StoreOptions
  readonly #link: StoreLink
  readonly #settlements: Settlements
  readonly #open: OpenLeases
  readonly #expired: ExpiredLeases
  readonly #prepared = new WeakMap<CompiledLimits, PreparedLimits>()
  readonly #calendar = new CalendarWords()
  readonly #leaseMs: number
  readonly #recountMs: string
  readonly #recounts: Recounts
  readonly #history: StoreHistory
  #restoring: Promise<void> | null = null

  constructor(options: StoreOptions) {
    const { clock, log, leaseMs = LEASE_MS, recountMs = RECOUNT_MS, usedBy } = options
    const time = (): string => this.#time()
    this.#options = options
    this.#leaseMs = leaseMs
    this.#recountMs = String(recountMs)
    this.#link = new StoreLink({
      ...options,
      name: "the shared state",
      scripts: ALL_SCRIPTS,
      onUp: () => this.#cameUp(),
    })
    this.#settlements = new Settlements(this.#link, clock, log, time, (beat) => this.#history.saw(beat))
    this.#history = new StoreHistory(this.#link, { ...options, time })
    this.#recounts = new Recounts(this.#link, {
      ...options,
      time,
      calendar: this.#calendar,
      restore: (totals) => this.restore(totals),
    })
    this.#open = new OpenLeases(this.#link, {
      clock,
      log,
      leaseMs,
      time,
      since: () => this.#history.since(),
      restore: (subjects) => this.#restoreOnce(subjects),
    })
    this.#expired = new ExpiredLeases(this.#link, { clock, log, everyMs: leaseMs / LOOKS_PER_LEASE, time, usedBy })
  }

  /** It asks the ledger for what it does not know, before it admits. */
  withhold(): void {}

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
    const { id, limits, ts } = request
    const instead = request.instead instanceof StoreLease ? request.instead : null
    if (instead !== null) this.#open.delete(instead) // not to be renewed behind its end
    const [prepared, calendar] = [this.#preparedFor(limits), this.#calendar.of(ts)]
    const words = [...this.#admitWords(request, prepared, calendar), instead?.id ?? ""]
    const answer = await this.#askUntilKnown(ADMIT, words, limits, () => this.#undo(id, prepared, calendar))
    if (instead !== null) instead.isOpen = false
    if (answer[0] === 0) return refusalOf(limits, ts, answer)
    const lease = new StoreLease(request, prepared, calendar, answer)
    this.#history.saw(lease.beat)
    this.#open.add(lease)
    return lease
  }

  async extend(held: Lease, outputTokens: number): Promise<Refusal | null> {
    const lease = held as StoreLease
    const { keys, checks } = lease.prepared
    const [day, month] = lease.calendar
    const wish = `[${this.#leaseMs},${day},${month},${outputTokens},${lease.outputNanoUsdPerMillion}]`
    const words = [String(keys.length), ...keys, this.#time(), lease.id, wish, checks]
    const answer = await this.#askUntilKnown(EXTEND, words, lease.limits)
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
    this.#settlements.add({ id, calendar, ...actual, keys: prepared.keys, generations })
  }

  book(limits: CompiledLimits, ts: number, actual: Amounts, _?: number, id: string | null = null): void {
    const takesBack = actual.tokens < 0 || actual.nanoUsd < 0
    // a subject that was restored since knows less already; what adds up is rather counted twice than not at all
    this.#book(limits, ts, actual, id, (key) => (takesBack ? this.#open.generationOf(key) : ""))
  }

  /** Calls that were counted elsewhere while the store was away; not where a subject was restored from the ledger since. */
  bookLate(limits: CompiledLimits, ts: number, sums: Sums): void {
    this.#book(limits, ts, sums, null, (key) => this.#open.generationOf(key))
  }

  renew(leases: Iterable<Lease>): void {
    const mine = [...leases].filter((lease) => lease instanceof StoreLease)
    this.#open.renew(mine)
  }

  async view(limits: CompiledLimits, ts: number, _?: number, onlyCounted = false): Promise<readonly CheckView[]> {
    const { keys, checks } = this.#preparedFor(limits)
    const words = [String(keys.length), ...keys, this.#time(), ...this.#calendar.of(ts), checks]
    const answer = await (onlyCounted ? this.#ask(VIEW, words) : this.#askUntilKnown(VIEW, words, limits))
    return answer[0] === 1 ? viewsOf(limits, ts, answer) : []
  }

  /** The store restores by itself what it does not know: it may lose its data at any time. */
  knows(): boolean {
    return true
  }

  async forget(keys: readonly string[]): Promise<void> {
    await this.#link.ask("DEL", keys.map(storeKey))
    await this.#history.forget(keys.map(storeKey))
  }

  isCounted(key: string): boolean {
    return this.#history.counts(storeKey(key))
  }

  /** Rejects where the store or the ledger does not answer. */
  async recount(subjects: readonly Subject[]): Promise<void> {
    await this.settled()
    await this.#recounts.run(subjects)
  }

  async restore(totals: readonly SubjectTotals[]): Promise<void> {
    await Promise.all(totals.map((one) => this.#restore(one)))
    this.#options.onRestored?.(totals.map(({ key }) => key))
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
    this.#expired.close()
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

  /** As `#ask`; a store that has lost its data is told first what was there, and is given time to hear it from all. */
  async #askUntilKnown(
    script: Script,
    words: readonly string[],
    limits: CompiledLimits,
    onUnknown?: () => void,
  ): Promise<readonly unknown[]> {
    for (let tries = 0; ;) {
      const answer = await this.#ask(script, words, onUnknown)
      if (answer[0] === 2) await this.#learn(limits, answer, tries++)
      else if (answer[0] === 3) await this.#options.clock.sleep(Math.min(WAIT_STEP_MS, Math.ceil(Number(answer[1]))))
      else return answer
    }
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

  #book(
    limits: CompiledLimits,
    ts: number,
    sums: Sums,
    id: string | null,
    generationOf: (key: string) => string,
  ): void {
    const { keys } = this.#preparedFor(limits)
    const drawn = this.#options.drawId()
    const mark = storeKey(`booked:${drawn}`)
    const amounts = [sums.requests, sums.tokens, sums.nanoUsd].map(String)
    const head = [String(keys.length + 1), ...keys, mark, this.#time(), id ?? drawn, ...this.#calendar.of(ts)]
    this.#settlements.book([...head, ...amounts, ...keys.map(generationOf)])
  }

  /** The answer names subjects that the store does not know: the ledger is asked, once for all who wait. */
  async #learn({ subjects }: CompiledLimits, answer: readonly unknown[], tries: number): Promise<void> {
    if (tries === MOST_TRIES) throw new StoreUnavailable("refused", new Error("it forgets what it is told"))
    const unknown = answer.slice(1).flatMap((index) => subjects[Number(index)] ?? [])
    await this.#restoreOnce(unknown)
  }

  #restoreOnce(unknown: readonly Subject[]): Promise<void> {
    this.#restoring ??= this.#restoreFrom(unknown)
    return this.#restoring
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

  async #restore(totals: SubjectTotals): Promise<void> {
    const name = storeKey(totals.key)
    const head = ["1", name, this.#time(), this.#options.drawId(), ...this.#calendar.of(totals.ts)]
    const restored = this.#link.run(RESTORE, [...head, ...totalsWords(totals, this.#recountMs)])
    // on its heels, so that nobody is admitted in between
    this.#open.countAgain(name)
    await restored
  }

  #cameUp(): void {
    // first of all, so that nothing is taken from an older state
    this.#open.lookAgain()
    this.#settlements.flush()
    this.#options.onUp?.()
  }
}
