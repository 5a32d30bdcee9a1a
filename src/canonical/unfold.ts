/** A reply into events: for a streaming client whose upstream answered at once. */

import type { Block } from "./block.ts"
import type { Event } from "./event.ts"
import type { Reply } from "./reply.ts"

/** `fold(unfold(reply))` is the reply. Block-level `cache` and `extra` of growing blocks do not occur in replies. */
export function* unfold(reply: Reply): Generator<Event> {
  yield { type: "start", id: reply.id, model: reply.model, created: reply.created }
  for (const block of reply.blocks) yield* unfoldBlock(block)
  if (reply.usage !== null) {
    const tier = reply.serviceTier === undefined ? {} : { serviceTier: reply.serviceTier }
    yield { type: "usage", usage: reply.usage, ...tier }
  }
  yield { type: "stop", stop: reply.stop, ...(reply.extra === undefined ? {} : { extra: reply.extra }) }
  yield { type: "end" }
}

function* unfoldBlock(block: Block): Generator<Event> {
  if (block.type === "text") {
    yield { type: "open", block: { type: "text" } }
    const logprobs = block.logprobs === undefined ? {} : { logprobs: block.logprobs }
    if (block.text !== "") yield { type: "delta", delta: { of: "text", text: block.text, ...logprobs } }
    for (const citation of block.citations ?? []) yield { type: "delta", delta: { of: "citation", citation } }
  } else if (block.type === "refusal") {
    yield { type: "open", block: { type: "refusal" } }
    if (block.text !== "") yield { type: "delta", delta: { of: "text", text: block.text } }
  } else if (block.type === "reasoning") {
    yield { type: "open", block: { type: "reasoning" } }
    for (const [part, { kind, text }] of block.parts.entries()) {
      yield { type: "delta", delta: { of: "reasoning", text, part, kind } }
    }
    if (block.seal !== null) yield { type: "delta", delta: { of: "seal", seal: block.seal } }
  } else if (block.type === "tool-call") {
    const { arguments: text, cache: _cache, ...open } = block
    yield { type: "open", block: open }
    if (text !== "") yield { type: "delta", delta: { of: "arguments", text } }
  } else {
    yield { type: "open", block: { type: "whole", block } }
  }
  yield { type: "close" }
}
