/**
 * Steps over JSON, checking its whole grammar. The functions return the offset behind what they skip, or `-1 - offset` of a
 * fault: state in locals and plain numbers is what keeps this fast.
 */
/* oxlint-disable typescript/no-non-null-assertion -- reading behind the end gives undefined, which is no byte that anything expects */
import {
  BACKSLASH,
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COLON,
  COMMA,
  IS_ESCAPE,
  IS_HEX,
  IS_SPACE,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
} from "./bytes.ts"
import { ELEMENT_DEPTH, type Notebook } from "./notebook.ts"
import { skipLiteral, skipNumber } from "./scalar.ts"
import { mayBeKey, mayBeType, TYPE_LETTERS } from "./watched-names.ts"

/** What the functions below return where they stopped at `pausedAt`, at or behind the offset that they were given to stop at. */
export const PAUSED = -0x7fffffff
let pausedAt = 0

/** Where the last of these functions that returned `PAUSED` stopped. */
export function pausedOffset(): number {
  return pausedAt
}

/**
 * One value of any kind, without recursion: nesting is bounded by `notes.maxDepth`, not by the call stack.
 * Returns the offset behind it, `-1 - offset` of a fault, or `PAUSED`: then `notes` know how to go on.
 */
export function skipValue(bytes: Uint8Array, view: DataView, from: number, notes: Notebook, stop: number): number {
  const { stack, maxDepth } = notes
  let { depth, isInString } = notes
  let values = 0
  let at = from
  for (;;) {
    const byte = bytes[at]
    values++
    if (byte === QUOTE && !isInString) at = skipString(bytes, view, at + 1, stop)
    else if (isInString) {
      at = skipString(bytes, view, at, stop)
      isInString = false
    } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      if (depth >= maxDepth) return notes.tooDeep(at)
      const inner = skipSpace(bytes, at + 1)
      const close = byte === OPEN_BRACE ? CLOSE_BRACE : CLOSE_BRACKET
      if (bytes[inner] === close) at = inner + 1
      else {
        stack[depth++] = close
        if (byte === OPEN_BRACE) at = skipKey(bytes, view, inner, depth, notes)
        else {
          at = inner
          if (depth === 1) notes.elements.push(at)
        }
        if (at < 0) return at
        continue
      }
    } else at = byte === 116 || byte === 102 || byte === 110 ? skipLiteral(bytes, at) : skipNumber(bytes, at)
    if (at < 0) {
      // a value that is not at its end is counted when it goes on
      if (at === PAUSED) notes.pause(depth, values - 1, true)
      return at
    }
    // what ends here, or goes on
    for (;;) {
      if (depth === 0) return notes.ended(values, at)
      at = skipSpace(bytes, at)
      const next = bytes[at]
      const close = stack[depth - 1]
      if (next === close) {
        at++
        depth--
        continue
      }
      if (next !== COMMA) return -1 - at
      at = skipSpace(bytes, at + 1)
      if (close === CLOSE_BRACE) at = skipKey(bytes, view, at, depth, notes)
      else if (depth === 1) notes.elements.push(at)
      break
    }
    if (at < 0) return at
    if (at >= stop) {
      notes.pause(depth, values, false)
      pausedAt = at
      return PAUSED
    }
  }
}

/** A key, its colon and the space around: to the first byte of the value. */
function skipKey(bytes: Uint8Array, view: DataView, at: number, depth: number, notes: Notebook): number {
  if (bytes[at] !== QUOTE) return -1 - at
  const plain = skipPlain(bytes, view, at + 1, bytes.length)
  const end = bytes[plain] === QUOTE ? plain + 1 : endOfKey(bytes, view, plain)
  if (end < 0) return end
  const colon = skipColon(bytes, end)
  if (colon < 0) return colon
  const value = skipSpace(bytes, colon)
  const length = plain - at - 1
  if (end !== plain + 1) notes.hiddenKey(bytes, at, end, value, depth)
  else if (length === 4 && view.getInt32(at + 1, true) === TYPE_LETTERS) {
    if (depth === ELEMENT_DEPTH) notes.types.push(value)
    if (mayBeType(view, value)) notes.type(bytes, value)
  } else if (length === 2) {
    if (depth === ELEMENT_DEPTH && bytes[at + 1] === 105 && bytes[at + 2] === 100) notes.ids.push(value)
  } else if (mayBeKey(bytes, at + 1, length, notes.names)) notes.key(bytes, at + 1, plain, value)
  return value
}

export function skipColon(bytes: Uint8Array, from: number): number {
  const at = skipSpace(bytes, from)
  return bytes[at] === COLON ? at + 1 : -1 - at
}

/** From behind the opening quote, or from inside, to behind the closing one; may pause at `stop`. */
function skipString(bytes: Uint8Array, view: DataView, from: number, stop: number): number {
  let at = from
  for (;;) {
    at = skipPlain(bytes, view, at, stop)
    const byte = bytes[at]
    if (byte === QUOTE) return at + 1
    if (at >= stop && at < bytes.length) {
      pausedAt = at
      return PAUSED
    }
    if (byte !== BACKSLASH) return -1 - at
    at = skipEscape(bytes, at + 1)
    if (at < 0) return at
  }
}

/** A longer key is a fault where it gets too long. */
const LONGEST_KEY_BYTES = 65_536

export function endOfKey(bytes: Uint8Array, view: DataView, from: number): number {
  const end = skipString(bytes, view, from, Math.min(bytes.length, from + LONGEST_KEY_BYTES))
  return end === PAUSED ? -1 - pausedAt : end
}

/** To the first byte that is none of plain text, or to `stop`, four bytes a step. */
function skipPlain(bytes: Uint8Array, view: DataView, from: number, stop: number): number {
  const last = stop - 4
  let at = from
  while (at <= last) {
    const x = view.getInt32(at, true)
    const quote = x ^ 0x22222222
    const slash = x ^ 0x5c5c5c5c
    // the classic "has a byte less than" and "has a zero byte" tests; the lowest hit is always a true one
    const hits =
      ((((x - 0x20202020) | 0) & ~x) | (((quote - 0x01010101) | 0) & ~quote) | (((slash - 0x01010101) | 0) & ~slash)) &
      0x80808080
    if (hits !== 0) return at + ((31 - Math.clz32(hits & -hits)) >> 3)
    at += 4
  }
  while (at < stop && isPlain(bytes[at]!)) at++
  return at
}

function isPlain(byte: number): boolean {
  return byte >= 32 && byte !== QUOTE && byte !== BACKSLASH
}

/** `at` stands behind the backslash. */
function skipEscape(bytes: Uint8Array, at: number): number {
  const byte = bytes[at]
  if (byte === undefined) return -1 - at
  if (IS_ESCAPE[byte] === 1) return at + 1
  if (byte !== 117) return -1 - at
  for (let digit = at + 1; digit < at + 5; digit++) if (IS_HEX[bytes[digit] ?? 0] !== 1) return -1 - digit
  return at + 5
}

export function skipSpace(bytes: Uint8Array, from: number): number {
  return from < bytes.length && IS_SPACE[bytes[from]!] === 1 ? endOfSpace(bytes, from + 1) : from
}

/** A longer run of white space is a fault. */
const LONGEST_SPACE_BYTES = 1 << 20

function endOfSpace(bytes: Uint8Array, from: number): number {
  const last = Math.min(bytes.length, from + LONGEST_SPACE_BYTES)
  let at = from
  while (at < last && IS_SPACE[bytes[at]!] === 1) at++
  return at
}
