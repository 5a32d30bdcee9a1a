/** Group commit: calls that end at about the same time share one transaction. */
import { RouterError } from "../errors.ts"
import type { Clock } from "../system/clock.ts"
import type { Log } from "../system/log.ts"
import type { LedgerDatabase } from "./database.ts"
import type { DatabaseFailure } from "./failure.ts"
import { fitRows } from "./fitted.ts"
import { FULL_GROUP, groupSize, type Waiting } from "./group.ts"
import { pauseForLock } from "./locked.ts"
import type { Outage } from "./outage.ts"
import type { CallRecord } from "./record.ts"

interface WriteLimits {
  /** How long a locked database is tried again before the outage begins. */
  readonly retryMs: number
  readonly maxWaiting: number
}

export interface WriteRules {
  readonly clock: Clock
  readonly log: Log
  readonly limits: WriteLimits
  /** Nobody waits for the rows. */
  readonly isAsync: boolean
  readonly onCommit: CommitListener
}

/** Hears of each transaction that was committed: how many calls were in it, and how long it took. */
export type CommitListener = (calls: number, ms: number) => void

/** Null: committed, and everyone was told. `spooling`: the database was not asked. */
type Outcome = DatabaseFailure | "spooling" | null

/** A group that keeps growing waits no longer. */
const LONGEST_WAIT_MS = 1
const DONE: Promise<void> = Promise.resolve()

export class GroupWriter {
  readonly #database: LedgerDatabase
  readonly #outage: Outage
  readonly #clock: Clock
  readonly #log: Log
  readonly #limits: WriteLimits
  readonly #isAsync: boolean
  readonly #onCommit: CommitListener
  #waiting: Waiting[] = []
  /** What comes while somebody is alone; null: nobody is. */
  #held: Waiting[] | null = null
  #alone: Promise<unknown> = Promise.resolve()
  /** A turn is scheduled, or a group is on its way. */
  #isActive = false
  #isClosed = false
  #onIdle: (() => void) | null = null
  #seen = 0
  #sinceMs = 0
  #lastError: unknown = null

  constructor(database: LedgerDatabase, outage: Outage, rules: WriteRules) {
    this.#database = database
    this.#outage = outage
    this.#clock = rules.clock
    this.#log = rules.log
    this.#limits = rules.limits
    this.#isAsync = rules.isAsync
    this.#onCommit = rules.onCommit
  }

  record(call: CallRecord): Promise<void> {
    if (this.#isClosed || this.waiting >= this.#limits.maxWaiting) {
      return Promise.reject(new RouterError("usage-store-unavailable"))
    }
    const kept = fitRows(call)
    if (this.#isAsync && this.#held === null) {
      this.#add({ call: kept, settle: null })
      return DONE
    }
    return new Promise((resolve, reject) => this.#add({ call: kept, settle: { resolve, reject } }))
  }

  accepting(): boolean {
    return !this.#isClosed && this.waiting < this.#limits.maxWaiting && this.#outage.accepting()
  }

  /**
   * Runs `work` while no row is on its way: whoever was told that a call is durable has acted on it before, everyone else
   * is told after. One at a time. Rejects as `work` does, and with `usage-store-unavailable` after the end.
   */
  alone<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#alone.then(() => this.#runAlone(work))
    this.#alone = result.catch(() => {})
    return result
  }

  /** Finished calls that wait for the next transaction. */
  get waiting(): number {
    return this.#waiting.length + (this.#held?.length ?? 0)
  }

  /** Takes no more calls; resolves when those that wait are settled. */
  async close(): Promise<void> {
    this.#isClosed = true
    await this.#alone
    await this.#idle()
  }

