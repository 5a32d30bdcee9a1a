/** The tool calls of one stream: which piece belongs to which call, whatever a server does with indices and ids. */

import { InputReader } from "../../canonical/input-reader.ts"
import { MAX_WAITING_CHARS, type Assembler } from "../../canonical/assemble.ts"
import { decodeId } from "../../canonical/id-map.ts"
import type { JsonObject, JsonValue } from "../../canonical/json.ts"
import { ObjectEnd } from "../../canonical/object-end.ts"
import type { ReplyContext } from "../codec.ts"
import { protocolFailure } from "./failure.ts"
import { isCustomCall, returnable } from "./read-reply-calls.ts"
import { isAbsent, numberOf, objectOf, wordsOf } from "./wire.ts"

interface Call {
  readonly key: string
  /** As on the wire. */
  wireId: string | undefined
  /** As the reader gave it out; undefined before the name is known. */
  id: string | undefined
  wireName: string | undefined
  /** Reads the free text out of the function that stands for a custom tool. */
  input: InputReader | null
  /** Where the JSON of its arguments ends. */
  object: ObjectEnd
  isFreeText: boolean
  readonly slot: number | undefined
  /** Argument text that came before the name. */
  waiting: string[]
}

/** What the stream reader does around calls. */
export interface CallSurroundings {
  /** A call begins: what was being said before it is complete. */
  beforeCall(): void
  /** Fields that the server wants back together with the call. */
  keepFields(callId: string, fields: JsonObject): void
}

export class CallReader {
  readonly #assembler: Assembler
  readonly #context: ReplyContext
  readonly #around: CallSurroundings
  readonly #byIndex = new Map<number, Call>()
  readonly #byId = new Map<string, Call>()
  readonly #all: Call[] = []
  #last: Call | undefined
  #waitingChars = 0

  constructor(assembler: Assembler, context: ReplyContext, around: CallSurroundings) {
    this.#assembler = assembler
    this.#context = context
    this.#around = around
  }

  /** The arguments of some call are not whole. */
  get isUnfinished(): boolean {
    return this.#all.some(({ input, object }) => input?.isInside ?? object.isOpen)
  }

  /** The `tool_calls` of one delta; each of several choices counts its calls anew. */
  read(entries: readonly JsonValue[], choice = 0): void {
    const named = new Set<Call>()
    for (const entry of entries) {
      const piece = objectOf(entry)
      if (piece !== undefined) this.#readPiece(piece, choice, named)
    }
  }

  /** The stream is over: gives out what was still held back. */
  end(): void {
    for (const { key, input } of this.#all) {
      if (input !== null) this.#assembler.delta(key, { of: "arguments", text: input.end() })
    }
  }

  #readPiece(piece: JsonObject, choice: number, named: Set<Call>): void {
    const isCustom = isCustomCall(piece)
    const inner = objectOf(isCustom ? piece["custom"] : piece["function"])
    const name = wordsOf(inner?.["name"])
    const text = textOf(inner?.[isCustom ? "input" : "arguments"])
    const call = this.#callFor(piece, choice, name, named)
    if (name !== undefined) {
      named.add(call)
      if (call.wireName === undefined) this.#open(call, name, piece, isCustom)
    }
    const fields = returnable(piece)
    if (fields !== undefined && call.id !== undefined && !named.has(call)) this.#around.keepFields(call.id, fields)
    this.#add(call, text)
  }

  /** An index that comes again with another id and a name, or twice with a name in one delta, is another call. */
  #callFor(piece: JsonObject, choice: number, name: string | undefined, named: ReadonlySet<Call>): Call {
    const index = numberOf(piece["index"])
    const slot = index === undefined ? undefined : choice * CHOICE_SLOTS + index
    const id = wordsOf(piece["id"])
    const known = slot === undefined ? this.#withoutIndex(id, name) : this.#byIndex.get(slot)
    const call = known === undefined || isAnother(known, id, name, named) ? this.#create(slot) : known
    call.wireId ??= id
    if (slot !== undefined) this.#byIndex.set(slot, call)
    if (id !== undefined) this.#byId.set(id, call)
    this.#last = call
    return call
  }

  #withoutIndex(id: string | undefined, name: string | undefined): Call | undefined {
    if (id !== undefined) return this.#byId.get(id) ?? (name === undefined ? this.#last : undefined)
    return name === undefined || this.#last?.wireName === undefined ? this.#last : undefined
  }

  #create(slot: number | undefined): Call {
    const call = {
      key: `call ${this.#all.length}`,
      wireId: undefined,
      id: undefined,
      wireName: undefined,
      input: null,
      object: new ObjectEnd(),
      isFreeText: false,
      slot,
      waiting: [],
    }
    this.#all.push(call)
    return call
  }

  /** Behind whole arguments others begin: those of one more call of the tool, for which the server made no entry. */
  #another(before: Call): Call {
    const call = this.#create(before.slot)
    if (before.slot !== undefined) this.#byIndex.set(before.slot, call)
    this.#last = call
    if (before.wireName !== undefined) this.#open(call, before.wireName, {}, false)
    return call
  }

  #open(call: Call, name: string, piece: JsonObject, isCustom: boolean): void {
    call.wireName = name
    const tool = this.#context.names.named(name)
    const id = call.wireId === undefined ? this.#context.mint("call_") : decodeId(call.wireId)
    call.id = id
    const fields = returnable(piece)
    if (fields !== undefined) this.#around.keepFields(id, fields)
    this.#around.beforeCall()
    const isWrapped = tool.wrapped && !isCustom
    if (isWrapped) call.input = new InputReader()
    call.isFreeText = isCustom
    const kind = isCustom || isWrapped ? "custom" : "function"
    this.#assembler.open(call.key, { type: "tool-call", id, name: tool.name, namespace: tool.namespace, kind })
    const waiting = call.waiting.join("")
    call.waiting = []
    this.#add(call, waiting)
  }

  #add(call: Call, text: string): void {
    if (text === "") return
    if (call.wireName === undefined) {
      call.waiting.push(text)
      this.#waitingChars += text.length
      if (this.#waitingChars > MAX_WAITING_CHARS) {
        this.#assembler.fail(protocolFailure("The upstream sent too many arguments for a tool without a name."))
      }
      return
    }
    if (call.isFreeText) return this.#give(call, text)
    const isWhole = call.object.closed && (call.input?.isDone ?? true)
    if (isWhole && /^\s*\{/.test(text)) {
      if (!call.object.isEmpty) return this.#add(this.#another(call), text)
      call.object = new ObjectEnd()
    }
    const end = call.object.read(text)
    this.#give(call, end === -1 ? text : text.slice(0, end))
    if (end === -1 || end === text.length) return
    if (/^\s*\{/.test(text.slice(end))) this.#add(call, text.slice(end))
    else this.#give(call, text.slice(end))
  }

  #give(call: Call, text: string): void {
    this.#assembler.delta(call.key, { of: "arguments", text: call.input === null ? text : call.input.push(text) })
  }
}

/** More calls than any choice has. */
const CHOICE_SLOTS = 2 ** 20

function isAnother(known: Call, id: string | undefined, name: string | undefined, named: ReadonlySet<Call>): boolean {
  if (name === undefined || known.wireName === undefined) return false
  if (id !== undefined && known.wireId !== undefined) return id !== known.wireId
  return named.has(known) || name !== known.wireName
}

/** Text as it came; an object is printed. */
function textOf(value: JsonValue | undefined): string {
  if (typeof value === "string") return value
  return isAbsent(value) ? "" : JSON.stringify(value)
}
