/** A token bucket of capacity that processes share: each has a part of it. Pure; times are monotonic milliseconds. */
import { Bucket } from "../bucket.ts"
import type { BucketRule } from "../config/snapshot.ts"

/** Sums of fractions: less than a thousandth of a token is nothing. */
const TOLERANCE = 1e-6
/** A process that has no part yet is given one soon. */
const WITHOUT_PART_MS = 1000

export class TokenBucket {
  private readonly rule: BucketRule
  private readonly bucket = new Bucket()
  /** What this process may use of rate and burst; 1: all. */
  private part = 1

  constructor(rule: BucketRule, now: number) {
    this.rule = rule
    this.level(now)
  }

  /**
   * How long `cost` has to wait; 0: it may be taken now. More than the bucket holds counts as all that it holds:
   * otherwise such a call could never start, or would keep the others out for as long as its sender likes. Where that is
   * more than this process' part of it, the call may start when the part is full, and leaves a debt.
   */
  waitMs(cost: number, now: number): number {
    if (this.part === 0) return WITHOUT_PART_MS
    const missing = Math.min(cost, this.rule.burst * this.part) - this.level(now)
    return missing <= TOLERANCE ? 0 : (missing * 1000) / (this.rule.perSecond * this.part)
  }

  /** Only after `waitMs` has said 0 at the same time. */
  take(cost: number): void {
    this.bucket.take(Math.min(cost, this.rule.burst))
  }

  /** From now on another part of rate and burst; a larger one brings no tokens along. */
  allot(part: number, now: number): void {
    this.level(now)
    this.part = part
    this.level(now)
  }

  fill(): void {
    this.bucket.fill()
  }

  private level(now: number): number {
    return this.bucket.level(this.rule.burst * this.part, this.rule.perSecond * this.part, now)
  }
}
