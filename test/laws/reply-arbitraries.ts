/** Arbitrary usage, replies and event sequences; the rules of `arbitraries.ts` hold. */

import fc from "fast-check"
import type { Block } from "../../src/canonical/block.ts"
import type { Delta, Event } from "../../src/canonical/event.ts"
import type { Reply } from "../../src/canonical/reply.ts"
import type { Stop } from "../../src/canonical/stop.ts"
import { unfold } from "../../src/canonical/unfold.ts"
import type { Usage } from "../../src/canonical/usage.ts"
import {
  argumentsText,
  callId,
  jsonObject,
  plainText,
  raw,
  reasoning,
  richText,
  text,
  toolCall,
  word,
} from "./arbitraries.ts"

type Arb<T> = fc.Arbitrary<T>

const count: Arb<number> = fc.integer({ min: 0, max: 1_000_000 })

export const usage: Arb<Usage> = fc
  .record(
    { fresh: count, read: count, output: count, reasoning: count },
    { requiredKeys: ["fresh", "read", "output", "reasoning"] },
  )
  .map((made) => ({
    freshInputTokens: made.fresh,
    cacheReadTokens: made.read,
    outputTokens: made.output + made.reasoning,
    reasoningTokens: made.reasoning,
    source: "provider",
  }))

function replyOf(block: Arb<Block>, stop: Arb<Stop["is"]>): Arb<Reply> {
  return fc
    .record({
      id: word,
      model: word,
      created: fc.integer({ min: 1, max: 2_000_000_000 }),
      blocks: fc.array(block, { maxLength: 5 }),
      is: stop,
      usage: fc.option(usage),
    })
    .map(({ is, ...made }) => {
      const calls = made.blocks.some((one) => one.type === "tool-call")
      return { ...made, stop: { is: calls && is === "end" ? "tool-calls" : is, raw: null } }
    })
}

/** Text and calls: what all three dialects carry without a loss, but for where blocks of text are joined. */
export const plainReply: Arb<Reply> = replyOf(
  fc.oneof(
    plainText,
    toolCall(
      callId,
      jsonObject.map((value) => JSON.stringify(value)),
    ),
  ),
  fc.constantFrom("end", "length"),
)

export const anyReply: Arb<Reply> = replyOf(
  fc.oneof(
    richText,
    reasoning,
    text.map((words): Block => ({ type: "refusal", text: words })),
    toolCall(callId, argumentsText),
    raw,
  ),
  fc.constantFrom("end", "stop-sequence", "length", "refusal", "content-filter", "pause", "other"),
)

/** The events of a reply with its texts cut into arbitrary pieces. */
export function eventsOf(reply: Arb<Reply>): Arb<readonly Event[]> {
  return fc
    .tuple(reply, fc.infiniteStream(fc.integer({ min: 1, max: 7 })))
    .map(([made, sizes]) =>
      [...unfold(made)].flatMap((event) => (event.type === "delta" ? cut(event.delta, sizes) : [event])),
    )
}

function cut(delta: Delta, sizes: Iterator<number>): readonly Event[] {
  if (!("text" in delta) || (delta.of === "text" && delta.logprobs !== undefined)) return [{ type: "delta", delta }]
  const points = Array.from(delta.text)
  const pieces: Event[] = []
  while (points.length > 0) {
    const size = Number(sizes.next().value)
    pieces.push({ type: "delta", delta: { ...delta, text: points.splice(0, size).join("") } })
  }
  return pieces
}
