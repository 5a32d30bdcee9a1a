/**
 * What every stream reader builds its events with: it keeps the grammar, so that a reader only says what it read.
 * Blocks are named by a key of the reader's choice (an index, an item id). One block is open at a time; what belongs to
 * another waits, is merged, and follows when the open one closes, in the order of opening.
 */

import type { Delta, Event, OpenBlock, WholeBlock } from "./event.ts"
import type { Extra, Issuer } from "./origin.ts"
import type { Failure, Opening } from "./reply.ts"
import { isClientCall, settleStop, type Stop } from "./stop.ts"
import { updateUsage, type Usage } from "./usage.ts"

export type Key = string | number

/** More waiting text than this, in UTF-16 units, is a failure of the upstream. */
export const MAX_WAITING_CHARS = 33_554_432

interface Slot {
  block: OpenBlock | null
  shown: boolean
  closed: boolean
  sealed: boolean
  filled: boolean
  /** Arguments that say nothing so far. */
  head: string
  readonly waiting: Delta[]
}

export class Assembler {
  readonly #issuer: Issuer
  readonly #slots = new Map<Key, Slot>()
  /** Opened blocks in order; those before `#head` have left. */
  readonly #line: Slot[] = []
  #head = 0
  #events: Event[] = []
  #started = false
  #finished = false
  #sawToolCall = false
  #waitingChars = 0
  #wholes = 0
  #usage: Usage | null = null
  #tier: string | undefined
  #stop: Stop | null = null
  #extra: Extra | undefined

  /** `issuer` is who answers: reasoning that ends without a seal gets one of form `none`, so that its origin is known. */
  constructor(issuer: Issuer) {
    this.#issuer = issuer
  }

  /** True after `end` or `fail`; everything later is ignored. */
  get finished(): boolean {
    return this.#finished
  }

