/**
 * The upstream's side of a stream: cuts it into whole frames, lets the dialect's observer judge each, and holds back
 * what must not leave yet: everything before the first content, and the terminal frame.
 */
import { FRAME, NO_REQUEST_FACTS, type StreamObserver } from "../../dialects/dialect.ts"
import { DIALECTS } from "../../dialects/registry.ts"
import type { RouterError } from "../../errors.ts"
import { FrameSplitter } from "../../sse/frames.ts"
import { upstreamFault } from "../../upstream/answer.ts"
import { BROKEN_STREAM, EMPTY_STREAM, INTERNAL, TIMEOUT, because, type Failure } from "../../upstream/failure.ts"
import { asFault } from "../apart/whole-answers.ts"
import type { Attempt } from "../call/attempt.ts"
import type { Growth } from "../limits/growth.ts"
import type { Writer } from "../message.ts"
import type { StreamTranslation } from "../translation/stream-translation.ts"
import { Trailing, type StreamEnd } from "./aftermath.ts"
import { Backlog } from "./backlog.ts"
import { isObject, refuseCompressed } from "./first-bytes.ts"
import { Silence } from "./silence.ts"
import type { StreamParts } from "./stream-parts.ts"
import { classify, faultOf } from "./vendor-words.ts"

const WITH_USAGE = { ...NO_REQUEST_FACTS, stream: true }
const encoder = new TextEncoder()

export class UpstreamStream {
  /** Set once nothing more will come. */
  end: StreamEnd | null = null
  /** The terminal frame and what follows it; to be sent when the call is recorded. */
  tail: Uint8Array = new Uint8Array(0)
  /** The whole of what came, where it was JSON under the label of a stream. */
  unframed: Uint8Array | null = null
  readonly observer: StreamObserver
  readonly attempt: Attempt
  /** Null: frames pass as they are. */
  private readonly translation: StreamTranslation | null
  private readonly splitter: FrameSplitter
  private readonly parts: StreamParts
  /** Frames that may leave, in order. */
  private ready: Uint8Array[] = []
  private contentSeen = false
  /** Content came since it was last told to `silence`. */
  private isFresh = false
  private heldBytes = 0
  private anyFrame = false
  private readonly backlog = new Backlog()
  private readonly trailing: Trailing
  private readonly silence: Silence
  private readonly growth: Growth | null

  constructor(parts: StreamParts) {
    const { attempt, facts, life, clock, maxFrameBytes } = parts
    this.attempt = attempt
    this.parts = parts
    this.translation = attempt.translation?.stream() ?? null
    this.observer = DIALECTS[attempt.target.dialect].createObserver(this.translation === null ? facts : WITH_USAGE)
    this.silence = new Silence(attempt, life, clock)
    attempt.meter = this.observer.meter
    this.growth = parts.grow?.(this.observer.meter, this.stop) ?? null
    this.splitter = new FrameSplitter(maxFrameBytes)
    this.trailing = new Trailing(this.splitter, this.observer, this.translation === null, attempt.cancel)
  }

  /** Reads until the first content, or to the end where none comes; then returns null, or why this target failed. */
  async untilContent(): Promise<Failure | null> {
    this.silence.expectSoon()
    while (!this.contentSeen && this.end === null) await this.read()
    return this.end?.kind === "failed" ? this.end.failure : null
  }

  /** Writes what comes as it comes; resolves at the end of the stream, with the terminal frame still held back. */
  async pump(writer: Writer): Promise<void> {
    this.flush(writer)
    while (this.end === null) {
      this.silence.expectSoon()
      await this.flow(writer)
      this.silence.pause()
      if (writer.isFull()) await writer.drained()
    }
  }

  /** The client's terminal error. */
  renderFailure(error: RouterError): string {
    return this.translation?.fail(error, this.parts.id) ?? this.observer.renderFailure(error, this.parts.id)
  }

