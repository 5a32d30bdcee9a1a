/**
 * The files and images of a conversation: how many bytes of it are such files in base64, which cost far fewer tokens than
 * text of their length, and whether some stand elsewhere. Only what stands in a file's place, says its type once and is no
 * text counts as a file: whatever else passed for one would be reserved at a fraction. Elements that the scan has not
 * marked are not looked at.
 */
import { OPEN_BRACE, OPEN_BRACKET, QUOTE } from "../json/bytes.ts"
import type { Member, ScannedObject } from "../json/scan.ts"
import { searchable } from "../json/search.ts"
import { countWithin, indexFrom } from "../json/sorted.ts"
import { eachItem, eachMember, endOf, stringAt } from "../json/walk.ts"
import { latin1 } from "../text.ts"

export interface FileCounts {
  readonly images: number
  readonly encodedBytes: number
  /** Those of images among them. */
  readonly encodedImageBytes: number
  /** Something points at a file that is not in the body. */
  readonly isElsewhere: boolean
  /** Strings in places of files, whatever type their part says, that may be addresses: where their quotes open and close. */
  readonly addresses: readonly Span[]
  /** There is so much that nobody knows what else stands there. */
  readonly isOver: boolean
}

export interface Span {
  readonly start: number
  readonly end: number
}

/** Where a part has its file: under a key, or under a key of the object there. */
export interface Place {
  readonly key: string
  readonly inner: string | null
  /** `url`: a data URL, or an address. `media`: base64 of what the part's type says. `file`: either, of any kind. */
  readonly holds: "url" | "media" | "file"
  /** No server fetches what stands there. */
  readonly isOnlyData?: true
}

export interface FileRules {
  /** Those of the types below that are images. */
  readonly images: ReadonlySet<string>
  /** By the type of the part. */
  readonly places: ReadonlyMap<string, readonly Place[]>
  /** Keys under which parts stand, in messages, items and other parts. */
  readonly inside: ReadonlySet<string>
  /** Keys whose values are the caller's own JSON, in which nobody looks for parts. */
  readonly free: ReadonlySet<string>
  /** Top-level members in which something else than the conversation may point at media. */
  readonly beside: readonly string[]
  /** In which parts they are that. `type`: null where a part says none, or several. */
  isFree(type: string | null): boolean
}

export const NO_FILES: FileCounts = {
  images: 0,
  encodedBytes: 0,
  encodedImageBytes: 0,
  isElsewhere: false,
  addresses: [],
  isOver: false,
}
/** Parts in parts in parts: nobody nests deeper. */
const DEEPEST = 32
/** Nobody has thousands of files in a call. Whoever seems to have them is taken to have the worst. */
const MOST_STEPS = 50_000

/** `members`: those that hold conversation. Of two of one name nobody knows which one counts. */
export function filesIn(body: ScannedObject, members: readonly Member[], rules: FileRules): FileCounts {
  const walk = new FileWalk(body, rules)
  let pointers = 0
  for (const member of members) {
    pointers += countWithin(body.pointers, member.start, member.end)
    walk.member(member)
  }
  if (walk.isOver) return { ...NO_FILES, images: walk.images + body.marks.length, isElsewhere: true, isOver: true }
  const isDoubled = new Set(members.map(({ key }) => key)).size < members.length
  return {
    images: walk.images,
    encodedBytes: isDoubled ? 0 : walk.encodedBytes,
    encodedImageBytes: isDoubled ? 0 : walk.encodedImageBytes,
    isElsewhere: walk.isElsewhere || pointers > walk.freePointers,
    addresses: walk.addresses,
    isOver: walk.isTooDeep,
  }
}

/** Addresses in `members`, which hold no conversation but may point at media as well. An object is looked through whole. */
export function addressesBeside(
  body: ScannedObject,
  members: readonly Member[],
  rules: FileRules,
): Pick<FileCounts, "addresses" | "isOver"> {
  const walk = new FileWalk(body, rules)
  for (const member of members) {
    if (body.bytes[member.start] === OPEN_BRACE) walk.whole(member)
    else walk.member(member)
  }
  return { addresses: walk.addresses, isOver: walk.isOver || walk.isTooDeep }
}

