/** What the system says about this process. */
import { numberOfDFGCompiles } from "bun:jsc"

export interface ProcessFacts {
  readonly residentBytes: number
  readonly heapBytes: number
  readonly cpuSeconds: number
  /** Unix seconds. */
  readonly startedAt: number
  /** The runtime compiles functions that run often. False: it may not (`MemoryDenyWriteExecute`), and interprets all. */
  readonly isCompiling: boolean
}

/** What the runtime says of every function where it compiles none. */
const NEVER_COMPILES = 1_000_000

const startedAt = Date.now() / 1000 - process.uptime()

export function processFacts(): ProcessFacts {
  const { rss, heapUsed } = process.memoryUsage()
  const { user, system } = process.cpuUsage()
  const isCompiling = numberOfDFGCompiles(processFacts) < NEVER_COMPILES
  return { residentBytes: rss, heapBytes: heapUsed, cpuSeconds: (user + system) / 1e6, startedAt, isCompiling }
}
