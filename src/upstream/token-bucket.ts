/** A token bucket. Pure; times are monotonic milliseconds. */
import type { BucketRule } from "../config/snapshot.ts"

/** Sums of fractions: less than a thousandth of a token is nothing. */
const TOLERANCE = 1e-6

export class TokenBucket {
  private readonly perMs: number
  private readonly burst: number
  private level: number
  private at: number

  constructor(rule: BucketRule, now: number) {
    this.perMs = rule.perSecond / 1000
    this.burst = rule.burst
    this.level = rule.burst
    this.at = now
  }

  /**
   * How long `cost` has to wait; 0: it may be taken now. More than the bucket holds counts as all that it holds:
   * otherwise such a call could never start, or would keep the others out for as long as its sender likes.
   */
  waitMs(cost: number, now: number): number {
    if (now > this.at) {
      this.level = Math.min(this.burst, this.level + (now - this.at) * this.perMs)
      this.at = now
    }
    const missing = Math.min(cost, this.burst) - this.level
    return missing <= TOLERANCE ? 0 : missing / this.perMs
  }

  /** Only after `waitMs` has said 0 at the same time. */
  take(cost: number): void {
    this.level -= Math.min(cost, this.burst)
  }
}
