/** The tool calls of one stream: which piece belongs to which call, whatever a server does with indices and ids. */

import { InputReader } from "../../canonical/arguments.ts"
import { MAX_WAITING_CHARS, type Assembler } from "../../canonical/assemble.ts"
import { decodeId } from "../../canonical/id-map.ts"
import type { JsonObject, JsonValue } from "../../canonical/json.ts"
import type { ReplyContext } from "../codec.ts"
import { protocolFailure } from "./failure.ts"
import { isCustomCall, returnable } from "./read-reply.ts"
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

  /** The `tool_calls` of one delta. */
  read(entries: readonly JsonValue[]): void {
    const named = new Set<Call>()
    for (const entry of entries) {
      const piece = objectOf(entry)
      if (piece !== undefined) this.#readPiece(piece, named)
    }
  }

  /** The stream is over: gives out what was still held back. */
  end(): void {
    for (const { key, input } of this.#all) {
      if (input !== null) this.#assembler.delta(key, { of: "arguments", text: input.end() })
    }
  }

  #readPiece(piece: JsonObject, named: Set<Call>): void {
    const isCustom = isCustomCall(piece)
    const inner = objectOf(isCustom ? piece["custom"] : piece["function"])
    const name = wordsOf(inner?.["name"])
    const call = this.#callFor(piece, name, named)
    if (name !== undefined) {
      named.add(call)
      if (call.wireName === undefined) this.#open(call, name, piece, isCustom)
    }
    const fields = returnable(piece)
    if (fields !== undefined && call.id !== undefined && !named.has(call)) this.#around.keepFields(call.id, fields)
    this.#add(call, textOf(inner?.[isCustom ? "input" : "arguments"]))
  }

  /** An index that comes again with another id and a name, or twice with a name in one delta, is another call. */
  #callFor(piece: JsonObject, name: string | undefined, named: ReadonlySet<Call>): Call {
    const index = numberOf(piece["index"])
    const id = wordsOf(piece["id"])
    const known = index === undefined ? this.#withoutIndex(id, name) : this.#byIndex.get(index)
    const call = known === undefined || isAnother(known, id, name, named) ? this.#create() : known
    call.wireId ??= id
    if (index !== undefined) this.#byIndex.set(index, call)
    if (id !== undefined) this.#byId.set(id, call)
    this.#last = call
    return call
  }

  #withoutIndex(id: string | undefined, name: string | undefined): Call | undefined {
    if (id !== undefined) return this.#byId.get(id) ?? (name === undefined ? this.#last : undefined)
    return name === undefined || this.#last?.wireName === undefined ? this.#last : undefined
  }

  #create(): Call {
    const key = `call ${this.#all.length}`
    const call = { key, wireId: undefined, id: undefined, wireName: undefined, input: null, waiting: [] }
    this.#all.push(call)
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
    this.#assembler.delta(call.key, { of: "arguments", text: call.input === null ? text : call.input.push(text) })
  }
}

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
