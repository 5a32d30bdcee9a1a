/**
 * The computing time of what runs in a sandbox. Computing counts, not waiting: a busy machine makes no script late. The
 * engine is asked to end what runs a little before the time is over, since that leaves the sandbox usable; the meter ends
 * what does not heed it.
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

export class TimeLimit {
  /** The engine was asked to end what runs. */
  interrupted = false
  /** The meter ended it, by force. */
  stopped = false
  private readonly clocks: Clocks
  private budgetMs = 0
  private beganCpuMs = 0
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
    return Math.max(0, this.budgetMs - (this.clocks.cpuMs() - this.beganCpuMs))
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

  /** The router's own work for a script is not the script's. */
  without<T>(work: () => T): T {
    const beforeMs = this.clocks.nowMs()
    const beforeCpuMs = this.clocks.cpuMs()
    try {
      return work()
    } finally {
      const tookMs = this.clocks.nowMs() - beforeMs
      this.beganCpuMs += this.clocks.cpuMs() - beforeCpuMs
      this.politeAtMs += tookMs
      this.hardAtMs += tookMs
    }
  }
}
