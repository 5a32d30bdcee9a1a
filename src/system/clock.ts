/** The two clocks. Handed in, so that tests can set the time. */
export interface Clock {
  /** Unix milliseconds, whole. Jumps when the system time is set: for timestamps only. */
  now(): number
  /** Milliseconds with fractions since an arbitrary start. Never jumps: for durations and deadlines. */
  monotonicMs(): number
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
}

/** The time that passes, and of it what this thread computes, in milliseconds. */
export const computingClocks: { readonly nowMs: () => number; readonly cpuMs: () => number } = {
  nowMs: () => performance.now(),
  cpuMs: () => {
    const { user, system } = process.threadCpuUsage()
    return (user + system) / 1000
  },
}
