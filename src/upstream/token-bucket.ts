/** A token bucket. Pure; times are monotonic milliseconds. */
import type { BucketRule } from "../config/snapshot.ts"

/** Sums of fractions: less than a thousandth of a token is nothing. */
const TOLERANCE = 1e-6
/** A process that has no part yet is given one soon. */
const WITHOUT_PART_MS = 1000

export class TokenBucket {
  private readonly perMs: number
  private readonly burst: number
  /** What this process may use of rate and burst; 1: all. */
  private part = 1
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
   * otherwise such a call could never start, or would keep the others out for as long as its sender likes. Where that is
   * more than this process' part of it, the call may start when the part is full, and leaves a debt.
   */
  waitMs(cost: number, now: number): number {
    if (this.part === 0) return WITHOUT_PART_MS
    this.refill(now)
    const missing = Math.min(cost, this.burst * this.part) - this.level
    return missing <= TOLERANCE ? 0 : missing / (this.perMs * this.part)
  }

  /** Only after `waitMs` has said 0 at the same time. */
  take(cost: number): void {
    this.level -= Math.min(cost, this.burst)
  }

  /** From now on another part of rate and burst; a larger one brings no tokens along. */
  allot(part: number, now: number): void {
    this.refill(now)
    this.part = part
    this.level = Math.min(this.level, this.burst * part)
  }

  fill(): void {
    this.level = this.burst * this.part
  }

  private refill(now: number): void {
    if (now <= this.at) return
    this.level = Math.min(this.burst * this.part, this.level + (now - this.at) * this.perMs * this.part)
    this.at = now
  }
}
