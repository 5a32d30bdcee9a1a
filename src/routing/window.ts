/**
 * The rolling window of one target: a ring of time slices with counters and fixed-size histograms. The memory is fixed
 * (about 16 KB), a write touches a dozen numbers, and figures are worked out when somebody reads them.
 *
 * Figures are made of the newest slices that together hold enough attempts, and of the whole window where it takes that
 * many: so a busy target is judged by the last minute, and one that is seldom tried by all that is known of it.
 *
 * A histogram has eight buckets to the octave from 1 ms to 17 minutes. A percentile is interpolated inside its bucket and
 * is never off by more than the bucket's width, 9 %; what is shorter than 1 ms counts as 1 ms.
 */
import type { BilledUsage } from "../canonical/billed-usage.ts"
import { NO_FIGURES, type Figures } from "./live-view.ts"

export const SLICES = 12
const BUCKETS_PER_OCTAVE = 8
const OCTAVES = 20
const BUCKETS = OCTAVES * BUCKETS_PER_OCTAVE

/** Places in the counters of a slice. */
const ATTEMPTS = 0
const ERRORS = 1
const TIMEOUTS = 2
const FALLBACKS = 3
const LATENCIES = 4
const FIRST_TOKENS = 5
/** Whole answers with usage. */
const MEASURED = 6
const OUTPUT_TOKENS = 7
const MEASURED_MS = 8
const INPUT_TOKENS = 9
const CACHED_TOKENS = 10
const WRITE_5M_TOKENS = 11
const WRITE_1H_TOKENS = 12
const COUNTERS = 13

export class TargetWindow {
  readonly windowMs: number
  /** Attempts that are on their way. */
  inFlight = 0
  /** All attempts since the beginning, those on their way included. */
  begun = 0
  private readonly enough: number
  private readonly sliceMs: number
  private readonly counters = new Float64Array(SLICES * COUNTERS)
  private readonly latencies = new Uint32Array(SLICES * BUCKETS)
  private readonly firstTokens = new Uint32Array(SLICES * BUCKETS)
  /** Number of the newest slice, counted from the clock's zero. */
  private newest = -1
  private current: Figures = NO_FIGURES
  /** Writes that `current` does not know of. */
  private unread = 0

  /** @param enough attempts that make older slices superfluous */
  constructor(windowMs: number, enough: number) {
    this.windowMs = windowMs
    this.enough = enough
    this.sliceMs = windowMs / SLICES
  }

  /** A whole answer. `firstTokenMs`: null where it came in one piece. */
  answered(now: number, durationMs: number, firstTokenMs: number | null, usage: BilledUsage | null): void {
    const at = this.attempt(now)
    this.addLatency(at, durationMs)
    const { counters } = this
    if (firstTokenMs !== null) {
      add(counters, at * COUNTERS + FIRST_TOKENS, 1)
      add(this.firstTokens, at * BUCKETS + bucketOf(firstTokenMs), 1)
    }
    if (usage === null) return
    const base = at * COUNTERS
    const { freshInputTokens, cachedInputTokens, cacheWrite5mTokens, cacheWrite1hTokens, outputTokens } = usage
    add(counters, base + MEASURED, 1)
    add(counters, base + OUTPUT_TOKENS, outputTokens)
    add(counters, base + MEASURED_MS, durationMs)
    add(counters, base + INPUT_TOKENS, freshInputTokens + cachedInputTokens + cacheWrite5mTokens + cacheWrite1hTokens)
    add(counters, base + CACHED_TOKENS, cachedInputTokens)
    add(counters, base + WRITE_5M_TOKENS, cacheWrite5mTokens)
    add(counters, base + WRITE_1H_TOKENS, cacheWrite1hTokens)
  }

  /** A failure by the target's fault. `beforeContent`: another target could still take over. */
  failed(now: number, durationMs: number, timedOut: boolean, beforeContent: boolean): void {
    const at = this.attempt(now)
    const base = at * COUNTERS
    add(this.counters, base + ERRORS, 1)
    if (beforeContent) add(this.counters, base + FALLBACKS, 1)
    if (!timedOut) return
    add(this.counters, base + TIMEOUTS, 1)
    this.addLatency(at, durationMs)
  }