/** A member of a part that may be a file's place, or of the caller's own. */
interface Inside {
  readonly key: string
  readonly start: number
  readonly end: number
  /** Strings in it, where it is an object that may hold a file. */
  readonly strings: readonly Inside[]
}

/** What was read of one part. */
interface Part {
  /** How often it says its type; the last one; all of them that have a file. */
  said: number
  type: string | null
  readonly types: Set<string>
  readonly members: Inside[]
}

class FileWalk {
  images = 0
  encodedBytes = 0
  encodedImageBytes = 0
  isElsewhere = false
  /** Pointers in JSON of the caller's own. */
  freePointers = 0
  isTooDeep = false
  readonly addresses: Span[] = []
  readonly #body: ScannedObject
  readonly #json: Buffer
  readonly #rules: FileRules
  /** Under which a part may have its file. */
  readonly #byKey: Map<string, Place[]> = new Map()
  #steps = 0
  #isWhole = false

  constructor(body: ScannedObject, rules: FileRules) {
    this.#body = body
    this.#json = searchable(body.bytes)
    this.#rules = rules
    for (const place of [...rules.places.values()].flat()) {
      const known = this.#byKey.get(place.key) ?? []
      if (!known.some(({ inner }) => inner === place.inner)) this.#byKey.set(place.key, [...known, place])
    }
  }

  /** It was too much: nothing is known of the rest. */
  get isOver(): boolean {
    return this.#steps > MOST_STEPS
  }

  member({ start, end }: Member): void {
    const { elements, marks } = this.#body
    let seen = start
    for (let index = indexFrom(marks, start); (marks[index] ?? end) < end; index++) {
      const element = elements[indexFrom(elements, marks[index] ?? 0) - 1] ?? 0
      if (this.isOver) return
      if (element <= seen) continue
      seen = element
      this.#parts(element, 0)
    }
  }

  whole({ start }: Member): void {
    this.#isWhole = true
    this.#parts(start, 0)
  }

