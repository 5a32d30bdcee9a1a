/** A body as it is stored: without what is to be left out, without secrets, not too long. Pure, and done in the thread. */
import { isObject, parseExact, setOwn, type JsonValue, valuesIn } from "../canonical/json.ts"
import { scanObject } from "../json/scan.ts"
import { readFields } from "../sse/fields.ts"
import { FrameSplitter } from "../sse/frames.ts"
import type { CaptureRule } from "../config/compile/capture-rule.ts"
import type { ContentPart } from "./content.ts"
import { LeaveOut } from "./leave-out.ts"
import { Redactor, without } from "./redact.ts"

export interface PreparedPart {
  readonly name: string
  readonly form: "json" | "events" | "text"
  readonly bytes: Uint8Array
  readonly originalBytes: number
  readonly isTruncated: boolean
  readonly redactions: number
  readonly leftOut: number
}

export function prepared(part: ContentPart, rule: CaptureRule): PreparedPart {
  const work = new Preparation(rule)
  const isCut = part.totalBytes > part.bytes.length
  const { form, text } = part.form === "events" ? work.events(part.bytes) : work.body(part.bytes, isCut)
  const whole = Buffer.from(text)
  const bytes = whole.length > rule.maxBytes ? whole.subarray(0, characterEnd(whole, rule.maxBytes)) : whole
  return {
    name: part.name,
    form,
    bytes,
    originalBytes: part.totalBytes,
    isTruncated: isCut || work.lostEnd || bytes.length < whole.length,
    redactions: work.redactions,
    leftOut: work.leftOut,
  }
}

interface Prepared {
  readonly form: PreparedPart["form"]
  readonly text: string
}

const UNREADABLE = "[left out: what cannot be read cannot be filtered]"

class Preparation {
  redactions = 0
  /** The end is missing. */
  lostEnd = false
  readonly #rule: CaptureRule
  readonly #redactor: Redactor
  readonly #out: LeaveOut

  constructor(rule: CaptureRule) {
    this.#rule = rule
    this.#redactor = new Redactor(rule.patterns)
    this.#out = new LeaveOut(rule)
  }

  get leftOut(): number {
    return this.#out.count
  }

  /** `isCut`: it is the beginning of one. */
  body(bytes: Uint8Array, isCut: boolean): Prepared {
    const text = textOf(bytes)
    const value = isCut ? undefined : jsonOf(text)
    if (value !== undefined) {
      const kept = this.#redacted(this.#out.from(value))
      return { form: "json", text: kept === value && saysAllOnce(text, value) ? text : JSON.stringify(kept) }
    }
    // an error page has no parts; of a request that was cut every part is wanted
    if (!this.#keepsAll && isCut) return { form: "text", text: UNREADABLE }
    return { form: isCut ? "json" : "text", text: this.#plain(text) }
  }

  /** Secrets are found also where several events bring them in pieces. */
  events(bytes: Uint8Array): Prepared {
    const events = this.#eventsIn(bytes)
    const texts = new Texts()
    for (const event of events) if (event.value !== undefined) texts.collect(event.value)
    const changes = texts.changes(this.#redactor)
    this.redactions += changes.count
    const frames = events.map((event) => {
      if (event.value === undefined) return this.#plain(event.frame)
      const value = changes.applied(event.value)
      if (value === event.original) return event.isUsual ? event.frame : this.#plain(event.frame)
      return frameOf(event.name === null ? null : this.#plain(event.name), value)
    })
    return { form: "events", text: frames.join("") }
  }

  get #keepsAll(): boolean {
    return this.#rule.images && this.#rule.toolCalls
  }

  #eventsIn(bytes: Uint8Array): readonly StreamEvent[] {
    const splitter = new FrameSplitter(Infinity)
    splitter.push(bytes)
    const events: StreamEvent[] = []
    while (splitter.next()) events.push(this.#event(splitter.bytes.subarray(splitter.start, splitter.end)))
    const rest = splitter.remainder()
    if (rest.length === 0) return events
    const last = this.#event(rest)
    // half an event cannot be filtered, and may hold half a secret
    if (last.value !== undefined || last.isSilent) return [...events, last]
    this.lostEnd = true
    return events
  }

  #event(frame: Uint8Array): StreamEvent {
    const { event: name, data } = readFields(frame, 0, frame.length)
    const text = textOf(frame)
    const original = data === null ? undefined : jsonOf(data)
    const isUsual = USUAL_FRAME.test(text)
    if (data === null || original === undefined || typeof original !== "object" || original === null) {
      const isSilent = data === null || data.trim() === "[DONE]"
      return { name, frame: text, isSilent, isUsual, original: undefined, value: undefined }
    }
    const value = this.#out.from(original)
    const isTold = saysAllOnce(data, original)
    return { name, frame: text, isSilent: false, isUsual, original: isTold ? original : undefined, value }
  }

  #redacted(value: JsonValue): JsonValue {
    const texts = new Texts()
    texts.collect(value)
    const changes = texts.changes(this.#redactor)
    this.redactions += changes.count
    return changes.applied(value)
  }

  #plain(text: string): string {
    const { text: kept, count } = this.#redactor.redacted(withoutNeedlessEscapes(text))
    this.redactions += count
    return count === 0 ? text : kept
  }
}

interface StreamEvent {
  readonly name: string | null
  readonly frame: string
  /** A comment, or the mark of the end. */
  readonly isSilent: boolean
  /** It has a name and data alone. */
  readonly isUsual: boolean
  /** Undefined: it is no JSON object, or says a name twice. */
  readonly original: JsonValue | undefined
  /** Without what is left out; undefined: it is no JSON object. */
  readonly value: JsonValue | undefined
}

/** Members that tell which of several texts a piece belongs to. */
const CHANNEL: readonly string[] = ["index", "output_index", "content_index", "summary_index", "item_id"]

/** The texts of JSON values, by the place at which they stand: what events bring in pieces is one text. */
class Texts {
  readonly #channels = new Map<string, string[]>()

