/**
 * The pause after a provider said "too much" (429), or "nothing left" (quota): two clocks of the same kind for each scope
 * of shared capacity. Pure; times are monotonic milliseconds.
 */
import type { BackoffRule } from "../config/snapshot.ts"

/** What another process needs to know of a pause: when it ends, and how it came about. */
export interface Pause {
  readonly until: number
  readonly failures: number
  /** When the last failure was counted. */
  readonly since: number
  readonly stepMs: number
}

export class Backoff implements Pause {
  /** End of the pause; in the past: none. */
  until: number = -Infinity
  /** Failures one after the other, those of calls that were in flight together counted once. */
  failures = 0
  since: number = -Infinity
  stepMs = 0
  private readonly rule: BackoffRule

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

  /**
   * Another process was refused. Heard twice is heard once. Calls that began before this process heard of it tell nothing
   * about the pause: they neither count as refused once more nor end it.
   */
  join({ until, failures, stepMs }: Pause, now: number): void {
    this.until = Math.max(this.until, Math.min(until, now + this.rule.maxMs))
    this.failures = Math.max(this.failures, failures)
    this.since = Math.max(this.since, now)
    this.stepMs = Math.max(this.stepMs, Math.min(stepMs, this.rule.maxMs))
  }

  /** A whole answer to a call that began after the refusals ends the pause. True: there was something to end. */
  succeeded(startedAt: number): boolean {
    if (this.failures === 0 || startedAt < this.since) return false
    this.failures = 0
    this.until = -Infinity
    return true
  }
}
