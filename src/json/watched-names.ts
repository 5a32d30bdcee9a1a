/**
 * Names whose presence in a request decides something: where files, images, tools and stored state may stand. The scan notes
 * them on its way, however they are spelled, so that nobody has to search a body for them. Each group of names is a bit.
 */
import { utf8 } from "../text.ts"

/** Keys below the top level, with a value that is neither null nor empty. */
const KEYS = {
  fileId: ["file_id", "file_ids"],
  fileUrl: ["file_url"],
  /** Where media stand, also in parts that say no type. */
  media: ["image_url", "video_url", "audio_url", "document_url", "input_audio", "file_data"],
  container: ["container", "container_id"],
  toolCalls: ["tool_calls", "tool_call_id", "function_call"],
  callId: ["call_id"],
  details: ["reasoning_details"],
  encrypted: ["encrypted_content"],
  signature: ["signature"],
  audio: ["audio"],
} as const

const FILE_TYPES = [
  "document",
  "document_url",
  "file",
  "input_file",
  "input_audio",
  "audio_url",
  "input_video",
  "video_url",
  "video",
]

/** Values of keys `type`, likewise. */
const TYPES = {
  image: ["image", "image_url", "input_image", "computer_screenshot"] as readonly string[],
  file: [...FILE_TYPES, "image_generation_call"] as readonly string[],
  toolBlock: ["tool_use", "tool_result"] as readonly string[],
  redacted: ["redacted_thinking"] as readonly string[],
  stored: ["item_reference", "container_reference", "container_upload"] as readonly string[],
  inlineTools: ["additional_tools", "tool_search_output"] as readonly string[],
} as const

type Bits<Groups> = { readonly [Group in keyof Groups]: number }

function bitsOf<Groups extends object>(groups: Groups, first: number): Bits<Groups> {
  return Object.fromEntries(Object.keys(groups).map((name, index) => [name, 1 << (first + index)])) as Bits<Groups>
}

export const KEY: Bits<typeof KEYS> = bitsOf(KEYS, 0)
export const TYPE: Bits<typeof TYPES> = bitsOf(TYPES, Object.keys(KEYS).length)
/** A name of these, or a key `type` or `id`, is written with escapes: only somebody who hides it from a search does that. */
export const HIDDEN: number = 1 << 30

/** `type` as four bytes. */
export const TYPE_LETTERS: number = Buffer.from("type").readInt32LE()
/** Longer names are nobody's. */
const LONGEST = 32

interface Slot {
  readonly name: string
  readonly bit: number
}

/** By length, first and last character; few names share a slot. */
function slotOf(length: number, first: number, last: number): number {
  return (length << 5) | ((first ^ (last << 1)) & 31)
}

class Names {
  readonly #bits = new Map<string, number>()
  readonly #slots: Slot[][] = Array.from({ length: LONGEST << 5 }, () => [])
  /** The bits of all names in a slot. */
  readonly slotBits: Int32Array

  constructor(groups: Readonly<Record<string, readonly string[]>>, bits: Readonly<Record<string, number>>) {
    for (const [group, names] of Object.entries(groups)) for (const name of names) this.#add(name, bits[group] ?? 0)
    this.slotBits = Int32Array.from(this.#slots, (slot) => slot.reduce((sum, { bit }) => sum | bit, 0))
  }

  #add(name: string, bit: number): void {
    this.#bits.set(name, bit)
    this.#slots[slotOf(name.length, name.charCodeAt(0), name.charCodeAt(name.length - 1))]?.push({ name, bit })
  }

  /** Of the name in plain letters from `start` to `end`; 0: it is none. */
  at(bytes: Uint8Array, start: number, end: number): number {
    const length = end - start
    if (length === 0 || length >= LONGEST) return 0
    const slot = this.#slots[slotOf(length, bytes[start] ?? 0, bytes[end - 1] ?? 0)] ?? []
    for (const { name, bit } of slot) if (spells(name, bytes, start)) return bit
    return 0
  }

  of(name: string): number {
    return this.#bits.get(name) ?? 0
  }
}

function spells(name: string, bytes: Uint8Array, start: number): boolean {
  for (let at = 0; at < name.length; at++) if (bytes[start + at] !== name.charCodeAt(at)) return false
  return true
}

export const KEY_NAMES: Names = new Names(KEYS, KEY)
export const TYPE_NAMES: Names = new Names(TYPES, TYPE)

/** Which groups a key may belong to that are not `known` yet. For nearly all keys this is all that is asked. */
export function mayBeKey(bytes: Uint8Array, start: number, length: number, known: number): boolean {
  if (length === 0 || length >= LONGEST) return false
  const slot = slotOf(length, bytes[start] ?? 0, bytes[start + length - 1] ?? 0)
  return ((KEY_NAMES.slotBits[slot] ?? 0) & ~(known & ~EACH)) !== 0
}

/** Keys whose places are wanted, each of them. */
const EACH = KEY.fileId | KEY.fileUrl | KEY.media

const FOUR_LETTERS = new Uint8Array(256)
for (const name of Object.values(TYPES).flat()) FOUR_LETTERS[hashOf(Buffer.from(name).readInt32LE())] = 1

function hashOf(letters: number): number {
  return Math.imul(letters, 0x9e3779b1) >>> 24
}

/** The same of a type whose opening quote stands at `at`, by its first four letters, of which one may be an escape. */
export function mayBeType(view: DataView, at: number): boolean {
  if (at + 5 > view.byteLength) return false
  const letters = view.getInt32(at + 1, true)
  const slash = letters ^ 0x5c5c5c5c
  return FOUR_LETTERS[hashOf(letters)] === 1 || (((slash - 0x01010101) | 0) & ~slash & 0x80808080) !== 0
}

const LONGEST_HIDDEN = LONGEST * "\\u0000".length

/** What a name with escapes says, quotes included in the bytes; null: it is too long for a name. */
export function unescapeName(bytes: Uint8Array, start: number, end: number): string | null {
  return end - start > LONGEST_HIDDEN ? null : String(JSON.parse(utf8(bytes, start, end)))
}
