/** The time of the call that is decided again, on both clocks. */
import type { Clock } from "../system/clock.ts"

export class ReplayClock implements Clock {
  /** Unix milliseconds. */
  ts = 0

  now(): number {
    return this.ts
  }

  monotonicMs(): number {
    return this.ts
  }
}
