/**
 * Deadlines for many calls on one timer: a timer per call and chunk would cost more than the work.
 * Deadlines are checked four times a second; short ones use a timer of their own.
 */
import type { RouterError } from "../../errors.ts"
import type { Clock, Timer } from "../../system/clock.ts"

const TICK_MS = 250

/** Something with a deadline that can be moved by an assignment. */
export interface Watched {
  /** On the monotonic clock; `Infinity`: none. Set to `Infinity` before `expire` is called. */
  deadline: number
  expire(): void
  /** On the monotonic clock: when its client must hear something; `Infinity`: never. Set to `Infinity` before `bridge` is called. */
  bridgeAt: number
  bridge(): void
  /** The router is at its end: ends now, with this error. */
  stop(error: RouterError): void
}

export class Watchdog {
  private readonly clock: Clock
  private readonly entries = new Set<Watched>()
  private timer: Timer | null = null

  constructor(clock: Clock) {
    this.clock = clock
  }

  watch(entry: Watched): void {
    this.entries.add(entry)
    this.timer ??= this.clock.every(TICK_MS, () => this.tick())
  }

  forget(entry: Watched): void {
    this.entries.delete(entry)
  }

  /** Ends everything that is watched. */
  stopAll(error: RouterError): void {
    for (const entry of this.entries) entry.stop(error)
  }

  stop(): void {
    this.timer?.close()
    this.timer = null
  }

  private tick(): void {
    const now = this.clock.monotonicMs()
    for (const entry of this.entries) {
      if (entry.bridgeAt <= now) {
        entry.bridgeAt = Infinity
        entry.bridge()
      }
      if (entry.deadline > now) continue
      entry.deadline = Infinity
      entry.expire()
    }
    if (this.entries.size === 0) this.stop()
  }
}
