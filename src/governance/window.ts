/**
 * What was admitted in the last minute, in slices of a second. A slice counts until its last moment is a minute old, so
 * no window of 60 s ever holds more than the limit; in return a slot comes back up to a second late.
 */
const SLICE_MS = 1000
const SLICES = 61

export class MinuteWindow {
  readonly #requestSlices = new Float64Array(SLICES)
  readonly #tokenSlices = new Float64Array(SLICES)
  #newest = Number.NEGATIVE_INFINITY
  requests = 0
  tokens = 0

  /** Forgets what is too old; returns the slice of `nowMs`, as `add` wants it. */
  advance(nowMs: number): number {
    const slice = Math.floor(nowMs / SLICE_MS)
    if (slice <= this.#newest) return this.#newest
    if (slice - this.#newest >= SLICES) {
      this.#requestSlices.fill(0)
      this.#tokenSlices.fill(0)
      this.requests = 0
      this.tokens = 0
    } else {
      for (let old = this.#newest + 1; old <= slice; old++) {
        const at = indexOf(old)
        this.requests -= this.#requestSlices[at] ?? 0
        this.tokens -= this.#tokenSlices[at] ?? 0
        this.#requestSlices[at] = 0
        this.#tokenSlices[at] = 0
      }
    }
    this.#newest = slice
    return slice
  }

  /** To a slice that `advance` named; what it has forgotten since stays forgotten. */
  add(slice: number, requests: number, tokens: number): void {
    if (slice <= this.#newest - SLICES || slice > this.#newest) return
    const at = indexOf(slice)
    this.#requestSlices[at] = (this.#requestSlices[at] ?? 0) + requests
    this.#tokenSlices[at] = (this.#tokenSlices[at] ?? 0) + tokens
    this.requests += requests
    this.tokens += tokens
  }

  /** How long until `count` more fit under `limit`; null: never. */
  waitMs(of: "requests" | "tokens", count: number, limit: number, nowMs: number): number | null {
    if (count > limit) return null
    const slices = of === "requests" ? this.#requestSlices : this.#tokenSlices
    let sum = of === "requests" ? this.requests : this.tokens
    for (let slice = this.#newest - SLICES + 1; slice <= this.#newest; slice++) {
      sum -= slices[indexOf(slice)] ?? 0
      if (sum + count <= limit) return Math.max(0, (slice + SLICES) * SLICE_MS - nowMs)
    }
    return null
  }
}

function indexOf(slice: number): number {
  return ((slice % SLICES) + SLICES) % SLICES
}