  /** A frame that bridges the upstream's silence; empty once nothing but the end is to come. */
  keepAlive(): string {
    return this.end === null ? (this.translation ?? this.observer).keepAlive() : ""
  }

  cancel(): void {
    this.attempt.cancel()
  }

  private async flow(writer: Writer): Promise<void> {
    try {
      const more = await this.next((pieces) => {
        this.backlog.takeWith(pieces, this.take)
        this.flush(writer)
        this.heard()
        return this.end === null && this.backlog.isEmpty && !writer.isFull()
      })
      if (this.end?.kind === "complete") await this.aftermath()
      else if (!more && this.end === null) this.finish()
      this.flush(writer)
    } catch (error) {
      this.broken(error)
      this.flush(writer)
    }
  }

  /** What waits, when others had their turn, else what comes; whether there may be more. */
  private async next(take: (pieces: readonly Uint8Array[]) => boolean): Promise<boolean> {
    if (this.backlog.isEmpty) return (await this.parts.answer.flow(take)) || !this.backlog.isEmpty
    await this.parts.loop.turn()
    take([])
    return true
  }

  private flush(writer: Writer): void {
    const { ready } = this
    if (ready.length === 0) return
    this.ready = []
    const [only] = ready
    writer.write(ready.length === 1 && only !== undefined ? only : Buffer.concat(ready))
  }

  private async read(): Promise<void> {
    try {
      if (!this.backlog.isEmpty) await this.parts.loop.turn()
      const pieces = this.backlog.isEmpty ? await this.parts.answer.read() : []
      if (pieces === null) return this.finish()
      this.backlog.takeWith(pieces, this.take)
      this.heard()
      if (this.end?.kind === "complete") await this.aftermath()
    } catch (error) {
      this.broken(error)
    }
  }

  private heard(): void {
    this.silence.heard(this.observer.finished, this.isFresh)
    this.isFresh = false
  }

  private broken(error: unknown): void {
    if (this.end !== null) return
    // it had said its last word, and only failed to hang up
    if (this.silence.over === "close") return this.finish()
    const fault = this.silence.over === null ? upstreamFault(error) : because(TIMEOUT, "silence-timeout")
    if (fault?.class === "network" && this.anyFrame) return this.fail(because(BROKEN_STREAM, fault.reason))
    if (fault !== null) return this.fail(fault)
    // until then it is the call that fails
    if (!this.contentSeen) throw error
    this.parts.log.error("a stream failed inside the router", { request_id: this.parts.id, error })
    this.fail(INTERNAL)
    this.cancel()
  }

  /** Judges every whole frame of a chunk; neighbours that pass leave as one piece. */
  private readonly take = (chunk: Uint8Array): void => {
    if (this.end?.kind === "complete") return this.trailing.add(chunk)
    if (this.end !== null) return
    const { splitter } = this
    if (this.attempt.responseBytes === 0) refuseCompressed(chunk)
    this.attempt.responseBytes += chunk.length
    splitter.push(chunk)
    if (this.translation !== null) return this.takeTranslated(this.translation)
    let from = -1
    let to = -1
    while (splitter.next()) {
      const verdict = this.observer.frame(splitter.bytes, splitter.start, splitter.end)
      this.anyFrame = true
      if ((verdict & ~FRAME.content) !== 0) {
        if (from >= 0) this.ready.push(splitter.bytes.subarray(from, to))
        from = -1
        if (this.special(verdict)) return
        continue
      }
      if (verdict === FRAME.content) this.sawContent()
      else if (!this.contentSeen) this.hold(splitter.end - splitter.start)
      if (from < 0) from = splitter.start
      to = splitter.end
      if (this.end !== null) break
    }
    if (from >= 0) this.ready.push(splitter.bytes.subarray(from, to))
  }

