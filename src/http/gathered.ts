/** Bytes that arrive in pieces, until all of them are wanted. */

/** A smaller piece is copied: its view takes more memory than its bytes, and keeps alive all that arrived with it. */
const LARGE_PIECE_BYTES = 16_384
const LARGEST_BLOCK_BYTES = 65_536
const SMALLEST_BLOCK_BYTES = 512
/** What the runtime keeps of a piece beside its bytes, about. */
const PIECE_COST_BYTES = 128

export class Gathered {
  size = 0
  /** What is full, or large. */
  private pieces: Uint8Array[] = []
  /** The last piece, which grows; the first that came is taken as it is. */
  private block: Uint8Array | null = null
  private used = 0

  /** The memory that is held, about. */
  get heldBytes(): number {
    let held = this.block === null ? 0 : this.block.length + PIECE_COST_BYTES
    for (const piece of this.pieces) held += piece.length + PIECE_COST_BYTES
    return held
  }

  add(piece: Uint8Array): void {
    if (piece.length === 0) return
    this.size += piece.length
    const { block } = this
    if (block !== null && this.used + piece.length <= block.length) {
      block.set(piece, this.used)
      this.used += piece.length
    } else if (piece.length >= LARGE_PIECE_BYTES || block === null) {
      this.close()
      this.block = piece
      this.used = piece.length
    } else this.grow(block, piece)
  }

  /** All bytes in order; nothing is held any more. */
  take(): Uint8Array {
    this.close()
    const { pieces, size } = this
    this.clear()
    return pieces.length === 1 && pieces[0] !== undefined ? pieces[0] : Buffer.concat(pieces, size)
  }

  clear(): void {
    this.pieces = []
    this.block = null
    this.used = 0
    this.size = 0
  }

  private grow(block: Uint8Array, piece: Uint8Array): void {
    const { used } = this
    const isFull = used + piece.length > LARGEST_BLOCK_BYTES
    if (isFull) this.close()
    const kept = isFull ? 0 : used
    const together = kept + piece.length
    const larger = Buffer.allocUnsafeSlow(Math.min(LARGEST_BLOCK_BYTES, Math.max(SMALLEST_BLOCK_BYTES, 2 * together)))
    if (kept > 0) larger.set(block.subarray(0, kept))
    larger.set(piece, kept)
    this.block = larger
    this.used = together
  }

  private close(): void {
    const { block, used } = this
    if (block === null) return
    this.pieces.push(used === block.length ? block : block.subarray(0, used))
    this.block = null
    this.used = 0
  }
}
