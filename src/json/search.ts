/**
 * Native searches in JSON that is known to be valid. A string token with its two quotes is found only where it really is one:
 * inside of another string its quotes would be escaped. Tokens that are spelled with escapes (`"\u0069mage"`) are not found.
 */
import { BACKSLASH, COLON, IS_SPACE } from "./bytes.ts"

/** The token with its quotes, to be searched for many times. */
export function token(text: string): Buffer {
  return Buffer.from(JSON.stringify(text))
}

/** The same bytes, with the native searches. */
export function searchable(bytes: Uint8Array, start: number = 0, end: number = bytes.length): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start)
}

/** Where `wanted` begins at or behind `from`; -1: nowhere. */
function nextToken(json: Buffer, wanted: Buffer, from: number): number {
  let at = json.indexOf(wanted, from)
  while (at > 0 && json[at - 1] === BACKSLASH) at = json.indexOf(wanted, at + 1)
  return at
}

/** Does an object say that it is of this type: `"type": <wanted>`? */
export function hasTyped(json: Buffer, wanted: Buffer): boolean {
  for (let at = nextToken(json, wanted, 0); at >= 0; at = nextToken(json, wanted, at + 1)) {
    if (isValueOf(json, TYPE, at)) return true
  }
  return false
}

const TYPE = token("type")

function isValueOf(json: Buffer, key: Buffer, at: number): boolean {
  const colon = skipSpaceBack(json, at - 1)
  if (json[colon] !== COLON) return false
  const end = skipSpaceBack(json, colon - 1) + 1
  return end >= key.length && json.compare(key, 0, key.length, end - key.length, end) === 0
}

export function skipSpace(json: Uint8Array, from: number): number {
  let at = from
  while (IS_SPACE[json[at] ?? 0] === 1) at++
  return at
}

function skipSpaceBack(json: Uint8Array, from: number): number {
  let at = from
  while (IS_SPACE[json[at] ?? 0] === 1) at--
  return at
}
