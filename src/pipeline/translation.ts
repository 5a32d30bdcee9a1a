/** One attempt's way through the canonical form: the request as it is sent, and what turns the answer back. */
import { takenIds } from "../canonical/call-ids.ts"
import type { Event } from "../canonical/event.ts"
import { createFold } from "../canonical/fold.ts"
import { parseExact, type JsonValue } from "../canonical/json.ts"
import { Losses, type Loss } from "../canonical/loss.ts"
import type { Failure, Reply } from "../canonical/reply.ts"
import { unfold } from "../canonical/unfold.ts"
import type { Codec, ReplyContext, ReplyOptions, StreamReader } from "../dialects/codec.ts"
import { NO_FAULT, type Dialect, type UpstreamFault } from "../dialects/dialect.ts"
import { readFields } from "../sse/fields.ts"
import { FrameSplitter } from "../sse/frames.ts"
import { masked, type Secrets } from "../upstream/mask.ts"
import { CompactedStream, compactedObject, compactedReply, type Compaction } from "./compaction.ts"
import { StreamTranslation } from "./stream-translation.ts"

export interface Side {
  readonly codec: Codec
  readonly dialect: Dialect
}

export interface TranslationParts {
  /** The request for the target, in pieces. */
  readonly body: readonly Uint8Array[]
  readonly client: Side
  readonly target: Side
  readonly context: ReplyContext
  readonly options: ReplyOptions
  /** Those of the request. */
  readonly losses: readonly Loss[]
  /** Null: the answer is what the target says. */
  readonly compaction: Compaction | null
  readonly secrets: Secrets
}

const decoder = new TextDecoder()

interface Refusal {
  readonly status: number
  readonly bytes: Uint8Array
}

export class Translation {
  readonly body: readonly Uint8Array[]
  private readonly parts: TranslationParts
  private readonly replyLosses = new Losses()
  private streamed: StreamTranslation | null = null

  constructor(parts: TranslationParts) {
    this.body = parts.body
    this.parts = parts
  }

  get requestBytes(): number {
    return this.body.reduce((sum, piece) => sum + piece.length, 0)
  }

  /** Everything lost so far, each place once. */
  losses(): readonly Loss[] {
    const all = new Losses()
    all.addAll(this.parts.losses)
    all.addAll(this.replyLosses.list())
    if (this.streamed !== null) all.addAll(this.streamed.losses())
    return all.list()
  }

  /** A whole answer for the client, or what the upstream says instead of one. */
  reply(bytes: Uint8Array): Uint8Array | UpstreamFault {
    const { target, context } = this.parts
    const read = target.codec.readReply(parsed(bytes), context)
    if ("failure" in read) return asFault(read.failure)
    return this.written(read.reply, read.losses)
  }

  private written(answered: Reply, losses: readonly Loss[]): Uint8Array | UpstreamFault {
    const { client, options, compaction } = this.parts
    const reply = this.shownReply(answered)
    if ("kind" in reply) return asFault(reply)
    const written = client.codec.writeReply(reply, options)
    this.replyLosses.addAll(losses)
    this.replyLosses.addAll(written.losses)
    return Buffer.from(JSON.stringify(compaction === null ? written.body : compactedObject(written, compaction)))
  }

  /** A whole answer as the client's stream, its end included. */
  unfolded(bytes: Uint8Array): string | UpstreamFault {
    const { client, target, context, options } = this.parts
    const read = target.codec.readReply(parsed(bytes), context)
    if ("failure" in read) return asFault(read.failure)
    const reply = this.shownReply(read.reply)
    if ("kind" in reply) return asFault(reply)
    const writer = client.codec.createStreamWriter(options)
    let text = ""
    for (const event of unfold(reply)) text += writer.push(event)
    this.replyLosses.addAll(read.losses)
    this.replyLosses.addAll(writer.losses())
    return text
  }

  /** A whole stream as the client's unary answer. */
  folded(bytes: Uint8Array): Uint8Array | UpstreamFault {
    const { target, context } = this.parts
    const reader = target.codec.createStreamReader(context)
    const folding = createFold()
    const take = (events: readonly Event[]): void => {
      for (const event of events) folding.push(event)
    }
    const splitter = new FrameSplitter(Infinity)
    splitter.push(bytes)
    while (splitter.next()) take(eventsIn(reader, splitter.bytes.subarray(splitter.start, splitter.end)))
    take(eventsIn(reader, splitter.remainder()))
    take(reader.end())
    const folded = folding.result()
    if (folded === null) return NO_FAULT
    if ("failure" in folded) return asFault(folded.failure)
    return this.written(folded.reply, reader.losses())
  }

  /** The vendor's words about the request, in the client's shape. */
  refusal(status: number, bytes: Uint8Array, requestId: string): Refusal {
    const { client, target, secrets, options } = this.parts
    const said = target.codec.readError(status, parsed(bytes) ?? decoder.decode(bytes))
    const failure = withAskedOutput(said, options.request.cap?.tokens)
    const words = masked(Buffer.from(JSON.stringify(client.codec.writeError(failure, requestId))), secrets)
    // agents heal only a 400
    return { status: failure.overflow === undefined ? status : 400, bytes: words }
  }

  stream(): StreamTranslation {
    const { client, target, context, options, secrets, compaction } = this.parts
    const reader = target.codec.createStreamReader(context)
    this.streamed = new StreamTranslation(
      compaction === null ? reader : new CompactedStream(reader, compaction),
      client.codec.createStreamWriter(options),
      { dialect: client.dialect, secrets, ids: () => takenIds(options.request) },
    )
    return this.streamed
  }

  /** No call has an id that the conversation, or another call of the answer, has already. */
  private shownReply(reply: Reply): Reply | Failure {
    if (this.parts.compaction !== null) return compactedReply(reply, this.parts.compaction)
    if (!reply.blocks.some(({ type }) => type === "tool-call")) return reply
    const ids = takenIds(this.parts.options.request)
    return {
      ...reply,
      blocks: reply.blocks.map((block) => (block.type === "tool-call" ? { ...block, id: ids.give(block.id) } : block)),
    }
  }
}

function eventsIn(reader: StreamReader, frame: Uint8Array): readonly Event[] {
  const { event, data } = readFields(frame, 0, frame.length)
  return data === null ? [] : reader.push(event === null ? { data } : { event, data })
}

export function asFault({ type, code, param, message, kind }: Failure): UpstreamFault {
  // what is no answer at all has no words of the upstream
  const isProtocol = kind === "protocol"
  return {
    type: type ?? null,
    code: code ?? null,
    param: param ?? null,
    message: isProtocol ? null : message,
  }
}

/** Some servers say how much output there is, and not how much was asked for. */
function withAskedOutput(failure: Failure, asked: number | undefined): Failure {
  const { overflow } = failure
  if (overflow?.is !== "output" || overflow.outputTokens !== null || asked === undefined) return failure
  return { ...failure, overflow: { ...overflow, outputTokens: asked } }
}

function parsed(bytes: Uint8Array): JsonValue | undefined {
  try {
    return parseExact(decoder.decode(bytes))
  } catch {
    return undefined
  }
}
