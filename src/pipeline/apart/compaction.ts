/**
 * A conversation is compacted by a target that has no word for it: the target is asked for a summary, and the router seals it as
 * the item that its vendor would have made. Later requests hold the item, and any target is told the summary.
 */
import type { Event, WholeBlock } from "../../canonical/event.ts"
import type { JsonObject, JsonValue } from "../../canonical/json.ts"
import { isObject } from "../../canonical/json.ts"
import type { Loss } from "../../canonical/loss.ts"
import type { Failure, Reply } from "../../canonical/reply.ts"
import type { Request } from "../../canonical/request.ts"
import { wrapSummary } from "../../canonical/seal.ts"
import type { AnswerNeeds } from "../../dialects/answer-needs.ts"
import type { Mint, SeenItem, StreamReader, WrittenReply } from "../../dialects/codec.ts"
import { WIRES_BY_ORIGIN } from "../../dialects/wires.ts"
import { RouterError } from "../../errors.ts"

/** Does the call want its conversation compacted: by its path (`compacts`), or by its last item? */
export function wantsCompaction({ messages }: Request, compacts: boolean): boolean {
  return compacts || isTrigger(messages.at(-1))
}

export function noVendorCompaction(): RouterError {
  return new RouterError("stateful-unsupported", {
    message: "No target of this model group can compact a conversation.",
  })
}

function isTrigger(message: Request["messages"][number] | undefined): boolean {
  const block = message?.blocks.at(-1)
  if (block?.type !== "raw") return false
  const { compactionTrigger } = WIRES_BY_ORIGIN[block.dialect]
  return compactionTrigger !== null && block.raw["type"] === compactionTrigger
}

const ASK = `Summarise this conversation so that an assistant that sees nothing but your summary can go on with the work. Say
- what the user wants, with every constraint and preference that they stated;
- what was done and found so far, with the names of files, commands, identifiers and errors that still matter;
- what was decided and why, what did not work, and what is left to do next.
Answer with the summary alone. Call no tools, and ask nothing.`

/** The same conversation, with a wish for a summary at its end. */
export function askingForSummary(request: Request): Request {
  const { output: _output, toolChoice: _choice, ...rest } = request
  const messages = isTrigger(request.messages.at(-1)) ? request.messages.slice(0, -1) : request.messages
  return {
    ...rest,
    messages: [...messages, { role: "user", blocks: [{ type: "text", text: ASK }] }],
    ...(request.tools.length === 0 ? {} : { toolChoice: { mode: "none" as const } }),
  }
}

/** Without a summary there is nothing that could take the conversation's place. */
const NO_SUMMARY: Failure = { kind: "server", status: null, message: "The model wrote no summary of the conversation." }

/** The answer with its summary sealed, and nothing else in it. */
export function compactedReply(reply: Reply, mint: Mint): Reply | Failure {
  const text = reply.blocks.map((block) => (block.type === "text" ? block.text : "")).join("")
  const item = reply.stop.is === "refusal" ? null : itemOf(text, mint)
  if (item === null) return NO_SUMMARY
  return { ...reply, blocks: [item], stop: reply.stop.is === "tool-calls" ? { is: "end", raw: null } : reply.stop }
}

function itemOf(text: string, mint: Mint): WholeBlock | null {
  const sealed = text.trim() === "" ? null : wrapSummary(text.trim())
  if (sealed === null) return null
  const raw = { id: mint("cmp_"), type: "compaction", encrypted_content: sealed }
  return { type: "raw", dialect: "responses", what: "bound", raw, text: null }
}

/** The same of a stream: what the model writes is held back until it is whole. */
export class CompactedStream implements StreamReader {
  private readonly reader: StreamReader
  private readonly mint: Mint
  private text = ""
  private isText = false
  private isOver = false

  constructor(reader: StreamReader, mint: Mint) {
    this.reader = reader
    this.mint = mint
  }

  push(frame: Parameters<StreamReader["push"]>[0]): readonly Event[] {
    return this.reader.push(frame).flatMap((event) => this.shown(event))
  }

  end(): readonly Event[] {
    return this.reader.end().flatMap((event) => this.shown(event))
  }

  losses(): readonly Loss[] {
    return this.reader.losses()
  }

  items(): readonly SeenItem[] {
    return this.reader.items?.() ?? []
  }

  private shown(event: Event): readonly Event[] {
    if (this.isOver) return []
    if (event.type === "open") this.isText = event.block.type === "text"
    else if (event.type === "delta" && event.delta.of === "text" && this.isText) this.text += event.delta.text
    if (event.type === "open" || event.type === "delta" || event.type === "close") return []
    return event.type === "stop" ? this.stopped(event) : [event]
  }

  private stopped(event: Extract<Event, { type: "stop" }>): readonly Event[] {
    const opening = { id: "", model: "", created: null }
    const blocks = this.text === "" ? [] : [{ type: "text" as const, text: this.text }]
    const made = compactedReply({ ...opening, blocks, stop: event.stop, usage: null }, this.mint)
    if ("kind" in made) {
      this.isOver = true
      return [{ type: "fail", failure: made, usage: null }]
    }
    const [block] = made.blocks
    if (block?.type !== "raw") return []
    return [{ type: "open", block: { type: "whole", block } }, { type: "close" }, { ...event, stop: made.stop }]
  }
}

/** A response as the vendor's object of a compacted conversation, where that is what the client waits for. */
export function compactedObject({ body }: WrittenReply, compaction: AnswerNeeds["compaction"]): JsonValue {
  const kept = compaction?.kept ?? null
  if (kept === null || !isObject(body)) return body
  const { id, created_at, output, usage } = body
  const items: readonly JsonValue[] = Array.isArray(output) ? (output as readonly JsonValue[]) : []
  return { id, object: "response.compaction", created_at, output: [...kept, ...items], usage }
}

/** The user's messages, as they came. */
export function keptMessages({ input }: JsonObject): readonly JsonObject[] {
  const items = typeof input === "string" ? [input] : Array.isArray(input) ? input : []
  return items.flatMap((item) => {
    if (typeof item === "string")
      return [{ type: "message", role: "user", content: [{ type: "input_text", text: item }] }]
    return isObject(item) && item["role"] === "user" ? [{ ...item, type: "message" }] : []
  })
}
