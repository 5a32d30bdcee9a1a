/** Events of a response as frames, numbered without gaps. */
import { isRawNumber, type JsonObject, type JsonValue } from "../../canonical/json.ts"
import { LongText, type FrameText, type TextPart } from "../frame-text.ts"
import { GrownText, quotedPieces } from "./grown-text.ts"
import type { Sink } from "./output-item.ts"

/** Of a text, from which on it is written in pieces. */
const LONG_CHARS = 1 << 15
/** Of a list or an object, from which on its values are written one by one, while they are taken. */
const MANY_VALUES = 64

export class FrameSink implements Sink {
  #sequence = 0
  #text = ""
  /** What comes before `#text`. */
  #parts: TextPart[] = []
  #outlines: (() => string)[] = []
  /** Some event may be long from now on. */
  #mayBeLong = false
  /** The frame's head up to the delta, which all deltas of one part share. */
  #head = ""
  #headOf: JsonObject | null = null

  event(type: string, fields: JsonObject): void {
    const data = { type, sequence_number: this.#sequence, ...fields }
    this.#sequence += 1
    if (this.#mayBeLong) this.#longEvent(type, data)
    else this.#text += `event: ${type}\ndata: ${JSON.stringify(data)}\n\n`
  }

  delta(type: string, place: JsonObject, text: string, logprobs: Parameters<Sink["delta"]>[3]): void {
    if (this.#headOf !== place) {
      this.#headOf = place
      this.#head = `event: ${type}\ndata: ${JSON.stringify({ type, ...place }).slice(0, -1)}`
    }
    const tail =
      logprobs === null ? "" : logprobs.length === 0 ? ',"logprobs":[]' : `,"logprobs":${JSON.stringify(logprobs)}`
    this.#text += `${this.#head},"sequence_number":${this.#sequence},"delta":${JSON.stringify(text)}${tail}}\n\n`
    this.#sequence += 1
  }

  shown(text: GrownText): JsonValue {
    if (!text.isLong) return String(text)
    this.#mayBeLong = true
    // the events of a sink are written by it alone, which knows these
    return text as unknown as JsonValue
  }

  expectLong(): void {
    this.#mayBeLong = true
  }

  take(): FrameText {
    const [text, parts, outlines] = [this.#text, this.#parts, this.#outlines]
    this.#text = ""
    if (parts.length === 0) return text
    this.#parts = []
    this.#outlines = []
    return new LongText([...parts, text], () => outlines.map((outline) => outline()).join("") + text)
  }

  #longEvent(type: string, data: JsonObject): void {
    const parts = [`event: ${type}\ndata: `, ...partsOf(data), "\n\n"]
    if (parts.every((part) => typeof part === "string")) {
      this.#text += parts.join("")
      return
    }
    const before = this.#text
    this.#text = ""
    this.#parts.push(before, ...parts)
    this.#outlines.push(() => `${before}event: ${type}\ndata: ${JSON.stringify(data, withoutLong)}\n\n`)
  }
}

function withoutLong(_name: string, value: unknown): unknown {
  if (value instanceof GrownText || (typeof value === "string" && value.length > LONG_CHARS)) return ""
  return Array.isArray(value) && value.length > MANY_VALUES ? [] : value
}

/** A value as JSON; what is long in it is written while it is taken. */
function partsOf(value: unknown): TextPart[] {
  const parts: TextPart[] = []
  let text = ""
  const add = (part: TextPart): void => {
    if (typeof part === "string") text += part
    else {
      parts.push(text, part)
      text = ""
    }
  }
  write(value, add)
  parts.push(text)
  return parts
}

type Add = (part: TextPart) => void

function lazy(pieces: () => Iterator<string>): Iterable<string> {
  return { [Symbol.iterator]: pieces }
}

function write(value: unknown, add: Add): void {
  if (value instanceof GrownText) return add(lazy(() => value.quoted()))
  if (typeof value === "string" && value.length > LONG_CHARS) {
    add('"')
    add(lazy(() => quotedPieces(value)))
    return add('"')
  }
  if (typeof value !== "object" || value === null || isRawNumber(value)) return add(JSON.stringify(value) ?? "null")
  const isList = Array.isArray(value)
  const entries = isList ? listEntries(value) : objectEntries(value)
  add(isList ? "[" : "{")
  if (entries.length > MANY_VALUES) add(lazy(() => oneByOne(entries)))
  else for (const entry of entries) writeEntry(entry, add)
  add(isList ? "]" : "}")
}

/** What stands before a value, and the value. */
type Entry = readonly [string, unknown]

function listEntries(list: readonly unknown[]): readonly Entry[] {
  return list.map((value, at) => [at === 0 ? "" : ",", value])
}

function objectEntries(object: object): readonly Entry[] {
  return Object.entries(object)
    .filter(([, value]) => value !== undefined)
    .map(([name, value], at) => [`${at === 0 ? "" : ","}${JSON.stringify(name)}:`, value as unknown])
}

function writeEntry([before, value]: Entry, add: Add): void {
  add(before)
  write(value, add)
}

function* oneByOne(entries: readonly Entry[]): Generator<string> {
  for (const [before, value] of entries) {
    yield before
    for (const part of partsOf(value)) {
      if (typeof part === "string") yield part
      else yield* part
    }
  }
}
