/** The shared state with a rule for the time that it cannot be reached. */
import { RouterError } from "../../errors.ts"
import type { Clock, Timer } from "../../system/clock.ts"
import { dayOf } from "../counts.ts"
import { MemoryState } from "../memory.ts"
import { UNUSED } from "../state.ts"
import type {
  AdmissionRequest,
  Amounts,
  CheckView,
  CompiledLimits,
  GovernanceState,
  Lease,
  LimitState,
  Refusal,
  Subject,
  SubjectTotals,
} from "../state.ts"
import { StoreLease, subjectsNamed } from "./lease.ts"
import { StoreUnavailable } from "./link.ts"
import { StoreState } from "./store.ts"
import type { StoreOptions, Sums } from "./store-options.ts"

export interface SharedOptions extends StoreOptions {
  /** `fail_closed`: calls of callers with limits are refused. `local`: each process counts for itself meanwhile. */
  readonly onUnavailable: "fail_closed" | "local"
  /** Has this process limits for the subject? */
  readonly isLimited: (key: string) => boolean
}

const RETRY_AFTER_S = 2
const RECOUNT_RETRY_MS = 1000

/** Taken in the memory of this process, while the store was away. */
class LocalLease implements Lease {
  readonly kind = "lease"
  readonly local: MemoryState
  readonly inner: Lease
  readonly request: AdmissionRequest
  isOpen = true

  constructor(local: MemoryState, inner: Lease, request: AdmissionRequest) {
    this.local = local
    this.inner = inner
    this.request = request
  }

  get id(): string {
    return this.inner.id
  }
  get inputTokens(): number {
    return this.inner.inputTokens
  }
  get outputTokens(): number {
    return this.inner.outputTokens
  }
  get nanoUsd(): number {
    return this.inner.nanoUsd
  }
  get quotaState(): LimitState | null {
    return this.inner.quotaState
  }
  get keyState(): LimitState | null {
    return this.inner.keyState
  }
}

/** Calls of one list of limits and one day. */
interface Owed {
  readonly limits: CompiledLimits
  readonly ts: number
  requests: number
  tokens: number
  nanoUsd: number
}

export class SharedState implements GovernanceState {
  readonly #options: SharedOptions
  readonly #clock: Clock
  readonly #store: StoreState
  /** Of this outage, once a call needed it. */
  #local: Promise<MemoryState> | null = null
  /** Hears what the store is told, too; while the ledger is read, for later. */
  #counting: { tell(booking: (local: MemoryState) => void): void } | null = null
  /** To be counted anew, by key. */
  readonly #uncounted = new Map<string, Subject>()
  #recountLater: Timer | null = null
  #isClosed = false
  readonly #owed = new Map<CompiledLimits, Map<number, Owed>>()

