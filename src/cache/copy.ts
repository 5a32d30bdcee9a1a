/** What a stream brings, as its target sends it, for the response cache. */

import { Gathered } from "../http/gathered.ts"

/** The memory of all copies under way together. */
export class CopyBudget {
  mostBytes = 0
  bytes = 0

  /** False: it is not there. */
  take(bytes: number): boolean {
    if (this.bytes + bytes > this.mostBytes) return false
    this.bytes += bytes
    return true
  }
}

export class Copy {
  /** By `questionOf`. */
  readonly content: string
  readonly #mostBytes: number
  readonly #budget: CopyBudget
  /** Null: it is too much to be kept, or was taken. */
  #pieces: Gathered | null = new Gathered()
  #bytes = 0

  constructor(mostBytes: number, content: string, budget: CopyBudget) {
    this.#mostBytes = mostBytes
    this.content = content
    this.#budget = budget
  }

  add(piece: Uint8Array): void {
    if (this.#pieces === null) return
    if (this.#bytes + piece.length > this.#mostBytes || !this.#budget.take(piece.length)) return this.drop()
    this.#bytes += piece.length
    // the pieces are views of memory that is used again
    this.#pieces.add(new Uint8Array(piece))
  }

  /** The whole of it, once; null: it is too much to be kept. */
  take(): Uint8Array | null {
    const all = this.#pieces?.take() ?? null
    this.drop()
    return all
  }

  drop(): void {
    this.#pieces = null
    this.#budget.bytes -= this.#bytes
    this.#bytes = 0
  }
}
