/**
 * The circuit breaker of one target: closed, open, half-open once the cooldown is over. A pure state machine; times are
 * monotonic milliseconds. It never refuses a call: it only says what the order of targets should respect.
 *
 * It opens at `failures` faults within the window, where nothing was answered between them or they are at least a tenth
 * of what ended in the window: a busy target with stray faults is healthy, a dead one is known after `failures` calls.
 */
import type { BreakerRule } from "../config/snapshot.ts"

export type BreakerState = "closed" | "open" | "half-open"

/** However long the cooldown is. */
const LONGEST_PATIENCE_MS = 600_000

/** Faults that are a smaller part of what ended in the window do not open the breaker, unless they came in a row. */
const FLAKY_SHARE = 0.1

/** Clocks of processes that are compared by way of a third one. */
const SKEW_MS = 250

export class Breaker {
  /** Whether it is not closed. */
  isOpen = false
  /** End of the cooldown; means something only while it is open. */
  openUntil = 0
  /** A call is finding out whether the target has recovered. */
  isProbed = false
  /** How long a probe with a way out may wait for first content; 0: no bound. Doubles while probes time out. */
  patienceMs: number
  private rule: BreakerRule
  /** Times of the last faults, as many as it takes to open, written in a circle. */
  private faultTimes: number[] = []
  private nextPlace = 0
  private faultsInARow = 0
  // what ended in the current slice of time and in the one before; a slice is as long as the window
  private sliceAt = 0
  private answers = 0
  private faults = 0
  private answersBefore = 0
  private faultsBefore = 0

  constructor(rule: BreakerRule) {
    this.rule = rule
    this.patienceMs = patienceOf(rule)
  }

  state(now: number): BreakerState {
    if (!this.isOpen) return "closed"
    return now < this.openUntil ? "open" : "half-open"
  }

  /** True: the call that asks is the one probe, and must release it. */
  claimProbe(now: number): boolean {
    if (this.isProbed || this.state(now) !== "half-open") return false
    this.isProbed = true
    return true
  }

  releaseProbe(hasTimedOut: boolean): void {
    this.isProbed = false
    if (hasTimedOut) this.patienceMs = Math.min(2 * this.patienceMs, LONGEST_PATIENCE_MS)
  }

  /** A whole answer to a call that began at `startedAt`. True: this has closed the breaker. */
  succeeded(startedAt: number, now: number): boolean {
    if (now - this.sliceAt >= this.rule.windowMs) this.turnSlice(now)
    this.answers++
    this.faultsInARow = 0
    // an answer that was on its way before tells nothing about the target as it is now
    if (!this.isOpen || startedAt < this.openUntil) return false
    this.close()
    return true
  }

  /** A fault of the provider in a call that began at `startedAt`. True: this has opened the breaker. */
  failed(startedAt: number, now: number): boolean {
    if (this.isOpen) {
      if (startedAt >= this.openUntil) this.openUntil = now + this.rule.cooldownMs
      return false
    }
    if (now - this.sliceAt >= this.rule.windowMs) this.turnSlice(now)
    this.faults++
    this.faultsInARow++
    if (!this.isDue(now)) return false
    this.isOpen = true
    this.openUntil = now + this.rule.cooldownMs
    this.faultTimes = []
    this.nextPlace = 0
    return true
  }

  /** In another process it is open until then. True: this has opened it. */
  openElsewhere(until: number, now: number): boolean {
    const { failures, cooldownMs } = this.rule
    if (failures === 0) return false
    const bounded = Math.min(until, now + cooldownMs)
    this.openUntil = this.isOpen ? Math.max(this.openUntil, bounded) : bounded
    if (this.isOpen) return false
    this.isOpen = true
    this.forget()
    return true
  }

  /** A call that began at `startedAt` has closed it in another process. True: here as well. */
  closedElsewhere(startedAt: number): boolean {
    if (!this.isOpen || startedAt + SKEW_MS < this.openUntil) return false
    this.close()
    return true
  }

  /** Keeps the state; faults are counted anew where the rule has changed. */
  adopt(rule: BreakerRule): void {
    const { failures, windowMs, cooldownMs } = this.rule
    if (rule.failures === failures && rule.windowMs === windowMs && rule.cooldownMs === cooldownMs) return
    this.rule = rule
    this.patienceMs = patienceOf(rule)
    this.forget()
    if (rule.failures === 0) this.isOpen = false
  }

  private close(): void {
    this.isOpen = false
    this.isProbed = false
    this.patienceMs = patienceOf(this.rule)
    this.forget()
  }

  private forget(): void {
    this.faultTimes = []
    this.nextPlace = 0
    this.faultsInARow = 0
    this.faults = 0
    this.faultsBefore = 0
  }

  private isDue(now: number): boolean {
    const { failures, windowMs } = this.rule
    if (failures === 0) return false
    this.faultTimes[this.nextPlace] = now
    this.nextPlace = (this.nextPlace + 1) % failures
    // the next place to be written holds the oldest of the last `failures` faults
    const oldest = this.faultTimes[this.nextPlace]
    if (this.faultTimes.length < failures || oldest === undefined || now - oldest > windowMs) return false
    return this.faultsInARow >= failures || this.faultShare(now) >= FLAKY_SHARE
  }

  private faultShare(now: number): number {
    const weight = Math.max(0, 1 - (now - this.sliceAt) / this.rule.windowMs)
    const faults = this.faults + this.faultsBefore * weight
    return faults / (faults + this.answers + this.answersBefore * weight)
  }

  private turnSlice(now: number): void {
    const elapsed = now - this.sliceAt
    const isNext = elapsed < 2 * this.rule.windowMs
    this.answersBefore = isNext ? this.answers : 0
    this.faultsBefore = isNext ? this.faults : 0
    this.answers = 0
    this.faults = 0
    this.sliceAt = isNext ? this.sliceAt + this.rule.windowMs : now
  }
}

function patienceOf({ cooldownMs }: BreakerRule): number {
  return Math.min(cooldownMs, LONGEST_PATIENCE_MS)
}
