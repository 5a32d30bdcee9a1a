/** Where texts stand in the events of each dialect's stream. */
import { OPEN_BRACE, OPEN_BRACKET, QUOTE } from "../json/bytes.ts"
import type { DialectName } from "../dialects/name.ts"
import { eachItem, eachMember, endOf, stringAt } from "../json/walk.ts"
import { utf8 } from "../text.ts"
import { Places, type Visit } from "./places.ts"
import { answerPlaces } from "./request-places.ts"
import type { TextForm } from "./restore.ts"

/** A piece of a text that grows from event to event. */
export interface Piece {
  /** Names the text: equal in all its events, and no other text's in the stream. */
  readonly key: string
  /** What ends together with others: a choice, a block, an item. */
  readonly group: string
  /** The string's token, with its quotes. */
  readonly start: number
  readonly end: number
  readonly form: TextForm
  /** What stands before and behind the string in an event that adds one more piece. */
  readonly around: () => readonly [before: string, behind: string]
}

export interface EventTexts {
  readonly pieces: readonly Piece[]
  /** What ends here, behind the pieces. */
  readonly ended: Ended
}

export interface Ended {
  /** All texts of the stream. */
  readonly all: boolean
  readonly groups: ReadonlySet<string>
  /** Single texts, with their groups. */
  readonly keys: ReadonlyMap<string, string>
}

/** `data`: a JSON object that begins at `start`. Whole texts are visited, in order. */
export function readEvent(data: Buffer, start: number, dialect: DialectName, visit: Visit): EventTexts {
  const event = new EventReader(data, new Places(data, visit), visit)
  READERS[dialect](event, start)
  return event
}

const READERS: Readonly<Record<DialectName, (event: EventReader, start: number) => void>> = {
  "openai-chat": (event, start) => event.chunk(start),
  "openai-responses": (event, start) => event.responses(start),
  anthropic: (event, start) => event.messages(start),
}

const RESPONSES_ENDS = new Set([
  "response.completed",
  "response.incomplete",
  "response.failed",
  "response.cancelled",
  "error",
])

class EventReader implements EventTexts {
  readonly pieces: Piece[] = []
  readonly ended = { all: false, groups: new Set<string>(), keys: new Map<string, string>() }
  readonly #json: Buffer
  readonly #places: Places
  readonly #visit: Visit

  constructor(json: Buffer, places: Places, visit: Visit) {
    this.#json = json
    this.#places = places
    this.#visit = visit
  }

