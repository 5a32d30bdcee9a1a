/** One fixture through the codecs, always with the same ids, time and target. */
import { fold } from "../../src/canonical/fold.ts"
import { parseExact, type JsonObject, type JsonValue } from "../../src/canonical/json.ts"
import { Losses, type Loss } from "../../src/canonical/loss.ts"
import type { Dialect } from "../../src/canonical/origin.ts"
import type { Reply } from "../../src/canonical/reply.ts"
import type { Request } from "../../src/canonical/request.ts"
import { emptyRequest } from "../helpers/empty-request.ts"
import { defaultFacts, type TargetFacts } from "../../src/canonical/target.ts"
import { chatCodec } from "../../src/dialects/chat/codec.ts"
import type { Codec, Mint, ReplyContext, ReplyOptions } from "../../src/dialects/codec.ts"
import { messagesCodec } from "../../src/dialects/messages/codec.ts"
import { responsesCodec } from "../../src/dialects/responses/codec.ts"
import { framesOf } from "../helpers/streams.ts"

export const CODECS: Readonly<Record<Dialect, Codec>> = {
  chat: chatCodec,
  responses: responsesCodec,
  messages: messagesCodec,
}

export interface Written {
  readonly losses: readonly Loss[]
  readonly body: JsonObject
}

export interface WrittenStream {
  readonly losses: readonly Loss[]
  readonly text: string
}

export interface Way {
  /** Whose words the fixture is in. */
  readonly from: Dialect
  readonly to: Dialect
}

const NOW_S = 1_700_000_000

/** A target that can do all that its dialect usually can. */
export function goldenFacts(dialect: Dialect): TargetFacts {
  return defaultFacts({ dialect, label: "golden" }, "target-model")
}

export function writtenRequest(body: JsonValue, { from, to }: Way, facts: TargetFacts = goldenFacts(to)): Written {
  const { request, losses } = CODECS[from].readRequest(body)
  const written = CODECS[to].writeRequest(request, facts, counter())
  return { losses: joined(losses, written.losses), body: written.body }
}

/** For a reply `from` is the upstream and `to` the client, who asked with two tools: `look` and the free-text `patch`. */
export function writtenReply(body: JsonValue, way: Way): Written {
  const read = CODECS[way.from].readReply(body, contextOf(way))
  if ("failure" in read) throw new Error(read.failure.message)
  const written = CODECS[way.to].writeReply(read.reply, optionsOf(way))
  return { losses: joined(read.losses, written.losses), body: written.body }
}

export function writtenStream(stream: string, way: Way): WrittenStream {
  const reader = CODECS[way.from].createStreamReader(contextOf(way))
  const writer = CODECS[way.to].createStreamWriter(optionsOf(way))
  const events = [...framesOfText(stream).flatMap((frame) => reader.push(frame)), ...reader.end()]
  const text = events.map((event) => writer.push(event)).join("")
  return { losses: joined(reader.losses(), writer.losses()), text }
}

/** What a stream says when it is put together again; null when it failed. */
export function foldedStream(stream: string, dialect: Dialect): Reply | null {
  const reader = CODECS[dialect].createStreamReader(contextOf({ from: dialect, to: dialect }))
  const folded = fold([...framesOfText(stream).flatMap((frame) => reader.push(frame)), ...reader.end()])
  return "failure" in folded ? null : folded.reply
}

export function readReply(body: JsonValue, dialect: Dialect): Reply | null {
  const read = CODECS[dialect].readReply(body, contextOf({ from: dialect, to: dialect }))
  return "failure" in read ? null : read.reply
}

function framesOfText(text: string): readonly { readonly event?: string; readonly data: string }[] {
  return framesOf(text).flatMap(({ event, data }) =>
    data === undefined ? [] : [event === undefined ? { data } : { event, data }],
  )
}

function contextOf({ from, to }: Way): ReplyContext {
  return CODECS[from].writeRequest(requestOf(to), goldenFacts(from), counter()).context
}

function optionsOf({ to }: Way): ReplyOptions {
  return {
    request: requestOf(to),
    clientBody: {},
    model: null,
    mint: counter(),
    now: () => NOW_S,
    estimatedUsage: null,
  }
}

function requestOf(client: Dialect): Request {
  return {
    ...emptyRequest(client, "client-model"),
    includeUsage: true,
    messages: [{ role: "user", blocks: [{ type: "text", text: "Go." }] }],
    tools: [
      { type: "function", name: "look", namespace: null, schema: { type: "object", properties: {} } },
      { type: "custom", name: "patch", namespace: null },
    ],
  }
}

function joined(...lists: readonly (readonly Loss[])[]): readonly Loss[] {
  const all = new Losses()
  for (const list of lists) all.addAll(list)
  return all.list()
}

function counter(): Mint {
  let count = 0
  return (prefix) => {
    count += 1
    return `${prefix}${String(count).padStart(4, "0")}`
  }
}

export function exact(text: string): JsonValue {
  return parseExact(text)
}
