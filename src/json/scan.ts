/**
 * One strict pass over a JSON object's bytes: the whole grammar (RFC 8259) is checked, but only the
 * place of each top-level member is kept. No value is built, so a 160 KB body costs a fraction of a parse.
 */
import { CLOSE_BRACE, COMMA, OPEN_BRACE, QUOTE } from "./bytes.ts"
import { faultAt, JsonFault } from "./fault.ts"
import { Notebook, type Notes } from "./notebook.ts"
import { endOfKey, PAUSED, pausedOffset, skipColon, skipSpace, skipValue } from "./skip.ts"
import { utf8 } from "../text.ts"
import { usualKey } from "./usual-keys.ts"

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
  /** JSON values at any depth. */
  readonly values: number
}

/** How much there may be in an object. */
export interface ScanBounds {
  readonly maxDepth: number
  /** JSON values of any kind at any depth: what later passes do is linear in it, beside the bytes. */
  readonly maxValues: number
  /** Members of the object itself. */
  readonly maxMembers: number
}

/**
 * Scans `bytes`, which must hold exactly one JSON object and white space.
 * UTF-8 validity is not checked here (`isUtf8` does it natively).
 * @throws JsonFault
 */
export function scanObject(bytes: Uint8Array, maxDepth: number): ScannedObject {
  return scanBounded(bytes, { maxDepth, maxValues: Infinity, maxMembers: Infinity })
}

/** As `scanObject`, for what comes from outside. @throws JsonFault */
export function scanBounded(bytes: Uint8Array, bounds: ScanBounds): ScannedObject {
  const scan = new ObjectScan(bytes, bounds)
  scan.run(bytes.length)
  return scan.result()
}

/** A scan that may stop at any value and inside of strings, and go on later. */
export class ObjectScan {
  private readonly bytes: Uint8Array
  private readonly view: DataView
  private readonly bounds: ScanBounds
  private readonly members: Member[] = []
  private readonly notes: Notebook
  private at = 0
  /** The member whose value is being scanned; -1: none is. */
  private keyStart = -1
  private keyEnd = 0
  private start = 0
  private close = -1

  constructor(bytes: Uint8Array, bounds: ScanBounds) {
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    this.bounds = bounds
    this.notes = new Notebook(bounds.maxDepth - 1)
  }

  /** Scans to about the offset `stop`; true: to the end. @throws JsonFault */
  run(stop: number): boolean {
    const { bytes, view, notes, members } = this
    const { maxValues, maxMembers } = this.bounds
    let { at, keyStart, keyEnd, start } = this
    let isResumed = keyStart >= 0
    if (!isResumed) at = this.open()
    while (isResumed || bytes[at] !== CLOSE_BRACE || members.length > 0) {
      if (!isResumed) {
        keyStart = at
        keyEnd = sound(bytes[at] === QUOTE ? endOfKey(bytes, view, at + 1) : -1 - at, bytes, notes)
        start = skipSpace(bytes, sound(skipColon(bytes, keyEnd), bytes, notes))
        notes.names = 0
        at = start
      }
      isResumed = false
      const end = skipValue(bytes, view, at, notes, stop)
      if (notes.values > maxValues || members.length === maxMembers) this.tooMany(keyStart, keyEnd)
      if (end === PAUSED && stop < bytes.length) return this.pause(keyStart, keyEnd, start)
      const behind = sound(end === PAUSED ? -1 - pausedOffset() : end, bytes, notes)
      members.push({ key: keyOf(bytes, keyStart, keyEnd), keyStart, start, end: behind, names: notes.names })
      at = skipSpace(bytes, behind)
      if (bytes[at] === CLOSE_BRACE) break
      if (bytes[at] !== COMMA) throw faultAt(bytes, at)
      at = skipSpace(bytes, at + 1)
    }
    return this.finish(at)
  }

  /** Behind the last `run`. */
  result(): ScannedObject {
    const { bytes, members, close } = this
    const { elements, types, ids, pointers, marks, values } = this.notes
    return { bytes, members, close, values, elements, types, ids, pointers, marks }
  }

  private open(): number {
    const { bytes } = this
    const at = skipSpace(bytes, 0)
    if (bytes[at] !== OPEN_BRACE) notAnObject(bytes, this.view, at, this.bounds.maxDepth)
    return skipSpace(bytes, at + 1)
  }

  private pause(keyStart: number, keyEnd: number, start: number): false {
    this.at = pausedOffset()
    this.keyStart = keyStart
    this.keyEnd = keyEnd
    this.start = start
    return false
  }

  private finish(close: number): true {
    this.close = close
    const rest = skipSpace(this.bytes, close + 1)
    if (rest < this.bytes.length) throw faultAt(this.bytes, rest)
    return true
  }

  private tooMany(keyStart: number, keyEnd: number): never {
    const { maxValues, maxMembers } = this.bounds
    const [most, what] = this.notes.values > maxValues ? [maxValues, "values"] : [maxMembers, "top-level members"]
    const key = keyOf(this.bytes, keyStart, keyEnd)
    throw new JsonFault("too-many", keyStart, `more than ${most} ${what}`, key)
  }
}

/** A key with its escapes resolved. `start` and `end` enclose its quotes. */
function keyOf(bytes: Uint8Array, start: number, end: number): string {
  const usual = usualKey(bytes, start + 1, end - 1)
  if (usual !== null) return usual
  const text = utf8(bytes, start, end)
  return text.includes("\\") ? String(JSON.parse(text)) : text.slice(1, -1)
}

function sound(at: number, bytes: Uint8Array, notes: Notebook): number {
  if (at >= 0) return at
  if (notes.isTooDeep) throw new JsonFault("depth", -1 - at, "nested too deeply")
  throw faultAt(bytes, -1 - at)
}

/** What is larger is not looked at in order to say what else is wrong with it. */
const LARGEST_OTHER_BYTES = 1 << 20

/** Something else than an object: told apart from broken JSON. */
function notAnObject(bytes: Uint8Array, view: DataView, from: number, maxDepth: number): never {
  if (bytes.length <= LARGEST_OTHER_BYTES) {
    const notes = new Notebook(maxDepth)
    const end = skipValue(bytes, view, from, notes, bytes.length)
    const rest = skipSpace(bytes, sound(end === PAUSED ? -1 - pausedOffset() : end, bytes, notes))
    if (rest < bytes.length) throw faultAt(bytes, rest)
  }
  throw new JsonFault("not-an-object", 0, "expected a JSON object")
}
