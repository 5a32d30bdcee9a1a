/**
 * Keeps a script that had to be stopped too often off the processor for a while. The stops of one caller keep it from that
 * caller alone; only those of several keep it from everybody, and none that a large body may be to blame for.
 */

const STOPS_WITHIN_MS = 60_000
const BENCH_MS = 30_000
/** A body from here on may be too much for a script that is fine. */
const LARGE_BYTES = 262_144

export const BENCH_SECONDS: number = BENCH_MS / 1000

interface Stop {
  readonly atMs: number
  readonly caller: string
  readonly isLarge: boolean
}

export class Bench {
  private readonly most: number
  private stops: readonly Stop[] = []

  /** @param most so many stops of one caller bench it, stops of so many callers everybody */
  constructor(most: number) {
    this.most = most
  }

  keepsOff(caller: string, nowMs: number): boolean {
    if (this.stops.length === 0) return false
    this.stops = this.stops.filter(({ atMs }) => nowMs - atMs < STOPS_WITHIN_MS)
    const small = this.stops.filter(({ isLarge }) => !isLarge)
    if (isRecent(small, nowMs) && new Set(small.map((stop) => stop.caller)).size >= this.most) return true
    const own = this.stops.filter((stop) => stop.caller === caller)
    return isRecent(own, nowMs) && own.length >= this.most
  }

  /** @param bodyBytes of the call that had to be stopped */
  add(caller: string, bodyBytes: number, nowMs: number): void {
    this.stops = [...this.stops, { atMs: nowMs, caller, isLarge: bodyBytes > LARGE_BYTES }]
  }
}

function isRecent(stops: readonly Stop[], nowMs: number): boolean {
  const last = stops.at(-1)
  return last !== undefined && nowMs - last.atMs < BENCH_MS
}
