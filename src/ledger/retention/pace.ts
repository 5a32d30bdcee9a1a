/** How many rows a batch deletes, and how long the next one waits: by how long batches held the write lock, and whether others want it. */

/** How long a batch is to hold the write lock, in milliseconds, and how many times as long the next one waits. */
interface Measure {
  readonly wantedMs: number
  readonly longMs: number
  readonly pauses: number
}

/**
 * A writer of calls that finds the lock taken tries again after 1, 2, 4, … ms. While calls are written, one in nine of them
 * may meet a batch, and then waits for 3 ms at most.
 */
const BESIDE_CALLS: Measure = { wantedMs: 2, longMs: 3, pauses: 8 }
const ALONE: Measure = { wantedMs: 10, longMs: 15, pauses: 1 }
const FIRST_ROWS = 32
const LEAST_ROWS = 8
const SHORTEST_PAUSE_MS = 2

export class Pace {
  readonly #most: number
  #rows: number

  /** `most`: rows of one batch. */
  constructor(most: number) {
    this.#most = most
    this.#rows = Math.min(most, FIRST_ROWS)
  }

  /** Rows of the next batch. */
  get rows(): number {
    return this.#rows
  }

  /**
   * A batch held the write lock for `heldMs` and took `tookMs` as a whole; `isShared`: others wrote since the batch before.
   * Returns how long the next one waits.
   */
  pauseAfter(heldMs: number, tookMs: number, isShared: boolean): number {
    const { wantedMs, longMs, pauses } = isShared ? BESIDE_CALLS : ALONE
    if (heldMs > longMs) this.#rows = Math.max(LEAST_ROWS, Math.floor((this.#rows * wantedMs) / heldMs))
    else if (heldMs < wantedMs) this.#rows = Math.ceil(this.#rows * 1.25)
    this.#rows = Math.min(this.#most, this.#rows)
    return Math.max(SHORTEST_PAUSE_MS, pauses * tookMs)
  }
}
