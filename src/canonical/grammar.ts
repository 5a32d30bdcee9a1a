/** Checks that events keep the grammar of `event.ts`, one at a time: in all tests, and wherever a doubt is worth it. */

import type { Delta, Event, OpenBlock } from "./event.ts"

/** Thrown at the first event that breaks the grammar; the message says where the stream stood. */
export class GrammarError extends Error {
  constructor(message: string) {
    super(message)
    this.name = "GrammarError"
  }
}

export interface GrammarCheck {
  /** Throws `GrammarError`. */
  push(event: Event): void
  /** True after `end` or `fail`. */
  readonly finished: boolean
}

/** The whole sequence, from `start` to its one terminal event. Throws `GrammarError`. */
export function assertGrammar(events: Iterable<Event>): void {
  const check = checkGrammar()
  for (const event of events) check.push(event)
  if (!check.finished) throw new GrammarError("the events have no terminal event")
}

type Place = "before start" | "between blocks" | "in a block" | "after usage" | "after stop" | "finished"

interface Open {
  readonly block: OpenBlock
  part: number
  kind: "summary" | "raw" | null
  sealed: boolean
}

const MAY_STAND: Readonly<Record<Exclude<Event["type"], "fail">, readonly Place[]>> = {
  start: ["before start"],
  open: ["between blocks"],
  delta: ["in a block"],
  close: ["in a block"],
  usage: ["between blocks", "after usage"],
  stop: ["between blocks", "after usage"],
  end: ["after stop"],
}

const LEADS_TO: Readonly<Record<Event["type"], Place>> = {
  start: "between blocks",
  open: "in a block",
  delta: "in a block",
  close: "between blocks",
  usage: "after usage",
  stop: "after stop",
  end: "finished",
  fail: "finished",
}

export function checkGrammar(): GrammarCheck {
  let place: Place = "before start"
  let open: Open | null = null
  return {
    push(event) {
      if (place === "finished") throw new GrammarError(`${event.type} after the terminal event`)
      if (event.type !== "fail" && !MAY_STAND[event.type].includes(place)) {
        throw new GrammarError(`${event.type} ${place}`)
      }
      if (event.type === "open") open = opened(event.block)
      if (event.type === "delta" && open !== null) checkDelta(open, event.delta)
      place = LEADS_TO[event.type]
    },
    get finished() {
      return place === "finished"
    },
  }
}

function opened(block: OpenBlock): Open {
  if (block.type === "tool-call" && (block.id === "" || block.name === "")) {
    throw new GrammarError("a tool call opens without id or name")
  }
  return { block, part: -1, kind: null, sealed: false }
}

const TAKES: Readonly<Record<OpenBlock["type"], readonly Delta["of"][]>> = {
  text: ["text", "citation"],
  refusal: ["text"],
  reasoning: ["reasoning", "seal"],
  "tool-call": ["arguments"],
  whole: [],
}

function checkDelta(open: Open, delta: Delta): void {
  if (!TAKES[open.block.type].includes(delta.of)) throw new GrammarError(`${delta.of} in a ${open.block.type} block`)
  if ("text" in delta && delta.text === "") throw new GrammarError(`an empty ${delta.of} delta`)
  if (open.sealed) throw new GrammarError(`${delta.of} after the seal`)
  if (delta.of === "seal") open.sealed = true
  if (delta.of !== "reasoning") return
  const isNext = delta.part === open.part + 1
  if (!isNext && delta.part !== open.part) throw new GrammarError(`reasoning part ${delta.part} after ${open.part}`)
  if (!isNext && delta.kind !== open.kind) throw new GrammarError("a reasoning part changes its kind")
  open.part = delta.part
  open.kind = delta.kind
}