  /** A part, a list of parts, or something else. Returns where it ends; this and all below: -1 when it is too much. */
  #parts(at: number, depth: number): number {
    if (this.#steps++ > MOST_STEPS) return -1
    this.isTooDeep ||= depth > DEEPEST
    if (depth > DEEPEST) return endOf(this.#json, at)
    const first = this.#json[at]
    if (first === OPEN_BRACE) return this.#part(at, depth)
    return first === OPEN_BRACKET
      ? eachItem(this.#json, at, (item) => this.#parts(item, depth + 1))
      : endOf(this.#json, at)
  }

  #part(at: number, depth: number): number {
    const part: Part = { said: 0, type: null, types: new Set(), members: [] }
    const end = eachMember(this.#json, at, (key, start) => this.#member(key, start, depth, part))
    let isImage = false
    for (const type of part.types) isImage ||= this.#rules.images.has(type)
    if (isImage) this.images++
    this.#judge(part, isImage)
    this.#collect(part.members)
    return end
  }

  #member(key: string, start: number, depth: number, part: Part): number {
    if (this.#steps++ > MOST_STEPS) return -1
    const isPlace = this.#byKey.has(key)
    const strings: Inside[] = []
    const end =
      isPlace && this.#json[start] === OPEN_BRACE
        ? this.#strings(start, depth, strings)
        : this.#other(key, start, depth)
    if (isPlace || this.#rules.free.has(key)) part.members.push({ key, start, end, strings })
    if (key !== "type") return end
    part.said++
    part.type = this.#json[start] === QUOTE ? stringAt(this.#json, start, end) : null
    if (part.type !== null && this.#rules.places.has(part.type)) part.types.add(part.type)
    return end
  }

  #other(key: string, start: number, depth: number): number {
    return this.#isWhole || this.#rules.inside.has(key) ? this.#parts(start, depth + 1) : endOf(this.#json, start)
  }

  /** Of an object that may hold a file; sources of documents hold parts as well. */
  #strings(object: number, depth: number, found: Inside[]): number {
    return eachMember(this.#json, object, (key, start) => {
      if (this.#steps++ > MOST_STEPS) return -1
      const end = this.#other(key, start, depth)
      if (this.#json[start] === QUOTE) found.push({ key, start, end, strings: [] })
      return end
    })
  }

  #judge({ said, type: last, types, members }: Part, isImage: boolean): void {
    if (this.#rules.isFree(said === 1 ? last : null))
      for (const { key, start, end } of members)
        if (this.#rules.free.has(key)) this.freePointers += countWithin(this.#body.pointers, start, end)
    for (const type of types)
      for (const place of this.#rules.places.get(type) ?? []) {
        const found = members.filter(({ key }) => key === place.key)
        for (const inside of found) this.#file(inside, place, isImage, said === 1 && found.length === 1)
      }
  }

  #file(inside: Inside, { inner, holds }: Place, isImage: boolean, isSure: boolean): void {
    if (inner === null) {
      if (this.#json[inside.start] === QUOTE) this.#text(inside, holds, isImage, isSure)
      return
    }
    const kinds = inside.strings.filter(({ key }) => key === "type")
    const isText = kinds.some(({ start, end }) => stringAt(this.#json, start, end) === "text")
    const found = inside.strings.filter(({ key }) => key === inner)
    const isOne = isSure && found.length === 1 && kinds.length < 2 && !isText
    for (const text of found) this.#text(text, isText ? "media" : holds, isImage, isOne)
  }

  /** A server may go by the place alone, without a look at the type. */
  #collect(members: readonly Inside[]): void {
    for (const inside of members)
      for (const { inner, holds, isOnlyData } of this.#byKey.get(inside.key) ?? []) {
        if (isOnlyData === true) continue
        const texts = inner === null ? [inside] : inside.strings.filter(({ key }) => key === inner)
        for (const text of texts) if (this.#mayBeAddress(text, holds)) this.addresses.push(text)
      }
  }

  #mayBeAddress({ start, end }: Span, holds: Place["holds"]): boolean {
    if (this.#json[start] !== QUOTE) return false
    const head = this.#head(start, end)
    return !IS_DATA.test(head) && (holds === "url" || NOT_BASE64.test(head))
  }

  #head(start: number, end: number): string {
    return latin1(this.#json, start + 1, Math.min(end - 1, start + LONGEST_HEAD)).replaceAll("\\/", "/")
  }

  /** The string stands in a file's place. */
  #text({ start, end }: Inside, holds: Place["holds"], isImage: boolean, isSure: boolean): void {
    const head = this.#head(start, end)
    if (!isImage && (holds === "url" ? !IS_DATA.test(head) : holds === "file" && ADDRESS.test(head)))
      this.isElsewhere = true
    const url = holds === "media" ? null : DATA_URL.exec(head)
    const isMedia = url !== null || holds === "media" || (holds === "file" && MEDIA_START.test(head))
    const before = url?.[0].length ?? 0
    if (!isSure || !isMedia || head.includes(" ", before)) return
    this.encodedBytes += end - start - 2 - before
    if (isImage) this.encodedImageBytes += end - start - 2 - before
  }
}

const LONGEST_HEAD = 400
const NOT_BASE64 = /[.:\\]/
const IS_DATA = /^\s*data:/i
/** Some servers take one in the place of the data; it may be written with escapes. */
const ADDRESS = /^[^,;]{0,40}:\/\/|\\u/
/** Of what is no text. */
const DATA_URL = /^data:(?:image\/|audio\/|video\/|application\/pdf)[^,"]*;base64,/i
/** PDF, PNG, JPEG, GIF, WebP and WAV. */
const MEDIA_START = /^(?:JVBERi0|iVBORw0|\/9j\/|R0lGOD|UklGR)/
