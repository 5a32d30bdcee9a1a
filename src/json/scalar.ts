/** Numbers and literals of JSON: the offset behind them, or `-1 - offset` of a fault. */

const WORDS: Readonly<Record<number, string>> = { 116: "true", 102: "false", 110: "null" }

/** `true`, `false` or `null`, by the first byte. */
export function skipLiteral(bytes: Uint8Array, from: number): number {
  const word = WORDS[bytes[from] ?? 0] ?? ""
  for (let index = 0; index < word.length; index++)
    if (bytes[from + index] !== word.charCodeAt(index)) return -1 - (from + index)
  return from + word.length
}

export function skipNumber(bytes: Uint8Array, from: number): number {
  let at = bytes[from] === 45 ? from + 1 : from
  if (bytes[at] === 48) at++
  else at = skipDigits(bytes, at)
  if (at >= 0 && bytes[at] === 46) at = skipDigits(bytes, at + 1)
  if (at < 0) return at
  const exponent = bytes[at]
  if (exponent !== 101 && exponent !== 69) return at
  const sign = bytes[at + 1]
  return skipDigits(bytes, sign === 43 || sign === 45 ? at + 2 : at + 1)
}

/** A number with more is a fault. */
const MOST_DIGITS = 65_536

/** At least one. */
function skipDigits(bytes: Uint8Array, from: number): number {
  const last = from + MOST_DIGITS
  let at = from
  let byte = bytes[at]
  while (byte !== undefined && byte >= 48 && byte <= 57 && at < last) byte = bytes[++at]
  return at === from || at === last ? -1 - at : at
}
