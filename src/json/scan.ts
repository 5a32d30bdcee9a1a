/**
 * One strict pass over a JSON object's bytes: the whole grammar (RFC 8259) is checked, but only the
 * place of each top-level member is kept. No value is built, so a 160 KB body costs a fraction of a parse.
 *
 * The functions return the offset behind what they skip, or `-1 - offset` of a fault: state in locals and plain
 * numbers is what keeps this fast.
 */
/* oxlint-disable typescript/no-non-null-assertion -- reading behind the end gives undefined, which is no byte that anything expects */
import { faultAt, JsonFault } from "./fault.ts"
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
import { utf8 } from "../text.ts"
import { skipLiteral, skipNumber } from "./scalar.ts"
import { ELEMENT_DEPTH, Notebook, type Notes } from "./notebook.ts"
import { usualKey } from "./usual-keys.ts"
import { mayBeKey, mayBeType, TYPE_LETTERS } from "./watched-names.ts"

/** Where a top-level member stands: `bytes.subarray(start, end)` is its value. */
export interface Member {
  readonly key: string
  /** First byte of the key's opening quote. */
  readonly keyStart: number
  readonly start: number
  readonly end: number
  /** Groups of watched names (`watched-names.ts`) that stand in the value. */
  readonly names: number
}

export interface ScannedObject extends Notes {
  readonly bytes: Uint8Array
  readonly members: readonly Member[]
  /** Offset of the object's closing brace. */
  readonly close: number
}

/**
 * Scans `bytes`, which must hold exactly one JSON object and white space.
 * UTF-8 validity is not checked here (`isUtf8` does it natively).
 * @throws JsonFault
 */
export function scanObject(bytes: Uint8Array, maxDepth: number): ScannedObject {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const members: Member[] = []
  const notes = new Notebook()
  let at = skipSpace(bytes, 0)
  if (bytes[at] !== OPEN_BRACE) notAnObject(bytes, view, at, maxDepth)
  at = skipSpace(bytes, at + 1)
  while (bytes[at] !== CLOSE_BRACE || members.length > 0) {
    const keyStart = at
    const keyEnd = sound(bytes[at] === QUOTE ? skipString(bytes, view, at + 1) : -1 - at, bytes, maxDepth)
    const start = skipSpace(bytes, sound(skipColon(bytes, keyEnd), bytes, maxDepth))
    notes.names = 0
    const end = sound(skipValue(bytes, view, start, maxDepth - 1, notes), bytes, maxDepth)
    members.push({ key: keyOf(bytes, keyStart, keyEnd), keyStart, start, end, names: notes.names })
    at = skipSpace(bytes, end)
    if (bytes[at] === CLOSE_BRACE) break
    if (bytes[at] !== COMMA) throw faultAt(bytes, at, maxDepth)
    at = skipSpace(bytes, at + 1)
  }
  const rest = skipSpace(bytes, at + 1)
  if (rest < bytes.length) throw faultAt(bytes, rest, maxDepth)
  const { elements, types, ids, pointers, marks } = notes
  return { bytes, members, close: at, elements, types, ids, pointers, marks }
}

/** A key with its escapes resolved. `start` and `end` enclose its quotes. */
function keyOf(bytes: Uint8Array, start: number, end: number): string {
  const usual = usualKey(bytes, start + 1, end - 1)
  if (usual !== null) return usual
  const text = utf8(bytes, start, end)
  return text.includes("\\") ? String(JSON.parse(text)) : text.slice(1, -1)
}

function sound(at: number, bytes: Uint8Array, maxDepth: number): number {
  if (at < 0) throw faultAt(bytes, -1 - at, maxDepth)
  return at
}

/** Something else than an object: told apart from broken JSON. */
function notAnObject(bytes: Uint8Array, view: DataView, from: number, maxDepth: number): never {
  const end = skipSpace(bytes, sound(skipValue(bytes, view, from, maxDepth, new Notebook()), bytes, maxDepth))
  if (end < bytes.length) throw faultAt(bytes, end, maxDepth)
  throw new JsonFault("not-an-object", 0, "expected a JSON object")
}

/**
 * One value of any kind, without recursion: nesting is bounded by `maxDepth`, not by the call stack.
 * Returns the offset behind it, or `-1 - offset` of a fault.
 */
export function skipValue(bytes: Uint8Array, view: DataView, from: number, maxDepth: number, notes: Notebook): number {
  const { stack } = notes
  let depth = 0
  let at = from
  for (;;) {
    const byte = bytes[at]
    if (byte === QUOTE) at = skipString(bytes, view, at + 1)
    else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      if (depth >= maxDepth) return -1 - at
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
    if (at < 0) return at
    // what ends here, or goes on
    for (;;) {
      if (depth === 0) return at
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
  }
}

/** A key, its colon and the space around: to the first byte of the value. */
function skipKey(bytes: Uint8Array, view: DataView, at: number, depth: number, notes: Notebook): number {
  if (bytes[at] !== QUOTE) return -1 - at
  const plain = skipPlain(bytes, view, at + 1)
  const end = bytes[plain] === QUOTE ? plain + 1 : skipString(bytes, view, plain)
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

function skipColon(bytes: Uint8Array, from: number): number {
  const at = skipSpace(bytes, from)
  return bytes[at] === COLON ? at + 1 : -1 - at
}

/** From behind the opening quote to behind the closing one. */
function skipString(bytes: Uint8Array, view: DataView, from: number): number {
  let at = from
  for (;;) {
    at = skipPlain(bytes, view, at)
    const byte = bytes[at]
    if (byte === QUOTE) return at + 1
    if (byte !== BACKSLASH) return -1 - at
    at = skipEscape(bytes, at + 1)
    if (at < 0) return at
  }
}

/** To the first byte that is none of plain text, four bytes a step. */
function skipPlain(bytes: Uint8Array, view: DataView, from: number): number {
  const last = bytes.length - 4
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
  while (at < bytes.length && isPlain(bytes[at]!)) at++
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

function skipSpace(bytes: Uint8Array, from: number): number {
  let at = from
  while (at < bytes.length && IS_SPACE[bytes[at]!] === 1) at++
  return at
}