  /** Repeated calls are ignored, as some upstreams begin twice. Left out: an opening without id and model is made. */
  start(opening: Opening): void {
    if (this.#started || this.#finished) return
    this.#events.push({ type: "start", id: opening.id, model: opening.model, created: opening.created })
    this.#started = true
  }

  /**
   * A text, refusal or reasoning block is shown at its first delta that holds something; without one it never existed.
   * A tool call is shown at once. A key is used for one block only; opening it again is ignored.
   */
  open(key: Key, block: OpenBlock): void {
    if (this.#finished) return
    const slot = this.#slotOf(key)
    if (slot.block !== null) return
    slot.block = block
    this.#line.push(slot)
    this.#advance()
  }

  /** May come before `open` (a call whose name is late): it waits. Empty text, and deltas of a closed block, are ignored. */
  delta(key: Key, delta: Delta): void {
    if (this.#finished || ("text" in delta && delta.text === "")) return
    const slot = this.#slotOf(key)
    if (slot.closed || slot.sealed) return
    slot.sealed = delta.of === "seal"
    const isHead = this.#line[this.#head] === slot
    if (isHead && slot.shown) return this.#show(slot, delta)
    slot.waiting.push(delta)
    if (isHead) return this.#flush(slot)
    this.#waitingChars += sizeOf(delta)
    if (this.#waitingChars > MAX_WAITING_CHARS) this.fail(OVERFLOW)
  }

  /** Ignored for a key that is unknown or closed already. A function call that got no arguments gets "{}". */
  close(key: Key): void {
    const slot = this.#slots.get(key)
    if (this.#finished || slot === undefined || slot.block === null || slot.closed) return
    slot.closed = true
    this.#advance()
  }

  /** A block that is complete at once, after everything that was opened before it. */
  whole(block: WholeBlock): void {
    this.#wholes += 1
    const key = `whole block ${this.#wholes}`
    this.open(key, { type: "whole", block })
    this.close(key)
  }

  /** Overwrites, field by field. */
  usage(usage: Usage, serviceTier?: string): void {
    this.#usage = updateUsage(this.#usage, usage)
    this.#tier = serviceTier ?? this.#tier
  }

  /** The last word counts. */
  stop(stop: Stop, extra?: Extra): void {
    this.#stop = stop
    this.#extra = extra ?? this.#extra
  }

  /**
   * The upstream finished: closes what is open, in order, then usage, stop, end. A stop after calls is settled here.
   * Deltas whose block was never opened (a call that never got a name) are dropped.
   */
  end(): void {
    if (this.#finished) return
    for (const slot of this.#line) slot.closed = true
    this.#advance()
    this.#begin()
    if (this.#usage !== null) {
      const tier = this.#tier === undefined ? {} : { serviceTier: this.#tier }
      this.#events.push({ type: "usage", usage: this.#usage, ...tier })
    }
    const extra = this.#extra === undefined ? {} : { extra: this.#extra }
    this.#events.push({ type: "stop", stop: settleStop(this.#stop, this.#sawToolCall), ...extra }, { type: "end" })
    this.#finish()
  }

  /** The upstream failed, or stopped without its terminal event. What waits is dropped. */
  fail(failure: Failure): void {
    if (this.#finished) return
    this.#events.push({ type: "fail", failure, usage: this.#usage })
    this.#finish()
  }

  /** The events since the last call. */
  take(): readonly Event[] {
    const taken = this.#events
    this.#events = []
    return taken
  }

  #slotOf(key: Key): Slot {
    const known = this.#slots.get(key)
    if (known !== undefined) return known
    const slot: Slot = { block: null, shown: false, closed: false, sealed: false, filled: false, head: "", waiting: [] }
    this.#slots.set(key, slot)
    return slot
  }

  #begin(): void {
    if (!this.#started) this.start({ id: "", model: "", created: null })
  }

  #finish(): void {
    this.#finished = true
    this.#slots.clear()
    this.#line.length = 0
  }

  /** Lets everything out that may leave: the head of the line, and whoever follows closed heads. */
  #advance(): void {
    for (let slot = this.#line[this.#head]; slot !== undefined; slot = this.#line[this.#head]) {
      this.#flush(slot)
      if (!slot.closed) return
      this.#shut(slot)
      this.#head += 1
    }
  }

  #flush(slot: Slot): void {
    if (slot.block === null) return
    const showsAtOnce = slot.block.type === "tool-call" || slot.block.type === "whole"
    if (!slot.shown && (showsAtOnce || slot.waiting.length > 0)) {
      this.#begin()
      this.#sawToolCall ||= isForClient(slot.block)
      this.#events.push({ type: "open", block: slot.block })
      slot.shown = true
    }
    for (const delta of merged(slot.waiting)) this.#show(slot, delta)
    slot.waiting.length = 0
  }

  /** Arguments of a function wait until they say something: `null` and `{}` before an object only hold its place. */
  #show(slot: Slot, delta: Delta): void {
    if (slot.filled || delta.of !== "arguments" || !isFunctionCall(slot)) {
      slot.filled = true
      this.#events.push({ type: "delta", delta })
      return
    }
    slot.head += delta.text
    if (slot.head.trim() === "") slot.head = ""
    if (slot.head.length < MAX_PLACEHOLDER_CHARS && PLACEHOLDER.test(slot.head)) return
    slot.filled = true
    this.#events.push({ type: "delta", delta: { of: "arguments", text: slot.head.replace(LEADING_PLACEHOLDER, "") } })
  }

  #shut(slot: Slot): void {
    if (!slot.shown) return
    for (const delta of lastDeltas(slot, this.#issuer)) this.#events.push({ type: "delta", delta })
    this.#events.push({ type: "close" })
  }
}

const OVERFLOW: Failure = {
  kind: "protocol",
  status: null,
  message: "The upstream interleaved more output than can be held back.",
}

function sizeOf(delta: Delta): number {
  return "text" in delta ? delta.text.length : 0
}

function lastDeltas(slot: Slot, issuer: Issuer): readonly Delta[] {
  if (slot.block?.type === "reasoning" && !slot.sealed) {
    return [{ of: "seal", seal: { issuer, form: "none", payload: "" } }]
  }
  if (!isFunctionCall(slot) || slot.filled) return []
  return [{ of: "arguments", text: PART.test(slot.head) ? slot.head : "{}" }]
}

function isForClient(block: OpenBlock): boolean {
  return block.type === "whole" ? isClientCall(block.block) : block.type === "tool-call"
}

function isFunctionCall({ block }: Slot): boolean {
  return block?.type === "tool-call" && block.kind === "function"
}

/** What may still become nothing: blanks, and `null` and `{}` as far as they have come. */
const PLACEHOLDER = /^\s*(?:n|nu|nul|null\s*|\{\s*|\{\s*\}\s*)?$/
const LEADING_PLACEHOLDER = /^\s*(?:null|\{\s*\})\s*(?=\{)/
const MAX_PLACEHOLDER_CHARS = 64
/** A beginning that never came to its end. */
const PART = /^\s*(?:n|nu|nul|\{\s*)$/

/** Neighbouring pieces of the same text as one. */
function merged(deltas: readonly Delta[]): readonly Delta[] {
  if (deltas.length < 2) return deltas
  const runs: Delta[][] = []
  for (const delta of deltas) {
    const run = runs.at(-1)
    const first = run?.[0]
    if (run !== undefined && first !== undefined && joins(first, delta)) run.push(delta)
    else runs.push([delta])
  }
  return runs.flatMap((run) => {
    const first = run[0]
    if (first === undefined || run.length === 1 || !("text" in first)) return run
    return [{ ...first, text: run.map((delta) => ("text" in delta ? delta.text : "")).join("") }]
  })
}

function joins(first: Delta, next: Delta): boolean {
  if (first.of === "arguments") return next.of === "arguments"
  if (first.of === "reasoning") return next.of === "reasoning" && next.part === first.part
  return first.of === "text" && next.of === "text" && first.logprobs === undefined && next.logprobs === undefined
}
