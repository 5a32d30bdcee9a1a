/** The frames of an upstream's stream, judged in order. Those before the first content, and the terminal one, wait here. */
import { FRAME, NO_REQUEST_FACTS, type StreamObserver } from "../../dialects/dialect.ts"
import { oneText, portionsOf, type FrameText } from "../../dialects/frame-text.ts"
import { ModelName } from "../../dialects/model-name.ts"
import { DIALECTS } from "../../dialects/registry.ts"
import type { RouterError } from "../../errors.ts"
import { FrameSplitter } from "../../sse/frames.ts"
import { BROKEN_STREAM, EMPTY_STREAM, type AttemptFailure } from "../../upstream/failure.ts"
import { asFault } from "../apart/whole-answers.ts"
import type { Attempt } from "../call/attempt.ts"
import type { Growth } from "../limits/growth.ts"
import type { StreamTranslation } from "../translation/stream-translation.ts"
import { Trailing, type StreamEnd } from "./aftermath.ts"
import { isObject, refuseCompressed } from "./first-bytes.ts"
import { LargeFrames } from "./large-frames.ts"
import type { StreamParts } from "./stream-parts.ts"
import { UnfinishedEvent } from "./unfinished-event.ts"
import { classify, faultOf } from "./vendor-words.ts"

const encoder = new TextEncoder()
const WITH_USAGE = { ...NO_REQUEST_FACTS, stream: true }

export class StreamFrames {
  /** Set once nothing more will come. */
  end: StreamEnd | null = null
  /** The terminal frame and what follows it; to be sent when the call is recorded. */
  tail: Iterable<Uint8Array> = []
  /** The whole of what came, where it was JSON under the label of a stream. */
  unframed: Uint8Array | null = null
  contentSeen = false
  anyFrame = false
  readonly observer: StreamObserver
  readonly large: LargeFrames
  private readonly attempt: Attempt
  /** Null: frames pass as they are. */
  private readonly translation: StreamTranslation | null
  /** Null: frames that pass keep the name that they say. */
  private readonly name: ModelName | null
  private readonly splitter: FrameSplitter
  private readonly parts: StreamParts
  /** Frames that may leave, in order. */
  private ready: Uint8Array[] = []
  private readonly unfinished = new UnfinishedEvent()
  /** Content came since it was last asked for. */
  private isFresh = false
  private heldBytes = 0
  private readonly trailing: Trailing
  private readonly growth: Growth | null

  constructor(parts: StreamParts) {
    const { attempt, facts, maxFrameBytes, shown } = parts
    this.attempt = attempt
    this.parts = parts
    this.translation = attempt.translation?.stream() ?? null
    this.observer = DIALECTS[attempt.target.dialect].createObserver(this.translation === null ? facts : WITH_USAGE)
    this.name = this.translation === null && shown !== null ? new ModelName(shown) : null
    this.large = new LargeFrames(parts, this.observer, this.translation)
    attempt.meter = this.observer.meter
    this.growth = parts.grow?.(this.observer.meter, this.stop) ?? null
    this.splitter = new FrameSplitter(maxFrameBytes)
    this.trailing = new Trailing(this.splitter, this.observer, this.translation === null, attempt.cancel)
  }

  /** What may leave; null: nothing. */
  takeReady(): Uint8Array | null {
    const { ready } = this
    if (ready.length === 0) return null
    this.ready = []
    return ready.length === 1 ? (ready[0] ?? null) : Buffer.concat(ready)
  }

  /** Has content come since the last question? */
  takeFresh(): boolean {
    const { isFresh } = this
    this.isFresh = false
    return isFresh
  }

  /** Does part of an event wait that was begun? Nothing behind it is looked at until all of it has left. */
  get isTelling(): boolean {
    return this.unfinished.isLeft
  }

  /** Takes the next part of it, and what is behind it once that is whole. */
  tellMore(): void {
    const next = this.unfinished.next(this.end !== null)
    if (next instanceof Uint8Array) this.ready.push(next)
    else if (next !== null && this.translation !== null)
      this.tell(this.translatedAs(next.verdict, this.translation, next.bytes, next.start, next.end))
    if (this.end === null) this.takeFrames()
  }

