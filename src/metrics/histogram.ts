/** A histogram with fixed buckets: a few additions for each observation, everything else when it is read. */
export class Histogram {
  /** Upper bounds, ascending; a last bucket without bound comes on top. */
  readonly bounds: readonly number[]
  /** Of each bucket alone, not added up. */
  readonly counts: Float64Array
  sum = 0

  constructor(bounds: readonly number[]) {
    this.bounds = bounds
    this.counts = new Float64Array(bounds.length + 1)
  }

  observe(value: number): void {
    const { bounds, counts } = this
    let bucket = 0
    while (bucket < bounds.length && value > (bounds[bucket] ?? Infinity)) bucket++
    counts[bucket] = (counts[bucket] ?? 0) + 1
    this.sum += value
  }

  get count(): number {
    return this.counts.reduce((sum, count) => sum + count, 0)
  }
}
