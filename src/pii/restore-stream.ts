/**
 * Restores a stream, event by event. A text waits only where it may be the beginning of a placeholder, and no other event
 * waits for it. However the text was cut into pieces, what leaves is what `restoreText` makes of the whole.
 */
import type { DialectName } from "../dialects/name.ts"
import { OPEN_BRACE } from "../json/bytes.ts"
import { searchable, skipSpace } from "../json/search.ts"
import { stringAt } from "../json/walk.ts"
import { readFields } from "../sse/fields.ts"
import { FrameSplitter } from "../sse/frames.ts"
import type { Place } from "./places.ts"
import { Beginnings, restoreText, type Originals } from "./restore.ts"
import { type Ended, type EventTexts, type Piece, readEvent } from "./stream-texts.ts"

/** The beginning of what may become a placeholder, and the event that would say it. */
interface Held {
  readonly text: string
  readonly before: string
  readonly behind: string
}

/** By the group and the key of its text, as plain values: of many, those that end are found without the others. */
export type HeldTexts = ReadonlyMap<string, ReadonlyMap<string, Held>>

const ALL: Ended = { all: true, groups: new Set(), keys: new Map() }

interface Edit {
  readonly start: number
  readonly end: number
  readonly text: string
}

export class StreamRestorer {
  readonly #dialect: DialectName
  readonly #originals: Originals
  readonly #beginnings: Beginnings
  readonly #held: Map<string, Map<string, Held>>

  constructor(dialect: DialectName, originals: Originals, held: HeldTexts = new Map()) {
    this.#dialect = dialect
    this.#originals = originals
    this.#beginnings = new Beginnings(originals)
    this.#held = new Map([...held].map(([group, texts]) => [group, new Map(texts)]))
  }

  get held(): HeldTexts {
    return this.#held
  }

  /** What leaves in place of one whole frame: often the same bytes. */
  frame(frame: Uint8Array): Uint8Array {
    const { event, data } = readFields(frame, 0, frame.length)
    if (data === null) return frame
    const json = searchable(Buffer.from(data))
    const start = skipSpace(json, 0)
    if (json[start] !== OPEN_BRACE) return this.#behind(this.#end(ALL), frame)
    const edits: Edit[] = []
    const texts = readEvent(json, start, this.#dialect, (place) => this.#addWhole(json, place, edits))
    for (const piece of texts.pieces) this.#addPiece(json, piece, texts, edits)
    const ended = this.#end(texts.ended)
    if (edits.length === 0) return this.#behind(ended, frame)
    const name = event === null ? "" : `event: ${event}\n`
    return this.#behind(ended, Buffer.from(`${name}data: ${edited(json, edits)}\n\n`))
  }

  #behind(before: string, frame: Uint8Array): Uint8Array {
    return before === "" ? frame : Buffer.concat([Buffer.from(before), frame])
  }

  #addWhole(json: Buffer, { start, end, kind, reasoning }: Place, edits: Edit[]): void {
    if (reasoning !== "none" || (kind !== "text" && kind !== "json")) return
    const text = stringAt(json, start, end)
    const restored = restoreText(text, kind, this.#originals)
    if (restored !== text) edits.push({ start, end, text: restored })
  }

  #addPiece(json: Buffer, piece: Piece, { ended }: EventTexts, edits: Edit[]): void {
    const { key, group, start, end, form, around } = piece
    const said = stringAt(json, start, end)
    const texts = this.#held.get(group)
    const text = (texts?.get(key)?.text ?? "") + said
    const isOver = ended.all || ended.groups.has(group) || ended.keys.has(key)
    const to = isOver ? text.length : this.#beginnings.heldFrom(text)
    if (to < text.length) {
      const [before, behind] = around()
      const held = { text: text.slice(to), before, behind }
      if (texts === undefined) this.#held.set(group, new Map([[key, held]]))
      else texts.set(key, held)
    } else if (texts?.delete(key) === true && texts.size === 0) this.#held.delete(group)
    const restored = restoreText(text.slice(0, to), form, this.#originals)
    if (restored !== said) edits.push({ start, end, text: restored })
  }

  /** The events that say what these texts still held. */
  #end({ all, groups, keys }: Ended): string {
    const held = this.#held
    if (held.size === 0) return ""
    const over: Held[] = []
    for (const group of all ? [...held.keys()] : groups) {
      over.push(...(held.get(group)?.values() ?? []))
      held.delete(group)
    }
    for (const [key, group] of keys) {
      const texts = held.get(group)
      const text = texts?.get(key)
      if (texts === undefined || text === undefined) continue
      over.push(text)
      texts.delete(key)
      if (texts.size === 0) held.delete(group)
    }
    return over.map(({ text, before, behind }) => before + JSON.stringify(text) + behind).join("")
  }
}

function edited(json: Buffer, edits: readonly Edit[]): string {
  let result = ""
  let at = 0
  for (const { start, end, text } of edits.toSorted((one, other) => one.start - other.start)) {
    result += json.toString("utf8", at, start) + JSON.stringify(text)
    at = end
  }
  // a line of the stream has no breaks, and JSON has them between its tokens alone
  return (result + json.toString("utf8", at)).replaceAll("\n", " ")
}

/** A whole stream. */
export function restoreStream(bytes: Uint8Array, dialect: DialectName, originals: Originals): Uint8Array {
  const restorer = new StreamRestorer(dialect, originals)
  const splitter = new FrameSplitter(Infinity)
  const pieces: Uint8Array[] = []
  splitter.push(bytes)
  while (splitter.next()) pieces.push(restorer.frame(splitter.bytes.subarray(splitter.start, splitter.end)))
  return Buffer.concat([...pieces, splitter.remainder()])
}