  /** The client's terminal error. */
  *renderFailure(error: RouterError): Generator<Uint8Array> {
    const text = this.translation?.fail(error, this.parts.id) ?? this.observer.renderFailure(error, this.parts.id)
    for (const portion of portionsOf(text)) yield this.named(portion)
  }

  /** A frame that bridges the upstream's silence. */
  keepAlive(): string {
    return (this.translation ?? this.observer).keepAlive()
  }

  /** Judges every whole frame of a chunk; neighbours that pass leave as one piece. */
  readonly take = (chunk: Uint8Array): void => {
    if (this.end?.kind === "complete") return this.trailing.add(chunk)
    if (this.end !== null) return
    const { splitter } = this
    if (this.attempt.responseBytes === 0) refuseCompressed(chunk)
    this.attempt.responseBytes += chunk.length
    this.parts.copy?.add(chunk)
    splitter.push(chunk)
    this.takeFrames()
  }

  private takeFrames(): void {
    if (this.large.waiting !== null || this.isTelling) return
    if (this.translation !== null) return this.takeTranslated(this.translation)
    const { splitter } = this
    let from = -1
    let to = -1
    while (splitter.next()) {
      if (this.large.takes(splitter.bytes, splitter.start, splitter.end)) break
      const verdict = this.observer.frame(splitter.bytes, splitter.start, splitter.end)
      this.anyFrame = true
      if ((verdict & ~FRAME.content) !== 0) {
        if (from >= 0) this.ready.push(this.named(splitter.bytes.subarray(from, to)))
        from = -1
        if (this.special(verdict, this.named(splitter.bytes.subarray(splitter.start, splitter.end)))) return
        continue
      }
      this.saw(verdict, splitter.end - splitter.start)
      if (from < 0) from = splitter.start
      to = splitter.end
      if (this.end !== null) break
    }
    if (from >= 0) this.ready.push(this.named(splitter.bytes.subarray(from, to)))
  }

  /** Under the model's name that is shown. */
  private named(frames: Uint8Array): Uint8Array {
    return this.name?.frames(frames) ?? frames
  }

  /** What is done with a small event, and then with those that waited behind this one. */
  async takeLarge(frame: Uint8Array): Promise<void> {
    const { verdict, bytes } = await this.large.judged(frame)
    if (this.end !== null) return
    this.anyFrame = true
    if (this.translation !== null) this.unfinished.cut(verdict, bytes)
    else if ((verdict & ~FRAME.content) !== 0) this.special(verdict, bytes ?? frame)
    else {
      this.saw(verdict, frame.length)
      this.ready.push(bytes ?? frame)
    }
    if (this.end === null) this.takeFrames()
  }

  /** The same judgement, but what leaves is what the client's writer makes of each frame. */
  private takeTranslated(translation: StreamTranslation): void {
    const { splitter } = this
    let text = ""
    while (this.end === null && splitter.next()) {
      if (this.large.takes(splitter.bytes, splitter.start, splitter.end)) break
      const said = this.translated(translation, splitter.bytes, splitter.start, splitter.end)
      if (typeof said === "string") text += said
      else {
        this.tell(oneText([text, said]))
        return
      }
    }
    this.tell(text)
  }

  /** For the client, behind all before it. */
  private tell(text: FrameText): void {
    if (typeof text !== "string") this.unfinished.tell(text)
    else if (text !== "") this.ready.push(encoder.encode(text))
  }

  private translated(translation: StreamTranslation, bytes: Uint8Array, start: number, end: number): FrameText {
    this.anyFrame = true
    return this.translatedAs(this.observer.frame(bytes, start, end), translation, bytes, start, end)
  }

  private translatedAs(
    verdict: number,
    translation: StreamTranslation,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): FrameText {
    if (verdict & FRAME.fault) {
      this.fail(faultOf(this.observer, this.attempt, this.parts.shown))
      return ""
    }
    const isTerminal = (verdict & FRAME.terminal) !== 0
    const said = translation.frame(bytes, start, end, isTerminal)
    const text = isTerminal && translation.tail === null ? oneText([said, translation.finish()]) : said
    this.saw(verdict, end - start)
    this.endTranslated(translation)
    return text
  }