  collect(value: JsonValue): void {
    walk(value, "", (channel, text) => {
      const pieces = this.#channels.get(channel)
      if (pieces === undefined) this.#channels.set(channel, [text])
      else pieces.push(text)
      return text
    })
  }

  changes(redactor: Redactor): Changes {
    const queues = new Map<string, string[]>()
    let count = 0
    for (const [channel, pieces] of this.#channels) {
      const found = redactor.find(pieces.length === 1 ? (pieces[0] ?? "") : pieces.join(""))
      if (found.length === 0) continue
      count += found.length
      let at = 0
      const changed = pieces.map((piece) => {
        const kept = without(piece, at, found)
        at += piece.length
        return kept
      })
      queues.set(channel, changed.toReversed())
    }
    return new Changes(queues, count)
  }
}

/** What the texts become, in the order in which they were collected. */
class Changes {
  readonly count: number
  readonly #queues: ReadonlyMap<string, string[]>

  constructor(queues: ReadonlyMap<string, string[]>, count: number) {
    this.#queues = queues
    this.count = count
  }

  applied(value: JsonValue): JsonValue {
    if (this.count === 0) return value
    return walk(value, "", (channel, text) => this.#queues.get(channel)?.pop() ?? text)
  }
}

/** The same value where no text changes. */
function walk(value: JsonValue, channel: string, change: (channel: string, text: string) => string): JsonValue {
  if (typeof value === "string") return change(channel, value)
  if (Array.isArray(value)) {
    const list = value as readonly JsonValue[]
    const changed = list.map((each, index) => walk(each, `${channel}/${index}`, change))
    return changed.every((each, index) => each === list[index]) ? list : changed
  }
  if (!isObject(value)) return value
  const own = CHANNEL.map((name) => word(value[name])).join(" ")
  const changed: Record<string, JsonValue> = {}
  let isSame = true
  for (const [name, member = null] of Object.entries(value)) {
    const place = `${channel}/${own}/${name}`
    const kept = walk(member, place, change)
    const shown = change(`${place}/`, name)
    if (kept !== member || shown !== name) isSame = false
    setOwn(changed, shown, kept)
  }
  return isSame ? value : changed
}

function word(value: JsonValue | undefined): string {
  return typeof value === "string" || typeof value === "number" ? String(value) : ""
}

const decoder = new TextDecoder()

function textOf(bytes: Uint8Array): string {
  return decoder.decode(bytes)
}

function jsonOf(text: string): JsonValue | undefined {
  try {
    return parseExact(text)
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

const USUAL_FRAME = /^(?:event: ?[a-z0-9_.]{0,64}\r?\n)?data:[^\r\n]*(?:\r?\n){0,2}$/

/** What was read of a text says the same as the text only then. */
function saysAllOnce(text: string, value: JsonValue): boolean {
  return scanObject(Buffer.from(`{"":${text}}`), Infinity).values === valuesIn(value)
}

const ESCAPE = /\\(?:\/|u00([2-7][0-9a-f])|[^])/gi

/** The same JSON, in which the characters of secrets stand as themselves. */
function withoutNeedlessEscapes(text: string): string {
  if (!text.includes("\\")) return text
  return text.replaceAll(ESCAPE, (escape, digits: string | undefined) => {
    if (escape === "\\/") return "/"
    const character = digits === undefined ? escape : String.fromCodePoint(Number.parseInt(digits, 16))
    return character === '"' || character === "\\" || character === "\u007f" ? escape : character
  })
}

function frameOf(name: string | null, value: JsonValue): string {
  return `${name === null ? "" : `event: ${name}\n`}data: ${JSON.stringify(value)}\n\n`
}

/** No character is cut. */
function characterEnd(bytes: Uint8Array, most: number): number {
  let end = most
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1
  return end
}
