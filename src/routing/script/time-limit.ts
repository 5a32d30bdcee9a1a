/**
 * The computing time of what runs in a sandbox. Computing counts, not waiting, and no more than what the work takes on an
 * idle machine: a busy machine makes no script late. The engine is asked to end what runs a little before the time is over,
 * since that leaves the sandbox usable; the meter ends what does not heed it.
 */
import type { Timers } from "../../system/clock.ts"
import { Stopped } from "./engine.ts"

export interface Clocks {
  /** On the monotonic clock. */
  readonly nowMs: () => number
  /** Computing time of this thread. */
  readonly cpuMs: () => number
}

export interface SandboxTime {
  /** Ends calls that wait too long. */
  readonly clock: Pick<Timers, "after">
  /** What computing time is measured with. */
  readonly clocks: Clocks
}

const POLITE_SHARE = 0.8
/**
 * Ticks of the meter in a millisecond of a warm engine on an idle machine: measured 60 to 220 for code, searches, sorts and
 * JSON, so that little work is stopped later than its computing time says. The same work takes ten times as long while the engine is not compiled yet, and the threads that compile it starve
 * on a busy machine; neighbours in the processor's caches double it.
 */
const TICKS_PER_MS = 100
/** Single operations that copy much memory tick seldom: such a share of the computing time counts in any case. */
const LEAST_SHARE = 0.1

export class TimeLimit {
  /** The engine was asked to end what runs. */
  interrupted = false
  /** The meter ended it, by force. */
  stopped = false
  private readonly clocks: Clocks
  private budgetMs = 0
  private beganCpuMs = 0
  private ticks = 0
  /** When to look at the expensive clock; before that, the time cannot be over. */
  private politeAtMs = Infinity
  private hardAtMs = Infinity

  constructor(clocks: Clocks) {
    this.clocks = clocks
  }

  begin(budgetMs: number): void {
    const nowMs = this.clocks.nowMs()
    this.budgetMs = budgetMs
    this.beganCpuMs = this.clocks.cpuMs()
    this.ticks = 0
    this.politeAtMs = nowMs + budgetMs * POLITE_SHARE
    this.hardAtMs = nowMs + budgetMs
    this.interrupted = false
  }

  end(): void {
    this.politeAtMs = Infinity
    this.hardAtMs = Infinity
  }

  /** What is left of the budget. */
  leftMs(): number {
    const cpuMs = this.clocks.cpuMs() - this.beganCpuMs
    const spentMs = Math.min(cpuMs, Math.max(this.ticks / TICKS_PER_MS, cpuMs * LEAST_SHARE))
    return Math.max(0, this.budgetMs - spentMs)
  }

  /** For the engine's interrupts: shall what runs end? */
  shallEnd(): boolean {
    if (this.interrupted) return true
    const nowMs = this.clocks.nowMs()
    if (nowMs <= this.politeAtMs) return false
    const leftMs = this.leftMs() - this.budgetMs * (1 - POLITE_SHARE)
    this.politeAtMs = nowMs + leftMs
    return (this.interrupted = leftMs <= 0)
  }

  /** For the meter. @throws Stopped */
  tick(): void {
    if (!this.stopped) {
      this.ticks++
      const nowMs = this.clocks.nowMs()
      if (nowMs <= this.hardAtMs) return
      const leftMs = this.leftMs()
      this.hardAtMs = nowMs + leftMs
      if (leftMs > 0) return
    }
    // whatever catches it on the way out is stopped again
    this.stopped = true
    throw new Stopped()
  }

  /** The router's own work for a script is not the script's, also where the engine does it. */
  without<T>(work: () => T): T {
    const { ticks, politeAtMs, hardAtMs } = this
    const beforeMs = this.clocks.nowMs()
    const beforeCpuMs = this.clocks.cpuMs()
    this.end()
    try {
      return work()
    } finally {
      const tookMs = this.clocks.nowMs() - beforeMs
      this.beganCpuMs += this.clocks.cpuMs() - beforeCpuMs
      this.ticks = ticks
      this.politeAtMs = politeAtMs + tookMs
      this.hardAtMs = hardAtMs + tookMs
    }
  }
}
