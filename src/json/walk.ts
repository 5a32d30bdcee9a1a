/**
 * Walks through JSON that is known to be valid, as far as somebody wants to see it. What is only stepped over costs little:
 * strings end where a native search finds the next quote. Offsets in, offsets out.
 */
import { BACKSLASH, CLOSE_BRACE, CLOSE_BRACKET, COMMA, OPEN_BRACE, OPEN_BRACKET, QUOTE } from "./bytes.ts"
import { skipSpace } from "./search.ts"
import { utf8 } from "../text.ts"

/** Calls `visit` with the offset of each element until it returns -1; else it returns where the element ends. */
export function eachItem(json: Buffer, list: number, visit: (item: number) => number): number {
  let at = skipSpace(json, list + 1)
  while (json[at] !== CLOSE_BRACKET) {
    at = visit(at)
    if (at < 0) return at
    at = skipSpace(json, at)
    if (json[at] === COMMA) at = skipSpace(json, at + 1)
  }
  return at + 1
}

/**
 * Calls `visit` with each key and the offset of its value until it returns -1; else it returns where the value ends.
 * `keyStart`: of the key's opening quote.
 */
export function eachMember(
  json: Buffer,
  object: number,
  visit: (key: string, value: number, keyStart: number) => number,
): number {
  let at = skipSpace(json, object + 1)
  while (json[at] !== CLOSE_BRACE) {
    const end = endOf(json, at)
    const value = skipSpace(json, skipSpace(json, end) + 1)
    at = visit(stringAt(json, at, end), value, at)
    if (at < 0) return at
    at = skipSpace(json, at)
    if (json[at] === COMMA) at = skipSpace(json, at + 1)
  }
  return at + 1
}

/** The string between the quotes at `start` and before `end`. */
export function stringAt(json: Uint8Array, start: number, end: number): string {
  const text = utf8(json, start, end)
  return text.includes("\\") ? String(JSON.parse(text)) : text.slice(1, -1)
}

/** Where the value ends that begins at `start`. */
export function endOf(json: Buffer, start: number): number {
  const first = json[start]
  if (first === QUOTE) return endOfString(json, start)
  if (first === OPEN_BRACE || first === OPEN_BRACKET) return endOfContainer(json, start)
  let at = start
  while (at < json.length && !endsScalar(json[at])) at++
  return at
}

function endsScalar(byte: number | undefined): boolean {
  return byte === COMMA || byte === CLOSE_BRACE || byte === CLOSE_BRACKET || (byte !== undefined && byte <= 32)
}

function endOfContainer(json: Buffer, start: number): number {
  let depth = 0
  let at = start
  do {
    const byte = json[at]
    if (byte === QUOTE) {
      at = endOfString(json, at)
      continue
    }
    if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth++
    else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) depth--
    at++
  } while (depth > 0)
  return at
}

/** A text with many quotes in it is not searched for each of them. */
const FEW = 4

function endOfString(json: Buffer, start: number): number {
  let at = start + 1
  for (let count = 0; count < FEW; count++) {
    const quote = json.indexOf(QUOTE, at)
    let slashes = quote
    while (json[slashes - 1] === BACKSLASH) slashes--
    if ((quote - slashes) % 2 === 0) return quote + 1
    at = quote + 1
  }
  while (json[at] !== QUOTE) at += json[at] === BACKSLASH ? 2 : 1
  return at + 1
}
