/**
 * The event loop, which all calls share: large work takes turns on it, and what holds it is measured and named.
 *
 * A timer finds how late the loop comes to its work; steps on large inputs keep their own time. What a busy machine takes
 * away makes the loop late, too, but is no fault of a step: only what this thread has computed is told in the log.
 */
import { computingClocks, type Clock, type Timer } from "./clock.ts"

const LOOK_EVERY_MS = 100
/** Looks that the figures are about: a minute. */
const LOOKS = 600
/** Longer than this nothing may hold the loop. */
export const LONGEST_HOLD_MS = 20
const TOLD_EVERY_MS = 60_000
/** Work on less than this is not timed: it cannot take long, and reading the clock would cost more than it. */
const SMALL_BYTES = 65_536

/** What held the loop. */
export interface Hold {
  readonly ms: number
  /** Null: no single step on a large input. */
  readonly step: string | null
  readonly requestId: string | null
}

export class Loop {
  readonly #clock: Clock
  readonly #tell: (worst: Hold) => void
  readonly #cpuMs: () => number
  /** Delays in milliseconds, the oldest overwritten first. */
  readonly #delays = new Float64Array(LOOKS)
  #looks = 0
  #timer: Timer | null = null
  #lookedAt = 0
  #cpuAt = 0
  #worst: Hold | null = null
  /** The longest step since the last look. */
  #longest: Hold | null = null
  #toldAt = -Infinity
  readonly #waiting: (() => void)[] = []

  constructor(clock: Clock, tell: (worst: Hold) => void, cpuMs: () => number = computingClocks.cpuMs) {
    this.#clock = clock
    this.#tell = tell
    this.#cpuMs = cpuMs
  }

  start(): void {
    this.#lookedAt = this.#clock.monotonicMs()
    this.#cpuAt = this.#cpuMs()
    this.#timer = this.#clock.every(LOOK_EVERY_MS, () => this.#look())
    this.#timer.unref()
  }

  stop(): void {
    this.#timer?.close()
    this.#timer = null
  }

  /** The longest delay of the last minute, and the one that 99 of 100 looks stay below, in milliseconds. */
  get delays(): { readonly maxMs: number; readonly p99Ms: number } {
    const seen = this.#delays.slice(0, Math.min(this.#looks, LOOKS)).toSorted()
    return { maxMs: seen.at(-1) ?? 0, p99Ms: seen[Math.ceil(seen.length * 0.99) - 1] ?? 0 }
  }

  /** Does a step on an input of so many bytes, and keeps its time. */
  timed<Result>(step: string, requestId: string, bytes: number, work: () => Result): Result {
    if (bytes < SMALL_BYTES) return work()
    const from = this.#cpuMs()
    try {
      return work()
    } finally {
      const ms = this.#cpuMs() - from
      if (ms > (this.#longest?.ms ?? 0)) this.#longest = { ms, step, requestId }
    }
  }

  /** Resolves when other work had its turn. Of all that wait one goes on at a time. */
  turn(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve)
      if (this.#waiting.length === 1) setImmediate(this.#next)
    })
  }

  readonly #next = (): void => {
    this.#waiting.shift()?.()
    if (this.#waiting.length > 0) setImmediate(this.#next)
  }

  #look(): void {
    const now = this.#clock.monotonicMs()
    const cpu = this.#cpuMs()
    const late = Math.max(0, now - this.#lookedAt - LOOK_EVERY_MS)
    const held = Math.min(late, cpu - this.#cpuAt)
    const step = this.#longest
    this.#lookedAt = now
    this.#cpuAt = cpu
    this.#longest = null
    this.#delays[this.#looks++ % LOOKS] = Math.max(late, step?.ms ?? 0)
    const hold = step !== null && step.ms >= held / 2 ? step : { ms: held, step: null, requestId: null }
    if (hold.ms > LONGEST_HOLD_MS && hold.ms > (this.#worst?.ms ?? 0)) this.#worst = hold
    if (this.#worst === null || now - this.#toldAt < TOLD_EVERY_MS) return
    this.#toldAt = now
    this.#tell(this.#worst)
    this.#worst = null
  }
}
