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

/** Milliseconds that this thread has computed. */
export function threadCpuMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}
