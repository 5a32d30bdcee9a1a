/** Long texts in pieces. */

export interface Sizes {
  /** Of a text: about a millisecond of translation. */
  readonly pieceChars: number
  /** Of a member that no reader knows, from which on it is left out. */
  readonly longChars: number
}

/** No piece ends inside of a character. */
export function piecesOf(text: string, { pieceChars }: Sizes): readonly string[] {
  const pieces: string[] = []
  for (let from = 0; from < text.length;) {
    let to = Math.min(text.length, from + pieceChars)
    if (to < text.length && isHighSurrogate(text.charCodeAt(to - 1))) to++
    pieces.push(text.slice(from, to))
    from = to
  }
  return pieces.length === 0 ? [""] : pieces
}

function isHighSurrogate(code: number): boolean {
  return code >= 0xd800 && code <= 0xdbff
}
