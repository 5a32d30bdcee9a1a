/**
 * What every dialect implements: its folder's `index.ts` exports one `Codec`. All functions are pure: no input or
 * output, no clock and no randomness but what is handed in, no state but that of one stream.
 *
 * WHO DOES WHAT. Readers are faithful and dumb; writers know their own vendor's rules and no other's; what concerns
 * conversations as such is done once, in `canonical`.
 *
 * 1. A reader keeps order, boundaries of messages and blocks, and argument text; it never merges, moves, pairs, repairs
 *    or drops. Its only edits: text that is "" or null is no block; a message without blocks stays (as `blocks: []`);
 *    call ids of replies go through `decodeId`; a string as content is one text block; null is as good as absent; unknown
 *    top-level fields go to `Request.extra`, unknown fields of messages, blocks and tools to their `extra`, unknown block
 *    types to a raw block. A body that cannot mean a request throws `RouterError("invalid-request", {param})`.
 * 2. Roles: a Chat `tool` message is a `tool` message with one result. A Responses item that is not a message is a
 *    message of its own with one block: `assistant` for calls, reasoning and hosted steps, `tool` for
 *    `function_call_output` and `custom_tool_call_output`, `developer` for `additional_tools`, `user` for references and
 *    unknown items. A Messages `tool_result` stays in its `user` message. In Responses each part of content is a block. Chat
 *    `function` messages and `function_call` are read as their modern forms with the name as the id.
 *    A Chat assistant message is read in the order reasoning, text, refusal, calls.
 * 3. A request writer starts with `arrange(request, facts)` and `arrangeTools(request, facts)` and writes the messages,
 *    tools and choice that it gets. It does not regroup, pair, hoist, filter or drop on its own, but for what only it
 *    knows: reasoning by `sealFor`, citations, cache marks, refusals, arguments, and the shape of content. It copies the
 *    losses of both and adds its own. Tools that the provider executes never cross dialects; to refuse them is the
 *    router's business, before. A reply writer lets `blocksFor(reply.blocks, {side: "reply", …})` do the same for raw
 *    blocks (a stream writer treats each `whole` block so).
 * 4. Names: a request writer builds one table (`buildNameTable` over the arranged tools and messages), writes `table.wire(ref)`
 *    in tools, choice and history, and puts the table into the context. A custom tool whose entry is `wrapped` goes as a
 *    function with `INPUT_SCHEMA`, its grammar appended to the description, its history through `wrapInput`. A reply
 *    reader asks `table.named(wire)` and undoes that with `unwrapInput` / `InputReader`. Nobody else touches names.
 * 5. Ids: request writers write `encodeId(id, facts.idRules)`, reply writers `encodeId(id, REPLY_ID_RULES)`, reply readers
 *    `decodeId`; in a request `arrange` decodes them, and leaves them as they are for a target of the client's own dialect.
 *    Ids that repeat are told apart once, between reader and writer (`call-ids.ts`). A call that came without an id gets `mint("call_")` from its reader, once.
 * 6. Reasoning: a request reader turns every opaque field into a block by `openSeal`; a request writer sends a payload
 *    only if `sealFor(block, facts.issuer)` gives one, and drops other reasoning with `reasoning-history` (Chat with a
 *    `reasoningHistory` sends its visible text instead, when the seal's issuer is this one; at home without a seal too). A
 *    reply reader seals with `context.issuer` (`sealed`; the `Assembler` does it for streams). A reply writer writes the
 *    visible parts where its clients look, and `wrapReasoning(block)` into the field that `seal.ts` names.
 *    Several visible parts in a dialect with one text are joined by a blank line.
 * 7. Usage: readers fill disjoint counters by their vendor's convention, writers compute their vendor's totals with
 *    `inputTokens` and `totalTokens`. Unknown counters are written as 0 where the wire's schema demands a number.
 * 8. Stops: readers map every word they know and keep it in `raw`; `settleStop` runs once per reply (the `Assembler` does
 *    it for streams). Writers write from `is`.
 * 9. Defaults: nobody sends what the client did not say, unless the target's wire demands it (Messages `max_tokens`, from
 *    `facts.defaultOutputTokens`; `strict: false` to Responses for tools that did not say, because absent means true).
 * 10. A wish for what happens anyway (`asksNothing`) and a mapping that can be undone are no losses.
 */

import type { Event } from "../canonical/event.ts"
import type { JsonObject, JsonValue } from "../canonical/json.ts"
import type { Loss } from "../canonical/loss.ts"
import type { NameTable } from "../canonical/name-map.ts"
import type { Dialect, Issuer } from "../canonical/origin.ts"
import type { Failure, Reply } from "../canonical/reply.ts"
import type { Request } from "../canonical/request.ts"
import type { TargetFacts } from "../canonical/target.ts"
import type { Usage } from "../canonical/usage.ts"
import type { FrameText } from "./frame-text.ts"

/** A new id: the prefix and random word characters, e.g. `mint("msg_")`. Never twice the same. */
export type Mint = (prefix: string) => string

