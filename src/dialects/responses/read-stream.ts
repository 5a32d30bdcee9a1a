/** A Responses stream as canonical events. Items are told apart by `output_index`, because some upstreams rotate ids. */
import { Assembler } from "../../canonical/assemble.ts"
import type { Event } from "../../canonical/event.ts"
import { isObject, parseExact, type JsonObject } from "../../canonical/json.ts"
import { Losses, type Loss } from "../../canonical/loss.ts"
import type { Frame, ReplyContext, StreamReader } from "../codec.ts"
import { protocolFailure, readFault } from "./failure.ts"
import { declarePhase, failureIn, readOpening, responseOf } from "./read-reply.ts"
import { readStop } from "./stop.ts"
import { CallItem, ReasoningItem, WholeItem, type ItemScope, type StreamItem } from "./stream-item.ts"
import { MessageItem } from "./stream-message.ts"
import { readCanonicalUsage } from "./usage.ts"
import { numberOf, objectOf, objectsOf, stringOf } from "./wire.ts"

const TERMINAL: ReadonlySet<string> = new Set([
  "response.completed",
  "response.incomplete",
  "response.failed",
  "response.cancelled",
])

/** These say it themselves, whatever the object says. */
const STATUS_OF: ReadonlyMap<string, string> = new Map([
  ["response.failed", "failed"],
  ["response.cancelled", "cancelled"],
])

interface Tracked {
  readonly index: number
  readonly id: string | undefined
  readonly callId: string | undefined
  readonly item: StreamItem
}

export class ResponsesStreamReader implements StreamReader {
  readonly #context: ReplyContext
  readonly #assembler: Assembler
  readonly #losses = new Losses()
  /** By `output_index`; the newest, where an upstream gives one index to several items. */
  readonly #byIndex = new Map<number, Tracked>()
  /** In order of appearance. */
  readonly #all: Tracked[] = []
  /** The last one of each id. */
  readonly #byId = new Map<string, Tracked>()
  #thinking: ReasoningItem | null = null
  #refused = false
  #called = false

  constructor(context: ReplyContext) {
    this.#context = context
    this.#assembler = new Assembler(context.issuer)
  }

  push(frame: Frame): readonly Event[] {
    if (this.#assembler.finished) return []
    const event = parsed(frame.data)
    if (event === null) return []
    const type = stringOf(event["type"]) ?? frame.event ?? ""
    if (type === "error" || (type === "" && event["error"] !== undefined)) this.#fail(event)
    else if (TERMINAL.has(type)) this.#finish(responseOf(event), type)
    else if (event["response"] !== undefined) this.#assembler.start(readOpening(responseOf(event)))
    else if (type === "response.output_item.added") this.#added(event)
    else if (type === "response.output_item.done") this.#done(event)
    else this.#take(event, type)
    return this.#assembler.take()
  }

  end(): readonly Event[] {
    this.#assembler.fail(protocolFailure("The stream ended without its terminal event."))
    return this.#assembler.take()
  }

  losses(): readonly Loss[] {
    return this.#losses.list()
  }

  #fail(event: JsonObject): void {
    this.#assembler.fail(readFault(objectOf(event["error"]) ?? event, "The upstream reported an error."))
  }

