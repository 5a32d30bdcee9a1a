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
  readonly #another: (id: string) => Numbered
  /** The next number to try, by the key of `Numbered`. */
  readonly #numbers = new Map<string, number>()

  /** `another`: in which form an id is used again. */
  constructor(taken: Iterable<string> = [], another: (id: string) => Numbered = renamed) {
    this.#taken = new Set(taken)
    this.#another = another
  }

  /** `id` where it is free, else its next free number. */
  give(id: string): string {
    const free = this.#taken.has(id) ? this.#nextOf(this.#another(id)) : id
    this.#taken.add(free)
    return free
  }

  #nextOf({ key, first, form }: Numbered): string {
    for (let number = this.#numbers.get(key) ?? first; ; number += 1) {
      const next = form(number)
      if (this.#taken.has(next)) continue
      this.#numbers.set(key, number + 1)
      return next
    }
  }
}

/** Ids that differ by a number alone. */
interface Numbered {
  /** The same for all of them. */
  readonly key: string
  readonly first: number
  readonly form: (number: number) => string
}

/** For clients, and for servers that give an id no meaning: `renamedId`. */
function renamed(id: string): Numbered {
  const original = originalId(id)
  return { key: original, first: 2, form: (number) => renamedId(original, number) }
}

/** For Chat servers: some read the tool's name out of an id, or show it to the model (Kimi's `functions.look:0`), so its form stays. */
function countedOn(id: string): Numbered {
  const [, stem = id, digits] = COUNTED.exec(id) ?? []
  if (digits === undefined) return { key: `${id}_`, first: 2, form: (number) => `${id}_${number}` }
  return { key: stem, first: Number(digits) + 1, form: (number) => `${stem}${number}` }
}

/** A number that is exact. */
const COUNTED = /^(.*?)(\d{1,15})$/s

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
 * The messages with the ids that another dialect than the client's is given: no id occurs twice in the whole conversation.
 * `own`: a server gets its ids back as it made them, and those that it used again counted on. A result belongs to the last
 * call of its id; of calls of one turn that share an id, each takes the next result.
 */
export function identifyCalls(messages: readonly Message[], repeats: "own" | "renamed"): readonly Message[] {
  const waiting = new Map<string, string[]>()
  const ids = new CallIds([], repeats === "own" ? countedOn : renamed)
  let ofTurn = new Set<string>()
  let isTurn = false
  const callFor = (wire: string): string => {
    const own = decodeId(wire)
    const id = ids.give(repeats === "own" ? originalId(own) : own)
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
    if (!isTurn && message.role === "assistant") ofTurn = new Set()
    isTurn = message.role === "assistant"
    if (!message.blocks.some((block) => block.type === "tool-call" || block.type === "tool-result")) return message
    const blocks = message.blocks.map((block): Block => {
      if (block.type === "tool-call") return { ...block, id: callFor(block.id) }
      return block.type === "tool-result" ? { ...block, callId: resultFor(block.callId) } : block
    })
    return { ...message, blocks }
  })
}
