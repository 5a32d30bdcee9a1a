/** The time of the call that is decided again, on both clocks; what is waited for passes in real time. */
import type { Clock, Timer, Timers } from "../system/clock.ts"

export class ReplayClock implements Clock {
  /** Unix milliseconds. */
  ts = 0
  readonly #timers: Timers

  constructor(timers: Timers) {
    this.#timers = timers
  }

  now(): number {
    return this.ts
  }

  monotonicMs(): number {
    return this.ts
  }

  after(ms: number, action: () => void): Timer {
    return this.#timers.after(ms, action)
  }

  every(ms: number, action: () => void): Timer {
    return this.#timers.every(ms, action)
  }

  sleep(ms: number): Promise<void> {
    return this.#timers.sleep(ms)
  }
}
