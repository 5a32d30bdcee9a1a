/** A timer that is running. The runtime's own fit, so that nothing is wrapped around them. */
export interface Timer {
  /** It does not run again. */
  close(): void
  /** It does not keep the process alive. */
  unref(): void
}

/** What happens later: by the same time as a clock tells. */
export interface Timers {
  /** Runs `action` once, in `ms` milliseconds. */
  after(ms: number, action: () => void): Timer
  /** Runs `action` every `ms` milliseconds. */
  every(ms: number, action: () => void): Timer
  /** Resolves in `ms` milliseconds. */
  sleep(ms: number): Promise<void>
}

/** Time. Handed in, so that tests can set it, hold it and let it pass. */
export interface Clock extends Timers {
  /** Unix milliseconds, whole. Jumps when the system time is set: for timestamps only. */
  now(): number
  /** Milliseconds with fractions since an arbitrary start. Never jumps: for durations and deadlines. */
  monotonicMs(): number
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  after: (ms, action) => setTimeout(action, ms),
  every: (ms, action) => setInterval(action, ms),
  sleep: (ms) => Bun.sleep(ms),
}

/** The time that passes, and of it what this thread computes, in milliseconds. */
export const computingClocks: { readonly nowMs: () => number; readonly cpuMs: () => number } = {
  nowMs: () => performance.now(),
  cpuMs: () => {
    const { user, system } = process.threadCpuUsage()
    return (user + system) / 1000
  },
}
