/** Time that stands still until the test lets it pass: deadlines, pauses, leases and sweeps come when the test says so. */
import type { Clock, Timer } from "../../src/system/clock.ts"

interface Waiting {
  dueMs: number
  /** Null: it runs once. */
  readonly everyMs: number | null
  readonly isSleep: boolean
  readonly action: () => void
}

export class HeldClock implements Clock {
  /** Unix milliseconds at the beginning. */
  #startMs: number
  #elapsedMs = 0
  /** In the order in which they were set. */
  readonly #waiting = new Set<Waiting>()

  /** `nowMs`: a UTC instant in Unix milliseconds; where nothing is said, noon in the middle of a month. */
  constructor(nowMs: number = Date.UTC(2027, 4, 12, 12)) {
    this.#startMs = nowMs
  }

  now(): number {
    return Math.floor(this.#startMs + this.#elapsedMs)
  }

  monotonicMs(): number {
    return BEGINNING_MS + this.#elapsedMs
  }

  after(ms: number, action: () => void): Timer {
    return this.#add(ms, null, false, action)
  }

  every(ms: number, action: () => void): Timer {
    return this.#add(ms, ms, false, action)
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#add(ms, null, true, resolve))
  }

  /** Sets the clock on the wall, to Unix milliseconds. Durations and deadlines are not touched by it. */
  setNow(nowMs: number): void {
    this.#startMs = nowMs - this.#elapsedMs
  }

  /** Lets time pass. What is due runs in order, each at its time; in between, what is on its way may arrive. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#elapsedMs + ms
    await settle()
    for (let next = this.#next(); next !== null && next.dueMs <= untilMs; next = this.#next()) {
      this.#run(next, Math.max(this.#elapsedMs, next.dueMs))
      await settle()
    }
    this.#elapsedMs = Math.max(this.#elapsedMs, untilMs)
  }

  /** Lets time pass at once, as while a machine sleeps: what is due runs afterwards, in order, and only once. */
  async leap(ms: number): Promise<void> {
    this.#elapsedMs += ms
    const due = [...this.#waiting].filter(({ dueMs }) => dueMs <= this.#elapsedMs)
    for (const one of due.toSorted((left, right) => left.dueMs - right.dueMs)) {
      if (this.#waiting.has(one)) this.#run(one, this.#elapsedMs)
      await settle()
    }
  }

  /** Lets time pass for what sleeps meanwhile, and no further: a router that starts or stops. */
  async during<Result>(work: Promise<Result>): Promise<Result> {
    const over = work.then(
      () => true,
      () => true,
    )
    while (!(await Promise.race([over, Bun.sleep(1)]))) {
      const sleeping = [...this.#waiting].filter(({ isSleep }) => isSleep).map(({ dueMs }) => dueMs)
      if (sleeping.length > 0) await this.advance(Math.max(0, Math.min(...sleeping) - this.#elapsedMs))
    }
    return work
  }

  #add(ms: number, everyMs: number | null, isSleep: boolean, action: () => void): Timer {
    const one = { dueMs: this.#elapsedMs + Math.max(0, ms), everyMs, isSleep, action }
    this.#waiting.add(one)
    return { close: () => void this.#waiting.delete(one), unref: () => {} }
  }

  #next(): Waiting | null {
    let next: Waiting | null = null
    for (const one of this.#waiting) if (next === null || one.dueMs < next.dueMs) next = one
    return next
  }

  #run(one: Waiting, atMs: number): void {
    this.#elapsedMs = atMs
    if (one.everyMs === null) this.#waiting.delete(one)
    else one.dueMs = atMs + Math.max(1, one.everyMs)
    one.action()
  }
}

/** Of a process that has run for a while. */
const BEGINNING_MS = 1_000_000
/** Turns of the event loop, in which what was sent over loopback arrives, as a rule. What must have arrived is waited for by its own sign. */
const TURNS = 3

async function settle(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn += 1) await new Promise<void>((resolve) => setImmediate(resolve))
}
