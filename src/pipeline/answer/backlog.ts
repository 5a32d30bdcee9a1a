/** Pieces of a stream that came together, handed over a little at a time: what many small frames cost is no one's to hold. */

/** About 5 ms of translation where the frames are small. */
const AT_ONCE_BYTES = 1 << 15

export class Backlog {
  private pieces: Uint8Array[] = []
  private at = 0

  get isEmpty(): boolean {
    return this.at === this.pieces.length
  }

  /** Hands over as much as may be worked on at once, of what waits and, behind it, of what came. */
  takeWith(came: readonly Uint8Array[], each: (piece: Uint8Array) => void): void {
    this.add(came)
    let bytes = 0
    while (this.at < this.pieces.length && bytes < AT_ONCE_BYTES) {
      const piece = this.pieces[this.at++]
      if (piece === undefined) return
      bytes += piece.length
      each(piece)
    }
  }

  /** All that waits. */
  takeAll(each: (piece: Uint8Array) => void): void {
    while (!this.isEmpty) this.takeWith([], each)
  }

  private add(pieces: readonly Uint8Array[]): void {
    if (this.isEmpty) {
      this.pieces = []
      this.at = 0
    }
    for (const piece of pieces)
      for (let from = 0; from < piece.length; from += AT_ONCE_BYTES)
        this.pieces.push(piece.length <= AT_ONCE_BYTES ? piece : piece.subarray(from, from + AT_ONCE_BYTES))
  }
}
