/** What the system says about this process. */
export interface ProcessFacts {
  readonly residentBytes: number
  readonly heapBytes: number
  readonly cpuSeconds: number
  /** Unix seconds. */
  readonly startedAt: number
}

const startedAt = Date.now() / 1000 - process.uptime()

export function processFacts(): ProcessFacts {
  const { rss, heapUsed } = process.memoryUsage()
  const { user, system } = process.cpuUsage()
  return { residentBytes: rss, heapBytes: heapUsed, cpuSeconds: (user + system) / 1e6, startedAt }
}