/** What is needed to read the answer to a request that was written. */
export interface ReplyContext {
  readonly names: NameTable
  /** Who answers; goes into every seal of the answer. */
  readonly issuer: Issuer
  readonly mint: Mint
  /** Several answers were asked for (Chat `n`), so that choices are answers and not parts of one. */
  readonly severalChoices?: true
}

export interface WrittenRequest {
  /** The upstream's body, for `JSON.stringify`; key order is deterministic. `stream` is as in the request. */
  readonly body: JsonObject
  readonly losses: readonly Loss[]
  /** Handed on to `readReply` or `createStreamReader` of the same codec. */
  readonly context: ReplyContext
}

/** Of `messages` only the ids of calls count, of `tools` the raw ones that stand for a function. */
export type AskedRequest = Pick<
  Request,
  "dialect" | "model" | "includeUsage" | "messages" | "tools" | "reasoning" | "cap"
>

/** What a reply writer must know about the client. */
export interface ReplyOptions {
  /** What an answer needs of the client's request, as this codec read it. */
  readonly request: AskedRequest
  /** The client's body as parsed, for fields that the dialect echoes (Responses: `tools`, `instructions`, `metadata` …). */
  readonly clientBody: JsonObject
  /** The model name that the client is shown, everywhere in the answer; null: what the upstream named, or the request's. */
  readonly model: string | null
  readonly mint: Mint
  /** Unix seconds. Asked where an upstream gave no time; all objects of one answer show the same. */
  readonly now: () => number
  /**
   * What `message_start` shows of the input before the upstream has counted (Messages only); null: zeros.
   * The final usage replaces it.
   */
  readonly estimatedUsage: Usage | null
}

export type ReadReply =
  | { readonly reply: Reply; readonly losses: readonly Loss[] }
  /** An error object in a 200, or no object of this dialect at all (kind `protocol`). */
  | { readonly failure: Failure }

/** One server-sent event: `event` absent where no such line came. Comments never get here. */
export interface Frame {
  readonly event?: string
  readonly data: string
}

/**
 * One upstream stream. Build it on `Assembler`. Tolerates whatever real upstreams send (lessons in its tests), never throws:
 * a frame that is no JSON, and unknown events, are skipped.
 */
export interface StreamReader {
  /** What this frame adds; often nothing. After `end` or `fail`: nothing, whatever comes. */
  push(frame: Frame): readonly Event[]
  /**
   * The connection ended. After a terminal event: nothing. Otherwise: `end` where the dialect allows a stream without one
   * and a finish reason was seen (Chat without `[DONE]`), else `fail` of kind `protocol`.
   */
  end(): readonly Event[]
  losses(): readonly Loss[]
  /** Items of the output so far, in order. Left out: the dialect's last event repeats no output. */
  items?(): readonly SeenItem[]
}

/** An item of an output that a stream has announced. */
export interface SeenItem {
  readonly type: string
  /** `output_index`. */
  readonly index: number
  /** All of it came. */
  readonly isClosed: boolean
}

/**
 * One stream to a client. The text is complete frames, blank line included, to be sent at once and in order.
 * Everything that tells a client that the answer is complete (`[DONE]` and the usage chunk, `response.completed` and its
 * kin, `message_stop`) is written for `end` and never before: the pipeline holds `end` back until the call is recorded.
 * `fail` writes the dialect's terminal error (Chat: an `error` line and no `[DONE]`; Responses: `response.failed`, holding what
 * was sent so far; Messages: `event: error`), also when it comes before `start` or after `stop`.
 */
export interface StreamWriter {
  push(event: Event): FrameText
  /** Bridges silence; may come at any time before the terminal event, before `start` too. */
  keepAlive(): string
  losses(): readonly Loss[]
}

export interface WrittenReply {
  readonly body: JsonObject
  readonly losses: readonly Loss[]
}

export interface Codec {
  readonly dialect: Dialect

  /** `body` comes from `parseExact`. Losses: what cannot even be held, which is rare. Throws `RouterError`. */
  readRequest(body: JsonValue): { readonly request: Request; readonly losses: readonly Loss[] }

  /**
   * Never sends what belongs to another issuer, and no `model` but `facts.model`. A streamed request asks for usage.
   * A stateful request that the target cannot hold throws `RouterError("stateful-unsupported", {param})`:
   * previousResponseId, conversation, background, thread.
   */
  writeRequest(request: Request, facts: TargetFacts, mint: Mint): WrittenRequest

  /** `body` of a 2xx, from `parseExact`; undefined when it was no JSON. Never throws. */
  readReply(body: JsonValue | undefined, context: ReplyContext): ReadReply

  writeReply(reply: Reply, options: ReplyOptions): WrittenReply

  createStreamReader(context: ReplyContext): StreamReader

  createStreamWriter(options: ReplyOptions): StreamWriter

  /** An upstream's answer of another status; `body` undefined when it was no JSON. Never throws. */
  readError(status: number, body: JsonValue | undefined): Failure

  /** The body of an error answer in this dialect. The vendor's words stay; the status is the caller's to choose. */
  writeError(failure: Failure, requestId: string): JsonObject
}
