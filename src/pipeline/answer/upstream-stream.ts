/** The upstream's side of a stream: reads it as it comes, a little at a time, and hands on what may leave. */
import type { StreamObserver } from "../../dialects/dialect.ts"
import { RouterError } from "../../errors.ts"
import { upstreamFault } from "../../upstream/answer.ts"
import { BROKEN_STREAM, INTERNAL, TIMEOUT, because, type AttemptFailure } from "../../upstream/failure.ts"
import type { Attempt } from "../call/attempt.ts"
import type { Writer } from "../message.ts"
import type { StreamEnd } from "./aftermath.ts"
import { Backlog } from "./backlog.ts"
import { Silence } from "./silence.ts"
import { StreamFrames } from "./stream-frames.ts"
import type { StreamParts } from "./stream-parts.ts"

export class UpstreamStream {
  readonly attempt: Attempt
  private readonly frames: StreamFrames
  private readonly parts: StreamParts
  private readonly backlog = new Backlog()
  private readonly silence: Silence

  constructor(parts: StreamParts) {
    const { attempt, life, clock } = parts
    this.attempt = attempt
    this.parts = parts
    this.frames = new StreamFrames(parts)
    this.silence = new Silence(attempt, life, clock)
  }

  /** Set once nothing more will come. */
  get end(): StreamEnd | null {
    return this.frames.end
  }

  /** The whole of what came, where it was JSON under the label of a stream. */
  get unframed(): Uint8Array | null {
    return this.frames.unframed
  }

  get observer(): StreamObserver {
    return this.frames.observer
  }

  /** Reads until the first content, or to the end where none comes; then returns null, or why this target failed. */
  async untilContent(): Promise<AttemptFailure | null> {
    this.silence.expectSoon()
    while (!this.frames.contentSeen && this.end === null) await this.read()
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
    while (this.frames.isTelling) {
      this.frames.tellMore()
      this.flush(writer)
      await this.pause(writer)
    }
  }

  /** Writes the end that was held back: the terminal frame and what follows it, or the error that takes its place. */
  async finish(writer: Writer, error: RouterError | null): Promise<void> {
    let isFirst = true
    for (const portion of error === null ? this.frames.tail : this.frames.renderFailure(error)) {
      if (!isFirst) await this.pause(writer)
      isFirst = false
      writer.write(portion)
    }
  }

  private pause(writer: Writer): Promise<void> {
    return writer.isFull() ? writer.drained() : this.parts.loop.turn()
  }

  /** A frame that bridges the upstream's silence; empty once nothing but the end is to come. */
  keepAlive(): string {
    return this.end === null ? this.frames.keepAlive() : ""
  }

  /** Nothing more may come; what came is billed. */
  readonly stop = (error: RouterError): void => this.frames.stop(error)

  cancel(): void {
    this.attempt.cancel()
  }

  private async flow(writer: Writer): Promise<void> {
    try {
      const more = await this.next((pieces) => {
        this.backlog.takeWith(pieces, this.frames.take)
        this.flush(writer)
        this.heard()
        return this.end === null && this.isIdle && !writer.isFull()
      })
      if (this.end?.kind === "complete") await this.aftermath()
      else if (!more && this.end === null) await this.frames.finish()
      this.flush(writer)
    } catch (error) {
      await this.broken(error)
      this.flush(writer)
    }
  }

  /** Nothing that has come waits. */
  private get isIdle(): boolean {
    return this.backlog.isEmpty && this.frames.large.waiting === null && !this.frames.isTelling
  }

  /** What waits, when others had their turn, else what comes; whether there may be more. */
  private async next(take: (pieces: readonly Uint8Array[]) => boolean): Promise<boolean> {
    if (this.isIdle) return (await this.parts.answer.flow(take)) || !this.isIdle
    await this.waitForTurn()
    take([])
    return true
  }

  private async waitForTurn(): Promise<void> {
    const { waiting } = this.frames.large
    if (this.frames.isTelling) this.frames.tellMore()
    if (waiting === null) return this.parts.loop.turn()
    this.silence.pause()
    await this.frames.takeLarge(waiting)
    this.silence.expectSoon()
  }

  private flush(writer: Writer): void {
    const ready = this.frames.takeReady()
    if (ready !== null) writer.write(ready)
  }

  private async read(): Promise<void> {
    try {
      const isIdle = this.isIdle
      if (!isIdle) await this.waitForTurn()
      const pieces = isIdle ? await this.parts.answer.read() : []
      if (pieces === null) return await this.frames.finish()
      this.backlog.takeWith(pieces, this.frames.take)
      this.heard()
      if (this.end?.kind === "complete") await this.aftermath()
    } catch (error) {
      await this.broken(error)
    }
  }

  private heard(): void {
    this.silence.heard(this.observer.finished, this.frames.takeFresh())
  }

  private async broken(error: unknown): Promise<void> {
    if (this.end !== null) return
    // it had said its last word, and only failed to hang up
    if (this.silence.over === "close") return await this.frames.finish(true)
    const fault = this.silence.over === null ? upstreamFault(error) : because(TIMEOUT, "silence-timeout")
    if (fault?.class === "network" && this.frames.anyFrame)
      return this.frames.fail(because(BROKEN_STREAM, fault.reason))
    if (fault !== null) return this.frames.fail(fault)
    // until then it is the call that fails
    if (!this.frames.contentSeen) throw error
    if (error instanceof RouterError) return this.frames.stop(error)
    this.parts.log.error("a stream failed inside the router", { request_id: this.parts.id, error })
    this.frames.fail(INTERNAL)
    this.cancel()
  }

  private async aftermath(): Promise<void> {
    this.backlog.takeAll(this.frames.take)
    await this.frames.aftermath()
  }
}