  constructor(options: SharedOptions) {
    this.#options = options
    this.#clock = options.clock
    this.#store = new StoreState({
      ...options,
      onUp: () => this.#cameUp(),
      onCounted: (keys) => this.#learnForeign(keys),
      onRestored: (keys) => void this.recount(subjectsNamed(keys)),
    })
  }

  open(): Promise<void> {
    return this.#store.open()
  }

  /** Its store asks the ledger for what it does not know. */
  withhold(): void {}

  /** Can calls of callers with limits be admitted? */
  get isUsable(): boolean {
    return this.#store.isUsable || this.#options.onUnavailable === "local"
  }

  get isStoreUp(): boolean {
    return this.#store.isUsable
  }

  async admit(request: AdmissionRequest): Promise<Lease | Refusal> {
    try {
      const outcome = await this.#store.admit(request)
      this.#endLocal()
      this.#giveBack(request)
      return outcome
    } catch (error) {
      const local = await this.#localInstead(error)
      this.#giveBack(request)
      const outcome = local.admit({ ...request, instead: null, nowMs: this.#clock.monotonicMs() })
      return outcome.kind === "lease" ? new LocalLease(local, outcome, request) : outcome
    }
  }

  /** A lease of elsewhere: what the new one takes the place of was taken when the store was away and is not now, or the reverse. */
  #giveBack({ instead, nowMs }: AdmissionRequest): void {
    if (instead) this.settle(instead, UNUSED, nowMs)
  }

  /** A call that was admitted in the store may grow while the store is away: what it used is booked in full. */
  async extend(lease: Lease, outputTokens: number, nowMs: number): Promise<Refusal | null> {
    if (lease instanceof LocalLease) return lease.local.extend(lease.inner, outputTokens, nowMs)
    try {
      return await this.#store.extend(lease, outputTokens)
    } catch (error) {
      await this.#localInstead(error)
      if (lease instanceof StoreLease) lease.grow(outputTokens)
      return null
    }
  }

  settle(lease: Lease, actual: Amounts, nowMs: number): void {
    if (lease instanceof LocalLease) {
      if (!lease.isOpen) return
      lease.isOpen = false
      lease.local.settle(lease.inner, actual, nowMs)
      this.#owe(lease.request.limits, lease.request.ts, actual)
      return
    }
    if (!(lease instanceof StoreLease) || !lease.isOpen) return
    this.#store.settle(lease, actual)
    this.#counting?.tell((local) => local.book(lease.limits, lease.ts, actual, nowMs))
  }

  book(limits: CompiledLimits, ts: number, actual: Amounts, nowMs: number, id?: string): void {
    this.#counting?.tell((local) => local.book(limits, ts, actual, nowMs))
    this.#store.book(limits, ts, actual, nowMs, id)
  }

  renew(leases: Iterable<Lease>): void {
    this.#store.renew(leases)
  }

  async view(limits: CompiledLimits, ts: number, nowMs: number, onlyCounted?: boolean): Promise<readonly CheckView[]> {
    try {
      return await this.#store.view(limits, ts, nowMs, onlyCounted)
    } catch (error) {
      return (await this.#localInstead(error)).view(limits, ts, nowMs, onlyCounted)
    }
  }

  knows(): boolean {
    return true
  }

  async forget(keys: readonly string[]): Promise<void> {
    try {
      await this.#store.forget(keys)
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error
      this.#options.log.warn("counts of limits that there are no more stay in the shared state", { cause: error })
    }
  }

  restore(totals: readonly SubjectTotals[]): Promise<void> {
    return this.#store.restore(totals)
  }

  isCounted(key: string): boolean {
    return this.#store.isCounted(key)
  }

  async recount(subjects: readonly Subject[]): Promise<void> {
    for (const subject of subjects) this.#uncounted.set(subject.key, subject)
    await this.#recountAll()
  }

  /** Again until it succeeds. Never rejects. */
  async #recountAll(): Promise<void> {
    const subjects = [...this.#uncounted.values()]
    if (subjects.length === 0 || this.#isClosed) return
    try {
      await this.#store.recount(subjects)
      for (const one of subjects) if (this.#uncounted.get(one.key) === one) this.#uncounted.delete(one.key)
    } catch (error) {
      if (this.#isClosed || this.#recountLater !== null) return
      if (!(error instanceof StoreUnavailable))
        this.#options.log.warn("limits cannot be counted anew yet", { cause: error })
      this.#recountLater = this.#clock.after(RECOUNT_RETRY_MS, () => {
        this.#recountLater = null
        void this.#recountAll()
      })
      this.#recountLater.unref()
    }
  }

  /** What others count, and this process has no limits for, was used here without being told. */
  #learnForeign(keys: readonly string[]): void {
    const foreign = subjectsNamed(keys.filter((key) => !this.#options.isLimited(key)))
    if (foreign.length > 0) void this.recount(foreign)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#recountLater?.close()
    this.#payBack()
    await this.#store.close()
  }

  /** For tests: as if the process were killed. */
  vanish(): void {
    this.#store.vanish()
  }

  /** @throws RouterError `shared-state-unavailable` */
  async #localInstead(error: unknown): Promise<MemoryState> {
    if (!(error instanceof StoreUnavailable)) throw error
    const unavailable = new RouterError("shared-state-unavailable", { retryAfterS: RETRY_AFTER_S, cause: error })
    if (this.#options.onUnavailable === "fail_closed") throw unavailable
    this.#local ??= this.#startLocal()
    try {
      return await this.#local
    } catch {
      this.#local = null
      throw unavailable
    }
  }

  /** Begins with what the ledger knows: each process by itself from then on. */
  async #startLocal(): Promise<MemoryState> {
    const local = new MemoryState()
    const meanwhile: ((local: MemoryState) => void)[] = []
    this.#counting = { tell: (booking) => void meanwhile.push(booking) }
    local.restore(await this.#options.totalsOf([]), this.#clock.monotonicMs())
    for (const booking of meanwhile) booking(local)
    this.#counting = { tell: (booking) => booking(local) }
    return local
  }

  #owe(limits: CompiledLimits, ts: number, actual: Sums): void {
    const day = dayOf(ts)
    const days = this.#owed.get(limits) ?? new Map<number, Owed>()
    this.#owed.set(limits, days)
    const owed = days.get(day) ?? { limits, ts, requests: 0, tokens: 0, nanoUsd: 0 }
    days.set(day, owed)
    owed.requests += actual.requests
    owed.tokens += actual.tokens
    owed.nanoUsd += actual.nanoUsd
    if (this.#store.isUsable) this.#payBack()
  }

  /** What was used while the store was away is booked there. */
  #payBack(): void {
    for (const days of this.#owed.values()) {
      for (const { limits, ts, ...sums } of days.values()) this.#store.bookLate(limits, ts, sums)
    }
    this.#owed.clear()
  }

  #cameUp(): void {
    this.#endLocal()
    this.#payBack()
  }

  /** The next outage begins anew, with what the ledger knows then. */
  #endLocal(): void {
    this.#local = null
    this.#counting = null
  }
}
