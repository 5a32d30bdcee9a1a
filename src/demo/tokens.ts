/** The demo's idea of a token: four characters. Its texts are plain prose, so the figures look right. */
const CHARACTERS_PER_TOKEN = 4

export function countTokens(text: string): number {
  return Math.ceil(text.length / CHARACTERS_PER_TOKEN)
}

/** The first `tokens` tokens of `text`; never half a character. */
export function cutToTokens(text: string, tokens: number): string {
  const cut = text.slice(0, tokens * CHARACTERS_PER_TOKEN)
  return cut.isWellFormed() ? cut : cut.slice(0, -1)
}

/** `text` in pieces of about `words` words, white space kept: joined again they are `text`. */
export function piecesOf(text: string, words: number): readonly string[] {
  const tokens = text.match(/\s*\S+|\s+$/gu) ?? []
  const pieces: string[] = []
  for (let start = 0; start < tokens.length; start += words) pieces.push(tokens.slice(start, start + words).join(""))
  return pieces
}

/** `text` in pieces of `length` characters, for arguments and encoded values. */
export function slicesOf(text: string, length: number): readonly string[] {
  return text.match(new RegExp(`[^]{1,${length}}`, "gu")) ?? []
}
