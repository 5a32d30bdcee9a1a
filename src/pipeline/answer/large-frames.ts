/** Events of a stream that are too large for the event loop: each is judged in another thread, while the stream waits. */
import type { StreamObserver } from "../../dialects/dialect.ts"
import { restore, stateOf } from "../../dialects/observer-state.ts"
import type { FrameOrder, JudgedFrame } from "../apart/judged-frame.ts"
import { isLargeAnswer } from "../apart/large.ts"
import type { StreamTranslation } from "../translation/stream-translation.ts"
import type { StreamParts } from "./stream-parts.ts"

export class LargeFrames {
  /** Comes next, before all that is behind it; null: no large event. */
  waiting: Uint8Array | null = null
  readonly #parts: StreamParts
  readonly #observer: StreamObserver
  readonly #use: () => FrameOrder["use"]

  /** `translation`: null where frames pass. */
  constructor(parts: StreamParts, observer: StreamObserver, translation: Pick<StreamTranslation, "items"> | null) {
    this.#parts = parts
    this.#observer = observer
    const { shown } = parts
    if (translation !== null) this.#use = () => ({ is: "translate", seen: translation.items() })
    else if (shown === null) this.#use = () => ({ is: "pass" })
    else this.#use = () => ({ is: "rename", name: shown })
  }

  /** Does this event have to wait? */
  takes(bytes: Uint8Array, start: number, end: number): boolean {
    if (!isLargeAnswer(end - start)) return false
    this.waiting = bytes.subarray(start, end)
    return true
  }

  /** The observer has seen the event that waited. Rejects as `Apart` says. */
  async judged(frame: Uint8Array): Promise<JudgedFrame> {
    const { apart, callerId, attempt } = this.#parts
    const order = { dialect: attempt.target.dialect, state: stateOf(this.#observer), use: this.#use() }
    const judged = await apart.run("judgeFrame", callerId, [frame], order)
    restore(this.#observer, judged.state)
    this.waiting = null
    return judged
  }
}
