/**
 * Arbitrary blocks for the laws; whole values stand in `request-arbitraries.ts` and `reply-arbitraries.ts`. They keep the
 * rules that readers keep: no empty text, arguments never "", ids and names never "".
 */

import fc from "fast-check"
import type {
  Block,
  CacheMark,
  Citation,
  DocumentBlock,
  ImageBlock,
  RawBlock,
  ReasoningBlock,
  ReasoningPart,
  Seal,
  TextBlock,
  ToolCallBlock,
  ToolResultBlock,
} from "../../src/canonical/block.ts"
import type { JsonObject } from "../../src/canonical/json.ts"
import type { Dialect, Issuer } from "../../src/canonical/origin.ts"

type Arb<T> = fc.Arbitrary<T>

export const dialect: Arb<Dialect> = fc.constantFrom("chat", "responses", "messages")

/** Any text a client may send, lone surrogates left out: they do not survive UTF-8. */
export const text: Arb<string> = fc.string({ unit: "grapheme", minLength: 1, maxLength: 40 })

export const word: Arb<string> = fc.stringMatching(/^[a-z][a-z0-9_]{0,11}$/)

/**
 * Legal nearly everywhere, and ids that some alphabet or length refuses. None repeats in a conversation, and none is one
 * that the router made: those are written anew (`test/promises/translation/call-ids.test.ts`).
 */
export const callId: Arb<string> = fc.oneof(
  { weight: 4, arbitrary: fc.stringMatching(/^call_[a-zA-Z0-9]{8,24}$/) },
  fc.string({ minLength: 8, maxLength: 90 }),
  fc
    .tuple(fc.constantFrom("rxh_abc", "functions.get_weather:", "a/b+c="), fc.integer({ min: 0, max: 1e9 }))
    .map(([name, number]) => `${name}${number}`),
)

export const jsonObject: Arb<JsonObject> = fc
  .dictionary(word, fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null), fc.array(fc.integer())))
  .map((value) => ({ ...value }))

export const issuer: Arb<Issuer> = fc.record({ dialect, label: fc.option(word) })

export const seal: Arb<Seal> = fc.oneof(
  fc.record({
    issuer,
    form: fc.constantFrom("signature" as const, "redacted" as const, "encrypted" as const, "details" as const),
    payload: fc.oneof(fc.base64String({ minLength: 4, maxLength: 80 }), text),
  }),
  issuer.map((from): Seal => ({ issuer: from, form: "none", payload: "" })),
)

const reasoningPart: Arb<ReasoningPart> = fc.record({ kind: fc.constantFrom("summary", "raw"), text })

export const reasoning: Arb<ReasoningBlock> = fc.record({
  type: fc.constant("reasoning"),
  parts: fc.array(reasoningPart, { maxLength: 3 }),
  seal,
})

export const cacheMark: Arb<CacheMark> = fc.record({ ttl: fc.constantFrom(null, "5m", "1h") })

const citation: Arb<Citation> = fc.oneof(
  fc.record({
    kind: fc.constant("url" as const),
    url: fc.webUrl(),
    title: fc.option(text),
    start: fc.constant(null),
    end: fc.constant(null),
    citedText: fc.option(text),
  }),
  fc.record({ kind: fc.constant("raw" as const), dialect, raw: jsonObject }),
)

export const plainText: Arb<TextBlock> = fc.record({ type: fc.constant("text"), text })

export const richText: Arb<TextBlock> = fc.record(
  { type: fc.constant("text" as const), text, citations: fc.array(citation, { minLength: 1, maxLength: 2 }) },
  { requiredKeys: ["type", "text"] },
)

export const argumentsText: Arb<string> = fc.oneof(
  { weight: 4, arbitrary: jsonObject.map((value) => JSON.stringify(value)) },
  fc.constantFrom('{"a":12345678901234567890}', '{ "spaced" : 1.0 }', '{"cut":"of', "[1,2]", "7"),
)

const base64: Arb<string> = fc.base64String({ minLength: 4, maxLength: 40 })

export const plainImage: Arb<ImageBlock> = fc.record({
  type: fc.constant("image"),
  source: fc.oneof(
    fc.record({ kind: fc.constant("url" as const), url: fc.webUrl() }),
    fc.record({
      kind: fc.constant("base64" as const),
      mediaType: fc.constantFrom("image/png", "image/jpeg"),
      data: base64,
    }),
  ),
})

export const plainDocument: Arb<DocumentBlock> = fc.record({
  type: fc.constant("document"),
  source: fc.record({
    kind: fc.constant("base64" as const),
    mediaType: fc.constant("application/pdf"),
    data: base64,
  }),
  title: word.map((name) => `${name}.pdf`),
})

export const document: Arb<DocumentBlock> = fc.oneof(
  plainDocument,
  fc.record({
    type: fc.constant("document" as const),
    source: fc.oneof(
      fc.record({ kind: fc.constant("text" as const), text, mediaType: fc.constant("text/plain") }),
      fc.record({ kind: fc.constant("file" as const), dialect, id: word }),
    ),
  }),
)

export const raw: Arb<RawBlock> = fc.record({
  type: fc.constant("raw"),
  dialect,
  what: fc.constantFrom(
    "hosted-call",
    "hosted-result",
    "client-call",
    "client-result",
    "reference",
    "notice",
    "content",
  ),
  raw: jsonObject.map((fields) => ({ ...fields, type: "vendor_block" })),
  text: fc.option(text),
})

export function toolCall(id: Arb<string>, args: Arb<string>): Arb<ToolCallBlock> {
  return fc.record({
    type: fc.constant("tool-call"),
    id,
    name: word,
    namespace: fc.constant(null),
    kind: fc.constant("function"),
    arguments: args,
  })
}

export function toolResult(call: ToolCallBlock, content: Arb<Block>): Arb<ToolResultBlock> {
  return fc.record({
    type: fc.constant("tool-result"),
    callId: fc.constant(call.id),
    kind: fc.constant(call.kind),
    isError: fc.constant(false),
    content: fc.array(content, { maxLength: 2 }),
  })
}
