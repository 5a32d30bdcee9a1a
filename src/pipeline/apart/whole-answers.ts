/** Whole answers, from the dialect that spoke into the client's. Pure: what is large is done in another thread. */
import { takenIds } from "../../canonical/call-ids.ts"
import type { Event } from "../../canonical/event.ts"
import { createFold } from "../../canonical/fold.ts"
import { parseExact, type JsonValue } from "../../canonical/json.ts"
import { Losses, type Loss } from "../../canonical/loss.ts"
import type { Failure, Reply } from "../../canonical/reply.ts"
import { unfold } from "../../canonical/unfold.ts"
import type { AnswerNeeds } from "../../dialects/answer-needs.ts"
import type { Codec, StreamReader } from "../../dialects/codec.ts"
import { NO_FAULT, type UpstreamFault } from "../../dialects/dialect.ts"
import type { DialectName } from "../../dialects/name.ts"
import { CODECS } from "../../dialects/registry.ts"
import { readFields } from "../../sse/fields.ts"
import { FrameSplitter } from "../../sse/frames.ts"
import { compactedObject, compactedReply } from "./compaction.ts"

/** `reply`: a whole answer as one; `unfold`: as a stream, its end included; `fold`: a whole stream as a whole answer. */
export type Turn = "reply" | "unfold" | "fold"

export interface Ways {
  /** Of the client. */
  readonly client: DialectName
  /** Of the target. */
  readonly target: DialectName
}

export interface Turned {
  /** For the client, or what the upstream says instead of an answer. */
  readonly answer: Uint8Array | UpstreamFault
  readonly losses: readonly Loss[]
}

export function turnAnswer(turn: Turn, bytes: Uint8Array, ways: Ways, needs: AnswerNeeds): Turned {
  return TURNS[turn](bytes, { client: CODECS[ways.client], target: CODECS[ways.target] }, needs)
}

interface Codecs {
  readonly client: Codec
  readonly target: Codec
}

const NO_LOSSES: readonly Loss[] = []

const TURNS: Readonly<Record<Turn, (bytes: Uint8Array, codecs: Codecs, needs: AnswerNeeds) => Turned>> = {
  reply(bytes, { client, target }, needs) {
    const read = target.readReply(parseAnswer(bytes), needs.context)
    if ("failure" in read) return { answer: asFault(read.failure), losses: NO_LOSSES }
    return written(read.reply, read.losses, client, needs)
  },
  unfold(bytes, { client, target }, needs) {
    const read = target.readReply(parseAnswer(bytes), needs.context)
    if ("failure" in read) return { answer: asFault(read.failure), losses: NO_LOSSES }
    const reply = shownReply(read.reply, needs)
    if ("kind" in reply) return { answer: asFault(reply), losses: NO_LOSSES }
    const writer = client.createStreamWriter(needs.options)
    let text = ""
    for (const event of unfold(reply)) text += String(writer.push(event))
    return { answer: Buffer.from(text), losses: together(read, { losses: writer.losses() }) }
  },
  fold(bytes, { client, target }, needs) {
    const reader = target.createStreamReader(needs.context)
    const folded = foldedBy(reader, bytes)
    if (folded === null) return { answer: NO_FAULT, losses: NO_LOSSES }
    if ("failure" in folded) return { answer: asFault(folded.failure), losses: NO_LOSSES }
    return written(folded.reply, reader.losses(), client, needs)
  },
}

/** As the client's whole answer. */
function written(answered: Reply, losses: readonly Loss[], client: Codec, needs: AnswerNeeds): Turned {
  const reply = shownReply(answered, needs)
  if ("kind" in reply) return { answer: asFault(reply), losses: NO_LOSSES }
  const wrote = client.writeReply(reply, needs.options)
  return { answer: asBytes(compactedObject(wrote, needs.compaction)), losses: together({ losses }, wrote) }
}

function foldedBy(reader: StreamReader, bytes: Uint8Array): ReturnType<ReturnType<typeof createFold>["result"]> {
  const folding = createFold()
  const take = (events: readonly Event[]): void => {
    for (const event of events) folding.push(event)
  }
  const splitter = new FrameSplitter(Infinity)
  splitter.push(bytes)
  while (splitter.next()) take(eventsIn(reader, splitter.bytes.subarray(splitter.start, splitter.end)))
  take(eventsIn(reader, splitter.remainder()))
  take(reader.end())
  return folding.result()
}

function eventsIn(reader: StreamReader, frame: Uint8Array): readonly Event[] {
  const { event, data } = readFields(frame, 0, frame.length)
  return data === null ? [] : reader.push(event === null ? { data } : { event, data })
}

/** No call has an id that the conversation, or another call of the answer, has already. */
function shownReply(reply: Reply, { compaction, options }: AnswerNeeds): Reply | Failure {
  if (compaction !== null) return compactedReply(reply, options.mint)
  if (!reply.blocks.some(({ type }) => type === "tool-call")) return reply
  const ids = takenIds(options.request)
  return {
    ...reply,
    blocks: reply.blocks.map((block) => (block.type === "tool-call" ? { ...block, id: ids.give(block.id) } : block)),
  }
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

const decoder = new TextDecoder()

/** Undefined: no JSON. */
export function parseAnswer(bytes: Uint8Array): JsonValue | undefined {
  try {
    return parseExact(decoder.decode(bytes))
  } catch {
    return undefined
  }
}

function asBytes(body: JsonValue): Uint8Array {
  return Buffer.from(JSON.stringify(body))
}

function together(...parts: readonly { readonly losses: readonly Loss[] }[]): readonly Loss[] {
  const all = new Losses()
  for (const { losses } of parts) all.addAll(losses)
  return all.list()
}