  private endTranslated({ tail, failure, refusal }: StreamTranslation): void {
    if (this.end !== null) return
    if (refusal !== null && !this.contentSeen) this.fail(classify(asFault(refusal), this.attempt, this.parts.shown))
    else if (tail !== null) {
      this.tail = portionsOf(tail)
      this.end = { kind: "complete" }
    } else if (failure !== null)
      this.fail(
        failure.kind === "protocol" ? BROKEN_STREAM : classify(asFault(failure), this.attempt, this.parts.shown),
      )
  }

  /** A frame that is dropped, ends the stream or reports a failure; true when the stream is over. */
  private special(verdict: number, frame: Uint8Array): boolean {
    if (verdict & FRAME.drop) return false
    if (verdict & FRAME.fault) {
      this.fail(faultOf(this.observer, this.attempt, this.parts.shown))
      return true
    }
    this.tail = [frame.slice()]
    this.trailing.addHere()
    this.end = { kind: "complete" }
    return true
  }

  /** Reads what follows the terminal frame. */
  async aftermath(): Promise<void> {
    const kept = await this.trailing.rest(this.parts.answer, this.parts.clock)
    if (kept.length > 0) this.tail = [Buffer.concat([...this.tail, ...kept.map((frame) => this.named(frame))])]
  }

  /** The body has ended without a terminal frame. `isCut`: by the router, which then says that frame itself. */
  async finish(isCut = false): Promise<void> {
    let rest = this.splitter.remainder()
    if (!this.anyFrame && isObject(rest)) this.unframed = rest
    if (this.unframed !== null) return this.fail(EMPTY_STREAM)
    if (this.large.takes(rest, 0, rest.length)) {
      await this.takeLarge(rest)
      for (; this.isTelling; await this.parts.loop.turn()) this.tellMore()
      if (this.end !== null) return
      rest = rest.subarray(rest.length)
    }
    if (this.translation !== null) return this.finishTranslated(this.translation, rest)
    if (rest.length > 0) {
      const verdict = this.observer.frame(rest, 0, rest.length)
      if (verdict & FRAME.fault) return this.fail(faultOf(this.observer, this.attempt, this.parts.shown))
      if (verdict & FRAME.terminal) {
        this.tail = [this.named(rest)]
        this.end = { kind: "complete" }
        return
      }
    }
    if (isCut) this.tail = [encoder.encode(this.observer.lastWord())]
    if (this.observer.finished) this.end = { kind: "complete" }
    else this.fail(this.anyFrame ? BROKEN_STREAM : EMPTY_STREAM)
  }

  private finishTranslated(translation: StreamTranslation, rest: Uint8Array): void {
    const said = rest.length === 0 ? "" : this.translated(translation, rest, 0, rest.length)
    const text = this.end === null ? oneText([said, translation.finish()]) : said
    this.endTranslated(translation)
    this.tell(text)
    if (this.end?.kind !== "complete" && !this.anyFrame) this.fail(EMPTY_STREAM)
  }

  /** What is held before the first content is bounded like a frame. @throws RangeError */
  private hold(bytes: number): void {
    this.heldBytes += bytes
    if (this.heldBytes > this.parts.maxFrameBytes) throw new RangeError("too much before the first content")
  }

  private saw(verdict: number, bytes: number): void {
    if (verdict !== FRAME.content) {
      if (!this.contentSeen) this.hold(bytes)
      return
    }
    this.growth?.saw()
    this.isFresh = true
    if (this.contentSeen) return
    this.contentSeen = true
    this.attempt.firstContentAt = this.parts.clock.monotonicMs()
  }

  /** Nothing more may come; what came is billed. */
  readonly stop = (error: RouterError): void => {
    if (this.end !== null) return
    this.end = { kind: "stopped", error }
    // not from inside of the upstream's own callback
    queueMicrotask(this.attempt.cancel)
  }

  fail(failure: AttemptFailure): void {
    this.end = { kind: "failed", failure }
  }
}
