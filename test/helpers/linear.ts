/** Is the work on an input in proportion to its size? By the CPU time of this thread, never by a clock on the wall. */
import { expect } from "bun:test"

/** Less is no work to speak of. */
const COARSE_MS = 0.5
/** The clock of the CPU goes in steps of some milliseconds. */
const TELLING_MS = 8
const MOST_RUNS = 50
const SMALLEST = 250
/** What a busy machine does to one measurement it rarely does to all. */
const TRIES = 8
const RUNS = 2
const GROWTH = 4
/** Four times the input takes four times the time, and sixteen times where the work is quadratic. */
const MOST = 8

/**
 * `prepare` makes an input with `count` parts and returns the work on it, which may be done again and again. The size grows
 * to `largest` parts, or until the work takes `leastMs`.
 */
export function expectLinear(
  prepare: (count: number) => () => unknown,
  largest = 4000,
  leastMs: number = COARSE_MS,
): void {
  let count = SMALLEST
  while (count < largest && cpuMs(prepare(count)) < leastMs) count *= 2
  let ratio = Infinity
  for (let attempt = 0; attempt < TRIES && ratio > MOST; attempt++) {
    const [once, grown] = [best(prepare(count)), best(prepare(GROWTH * count))]
    ratio = Math.min(ratio, grown < COARSE_MS ? 0 : grown / once)
  }
  expect(ratio).toBeLessThan(MOST)
}

function best(work: () => unknown): number {
  let least = Infinity
  for (let run = 0; run < RUNS; run++) least = Math.min(least, cpuMs(work))
  return least
}

/** Of one run, which is repeated until the clock can tell. */
function cpuMs(work: () => unknown): number {
  const from = process.threadCpuUsage()
  for (let runs = 1; ; runs++) {
    work()
    const { user, system } = process.threadCpuUsage()
    const ms = (user + system - from.user - from.system) / 1000
    if (ms >= TELLING_MS || runs === MOST_RUNS) return ms / runs
  }
}
