/** Long texts of a Responses answer are written in small pieces, and read in small pieces, to the same effect. */
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { originSeal } from "../../canonical/seal.ts"
import type { Event } from "../../canonical/event.ts"
import { options, wireEvents } from "../../../test/helpers/responses-codec.ts"
import { expectProperty } from "../../../test/helpers/property.ts"
import { LongText, oneText, outlineOf, portionsOf } from "../frame-text.ts"
import { ReceivedText } from "./received-text.ts"
import { ResponsesStreamWriter } from "./write-stream.ts"

/** Its pairs are cut by pieces, and by deltas. */
const LONG = 'wörds "🦜"\n'.repeat(40_000)
const START: Event = { type: "start", id: "x", model: "m", created: 1 }
const END: readonly Event[] = [{ type: "stop", stop: { is: "end", raw: null } }, { type: "end" }]
const CLOSE: Event = { type: "close" }
const pieces = Array.from({ length: Math.ceil(LONG.length / 777) }, (_, at) => LONG.slice(at * 777, (at + 1) * 777))

const BLOCKS: Readonly<Record<string, readonly Event[]>> = {
  text: [
    { type: "open", block: { type: "text" } },
    ...pieces.map((text): Event => ({ type: "delta", delta: { of: "text", text } })),
    CLOSE,
  ],
  refusal: [
    { type: "open", block: { type: "refusal" } },
    ...pieces.map((text): Event => ({ type: "delta", delta: { of: "text", text } })),
    CLOSE,
  ],
  reasoning: [
    { type: "open", block: { type: "reasoning" } },
    ...pieces.map((text): Event => ({ type: "delta", delta: { of: "reasoning", text, part: 0, kind: "raw" } })),
    { type: "delta", delta: { of: "seal", seal: originSeal({ dialect: "chat", label: "x" }) } },
    CLOSE,
  ],
  call: [
    { type: "open", block: { type: "tool-call", kind: "function", id: "c1", name: "f", namespace: null } },
    ...pieces.map((text): Event => ({ type: "delta", delta: { of: "arguments", text } })),
    CLOSE,
  ],
  "an item of its own": [
    {
      type: "open",
      block: {
        type: "whole",
        block: {
          type: "raw",
          dialect: "responses",
          what: "hosted-call",
          raw: {
            id: "i1",
            type: "web_search_call",
            status: "completed",
            found: [LONG, ...Array.from({ length: 90 }, () => ({ a: [null] }))],
          },
          text: null,
        },
      },
    },
    CLOSE,
  ],
}

describe.each(Object.entries(BLOCKS))("%s", (_name, block) => {
  const writer = new ResponsesStreamWriter(options())
  const said = [START, ...block, ...END].map((event) => writer.push(event))

  test("comes in small pieces, of which the client reads the whole", () => {
    const long = said.filter((text) => text instanceof LongText)
    expect(long.length).toBeGreaterThan(0)
    for (const text of said)
      for (const piece of typeof text === "string" ? [text] : text) expect(piece.length).toBeLessThan(1 << 18)
    for (const portion of portionsOf(oneText(said))) expect(portion.length).toBeLessThan(1 << 20)
    const bytes = Buffer.concat([...portionsOf(oneText(said))])
    const events = wireEvents(bytes.toString())
    const texts = events.flatMap((event) => textsIn(event)).filter((text) => text.length > 100_000)
    expect(texts.filter((text) => text.includes(LONG)).length).toBeGreaterThanOrEqual(3)
    expect(events.map((event) => event["sequence_number"])).toEqual(events.map((_, at) => at))
  })

  test("has an outline with the same events", () => {
    const types = (text: string): unknown =>
      wireEvents(text).map(({ type, sequence_number }) => [type, sequence_number])
    expect(types(said.map(outlineOf).join(""))).toEqual(types(said.map(String).join("")))
    expect(said.map(outlineOf).join("").length).toBeLessThan(2 * LONG.length)
  })
})

function textsIn(value: unknown): readonly string[] {
  if (typeof value === "string") return [value]
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(textsIn) : []
}

test("a final text in pieces adds what the whole one adds", () => {
  const words = fc.string({ maxLength: 12, unit: fc.constantFrom("a", "b", "🦜") })
  expectProperty(
    fc.property(words, words, words, fc.integer({ min: 1, max: 4 }), (came, more, other, size) => {
      for (const final of [came + more, came.slice(0, 3), other, other + more]) {
        const [whole, cut] = [new ReceivedText(), new ReceivedText()]
        for (const text of [whole, cut]) for (const one of came) text.add(one)
        let added = ""
        for (let from = 0; from === 0 || from < final.length; from += size) {
          const piece = cut.missing(final.slice(from, from + size), from)
          cut.add(piece)
          added += piece
        }
        expect(added).toBe(whole.missing(final))
        const agrees = final.startsWith(came) || came === ""
        expect(added).toBe(agrees ? final.slice(came.length) : "")
      }
    }),
  )
})
