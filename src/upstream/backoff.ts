/**
 * The pause after a provider said "too much" (429), or "nothing left" (quota): two clocks of the same kind for each scope
 * of shared capacity. Pure; times are monotonic milliseconds.
 */
import type { BackoffRule } from "../config/snapshot.ts"

export class Backoff {
  /** End of the pause; in the past: none. */
  until: number = -Infinity
  /** Failures one after the other, those of calls that were in flight together counted once. */
  failures = 0
  private readonly rule: BackoffRule
  /** When the last of them was counted. */
  private since: number = -Infinity
  private stepMs = 0

  constructor(rule: BackoffRule) {
    this.rule = rule
  }

  /** A call that began at `startedAt` was refused. Returns the pause that this asks for, in milliseconds. */
  failed(startedAt: number, retryAfterMs: number | null, now: number): number {
    const { minMs, maxMs, multiplier, honorRetryAfter } = this.rule
    if (startedAt >= this.since) {
      this.stepMs = this.failures === 0 ? minMs : Math.min(maxMs, this.stepMs * multiplier)
      this.failures++
      this.since = now
    }
    const wishedMs = honorRetryAfter && retryAfterMs !== null ? Math.max(minMs, retryAfterMs) : this.stepMs
    const pauseMs = Math.min(maxMs, wishedMs)
    this.until = Math.max(this.until, now + pauseMs)
    return pauseMs
  }

  /** A whole answer to a call that began after the refusals ends the pause. True: there was something to end. */
  succeeded(startedAt: number): boolean {
    if (this.failures === 0 || startedAt < this.since) return false
    this.failures = 0
    this.until = -Infinity
    return true
  }
}