  #added(event: JsonObject): void {
    const item = objectOf(event["item"])
    if (item === undefined) return
    const index = numberOf(event["output_index"]) ?? this.#all.length
    const known = this.#byIndex.get(index)
    if (known !== undefined && (!known.item.closed || isSameItem(known, item))) return
    this.#track(item, index)
  }

  #done(event: JsonObject): void {
    const item = objectOf(event["item"])
    if (item === undefined) return
    const known = this.#find(event, stringOf(item["type"]) ?? null)
    if (known?.item.closed === true && known.item.type !== "reasoning" && isSameItem(known, item)) return
    const isKnown = known !== null && known.item.type === item["type"]
    const tracked = isKnown ? known : this.#track(item, numberOf(event["output_index"]) ?? this.#all.length)
    declarePhase(item, this.#losses, `output[${tracked.index}]`)
    this.#letGo(tracked.item)
    tracked.item.finish(item)
  }

  #take(event: JsonObject, type: string): void {
    const itemType = itemTypeOf(event, type)
    if (itemType === null) return
    const known = this.#find(event, itemType)
    const tracked = known ?? this.#track({ type: itemType }, numberOf(event["output_index"]) ?? this.#all.length)
    if (type.endsWith(".delta")) this.#letGo(tracked.item)
    tracked.item.take(event, type)
  }

  /** Thinking that stays open although what follows streams already would hold that back. */
  #letGo(beginning: StreamItem): void {
    if (this.#thinking === null || this.#thinking === beginning) return
    this.#thinking.letGo()
    if (this.#thinking.closed) this.#thinking = null
  }

  #track(item: JsonObject, index: number): Tracked {
    const { assembler, context, losses } = { assembler: this.#assembler, context: this.#context, losses: this.#losses }
    const key = `item ${this.#all.length}`
    const scope: ItemScope = { assembler, context, losses, key, path: `output[${index}]` }
    const made = this.#make(item, scope)
    if (made instanceof ReasoningItem) this.#thinking = made
    const tracked = { index, id: stringOf(item["id"]), callId: stringOf(item["call_id"]), item: made }
    this.#byIndex.set(index, tracked)
    if (tracked.id !== undefined) this.#byId.set(tracked.id, tracked)
    this.#all.push(tracked)
    return tracked
  }

  #make(item: JsonObject, scope: ItemScope): StreamItem {
    const type = stringOf(item["type"]) ?? ""
    switch (type) {
      case "message":
        return new MessageItem(scope, () => {
          this.#refused = true
        })
      case "reasoning":
        return new ReasoningItem(scope, item)
      case "function_call":
      case "custom_tool_call":
        this.#called = true
        return new CallItem(scope, item, type)
      default:
        return new WholeItem(scope, type)
    }
  }

  /** The item that an event names: by its index, else by its id, else the last one. `type` null: whatever it is. */
  #find(event: JsonObject, type: string | null): Tracked | null {
    const index = numberOf(event["output_index"])
    const id = stringOf(event["item_id"]) ?? stringOf(objectOf(event["item"])?.["id"])
    const found =
      index !== undefined
        ? this.#byIndex.get(index)
        : ((id === undefined ? undefined : this.#byId.get(id)) ?? this.#all.at(-1))
    return found !== undefined && (type === null || found.item.type === type) ? found : null
  }

  #finish(response: JsonObject, type: string): void {
    this.#assembler.start(readOpening(response))
    const usage = readCanonicalUsage(response["usage"])
    if (usage !== null) this.#assembler.usage(usage, stringOf(response["service_tier"]))
    const status = STATUS_OF.get(type) ?? response["status"]
    const failure = failureIn({ ...response, status, output: [] })
    if (failure !== null) return this.#assembler.fail(failure)
    this.#reconcile(objectsOf(response["output"]))
    this.#assembler.stop(readStop(response, this.#refused && !this.#called))
    this.#assembler.end()
  }

  /** The terminal object holds the whole output: items that never got their `done`, or were never announced, get it there. */
  #reconcile(output: readonly JsonObject[]): void {
    const seen = this.#all.toSorted((left, right) => left.index - right.index)
    const agrees = output.length >= seen.length && seen.every(({ item }, at) => output[at]?.["type"] === item.type)
    const byId = new Map(agrees ? [] : output.toReversed().map((one) => [one["id"], one]))
    for (const [at, { item, id }] of seen.entries()) {
      const final = agrees ? output[at] : id === undefined ? undefined : byId.get(id)
      if (final !== undefined && !item.closed) item.finish(final)
    }
    if (!agrees) return
    for (const item of output.slice(seen.length)) this.#track(item, this.#all.length).item.finish(item)
  }
}

function parsed(data: string): JsonObject | null {
  try {
    const value = parseExact(data)
    return isObject(value) ? value : null
  } catch {
    return null
  }
}

function isSameItem(known: Tracked, item: JsonObject): boolean {
  const [id, callId] = [stringOf(item["id"]), stringOf(item["call_id"])]
  return (id !== undefined && id === known.id) || (callId !== undefined && callId === known.callId)
}

/** The type of item that an event belongs to; null where its progress is not told. */
function itemTypeOf(event: JsonObject, type: string): string | null {
  if (type === "response.content_part.added" || type === "response.content_part.done") {
    return objectOf(event["part"])?.["type"] === "reasoning_text" ? "reasoning" : "message"
  }
  if (type.startsWith("response.output_text.") || type.startsWith("response.refusal.")) return "message"
  if (type.startsWith("response.reasoning")) return "reasoning"
  if (type.startsWith("response.function_call_arguments.")) return "function_call"
  return type.startsWith("response.custom_tool_call_input.") ? "custom_tool_call" : null
}