  figures(now: number): Figures {
    if (this.newest < 0) return NO_FIGURES
    const turned = this.turn(now)
    // many observations hardly change by one more: a busy target is not worked out anew for every call
    if (turned || this.unread > this.current.observations / 32) {
      this.current = this.workedOut()
      this.unread = 0
    }
    return this.current
  }

  /** The place of the slice that the attempt counts in. */
  private attempt(now: number): number {
    if (this.turn(now)) this.unread = Infinity
    const at = this.newest % SLICES
    add(this.counters, at * COUNTERS + ATTEMPTS, 1)
    this.unread++
    return at
  }

  private addLatency(at: number, durationMs: number): void {
    add(this.counters, at * COUNTERS + LATENCIES, 1)
    add(this.latencies, at * BUCKETS + bucketOf(durationMs), 1)
  }

  /** Clears the slices that `now` has moved into; true when there are some. */
  private turn(now: number): boolean {
    const slice = Math.floor(now / this.sliceMs)
    const { newest } = this
    if (slice <= newest) return false
    for (let fresh = Math.max(newest + 1, slice - SLICES + 1); fresh <= slice; fresh++) {
      const at = fresh % SLICES
      this.counters.fill(0, at * COUNTERS, (at + 1) * COUNTERS)
      this.latencies.fill(0, at * BUCKETS, (at + 1) * BUCKETS)
      this.firstTokens.fill(0, at * BUCKETS, (at + 1) * BUCKETS)
    }
    this.newest = slice
    return true
  }

  private workedOut(): Figures {
    const sum = new Float64Array(COUNTERS)
    let used = 0
    while (used < SLICES && (used === 0 || read(sum, ATTEMPTS) < this.enough)) {
      const base = this.placeOf(used++) * COUNTERS
      for (let index = 0; index < COUNTERS; index++) add(sum, index, read(this.counters, base + index))
    }
    const attempts = read(sum, ATTEMPTS)
    if (attempts === 0) return NO_FIGURES
    const input = read(sum, INPUT_TOKENS)
    const measured = read(sum, MEASURED)
    const measuredMs = read(sum, MEASURED_MS)
    const share = (tokens: number): number | null => (input === 0 ? null : read(sum, tokens) / input)
    return {
      observations: attempts,
      p95LatencyMs: this.percentile(this.latencies, used, read(sum, LATENCIES)),
      p95FirstTokenMs: this.percentile(this.firstTokens, used, read(sum, FIRST_TOKENS)),
      outputTokensPerSecond: measuredMs === 0 ? null : (read(sum, OUTPUT_TOKENS) * 1000) / measuredMs,
      outputTokensPerAnswer: measured === 0 ? null : read(sum, OUTPUT_TOKENS) / measured,
      errorRate: read(sum, ERRORS) / attempts,
      timeoutRate: read(sum, TIMEOUTS) / attempts,
      fallbackRate: read(sum, FALLBACKS) / attempts,
      cachedShare: share(CACHED_TOKENS),
      cacheWrite5mShare: share(WRITE_5M_TOKENS),
      cacheWrite1hShare: share(WRITE_1H_TOKENS),
    }
  }

  /** Of the slice that is `back` slices older than the newest. */
  private placeOf(back: number): number {
    return (this.newest - back + SLICES) % SLICES
  }

  /** From above: five in a hundred are few to count. */
  private percentile(histogram: Uint32Array, slices: number, total: number): number | null {
    if (total === 0) return null
    let above = total * (1 - PERCENTILE)
    for (let bucket = BUCKETS - 1; bucket >= 0; bucket--) {
      let count = 0
      for (let back = 0; back < slices; back++) count += read(histogram, this.placeOf(back) * BUCKETS + bucket)
      if (count > 0 && above < count) return 2 ** ((bucket + 1 - above / count) / BUCKETS_PER_OCTAVE)
      above -= count
    }
    return 1
  }
}

const PERCENTILE = 0.95

function bucketOf(ms: number): number {
  if (ms <= 1) return 0
  return Math.min(BUCKETS - 1, Math.floor(Math.log2(ms) * BUCKETS_PER_OCTAVE))
}

type Numbers = Float64Array | Uint32Array

function read(numbers: Numbers, index: number): number {
  return numbers[index] ?? 0
}

function add(numbers: Numbers, index: number, amount: number): void {
  numbers[index] = read(numbers, index) + amount
}
