/** Events into a reply: the only accumulator there is. */

import type { Block, Citation, ReasoningPart, Seal } from "./block.ts"
import type { Delta, Event, OpenBlock } from "./event.ts"
import type { JsonValue } from "./json.ts"
import type { Extra } from "./origin.ts"
import type { Failure, Opening, Reply } from "./reply.ts"
import type { Stop } from "./stop.ts"
import { updateUsage, type Usage } from "./usage.ts"

/** `reply` after `end`; `failure` after `fail`, together with the blocks that came whole or in part before it. */
export type Folded =
  | { readonly reply: Reply }
  | { readonly failure: Failure; readonly blocks: readonly Block[]; readonly usage: Usage | null }

export interface Fold {
  push(event: Event): void
  /** null until `end` or `fail` was pushed. */
  result(): Folded | null
}

/** Throws when the events have no terminal event. */
export function fold(events: Iterable<Event>): Folded {
  const folding = createFold()
  for (const event of events) folding.push(event)
  const result = folding.result()
  if (result === null) throw new Error("the events have no terminal event")
  return result
}

interface Growing {
  readonly open: OpenBlock
  text: string
  readonly parts: { readonly kind: "summary" | "raw"; text: string }[]
  readonly citations: Citation[]
  readonly logprobs: JsonValue[]
  seal: Seal | null
}

interface Facts {
  opening: Opening
  usage: Usage | null
  serviceTier: string | undefined
  stop: Stop | null
  extra: Extra | undefined
}

/** Expects events that keep the grammar; linear in their number. */
export function createFold(): Fold {
  const blocks: Block[] = []
  const facts: Facts = {
    opening: { id: "", model: "", created: null },
    usage: null,
    serviceTier: undefined,
    stop: null,
    extra: undefined,
  }
  let growing: Growing | null = null
  let result: Folded | null = null
  return {
    push(event) {
      if (event.type === "open") growing = begin(event.block)
      else if (event.type === "delta") grow(growing, event.delta)
      else if (event.type === "close") {
        if (growing !== null) blocks.push(finish(growing))
        growing = null
      } else if (event.type === "end") result = { reply: finishReply(facts, blocks) }
      else if (event.type === "fail") {
        if (growing !== null) blocks.push(finish(growing))
        result = { failure: event.failure, blocks, usage: event.usage }
      } else note(facts, event)
    },
    result: () => result,
  }
}

function note(facts: Facts, event: Extract<Event, { type: "start" | "usage" | "stop" }>): void {
  if (event.type === "start") {
    facts.opening = { id: event.id, model: event.model, created: event.created }
  } else if (event.type === "usage") {
    facts.usage = updateUsage(facts.usage, event.usage)
    facts.serviceTier = event.serviceTier ?? facts.serviceTier
  } else {
    facts.stop = event.stop
    facts.extra = event.extra
  }
}

function begin(open: OpenBlock): Growing {
  return { open, text: "", parts: [], citations: [], logprobs: [], seal: null }
}

function grow(growing: Growing | null, delta: Delta): void {
  if (growing === null) return
  if (delta.of === "citation") growing.citations.push(delta.citation)
  else if (delta.of === "seal") growing.seal = delta.seal
  else if (delta.of === "reasoning") {
    const part = growing.parts[delta.part]
    if (part === undefined) growing.parts.push({ kind: delta.kind, text: delta.text })
    else part.text += delta.text
  } else {
    growing.text += delta.text
    if (delta.of === "text" && delta.logprobs !== undefined) growing.logprobs.push(...delta.logprobs)
  }
}

function finish({ open, text, parts, citations, logprobs, seal }: Growing): Block {
  if (open.type === "whole") return open.block
  if (open.type === "tool-call") return { ...open, arguments: text }
  if (open.type === "refusal") return { type: "refusal", text }
  if (open.type === "reasoning") return { type: "reasoning", parts: parts satisfies ReasoningPart[], seal }
  return {
    type: "text",
    text,
    ...(citations.length === 0 ? {} : { citations }),
    ...(logprobs.length === 0 ? {} : { logprobs }),
  }
}

function finishReply(facts: Facts, blocks: readonly Block[]): Reply {
  return {
    ...facts.opening,
    blocks,
    stop: facts.stop ?? { is: "end", raw: null },
    usage: facts.usage,
    ...(facts.serviceTier === undefined ? {} : { serviceTier: facts.serviceTier }),
    ...(facts.extra === undefined ? {} : { extra: facts.extra }),
  }
}
