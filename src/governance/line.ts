/**
 * Where calls wait for their caller's token buckets: one line per caller, first come first served, bounded in length and
 * time. Whoever leaves gives its place back.
 */
import type { Lease, Refusal } from "./state.ts"
import type { Timer, Timers } from "../system/clock.ts"
import { isBucket } from "./measure.ts"

type Outcome = Lease | Refusal

/** How a call asks to be let in. */
export interface Entry {
  /** Tries the admission again. */
  readonly ask: () => Outcome | Promise<Outcome>
  /** It was let in, but has left meanwhile. */
  readonly release: (lease: Lease) => void
}

interface Waiter {
  readonly entry: Entry
  readonly resolve: (outcome: Outcome | null) => void
  readonly reject: (error: unknown) => void
  /** What it was refused with last. */
  latest: Refusal
  timer: Timer | null
}

/** Some day the bucket lets the call in. */
export function isPassing({ check, retryAfterMs }: Refusal): boolean {
  return isBucket(check) && retryAfterMs !== null
}

export interface Waiting {
  /** Null: it left before its turn. */
  readonly outcome: Promise<Outcome | null>
  leave(): void
}

export class Line {
  readonly #timers: Timers
  readonly #waiters: Waiter[] = []
  #timer: Timer | null = null
  #asking = false

  constructor(timers: Timers) {
    this.#timers = timers
  }

  get length(): number {
    return this.#waiters.length
  }

  /** `refusal` is why it has to wait. */
  join(entry: Entry, refusal: Refusal, maxWaitMs: number): Waiting {
    const { promise, resolve, reject } = Promise.withResolvers<Outcome | null>()
    const waiter: Waiter = { entry, resolve, reject, latest: refusal, timer: null }
    waiter.timer = this.#timers.after(maxWaitMs, () => this.#end(waiter, waiter.latest))
    this.#waiters.push(waiter)
    if (this.#waiters.length === 1) this.#plan(refusal)
    return { outcome: promise, leave: () => this.#end(waiter, null) }
  }

  #end(waiter: Waiter, outcome: Outcome | null): void {
    const at = this.#waiters.indexOf(waiter)
    if (at < 0) return
    this.#remove(at, waiter)
    waiter.resolve(outcome)
    // how long the next one has to wait is its own affair: those before it may have left again and again
    if (at === 0) void this.#ask()
  }

  #remove(at: number, waiter: Waiter): void {
    waiter.timer?.close()
    this.#waiters.splice(at, 1)
  }

  /** Asks for the first in line when its bucket may have filled. */
  #plan(refusal: Refusal): void {
    if (this.#asking) return
    const inMs = Math.max(1, Math.ceil(refusal.retryAfterMs ?? 1))
    this.#timer = this.#timers.after(inMs, () => void this.#ask())
  }

  async #ask(): Promise<void> {
    this.#timer?.close()
    this.#timer = null
    const [first] = this.#waiters
    if (first === undefined || this.#asking) return
    this.#asking = true
    try {
      const outcome = await first.entry.ask()
      const at = this.#waiters.indexOf(first)
      if (outcome.kind === "refusal" && isPassing(outcome)) first.latest = outcome
      else if (at >= 0) {
        this.#remove(at, first)
        first.resolve(outcome)
      } else if (outcome.kind === "lease") first.entry.release(outcome)
    } catch (error) {
      const at = this.#waiters.indexOf(first)
      if (at >= 0) this.#remove(at, first)
      first.reject(error)
    } finally {
      this.#asking = false
      const next = this.#waiters[0]
      if (next === first) this.#plan(first.latest)
      else if (next !== undefined) void this.#ask()
    }
  }
}
