/**
 * How much output has come, from the sizes of frames alone. A frame of content holds at least a token; what it is longer
 * than the shortest one so far is more text. What is never sent (hidden reasoning) cannot be seen here.
 */
const BYTES_PER_TOKEN_SHIFT = 2
/** The frame around a delta is shorter than this in every dialect. */
const LARGEST_ENVELOPE = 400

export class OutputMeter {
  #envelope = LARGEST_ENVELOPE
  tokens = 0

  /** A frame of content came. */
  add(frameBytes: number): void {
    if (frameBytes < this.#envelope) this.#envelope = frameBytes
    this.tokens += 1 + ((frameBytes - this.#envelope) >> BYTES_PER_TOKEN_SHIFT)
  }
}