  /** The same judgement, but what leaves is what the client's writer makes of each frame. */
  private takeTranslated(translation: StreamTranslation): void {
    const { splitter } = this
    let text = ""
    while (this.end === null && splitter.next())
      text += this.translated(translation, splitter.bytes, splitter.start, splitter.end)
    if (text !== "") this.ready.push(encoder.encode(text))
  }

  private translated(translation: StreamTranslation, bytes: Uint8Array, start: number, end: number): string {
    const verdict = this.observer.frame(bytes, start, end)
    this.anyFrame = true
    if (verdict & FRAME.fault) {
      this.fail(faultOf(this.observer, this.attempt, this.parts.shown))
      return ""
    }
    const isTerminal = (verdict & FRAME.terminal) !== 0
    let text = translation.frame(bytes, start, end, isTerminal)
    if (isTerminal && translation.tail === null) text += translation.finish()
    if (verdict === FRAME.content) this.sawContent()
    else if (!this.contentSeen) this.hold(end - start)
    this.endTranslated(translation)
    return text
  }

  private endTranslated({ tail, failure, refusal }: StreamTranslation): void {
    if (this.end !== null) return
    if (refusal !== null && !this.contentSeen) this.fail(classify(asFault(refusal), this.attempt, this.parts.shown))
    else if (tail !== null) {
      this.tail = encoder.encode(tail)
      this.end = { kind: "complete" }
    } else if (failure !== null)
      this.fail(
        failure.kind === "protocol" ? BROKEN_STREAM : classify(asFault(failure), this.attempt, this.parts.shown),
      )
  }

  /** A frame that is dropped, ends the stream or reports a failure; true when the stream is over. */
  private special(verdict: number): boolean {
    const { splitter } = this
    if (verdict & FRAME.drop) return false
    if (verdict & FRAME.fault) {
      this.fail(faultOf(this.observer, this.attempt, this.parts.shown))
      return true
    }
    this.tail = splitter.bytes.slice(splitter.start, splitter.end)
    this.trailing.addHere()
    this.end = { kind: "complete" }
    return true
  }

  private async aftermath(): Promise<void> {
    this.backlog.takeAll(this.take)
    const kept = await this.trailing.rest(this.parts.answer, this.parts.clock)
    if (kept.length > 0) this.tail = Buffer.concat([this.tail, ...kept])
  }

  /** The body has ended without a terminal frame. */
  private finish(): void {
    const rest = this.splitter.remainder()
    if (!this.anyFrame && isObject(rest)) this.unframed = rest
    if (this.unframed !== null) return this.fail(EMPTY_STREAM)
    if (this.translation !== null) return this.finishTranslated(this.translation, rest)
    if (rest.length > 0) {
      const verdict = this.observer.frame(rest, 0, rest.length)
      if (verdict & FRAME.fault) return this.fail(faultOf(this.observer, this.attempt, this.parts.shown))
      if (verdict & FRAME.terminal) {
        this.tail = rest
        this.end = { kind: "complete" }
        return
      }
    }
    if (this.observer.finished) this.end = { kind: "complete" }
    else this.fail(this.anyFrame ? BROKEN_STREAM : EMPTY_STREAM)
  }

  private finishTranslated(translation: StreamTranslation, rest: Uint8Array): void {
    let text = rest.length === 0 ? "" : this.translated(translation, rest, 0, rest.length)
    if (this.end === null) text += translation.finish()
    this.endTranslated(translation)
    if (text !== "") this.ready.push(encoder.encode(text))
    if (this.end?.kind !== "complete" && !this.anyFrame) this.fail(EMPTY_STREAM)
  }

  /** What is held before the first content is bounded like a frame. @throws RangeError */
  private hold(bytes: number): void {
    this.heldBytes += bytes
    if (this.heldBytes > this.parts.maxFrameBytes) throw new RangeError("too much before the first content")
  }

  private sawContent(): void {
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
    queueMicrotask(() => this.cancel())
  }

  private fail(failure: Failure): void {
    this.end = { kind: "failed", failure }
  }
}