  async #runAlone<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#isClosed) throw new RouterError("usage-store-unavailable")
    const held: Waiting[] = []
    this.#held = held
    try {
      await this.#idle()
      // those who just heard that their rows are durable
      await new Promise((resolve) => setImmediate(resolve))
      return await work()
    } finally {
      this.#held = null
      for (const waiting of held) this.#add(waiting)
    }
  }

  async #idle(): Promise<void> {
    if (!this.#isActive) return
    await new Promise<void>((resolve) => {
      this.#onIdle = resolve
    })
  }

  #add(waiting: Waiting): void {
    if (this.#held !== null) {
      this.#held.push(waiting)
      return
    }
    this.#waiting.push(waiting)
    if (!this.#isActive) this.#schedule()
  }

  #schedule(): void {
    this.#isActive = true
    this.#seen = 0
    this.#sinceMs = this.#clock.monotonicMs()
    setImmediate(this.#turn)
  }

  /** Once per turn of the event loop while calls wait. A lone call goes at once; a group waits while it grows. */
  readonly #turn = (): void => {
    const size = this.#waiting.length
    if (size > 1 && size > this.#seen && size < FULL_GROUP && !this.#isClosed && this.#mayWait()) {
      this.#seen = size
      setImmediate(this.#turn)
      return
    }
    const group = this.#takeGroup()
    const failure = this.#outage.isSpooling ? "spooling" : this.#commit(group)
    if (failure === null) this.#continue()
    else void this.#settle(group, failure)
  }

  #mayWait(): boolean {
    return this.#clock.monotonicMs() - this.#sinceMs < LONGEST_WAIT_MS
  }

  #takeGroup(): readonly Waiting[] {
    const size = groupSize(this.#waiting)
    if (size < this.#waiting.length) return this.#waiting.splice(0, size)
    const group = this.#waiting
    this.#waiting = []
    return group
  }

  #continue(): void {
    if (this.#waiting.length > 0) {
      this.#schedule()
      return
    }
    this.#isActive = false
    this.#onIdle?.()
  }

  /** Null: committed, and everyone was told. */
  #commit(group: readonly Waiting[]): DatabaseFailure | null | Promise<DatabaseFailure | null> {
    const beganMs = this.#clock.monotonicMs()
    try {
      const written = this.#database.write(group.map(({ call }) => call))
      if (typeof written === "number") return this.#committed(group, beganMs)
      return written.then(
        () => this.#committed(group, beganMs),
        (error: unknown) => this.#failed(error),
      )
    } catch (error) {
      return this.#failed(error)
    }
  }

  #committed(group: readonly Waiting[], beganMs: number): null {
    this.#onCommit(group.length, this.#clock.monotonicMs() - beganMs)
    this.#outage.end()
    for (const { settle } of group) settle?.resolve()
    return null
  }

  #failed(error: unknown): DatabaseFailure {
    this.#lastError = error
    return this.#database.failureOf(error)
  }

  /** Never rejects. */
  async #settle(group: readonly Waiting[], outcome: Outcome | Promise<Outcome>): Promise<void> {
    try {
      await this.#persist(group, await outcome)
    } finally {
      this.#continue()
    }
  }

  /** The long way: again for a while, on a new connection, and then to the spool. Settles everyone. Never rejects. */
  async #persist(group: readonly Waiting[], outcome: Outcome): Promise<void> {
    let failure = outcome
    if (failure === "busy") failure = await this.#commitLater(group)
    if (failure === "broken" && (await this.#reopened())) failure = await this.#commit(group)
    if (failure === null) return
    if (failure === "content") {
      await this.#separate(group)
      return
    }
    if (failure === "slow" && this.#outage.refuses && group.length > 1 && (await this.#halved(group))) return
    if (failure !== "spooling") this.#outage.begin(this.#lastError)
    await this.#spool(group)
  }

  async #commitLater(group: readonly Waiting[]): Promise<DatabaseFailure | null> {
    let failure: DatabaseFailure | null = "busy"
    let waitMs = 1
    for (let waitedMs = 0; failure === "busy" && waitedMs < this.#limits.retryMs; waitedMs += waitMs) {
      await pauseForLock(waitMs)
      failure = await this.#commit(group)
      waitMs = Math.min(waitMs * 2, 32)
    }
    return failure
  }

  async #reopened(): Promise<boolean> {
    try {
      this.#log.warn("the usage database is opened anew", { cause: this.#lastError })
      await this.#database.reopen()
      return true
    } catch (error) {
      this.#lastError = error
      return false
    }
  }

  /** One call's rows are not acceptable: the others must not pay for it. They are kept in a file, so that the call is safe too. */
  async #separate(group: readonly Waiting[]): Promise<void> {
    if (group.length > 1) {
      for (const waiting of group) {
        const failure = await this.#commit([waiting])
        if (failure !== null) await this.#persist([waiting], failure)
      }
      return
    }
    for (const { call, settle } of group) {
      try {
        this.#outage.putAside(call, this.#lastError)
        settle?.resolve()
      } catch (cause) {
        this.#log.error("the usage database refused the rows of a call, and it cannot be put aside", { cause })
        settle?.reject(new RouterError("internal-error", { cause: this.#lastError }))
      }
    }
  }

  /** Where no spool takes them: one half at a time. False: the database takes neither, everyone waits for an answer still. */
  async #halved(group: readonly Waiting[]): Promise<boolean> {
    const middle = group.length >> 1
    const first = group.slice(0, middle)
    const second = group.slice(middle)
    const failures = [await this.#commit(first), await this.#commit(second)] as const
    if (failures[0] !== null && failures[1] !== null) return false
    await this.#persist(first, failures[0])
    await this.#persist(second, failures[1])
    return true
  }

  async #spool(group: readonly Waiting[]): Promise<void> {
    try {
      await this.#outage.take(group.map(({ call }) => call))
      for (const { settle } of group) settle?.resolve()
    } catch (error) {
      for (const { settle } of group) settle?.reject(error)
      if (this.#isAsync) this.#log.error("calls were not recorded", { calls: group.length })
    }
  }
}
