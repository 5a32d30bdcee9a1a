/** What a stream brings, as its target sends it, for the response cache. */
export class Copy {
  /** By `questionOf`. */
  readonly content: string
  readonly #mostBytes: number
  #pieces: Uint8Array[] = []
  #bytes = 0

  constructor(mostBytes: number, content: string) {
    this.#mostBytes = mostBytes
    this.content = content
  }

  add(piece: Uint8Array): void {
    this.#bytes += piece.length
    if (this.#bytes > this.#mostBytes) this.#pieces = []
    // the pieces are views of memory that is used again
    else this.#pieces.push(new Uint8Array(piece))
  }

  /** The whole of it; null: it is too much to be kept. */
  take(): Uint8Array | null {
    const all = this.#bytes > this.#mostBytes ? null : Buffer.concat(this.#pieces)
    this.#pieces = []
    return all
  }
}
