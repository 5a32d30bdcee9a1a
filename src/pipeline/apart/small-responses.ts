/**
 * The large events of a Responses stream as small ones. Most repeat a text that came in deltas before: each piece says where in
 * the text it stands (`text_from`), and the reader compares it with what it has. Pure: done in another thread.
 */
import { isObject, type JsonObject, type JsonValue } from "../../canonical/json.ts"
import type { SeenItem } from "../../dialects/codec.ts"
import { piecesOf, type Sizes } from "./pieces.ts"

/** The member of an event that holds a text as a whole. */
const TEXT_OF_EVENT: Readonly<Record<string, string>> = {
  "response.output_text.done": "text",
  "response.refusal.done": "refusal",
  "response.reasoning_text.done": "text",
  "response.reasoning.done": "text",
  "response.reasoning_summary_text.done": "text",
  "response.function_call_arguments.done": "arguments",
  "response.custom_tool_call_input.done": "input",
}

/** Which event repeats the text of a part, or of an item: the part's member of the same name is cut. */
const EVENT_OF_TEXT: Readonly<Record<string, string>> = {
  output_text: "response.output_text.done",
  text: "response.output_text.done",
  refusal: "response.refusal.done",
  reasoning_text: "response.reasoning_text.done",
  summary_text: "response.reasoning_summary_text.done",
  function_call: "response.function_call_arguments.done",
  custom_tool_call: "response.custom_tool_call_input.done",
}

/** `seen`: the items that the reader has, in order. */
export function splitEvent(body: JsonObject, sizes: Sizes, seen: readonly SeenItem[]): readonly JsonObject[] {
  const { type, delta, item, part, response } = body
  if (typeof delta === "string") return inPieces(body, "delta", sizes)
  const member = typeof type === "string" && Object.hasOwn(TEXT_OF_EVENT, type) ? TEXT_OF_EVENT[type] : undefined
  if (member !== undefined) return inPieces(body, member, sizes)
  const cut = new Cutter(sizes)
  if (type === "response.output_item.done" && isObject(item)) return cut.item(item, placeOf(body))
  if (isObject(part)) return [...cut.part(part, placeOf(body)), { ...body, part: cut.without(part) }]
  if (isObject(response) && Array.isArray(response["output"]))
    return cut.response(body, response, response["output"] as readonly JsonValue[], seen)
  return [body]
}

/** Tokens of the text go with its first piece. */
function inPieces(event: JsonObject, member: string, sizes: Sizes): readonly JsonObject[] {
  const text = event[member]
  if (typeof text !== "string" || text.length <= sizes.pieceChars) return [event]
  const { logprobs, ...rest } = event
  let from = 0
  return piecesOf(text, sizes).map((piece) => {
    const isFirst = from === 0 && logprobs !== undefined
    const one = {
      ...rest,
      ...(isFirst ? { logprobs } : {}),
      [member]: piece,
      ...(member === "delta" ? {} : { text_from: from }),
    }
    from += piece.length
    return one
  })
}

/** Where an event belongs. */
function placeOf(event: JsonObject): JsonObject {
  const names = ["output_index", "item_id", "content_index", "summary_index"]
  return Object.fromEntries(names.flatMap((name) => (event[name] === undefined ? [] : [[name, event[name]]])))
}

class Cutter {
  readonly #sizes: Sizes

  constructor(sizes: Sizes) {
    this.#sizes = sizes
  }

  /** The pieces of what is long in a part, or in a call. */
  part(part: JsonObject, place: JsonObject): readonly JsonObject[] {
    const member = this.#long(part)
    if (member === null) return []
    const { logprobs } = part
    const type = eventOf(part) ?? ""
    const event = { type, ...place, ...(logprobs === undefined ? {} : { logprobs }), [member]: part[member] ?? "" }
    return inPieces(event, member, this.#sizes)
  }

  /** The same part or call, without what is long. */
  without(part: JsonObject): JsonObject {
    const member = this.#long(part)
    return member === null ? part : { ...part, [member]: "" }
  }

  /** An item that is complete: its texts, and then the item without them. */
  item(item: JsonObject, place: JsonObject): readonly JsonObject[] {
    const { id, content, summary } = item
    const at = { ...place, ...(id === undefined ? {} : { item_id: id }) }
    const pieces = [
      ...this.part(item, at),
      ...this.#list(summary).flatMap((part, index) => this.part(part, { ...at, summary_index: index })),
      ...this.#list(content).flatMap((part, index) => this.part(part, { ...at, content_index: index })),
    ]
    const shown = pieces.length === 0 ? item : this.#shown(item)
    const done = { type: "response.output_item.done", ...place, item: shown }
    return pieces.length === 0 ? [done] : [{ ...done, type: "response.output_item.added" }, ...pieces, done]
  }

  /** The end, which holds the whole output: only what the reader lacks of that is said, before it. */
  response(
    body: JsonObject,
    response: JsonObject,
    output: readonly JsonValue[],
    seen: readonly SeenItem[],
  ): readonly JsonObject[] {
    const items = output.filter(isObject)
    const agrees = items.length >= seen.length && seen.every(({ type }, at) => items[at]?.["type"] === type)
    if (!agrees) return [body]
    const next = Math.max(-1, ...seen.map(({ index }) => index)) + 1
    const missing = items.flatMap((item, at) => {
      const known = seen[at]
      return known?.isClosed === true ? [] : this.item(item, { output_index: known?.index ?? next + at - seen.length })
    })
    return [
      ...missing,
      { ...body, response: { ...response, output: items.map(({ id, type }) => ({ id, type })) as never } },
    ]
  }

  #shown(item: JsonObject): JsonObject {
    const lists = Object.entries({ summary: item["summary"], content: item["content"] }).filter(([, list]) =>
      Array.isArray(list),
    )
    const short = lists.map(([name, list]) => [name, this.#list(list).map((part) => this.without(part))] as const)
    return { ...this.without(item), ...Object.fromEntries(short) }
  }

  #list(list: JsonValue | undefined): readonly JsonObject[] {
    return Array.isArray(list) ? (list as readonly JsonValue[]).filter(isObject) : []
  }

  /** The member with the long text; null: none is long. */
  #long(part: JsonObject): string | null {
    const event = eventOf(part)
    const member = event === undefined ? undefined : TEXT_OF_EVENT[event]
    const text = member === undefined ? undefined : part[member]
    return member !== undefined && typeof text === "string" && text.length > this.#sizes.pieceChars ? member : null
  }
}

/** Undefined: no event repeats the text of such a part. */
function eventOf({ type }: JsonObject): string | undefined {
  return typeof type === "string" && Object.hasOwn(EVENT_OF_TEXT, type) ? EVENT_OF_TEXT[type] : undefined
}
