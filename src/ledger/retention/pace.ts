/** How many rows a batch deletes, and how long the next one waits: by how long batches held the write lock. */

/**
 * A writer of calls that finds the lock taken tries again after 1, 2, 4, … ms: what is held for less than 15 ms costs it
 * at most 15, and what is held for less than 31 at most 31.
 */
const WANTED_MS = 10
const LONG_MS = 15
const FIRST_ROWS = 64
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

  /** A batch held the write lock for `heldMs` and took `tookMs` as a whole. Returns how long the next one waits. */
  pauseAfter(heldMs: number, tookMs: number): number {
    if (heldMs > LONG_MS) this.#rows = Math.max(LEAST_ROWS, Math.floor((this.#rows * WANTED_MS) / heldMs))
    else if (heldMs < WANTED_MS) this.#rows = Math.ceil(this.#rows * 1.25)
    this.#rows = Math.min(this.#most, this.#rows)
    return Math.max(SHORTEST_PAUSE_MS, tookMs)
  }
}
