/** The level of a token bucket, full at first. Pure; times are monotonic milliseconds. Its rule is handed in, because it may change. */
export class Bucket {
  #level = Number.POSITIVE_INFINITY
  #atMs = 0

  /** What is in it at the moment; below zero where a large cost left a debt. */
  level(burst: number, perSecond: number, nowMs: number): number {
    const grown = this.#level + (Math.max(0, nowMs - this.#atMs) * perSecond) / 1000
    this.#level = Math.min(burst, grown)
    this.#atMs = Math.max(this.#atMs, nowMs)
    return this.#level
  }

  /** Behind `level`. */
  take(cost: number): void {
    this.#level -= cost
  }

  fill(): void {
    this.#level = Number.POSITIVE_INFINITY
  }
}
