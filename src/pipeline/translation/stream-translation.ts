/** A stream from the target's dialect into the client's, frame by frame. */
import type { CallIds } from "../../canonical/call-ids.ts"
import type { Event } from "../../canonical/event.ts"
import { Losses, type Loss } from "../../canonical/loss.ts"
import type { Failure } from "../../canonical/reply.ts"
import type { StreamReader, StreamWriter } from "../../dialects/codec.ts"
import { type Dialect, NO_REQUEST_FACTS } from "../../dialects/dialect.ts"
import { streamFailure } from "../../dialects/stream-failure.ts"
import type { RouterError } from "../../errors.ts"
import { readFields } from "../../sse/fields.ts"
import { FrameSplitter } from "../../sse/frames.ts"
import { maskedFrames, type Secrets } from "../../upstream/mask.ts"

interface ClientSide {
  readonly dialect: Dialect
  readonly secrets: Secrets
  /** Those that the conversation has not used; asked for at the first call of the answer. */
  readonly ids: () => CallIds
}

const encoder = new TextEncoder()

export class StreamTranslation {
  /** The client's terminal frames, once there is an end; to be sent when the call is recorded. */
  tail: string | null = null
  /** Why the reader gave the stream up. */
  failure: Failure | null = null
  /** What the upstream's last word says about the request; `tail` tells it to the client. */
  refusal: Failure | null = null
  private readonly reader: StreamReader
  private readonly writer: StreamWriter
  private readonly client: ClientSide
  private ids: CallIds | null = null

  constructor(reader: StreamReader, writer: StreamWriter, client: ClientSide) {
    this.reader = reader
    this.writer = writer
    this.client = client
  }

  /**
   * What one whole frame adds for the client; often nothing. `terminal`: the upstream's last word; a failure in it is
   * about the request, and goes to the client in the upstream's words.
   */
  frame(bytes: Uint8Array, start: number, end: number, terminal: boolean): string {
    const { event, data } = readFields(bytes, start, end)
    if (data === null) return ""
    return this.write(this.reader.push(event === null ? { data } : { event, data }), terminal)
  }

  /** The body has ended. Afterwards `tail` or `failure` is set. */
  finish(): string {
    return this.write(this.reader.end(), false)
  }

  /** Bridges silence; empty once the writer has said its last word. */
  keepAlive(): string {
    return this.writer.keepAlive()
  }

  losses(): readonly Loss[] {
    const all = new Losses()
    all.addAll(this.reader.losses())
    all.addAll(this.writer.losses())
    return all.list()
  }

  /** The one terminal error. */
  fail(error: RouterError, requestId: string): string {
    if (this.tail === null)
      return this.writer.push({ type: "fail", failure: streamFailure(error, requestId), usage: null })
    return this.failInstead(this.tail, error, requestId)
  }

  private write(events: readonly Event[], terminal: boolean): string {
    let text = ""
    for (const event of events) {
      if (event.type === "end") this.tail = this.writer.push(event)
      else if (event.type !== "fail") text += this.writer.push(this.identified(event))
      else if (terminal) {
        this.refusal = event.failure
        this.tail = maskedFrames(this.writer.push(event), this.client.secrets)
      } else this.failure = event.failure
    }
    return text
  }

  private identified(event: Event): Event {
    if (event.type !== "open" || event.block.type !== "tool-call") return event
    this.ids ??= this.client.ids()
    return { ...event, block: { ...event.block, id: this.ids.give(event.block.id) } }
  }

  /** The writer has said its last word, but that may not leave: the error takes its place and its number. */
  private failInstead(tail: string, error: RouterError, requestId: string): string {
    const observer = this.client.dialect.createObserver({ ...NO_REQUEST_FACTS, stream: true })
    const splitter = new FrameSplitter(Infinity)
    splitter.push(encoder.encode(tail))
    while (splitter.next()) observer.frame(splitter.bytes, splitter.start, splitter.end)
    return observer.renderFailure(error, requestId)
  }
}
