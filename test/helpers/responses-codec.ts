/** What the tests of the Responses codec share: contexts, options, and streams as frames. */

import type { Event } from "../../src/canonical/event.ts"
import { fold, type Folded } from "../../src/canonical/fold.ts"
import { parseExact, type JsonObject, type JsonValue } from "../../src/canonical/json.ts"
import { buildNameTable, COMMON_NAME_RULES, type NameOptions } from "../../src/canonical/name-map.ts"
import type { Issuer } from "../../src/canonical/origin.ts"
import type { Request } from "../../src/canonical/request.ts"
import { emptyRequest } from "./empty-request.ts"
import { defaultFacts, type TargetFacts } from "../../src/canonical/target.ts"
import type { Tool } from "../../src/canonical/tool.ts"
import type { Frame, Mint, ReplyContext, ReplyOptions } from "../../src/dialects/codec.ts"
import { responsesCodec } from "../../src/dialects/responses/codec.ts"
import { framesOf } from "./streams.ts"

export const ISSUER: Issuer = { dialect: "responses", label: "native" }

export const NOW = 1_800_000_100

/** A string, or "" for everything else. */
export function textOf(value: unknown): string {
  return typeof value === "string" ? value : ""
}

export function minter(): Mint {
  let count = 0
  return (prefix) => {
    count += 1
    return `${prefix}${String(count).padStart(6, "0")}`
  }
}

export function facts(over: Partial<TargetFacts> = {}): TargetFacts {
  return { ...defaultFacts(ISSUER, "gpt-native"), ...over }
}

const NATIVE: NameOptions = { rules: { ...COMMON_NAME_RULES, namespaces: true }, customTools: true }

export function context(tools: readonly Tool[] = [], naming: NameOptions = NATIVE): ReplyContext {
  return { names: buildNameTable(tools, [], naming), issuer: ISSUER, mint: minter() }
}

export function options(clientBody: JsonObject = {}, request?: Request): ReplyOptions {
  return {
    request: request ?? emptyRequest("responses", "group"),
    clientBody,
    model: "group",
    mint: minter(),
    now: () => NOW,
    estimatedUsage: null,
  }
}

/** The text of a file in `test/fixtures/responses`, numbers kept as they are. */
export async function fixture(name: string): Promise<JsonValue> {
  return parseExact(await Bun.file(`${import.meta.dir}/../fixtures/responses/${name}`).text())
}

export function framesFor(stream: string): readonly Frame[] {
  return framesOf(stream).flatMap(({ event, data }) => {
    if (data === undefined) return []
    return [event === undefined ? { data } : { event, data }]
  })
}

export function readFrames(frames: readonly Frame[], reply: ReplyContext = context()): readonly Event[] {
  const reader = responsesCodec.createStreamReader(reply)
  return [...frames.flatMap((frame) => [...reader.push(frame)]), ...reader.end()]
}

export function readEvents(events: readonly JsonValue[], reply: ReplyContext = context()): readonly Event[] {
  return readFrames(
    events.map((event) => ({ data: JSON.stringify(event) })),
    reply,
  )
}

export function foldEvents(events: readonly JsonValue[], reply: ReplyContext = context()): Folded {
  return fold(readEvents(events, reply))
}

/** All that a stream writer makes of these events. */
export function written(events: Iterable<Event>, reply: ReplyOptions = options()): string {
  const writer = responsesCodec.createStreamWriter(reply)
  let text = ""
  for (const event of events) text += String(writer.push(event))
  return text
}

export interface WireEvent extends JsonObject {
  readonly type: string
  readonly sequence_number: number
}

export function wireEvents(stream: string): readonly WireEvent[] {
  return framesFor(stream).map(({ data }) => JSON.parse(data) as WireEvent)
}
