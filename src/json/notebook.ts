/** What the scan notes on its way through the members of a body. */
import { BACKSLASH, CLOSE_BRACE, CLOSE_BRACKET, OPEN_BRACE, OPEN_BRACKET, QUOTE } from "./bytes.ts"
import { skipSpace } from "./search.ts"
import { HIDDEN, KEY, KEY_NAMES, TYPE, TYPE_NAMES, unescapeName } from "./watched-names.ts"

/** What stands inside of the members, as far as somebody wants to know. Offsets, each list in ascending order. */
export interface Notes {
  /** Where the elements of arrays begin that are values of members. */
  readonly elements: readonly number[]
  /** Values of keys `type` as deep as those of such elements. */
  readonly types: readonly number[]
  /** Values of keys `id`, likewise. */
  readonly ids: readonly number[]
  /** Values of keys that point at a file, at any depth. */
  readonly pointers: readonly number[]
  /** These, values of keys under which media stand, and values of keys `type` that name an image or a file. */
  readonly marks: readonly number[]
}

/** Of the keys of an object that is an element of a member's array. */
export const ELEMENT_DEPTH = 2
const NULL = 110
const LONGEST_TYPE = 40
const LONGEST_HIDDEN_TYPE = 240

export class Notebook implements Notes {
  /** The scan's own: what closes the containers that are open. */
  readonly stack: number[] = []
  /** Containers that may be open at once in a member's value. */
  readonly maxDepth: number
  /** Where the scan paused: how many containers were open, and whether a string was. */
  depth = 0
  isInString = false
  isTooDeep = false
  /** Values so far. */
  values = 0
  /** Groups of watched names that stand in the member so far. */
  names = 0
  readonly elements: number[] = []
  readonly types: number[] = []
  readonly ids: number[] = []
  readonly pointers: number[] = []
  readonly marks: number[] = []

  constructor(maxDepth: number) {
    this.maxDepth = maxDepth
  }

  /** The value of a member ends at an offset, which is returned. */
  ended(values: number, at: number): number {
    this.depth = 0
    this.isInString = false
    this.values += values
    return at
  }

  /** A container at an offset is one too many; the fault is returned. */
  tooDeep(at: number): number {
    this.isTooDeep = true
    return -1 - at
  }

  /** The scan stops inside of a value, and will go on. */
  pause(depth: number, values: number, isInString: boolean): void {
    this.depth = depth
    this.values += values
    this.isInString = isInString
  }

  /** A key between `start` and `end`, without its quotes, and where its value begins. That need not be valid JSON. */
  key(bytes: Uint8Array, start: number, end: number, value: number): void {
    this.#keep(KEY_NAMES.at(bytes, start, end), bytes, value)
  }

  /** A key with escapes in it; `start` and `end` enclose its quotes. */
  hiddenKey(bytes: Uint8Array, start: number, end: number, value: number, depth: number): void {
    const name = unescapeName(bytes, start, end)
    if (name === null) return
    if (name === "type") this.type(bytes, value)
    if (name === "type" && depth === ELEMENT_DEPTH) this.types.push(value)
    if (name === "id" && depth === ELEMENT_DEPTH) this.ids.push(value)
    const bit = KEY_NAMES.of(name)
    if (bit !== 0 || name === "type" || name === "id") this.names |= HIDDEN
    this.#keep(bit, bytes, value)
  }

  #keep(bit: number, bytes: Uint8Array, value: number): void {
    if (bit === 0 || !isFilled(bytes, value)) return
    this.names |= bit
    if (bit === KEY.fileId || bit === KEY.fileUrl) this.pointers.push(value)
    if ((bit & (KEY.fileId | KEY.fileUrl | KEY.media)) !== 0) this.marks.push(value)
  }

  type(bytes: Uint8Array, value: number): void {
    if (bytes[value] !== QUOTE) return
    const furthest = Math.min(bytes.length, value + LONGEST_TYPE)
    let end = value + 1
    while (end < furthest && bytes[end] !== QUOTE && bytes[end] !== BACKSLASH) end++
    const bit = bytes[end] === BACKSLASH ? hiddenType(bytes, value) : TYPE_NAMES.at(bytes, value + 1, end)
    this.names |= bit
    if ((bit & (TYPE.image | TYPE.file)) !== 0) this.marks.push(value)
  }
}

/** The string may be broken: the scan says so when it comes there. */
function hiddenType(bytes: Uint8Array, start: number): number {
  const furthest = Math.min(bytes.length, start + LONGEST_HIDDEN_TYPE)
  let end = start + 1
  while (end < furthest && bytes[end] !== QUOTE) end += bytes[end] === BACKSLASH ? 2 : 1
  if (end >= furthest) return 0
  try {
    const bit = TYPE_NAMES.of(unescapeName(bytes, start, end + 1) ?? "")
    return bit === 0 ? 0 : bit | HIDDEN
  } catch {
    return 0
  }
}

function isFilled(bytes: Uint8Array, at: number): boolean {
  const first = bytes[at]
  if (first === QUOTE) return bytes[at + 1] !== QUOTE
  if (first === OPEN_BRACKET) return bytes[skipSpace(bytes, at + 1)] !== CLOSE_BRACKET
  if (first === OPEN_BRACE) return bytes[skipSpace(bytes, at + 1)] !== CLOSE_BRACE
  return first !== NULL
}
