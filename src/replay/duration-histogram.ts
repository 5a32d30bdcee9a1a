/** Durations in buckets, each 10 % wider than the one before: percentiles in bounded memory, within 10 %. */
const RATIO = Math.log(1.1)
const BUCKETS = 160

export class DurationHistogram {
  private readonly counts = new Float64Array(BUCKETS)
  total = 0

  /** `weight` times a duration in milliseconds. */
  add(ms: number, weight = 1): void {
    const bucket = ms <= 1 ? 0 : Math.min(BUCKETS - 1, Math.ceil(Math.log(ms) / RATIO))
    this.counts[bucket] = (this.counts[bucket] ?? 0) + weight
    this.total += weight
  }

  /** As if `weight` durations had been drawn from `other`. */
  addShare(other: DurationHistogram, weight: number): void {
    if (other.total === 0) return
    for (let bucket = 0; bucket < BUCKETS; bucket++)
      this.counts[bucket] = (this.counts[bucket] ?? 0) + ((other.counts[bucket] ?? 0) * weight) / other.total
    this.total += weight
  }

  /** Milliseconds, the upper edge of its bucket; null: nothing was added. `share`: 0 to 1. */
  percentile(share: number): number | null {
    if (this.total === 0) return null
    let seen = 0
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      seen += this.counts[bucket] ?? 0
      if (seen >= share * this.total - 1e-9) return Math.round(Math.exp(bucket * RATIO))
    }
    return Math.round(Math.exp((BUCKETS - 1) * RATIO))
  }
}
