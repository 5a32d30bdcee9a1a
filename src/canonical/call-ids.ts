/**
 * Ids of tool calls that are unique in their conversation. Upstreams restart their numbering in every answer, or give
 * two calls of one answer the same id; agents then mistake a new call for an old one, and Anthropic refuses the history.
 */

import type { Block } from "./block.ts"
import { decodeId, originalId, renamedId } from "./id-map.ts"
import type { Message, Request } from "./request.ts"

/** Gives ids out, each once. The same calls in the same order get the same ids. */
export class CallIds {
  readonly #taken: Set<string>
  /** By the id that a number follows: all below are taken. */
  readonly #numbers = new Map<string, number>()

  constructor(taken: Iterable<string> = []) {
    this.#taken = new Set(taken)
  }

  /** `id` where it is free, else its next free number (`renamedId`). */
  give(id: string): string {
    let free = id
    if (this.#taken.has(id)) {
      const original = originalId(id)
      let number = this.#numbers.get(original) ?? 2
      for (free = renamedId(original, number); this.#taken.has(free); free = renamedId(original, number)) number += 1
      this.#numbers.set(original, number)
    }
    this.#taken.add(free)
    return free
  }
}

/** The ids that calls of an answer to `request` may not have. */
export function takenIds(request: Pick<Request, "messages">): CallIds {
  return new CallIds(calledIds(request).map((id) => decodeId(id)))
}

/** The ids of the calls in a conversation, in order. */
export function calledIds({ messages }: Pick<Request, "messages">): readonly string[] {
  return messages.flatMap(({ blocks }) => callsIn(blocks))
}

function callsIn(blocks: readonly Block[]): readonly string[] {
  return blocks.flatMap((block) => {
    const said = block.type === "raw" ? (block.as ?? block) : block
    return said.type === "tool-call" ? [said.id] : []
  })
}

/**
 * The messages with the ids that another dialect than the client's is given. `across`: no id occurs twice in the whole
 * conversation. `turn`: a server gets its own ids back, which may repeat from turn to turn but not within one. A result
 * belongs to the last call of its id; of calls of one turn that share an id, each takes the next result.
 */
export function identified(messages: readonly Message[], unique: "across" | "turn"): readonly Message[] {
  const waiting = new Map<string, string[]>()
  let ids = new CallIds()
  let ofTurn = new Set<string>()
  let isTurn = false
  const callFor = (wire: string): string => {
    const own = decodeId(wire)
    const id = ids.give(unique === "turn" ? originalId(own) : own)
    const queue = ofTurn.has(wire) ? waiting.get(wire) : undefined
    if (queue === undefined) waiting.set(wire, [id])
    else queue.push(id)
    ofTurn.add(wire)
    return id
  }
  const resultFor = (wire: string): string => {
    const queue = waiting.get(wire)
    const id = queue !== undefined && queue.length > 1 ? queue.shift() : queue?.[0]
    return id ?? decodeId(wire)
  }
  return messages.map((message) => {
    if (!isTurn && message.role === "assistant") {
      ofTurn = new Set()
      if (unique === "turn") ids = new CallIds()
    }
    isTurn = message.role === "assistant"
    if (!message.blocks.some((block) => block.type === "tool-call" || block.type === "tool-result")) return message
    const blocks = message.blocks.map((block): Block => {
      if (block.type === "tool-call") return { ...block, id: callFor(block.id) }
      return block.type === "tool-result" ? { ...block, callId: resultFor(block.callId) } : block
    })
    return { ...message, blocks }
  })
}
