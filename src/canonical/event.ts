/**
 * A reply as it comes. The grammar, checked by `grammar.ts`:
 *
 *     start (open delta* close)* usage* stop end        or `fail` instead of any event, and then nothing more
 *
 * At most one block is open, so events carry no index: writers count blocks themselves. `fold` of the events is the
 * reply, `unfold` of a reply is events. Everything that a client may be shown before the answer is complete stands in
 * deltas; `end` comes when the upstream's own terminal event was read, and no earlier.
 */

import type { Block, Citation, ReasoningBlock, RefusalBlock, Seal, TextBlock, ToolCallBlock } from "./block.ts"
import type { JsonValue } from "./json.ts"
import type { Extra } from "./origin.ts"
import type { Failure, Opening } from "./reply.ts"
import type { Stop } from "./stop.ts"
import type { Usage } from "./usage.ts"

/**
 * A block that begins. Text, refusal, reasoning and tool calls begin empty and grow by deltas; a `whole` block is
 * complete at once and takes no deltas.
 */
export type OpenBlock =
  | { readonly type: "text" }
  | { readonly type: "refusal" }
  | { readonly type: "reasoning" }
  | Omit<ToolCallBlock, "arguments" | "cache">
  | { readonly type: "whole"; readonly block: WholeBlock }

/** Blocks that do not grow. */
export type WholeBlock = Exclude<Block, TextBlock | RefusalBlock | ReasoningBlock | ToolCallBlock>

/**
 * What a block grows by. No text in here is empty.
 * text: in text and refusal blocks. reasoning: `part` counts from 0 without gaps, never goes back, and keeps its kind.
 * seal: at most once, last in its block. arguments: JSON text of a function, free text of a custom tool.
 */
export type Delta =
  | { readonly of: "text"; readonly text: string; readonly logprobs?: readonly JsonValue[] }
  | { readonly of: "citation"; readonly citation: Citation }
  | { readonly of: "reasoning"; readonly text: string; readonly part: number; readonly kind: "summary" | "raw" }
  | { readonly of: "seal"; readonly seal: Seal }
  | { readonly of: "arguments"; readonly text: string }

export type Event =
  | ({ readonly type: "start" } & Opening)
  | { readonly type: "open"; readonly block: OpenBlock }
  | { readonly type: "delta"; readonly delta: Delta }
  | { readonly type: "close" }
  /** Overwrites what earlier ones said, field by field (`updateUsage`). */
  | { readonly type: "usage"; readonly usage: Usage; readonly serviceTier?: string }
  | { readonly type: "stop"; readonly stop: Stop; readonly extra?: Extra }
  | { readonly type: "end" }
  /** `usage`: what was reported until then, null if nothing. */
  | { readonly type: "fail"; readonly failure: Failure; readonly usage: Usage | null }
