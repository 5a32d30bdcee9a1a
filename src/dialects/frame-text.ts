/** Frames that a stream writer makes, as text. Where that is long it comes in pieces, so that no step on it takes long. */

/** Whole frames as one text, or as pieces that are made while they are taken. */
export type FrameText = string | LongText

export type TextPart = string | Iterable<string>

export class LongText implements Iterable<string> {
  readonly #parts: readonly TextPart[]
  readonly #outline: () => string

  /** `outline`: the same frames without their long texts. */
  constructor(parts: readonly TextPart[], outline: () => string) {
    this.#parts = parts
    this.#outline = outline
  }

  get outline(): string {
    return this.#outline()
  }

  /** Pieces of some ten thousand characters, or fewer. */
  *[Symbol.iterator](): Generator<string> {
    for (const part of this.#parts) {
      if (typeof part === "string") yield part
      else yield* part
    }
  }

  toString(): string {
    return [...this].join("")
  }
}

/** Texts in order, as one. */
export function oneText(texts: readonly FrameText[]): FrameText {
  const [only = ""] = texts
  if (texts.length < 2) return only
  if (texts.every((text) => typeof text === "string")) return texts.join("")
  return new LongText(texts, () => texts.map(outlineOf).join(""))
}

/** The same frames without their long texts. */
export function outlineOf(text: FrameText): string {
  return typeof text === "string" ? text : text.outline
}

/** Characters that are encoded in one step: less than a millisecond. */
const PORTION_CHARS = 1 << 17
const encoder = new TextEncoder()

/** The bytes of a text, a portion at a time. */
export function* portionsOf(text: FrameText): Generator<Uint8Array> {
  let portion = ""
  for (const piece of typeof text === "string" ? [text] : text) {
    portion += piece
    if (portion.length < PORTION_CHARS) continue
    yield encoder.encode(portion)
    portion = ""
  }
  if (portion !== "") yield encoder.encode(portion)
}