  chunk(start: number): void {
    const head = (): string => this.#without(start, CHUNK_BODY)
    for (const choices of this.#valuesOf(start, "choices"))
      if (this.#json[choices] === OPEN_BRACKET)
        eachItem(this.#json, choices, (choice) => {
          if (this.#json[choice] === OPEN_BRACE) this.#choice(choice, head)
          return endOf(this.#json, choice)
        })
    if (this.#valuesOf(start, "error").length > 0) this.ended.all = true
  }

  #choice(choice: number, head: () => string): void {
    const index = this.#scalar(choice, "index") ?? "0"
    const before = (): string => `data: {${head()}"choices":[{"index":${index},"delta":{`
    const piece = (at: number, key: string, form: TextForm, opens: string, closes: string): void =>
      this.#piece(at, `${index}:${key}`, index, form, () => [
        before() + opens,
        `${closes}},"finish_reason":null}]}\n\n`,
      ])
    for (const delta of this.#objectsOf(choice, "delta"))
      eachMember(this.#json, delta, (key, at) => {
        if (key === "content" || key === "refusal") {
          if (this.#json[at] === QUOTE) piece(at, key, "text", `"${key}":`, "")
          else this.#places.content(at, "messages")
        } else if (key === "tool_calls" && this.#json[at] === OPEN_BRACKET) {
          let place = 0
          eachItem(this.#json, at, (call) => {
            this.#toolCall(call, place++, piece)
            return endOf(this.#json, call)
          })
        } else if (key === "function_call" && this.#json[at] === OPEN_BRACE) {
          for (const args of this.#stringsOf(at, "arguments"))
            piece(args, "function", "json", '"function_call":{"arguments":', "}")
        } else if (key === "annotations") this.#places.content(at, "messages")
        return endOf(this.#json, at)
      })
    for (const message of this.#objectsOf(choice, "message")) this.#places.content(message, "messages")
    const finish = this.#scalar(choice, "finish_reason") ?? "null"
    if (finish !== "null") this.ended.groups.add(index)
  }

  #toolCall(
    call: number,
    place: number,
    piece: (at: number, key: string, form: TextForm, opens: string, closes: string) => void,
  ): void {
    if (this.#json[call] !== OPEN_BRACE) return
    const index = this.#scalar(call, "index") ?? String(place)
    for (const made of this.#objectsOf(call, "function"))
      for (const at of this.#stringsOf(made, "arguments"))
        piece(at, `tool ${index}`, "json", `"tool_calls":[{"index":${index},"function":{"arguments":`, "}}]")
    for (const made of this.#objectsOf(call, "custom"))
      for (const at of this.#stringsOf(made, "input"))
        piece(at, `custom ${index}`, "text", `"tool_calls":[{"index":${index},"custom":{"input":`, "}}]")
  }

  responses(start: number): void {
    const type = this.#string(start, "type")
    if (type.includes("reasoning")) return
    const place = this.#scalar(start, "output_index") ?? this.#scalar(start, "item_id") ?? ""
    const name = type.slice(0, type.lastIndexOf("."))
    const key = `${place}:${this.#scalar(start, "content_index") ?? ""}:${name}`
    if (type.endsWith(".delta")) {
      const form = name.endsWith("_arguments") ? "json" : "text"
      const around = (): readonly [string, string] => [
        `event: ${type}\ndata: {${this.#without(start, DELTA_BODY)}"delta":`,
        "}\n\n",
      ]
      for (const at of this.#stringsOf(start, "delta")) this.#piece(at, key, place, form, around)
      return
    }
    if (RESPONSES_ENDS.has(type)) this.ended.all = true
    else if (type === "response.output_item.done") this.ended.groups.add(place)
    else if (type.endsWith(".done")) this.ended.keys.set(key, place)
    eachMember(this.#json, start, (member, at) => {
      if (member === "response" && this.#json[at] === OPEN_BRACE)
        answerPlaces(this.#json, at, "openai-responses", this.#visit)
      else if (member === "item" || member === "part" || member === "annotation") this.#places.content(at, "messages")
      else if (WHOLE_TEXTS.has(member) && this.#json[at] === QUOTE)
        this.#whole(at, member === "arguments" ? "json" : "text")
      return endOf(this.#json, at)
    })
  }

  messages(start: number): void {
    const type = this.#string(start, "type")
    const index = this.#scalar(start, "index") ?? "0"
    if (type === "content_block_delta") for (const delta of this.#objectsOf(start, "delta")) this.#delta(delta, index)
    else if (type === "content_block_start")
      for (const block of this.#objectsOf(start, "content_block")) this.#opening(block, index)
    else if (type === "content_block_stop") this.ended.groups.add(index)
    else if (type === "message_delta" || type === "message_stop" || type === "error") this.ended.all = true
  }

  #opening(block: number, index: string): void {
    if (this.#string(block, "type") !== "text") return void this.#places.content(block, "messages")
    for (const at of this.#stringsOf(block, "text")) this.#growing(at, index, "text", "text_delta", "text")
  }

  #delta(delta: number, index: string): void {
    const type = this.#string(delta, "type")
    if (type === "text_delta")
      for (const at of this.#stringsOf(delta, "text")) this.#growing(at, index, "text", type, "text")
    else if (type === "input_json_delta")
      for (const at of this.#stringsOf(delta, "partial_json")) this.#growing(at, index, "json", type, "partial_json")
    else if (type === "citations_delta")
      for (const citation of this.#objectsOf(delta, "citation")) this.#places.content(citation, "messages")
  }

  #growing(at: number, index: string, form: TextForm, type: string, member: string): void {
    this.#piece(at, index, index, form, () => [
      `event: content_block_delta\ndata: {"type":"content_block_delta","index":${index},"delta":{"type":"${type}","${member}":`,
      "}}\n\n",
    ])
  }

  #piece(start: number, key: string, group: string, form: TextForm, around: Piece["around"]): void {
    this.pieces.push({ key, group, start, end: endOf(this.#json, start), form, around })
  }

  #whole(start: number, kind: TextForm): void {
    this.#visit({ start, end: endOf(this.#json, start), kind, part: "messages", reasoning: "none" })
  }

  /** The object's members as they are, each with a comma behind it, but for these. */
  #without(object: number, left: ReadonlySet<string>): string {
    let members = ""
    eachMember(this.#json, object, (key, at, keyStart) => {
      const end = endOf(this.#json, at)
      if (!left.has(key)) members += `${utf8(this.#json, keyStart, end)},`
      return end
    })
    return members.replaceAll("\n", " ")
  }

  #valuesOf(object: number, name: string): readonly number[] {
    const found: number[] = []
    eachMember(this.#json, object, (key, at) => {
      if (key === name) found.push(at)
      return endOf(this.#json, at)
    })
    return found
  }

  #objectsOf(object: number, name: string): readonly number[] {
    return this.#valuesOf(object, name).filter((at) => this.#json[at] === OPEN_BRACE)
  }

  #stringsOf(object: number, name: string): readonly number[] {
    return this.#valuesOf(object, name).filter((at) => this.#json[at] === QUOTE)
  }

  /** As JSON; null: there is none. */
  #scalar(object: number, name: string): string | null {
    const at = this.#valuesOf(object, name).at(-1)
    return at === undefined ? null : utf8(this.#json, at, endOf(this.#json, at))
  }

  /** Empty: there is none. */
  #string(object: number, name: string): string {
    const at = this.#stringsOf(object, name).at(-1)
    return at === undefined ? "" : stringAt(this.#json, at, endOf(this.#json, at))
  }
}

const CHUNK_BODY: ReadonlySet<string> = new Set(["choices", "usage", "obfuscation"])
const DELTA_BODY: ReadonlySet<string> = new Set(["delta", "logprobs", "obfuscation"])
const WHOLE_TEXTS: ReadonlySet<string> = new Set(["text", "refusal", "arguments", "input", "code"])
