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
import { heldFrom, restoreText, type Originals } from "./restore.ts"
import { EVERY, readEvent, type EventTexts, type Piece } from "./stream-texts.ts"

/** The beginning of what may become a placeholder, and the event that would say it. */
interface Held {
  readonly text: string
  readonly before: string
  readonly behind: string
}

/** As plain values. */
export type HeldTexts = ReadonlyMap<string, Held>

interface Edit {
  readonly start: number
  readonly end: number
  readonly text: string
}

export class StreamRestorer {
  readonly #dialect: DialectName
  readonly #originals: Originals
  readonly #held: Map<string, Held>

  constructor(dialect: DialectName, originals: Originals, held: HeldTexts = new Map()) {
    this.#dialect = dialect
    this.#originals = originals
    this.#held = new Map(held)
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
    if (json[start] !== OPEN_BRACE) return this.#behind(this.#end([EVERY]), frame)
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

  #addPiece(json: Buffer, { key, start, end, form, around }: Piece, { ended }: EventTexts, edits: Edit[]): void {
    const piece = stringAt(json, start, end)
    const text = (this.#held.get(key)?.text ?? "") + piece
    const to = ended.some((prefix) => key.startsWith(prefix)) ? text.length : heldFrom(text, this.#originals)
    if (to === text.length) this.#held.delete(key)
    else {
      const [before, behind] = around()
      this.#held.set(key, { text: text.slice(to), before, behind })
    }
    const restored = restoreText(text.slice(0, to), form, this.#originals)
    if (restored !== piece) edits.push({ start, end, text: restored })
  }

  /** The events that say what these texts still held. */
  #end(prefixes: readonly string[]): string {
    let events = ""
    if (this.#held.size === 0) return events
    for (const [key, { text, before, behind }] of this.#held) {
      if (!prefixes.some((prefix) => key.startsWith(prefix))) continue
      this.#held.delete(key)
      events += before + JSON.stringify(text) + behind
    }
    return events
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
