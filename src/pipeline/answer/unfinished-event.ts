/** An event that was begun and leaves in parts: a large one of the upstream, cut into small ones, or a long text for the client. */
import { FRAME } from "../../dialects/dialect.ts"
import { portionsOf, type LongText } from "../../dialects/frame-text.ts"
import { FrameSplitter } from "../../sse/frames.ts"

/** A small event of the upstream, and the verdict on what the large one said up to it. */
interface SmallEvent {
  readonly verdict: number
  readonly bytes: Uint8Array
  readonly start: number
  readonly end: number
}

export class UnfinishedEvent {
  #portions: Iterator<Uint8Array> | null = null
  #small: { readonly frames: FrameSplitter; readonly bytes: number; readonly verdict: number } | null = null

  get isLeft(): boolean {
    return this.#portions !== null || this.#small !== null
  }

  /** A text for the client. */
  tell(text: LongText): void {
    this.#portions = portionsOf(text)
  }

  /** Frames that say what a large event with a verdict says. @throws RangeError where there are none */
  cut(verdict: number, bytes: Uint8Array | null): void {
    if (bytes === null) throw new RangeError("an event of the stream is too large to be translated")
    const frames = new FrameSplitter(Infinity)
    frames.push(bytes)
    this.#small = { frames, bytes: bytes.length, verdict }
  }

  /** The next part: a portion of the text, or else the next small event; null: nothing is left. `isOver`: of the text alone. */
  next(isOver: boolean): Uint8Array | SmallEvent | null {
    if (isOver) this.#small = null
    const portion = this.#portions?.next()
    if (portion?.done === false) return portion.value
    this.#portions = null
    if (this.#small === null) return null
    const { frames, bytes, verdict } = this.#small
    if (!frames.next()) {
      this.#small = null
      return null
    }
    const { start, end } = frames
    // the last one ends what the whole event ends
    return { verdict: end < bytes ? verdict & ~FRAME.terminal : verdict, bytes: frames.bytes, start, end }
  }
}
